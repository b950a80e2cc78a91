//! Git repositories.

use compiler::StepId;
use compiler::op::GitSource;

use crate::error::Cause;
use crate::run::{Cx, Outcome};

pub(super) fn run(cx: &Cx<'_>, id: StepId, source: &GitSource) -> Result<Outcome, Cause> {
    let _ = (cx, id, source);
    Err(Cause::Cancelled)
}
