//! `COPY --link`: lays layers that were made on an empty tree over the base.

use compiler::{Role, StepId};

use crate::error::Cause;
use crate::run::{Cx, Inputs, Made, Outcome};
use crate::snapshot::Snapshot;
use crate::verdict::Verdict;

/// Puts the chains together; nothing is copied, and there is nothing to cache.
///
/// # Errors
/// An input that is a context cannot be made a layer.
pub(crate) fn run(cx: &Cx<'_>, id: StepId, inputs: &Inputs) -> Result<Outcome, Cause> {
    let mut base = Snapshot::default();
    let mut layers = Vec::new();
    for (role, (_, outcome)) in inputs {
        let snapshot = super::source::snapshot(cx, id, outcome)?;
        match role {
            Role::Base => base = snapshot,
            Role::Source(_) | Role::Mount(_) | Role::Upper(_) => layers.extend(snapshot.layers),
        }
    }
    Ok(Outcome {
        made: Made::Layers(base.with(&layers)),
        layers,
        verdict: Verdict::Hit,
        fresh: None,
    })
}
