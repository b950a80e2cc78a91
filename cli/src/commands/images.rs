//! `dfc images`: lists images.

use std::process::ExitCode;

use crate::args::image::ImagesArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &ImagesArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc images` does not work yet"))
}
