//! `dfc prune`: makes room.

use std::process::ExitCode;

use crate::args::image::PruneArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &PruneArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc prune` does not work yet"))
}
