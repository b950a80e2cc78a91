//! `dfc explain --no-resolve`: compiles Dockerfiles alone, for tools.

use std::process::ExitCode;

use crate::args::ExplainArgs;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(_args: &ExplainArgs, _ui: &mut Ui) -> Result<ExitCode, CliError> {
    Err(CliError::failed("`dfc explain --no-resolve` does not work yet"))
}
