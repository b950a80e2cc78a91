//! `dfc pull`: gets images from a registry.

use std::process::ExitCode;

use crate::args::image::PullArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &PullArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc pull` does not work yet"))
}
