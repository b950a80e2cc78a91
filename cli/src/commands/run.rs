//! `dfc run`: runs a command in an image.

use std::process::ExitCode;

use crate::args::run::RunArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &RunArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc run` does not work yet"))
}
