//! `dfc check`: diagnostics of Dockerfiles.

use std::process::ExitCode;

use crate::args::CheckArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &CheckArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc check` does not work yet"))
}
