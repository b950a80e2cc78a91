//! `dfc save`: writes an archive.

use std::process::ExitCode;

use crate::args::image::SaveArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &SaveArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc save` does not work yet"))
}
