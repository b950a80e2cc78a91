//! `dfc inspect`: prints images as JSON.

use std::process::ExitCode;

use crate::args::image::InspectArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &InspectArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc inspect` does not work yet"))
}
