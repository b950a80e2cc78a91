//! `dfc build`: builds an image.

use std::process::ExitCode;

use crate::args::BuildArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &BuildArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc build` does not work yet"))
}
