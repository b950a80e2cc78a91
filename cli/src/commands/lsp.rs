//! `dfc lsp`: the language server over standard input and output.

mod knowledge;

use std::process::ExitCode;

use ::lsp::Connection;

use crate::args::LspArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command until the editor is done.
pub(crate) fn run(_args: &LspArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let knowledge = knowledge::Local::new(ui.env.store_root().ok(), ui.env.home());
    let (connection, threads) = Connection::stdio();
    let served = ::lsp::serve(&connection, &knowledge);
    // The threads end when nobody listens to them.
    drop(connection);
    served.map_err(|error| CliError::failed(error.to_string()))?;
    threads.join().map_err(|error| CliError::caused(&error))?;
    Ok(ExitCode::SUCCESS)
}
