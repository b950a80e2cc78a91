//! `dfc history`: how an image came to be.

use std::process::ExitCode;

use crate::args::image::HistoryArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &HistoryArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc history` does not work yet"))
}
