//! `dfc logout`: forgets the name and password for a registry.

use std::process::ExitCode;

use crate::args::registry::LogoutArgs;
use crate::error::CliError;
use crate::images::remote;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &LogoutArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let known = remote::credentials(&ui.env)?;
    match known.forget(&args.host).map_err(|error| CliError::caused(&error))? {
        Some(text) => {
            remote::write_credentials(&ui.env, &text)?;
            ui.note(format_args!("Logged out of {}.", args.host));
        }
        None => ui.note(format_args!("Nothing is kept for {}.", args.host)),
    }
    Ok(ExitCode::SUCCESS)
}
