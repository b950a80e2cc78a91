//! `dfc tag`: names an image.

use std::process::ExitCode;

use crate::args::image::TagArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &TagArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc tag` does not work yet"))
}
