//! `dfc load`: reads an archive.

use std::process::ExitCode;

use crate::args::image::LoadArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &LoadArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc load` does not work yet"))
}
