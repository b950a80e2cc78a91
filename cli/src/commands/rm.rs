//! `dfc rm`: removes images.

use std::process::ExitCode;

use crate::args::image::RmArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &RmArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc rm` does not work yet"))
}
