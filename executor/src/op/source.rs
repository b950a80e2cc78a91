//! Trees from outside: images, local contexts, downloads, git repositories.

use compiler::op::SourceOp;
use compiler::reason::MissReason;
use compiler::{Address, StepId};

use crate::env::OutsideError;
use crate::error::Cause;
use crate::run::{Cx, Made, Outcome};
use crate::snapshot::{Layer, Snapshot};
use crate::status::Event;
use crate::verdict::Verdict;

mod git;
mod http;
mod image;
mod local;

pub(crate) use local::{context_layer, context_selection, disk_content};

/// Makes a tree available.
///
/// # Errors
/// It cannot be had.
pub(crate) fn run(cx: &Cx<'_>, id: StepId, source: &SourceOp) -> Result<Outcome, Cause> {
    match source {
        SourceOp::Image(image) => image::run(cx, id, image),
        SourceOp::Local { name } if cx.env.fetched.contains_key(name) => {
            let layer = cx.env.fetched[name];
            let digest = cx.env.store.index(layer)?.result_digest().0;
            let layers = vec![Layer { id: layer, digest, created: cx.now().secs }];
            Ok(at_hand(Made::Layers(Snapshot { layers: layers.clone() }), layers))
        }
        SourceOp::Local { name } => {
            let disk = cx.disks.get(name).ok_or_else(|| Cause::NoContext(name.clone()))?;
            let mut outcome = at_hand(Made::Context(disk.clone()), Vec::new());
            if cx.needs.image(id) {
                let tree = snapshot(cx, id, &outcome)?;
                outcome.layers = tree.layers.clone();
                outcome.made = Made::Layers(tree);
            }
            Ok(outcome)
        }
        SourceOp::Http(http) => http::run(cx, id, http),
        SourceOp::Git(git) => git::run(cx, id, git),
    }
}

/// Says whether a tree is at hand, fetching nothing; with the tree, if it is.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn explain(
    cx: &Cx<'_>,
    id: StepId,
    source: &SourceOp,
) -> Result<(Verdict, Option<Outcome>), Cause> {
    match source {
        SourceOp::Image(_) | SourceOp::Local { .. } => {
            Ok((Verdict::Hit, Some(run(cx, id, source)?)))
        }
        SourceOp::Http(_) | SourceOp::Git(_) => {
            // Whether it changed only the other side knows; this says what is the case if it did not.
            let last = cx.lookup(id).peek_last(cx.env.store)?;
            Ok(match last {
                Some(layers) => {
                    let made = Made::Layers(Snapshot { layers: layers.clone() });
                    (Verdict::Hit, Some(at_hand(made, layers)))
                }
                None => (Verdict::Miss(vec![MissReason::NeverBuilt]), None),
            })
        }
    }
}

/// A tree that is there without anything run.
fn at_hand(made: Made, layers: Vec<Layer>) -> Outcome {
    Outcome { made, layers, verdict: Verdict::Hit, fresh: None }
}

/// What a source was last, as nobody may be asked what it is now.
fn offline(
    cx: &Cx<'_>,
    id: StepId,
    url: &Address,
    known: Option<Vec<Layer>>,
) -> Result<Outcome, Cause> {
    let Some(layers) = known else {
        let message = format!("{url} is not in the store, and nobody is asked (--offline)");
        let help = Some("build once without --offline".to_owned());
        return Err(Cause::Outside(OutsideError { message, help }));
    };
    let text = format!("warning: {url} as it was last, for nobody is asked (--offline)");
    cx.tell(Event::Notice { step: Some(id), text });
    Ok(at_hand(Made::Layers(Snapshot { layers: layers.clone() }), layers))
}

/// The layers of a tree; a context becomes one.
///
/// # Errors
/// A context cannot be read.
pub(crate) fn snapshot(cx: &Cx<'_>, id: StepId, outcome: &Outcome) -> Result<Snapshot, Cause> {
    match &outcome.made {
        Made::Layers(snapshot) => Ok(snapshot.clone()),
        Made::Context(disk) => {
            let selection = context_selection(cx, disk, b"")?;
            let layer = context_layer(cx, id, disk, &selection)?;
            Ok(Snapshot { layers: vec![layer] })
        }
    }
}
