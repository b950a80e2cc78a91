//! [`explain`]: the verdict on every step, without running any.

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::{BuildGraph, Op, StepId};

use crate::cancel::Cancel;
use crate::env::Env;
use crate::error::{BuildError, Cause};
use crate::op::exec::ExecStep;
use crate::op::exec::runner::InSandbox;
use crate::op::file::FileStep;
use crate::op::{merge, source};
use crate::run::{Cx, Found, Inputs, Outcome, look_up};
use crate::verdict::{StepReport, Verdict};

/// Says of each step, in the graph's order, whether it is cached and why not. Runs nothing and fetches nothing.
///
/// # Errors
/// Only what keeps the question from being answered: the store cannot be read, a context is not there.
pub fn explain(graph: &BuildGraph, env: &Env<'_>) -> Result<Vec<StepReport>, BuildError> {
    let failed = |(id, cause): (StepId, Cause)| BuildError::new(graph, Some(id), cause);
    let mut cx = Cx::new(graph, env, Cancel::default(), &InSandbox).map_err(failed)?;
    cx.explains = true;
    let mut outcomes: BTreeMap<StepId, Arc<Outcome>> = BTreeMap::new();
    let mut reports = Vec::with_capacity(graph.len());
    for (id, _) in graph.steps() {
        let lookup = cx.lookup(id);
        let last_cost = lookup.last_cost(env.store).map_err(|cause| failed((id, cause)))?;
        let mut inputs = Inputs::new();
        let mut open = None;
        for input in graph.inputs(id) {
            match outcomes.get(&input.step) {
                Some(outcome) => {
                    inputs.insert(input.role, (input.step, Arc::clone(outcome)));
                }
                None => open = open.or(Some(input.step)),
            }
        }
        let verdict = match open {
            Some(after) => Verdict::Unknown { after },
            None => {
                let (verdict, outcome) =
                    one(&cx, id, &inputs).map_err(|cause| failed((id, cause)))?;
                outcomes.extend(outcome.map(|outcome| (id, Arc::new(outcome))));
                verdict
            }
        };
        reports.push(StepReport { step: id, verdict, last_cost });
    }
    Ok(reports)
}

/// The verdict on a step whose inputs are known, and what it would give if it is cached.
fn one(cx: &Cx<'_>, id: StepId, inputs: &Inputs) -> Result<(Verdict, Option<Outcome>), Cause> {
    let lookup = cx.lookup(id);
    let (base, found) = match &cx.graph.step(id).op {
        Op::Source(op) => return source::explain(cx, id, op),
        Op::Merge => return Ok((Verdict::Hit, Some(merge::run(cx, id, inputs)?))),
        Op::Exec(op) => {
            let mut step = ExecStep::new(cx, id, op, inputs)?;
            (step.base.clone(), look_up(cx, id, &lookup, &mut step))
        }
        Op::File(op) => {
            let mut step = FileStep::new(cx, id, op, inputs)?;
            (step.base.clone(), look_up(cx, id, &lookup, &mut step))
        }
    };
    let found = match found {
        // To tell, one would have to look into a tree that was never fetched.
        Err(Cause::Store(store::StoreError::NotFetched(_))) => {
            let after = inputs.values().map(|(step, _)| *step).next().unwrap_or(id);
            return Ok((Verdict::Unknown { after }, None));
        }
        found => found?,
    };
    Ok(match found {
        Found::Miss { reasons, .. } => (Verdict::Miss(reasons), None),
        Found::Hit(hit) => {
            let outcome = cx.cached(&base, hit);
            (outcome.verdict.clone(), Some(outcome))
        }
    })
}
