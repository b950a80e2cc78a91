//! `dfc parse`: the syntax tree of Dockerfiles as JSON lines.

use std::process::ExitCode;

use crate::args::ParseArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &ParseArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc parse` does not work yet"))
}
