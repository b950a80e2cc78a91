//! `dfc explain`: the build graph.

use std::process::ExitCode;

use crate::args::ExplainArgs;
use crate::commands::explain_no_resolve;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.no_resolve {
        return explain_no_resolve::run(args, ui);
    }
    Err(CliError::failed("`dfc explain` does not work yet"))
}
