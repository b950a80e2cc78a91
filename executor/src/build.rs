//! [`build`]: hands ready steps to threads, merges what comes back, and packs layers of images meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use compiler::op::SourceOp;
use compiler::{BuildGraph, Op, Role, StepId};
use store::{LayerId, Packed};

use crate::assemble::assemble;
use crate::cache::stored;
use crate::cancel::Cancel;
use crate::env::{Deliver, Env};
use crate::error::{BuildError, Cause};
use crate::export::DoneStep;
use crate::image::BuiltImage;
use crate::op::exec::runner::{InSandbox, Runner};
use crate::plan::Plan;
use crate::run::{Cx, Inputs, Outcome, StepResult, run_step};
use crate::schedule::{Threads, Workers, with_workers};
use crate::status::Event;
use crate::unpacked::Fresh;

/// More steps than this at the same time do not happen, unless the user says so.
const MANY_JOBS: usize = 64;

/// All that a build made.
#[derive(Debug)]
pub struct Built {
    /// An image for each target.
    pub images: Vec<BuiltImage>,
    /// The layers that each step added, by position of the step.
    pub layers: Vec<Vec<LayerId>>,
    /// The steps that can be cached, for other machines.
    pub steps: Vec<DoneStep>,
}

/// Builds what the graph asks for.
///
/// # Errors
/// The first step that failed, in the graph's order; the others were stopped.
pub fn build(graph: &BuildGraph, env: &Env<'_>) -> Result<Vec<BuiltImage>, BuildError> {
    build_with_layers(graph, env).map(|built| built.images)
}

/// As [`build`], and says what each step made.
///
/// # Errors
/// As of [`build`].
pub fn build_with_layers(graph: &BuildGraph, env: &Env<'_>) -> Result<Built, BuildError> {
    build_in(graph, env, &InSandbox)
}

/// As [`build`], with another way to run commands.
#[cfg(test)]
pub(crate) fn build_with(
    graph: &BuildGraph,
    env: &Env<'_>,
    runner: &dyn Runner,
) -> Result<Vec<BuiltImage>, BuildError> {
    build_in(graph, env, runner).map(|built| built.images)
}

fn build_in(graph: &BuildGraph, env: &Env<'_>, runner: &dyn Runner) -> Result<Built, BuildError> {
    let mut doubts = Doubts::default();
    loop {
        let tried = build_once(graph, env, runner, &doubts);
        let Err(error) = &tried else { return tried };
        // Whoever stopped the build hears of it; after any other failure the steps that were under way are stopped.
        if env.cancel.is_cancelled() || !mend(env, error, &mut doubts) {
            return tried;
        }
    }
}

/// What a build stumbled over and does without.
#[derive(Default)]
struct Doubts {
    /// Positions of imports.
    imports: BTreeSet<usize>,
    /// Damage that was removed from the store.
    mended: BTreeSet<String>,
    /// Whether something that is not kept was needed after all.
    needs_all: bool,
}

/// Takes out of the build's way what it stumbled over, if the build can do without: a cache of another machine that
/// does not hold what it says, or something of the store that is damaged. Everything that ran stays cached, so that
/// trying again takes little.
fn mend(env: &Env<'_>, error: &BuildError, doubts: &mut Doubts) -> bool {
    let cause = &*error.cause;
    if let Cause::Hollow = cause {
        return !std::mem::replace(&mut doubts.needs_all, true);
    }
    let text = if let Cause::Import { source_number, .. } = cause
        && doubts.imports.insert(*source_number)
    {
        format!("{error}; building without it")
    } else if let Cause::Store(damage) = cause
        && let Ok(Some(what)) = env.store.forget_damaged(damage)
        && doubts.mended.insert(what.clone())
    {
        format!("{what} in the store was damaged; it is fetched or made again")
    } else {
        return false;
    };
    env.status.event(Event::Notice { step: None, text });
    true
}

fn build_once(
    graph: &BuildGraph,
    env: &Env<'_>,
    runner: &dyn Runner,
    doubts: &Doubts,
) -> Result<Built, BuildError> {
    let stop = Cancel::default();
    let inner = stop.clone();
    let _outer = env.cancel.on_cancel(move || inner.cancel());
    let failed = |(id, cause): (StepId, Cause)| BuildError::new(graph, Some(id), cause);
    let mut cx = Cx::new(graph, env, stop, runner).map_err(failed)?;
    cx.distrusted.clone_from(&doubts.imports);
    cx.needs_all = doubts.needs_all;
    let cx = cx;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = Threads {
        steps: env.settings.jobs.unwrap_or(MANY_JOBS).clamp(1, graph.len().max(1)),
        // One more, for what is fetched meanwhile.
        packs: cores.min(4) + 1,
    };
    let (outcomes, packs) = with_workers(
        threads,
        |(id, inputs)| timed_step(&cx, id, inputs),
        |job: PackJob| job.run(&cx),
        |workers| Merge::new(&cx, workers).run(),
    )
    .map_err(|(id, cause)| BuildError::new(graph, id, cause))?;
    let images = graph
        .targets
        .iter()
        .map(|target| assemble(&cx, target, &outcomes, &packs))
        .collect::<Result<_, Cause>>()
        .map_err(|cause| BuildError::new(graph, None, cause))?;
    let added = |outcome: &Option<Arc<Outcome>>| {
        let layers = outcome.iter().flat_map(|outcome| &outcome.layers);
        layers.map(|layer| cx.replaced.by(layer.id)).collect()
    };
    Ok(Built { images, layers: outcomes.iter().map(added).collect(), steps: done_steps(&cx) })
}

/// The steps that can be cached, in the graph's order.
pub(crate) fn done_steps(cx: &Cx<'_>) -> Vec<DoneStep> {
    let results = cx.results.lock().unwrap_or_else(PoisonError::into_inner);
    let done = |(id, result): (&StepId, &StepResult)| DoneStep {
        keys: result.keys.clone(),
        definition: stored(&result.definition),
        layer: cx.replaced.of(result.layer),
        duration: result.duration,
        in_image: cx.needs.image(*id),
        elsewhere: cx.remote.elsewhere(result.layer.id),
    };
    results.iter().map(done).collect()
}

/// What comes back from the threads.
enum Done {
    Step { id: StepId, outcome: Result<Outcome, Cause>, took: Duration },
    Pack { job: PackJob, packed: Result<Option<Packed>, Cause>, took: Duration },
}

/// Work beside the steps: bytes that the image will need.
#[derive(Debug, Clone)]
struct PackJob {
    step: StepId,
    what: Bytes,
}

#[derive(Debug, Clone)]
enum Bytes {
    /// A new layer is packed; with where its contents are if it has no blob yet.
    Pack(LayerId, Option<Arc<Fresh>>),
    /// The blobs of a base image's layers are brought into the store.
    Fetch(Vec<LayerId>),
}

impl PackJob {
    fn run(self, cx: &Cx<'_>) -> Done {
        let clock = Instant::now();
        let packed = match &self.what {
            Bytes::Fetch(layers) => cx.remote.bring_blobs(cx, layers).map(|()| None),
            Bytes::Pack(layer, fresh) => {
                cx.tell(Event::Packing { step: self.step });
                let compression = cx.env.settings.compression;
                let packed = match fresh {
                    Some(fresh) => fresh.pack(cx),
                    None => cx.remote.bring_one(cx, *layer).and_then(|()| {
                        let packed = cx.env.store.pack(*layer, compression, cx.graph.epoch);
                        packed.map_err(Cause::from)
                    }),
                };
                packed.map(Some)
            }
        };
        Done::Pack { job: self, packed, took: clock.elapsed() }
    }
}

fn timed_step(cx: &Cx<'_>, id: StepId, inputs: Inputs) -> Done {
    let clock = Instant::now();
    cx.tell(Event::Started { step: id });
    let outcome = run_step(cx, id, inputs);
    Done::Step { id, outcome, took: clock.elapsed() }
}

/// Outcomes by position of the step.
pub(crate) type Outcomes = Vec<Option<Arc<Outcome>>>;
/// What layers were packed as.
pub(crate) type Packs = BTreeMap<LayerId, Packed>;

/// The one place where results come together.
struct Merge<'a, 'b> {
    cx: &'a Cx<'b>,
    workers: &'a Workers<'a, (StepId, Inputs), PackJob, Done>,
    plan: Plan,
    outcomes: Outcomes,
    packs: Packs,
    packing: BTreeSet<LayerId>,
    open_packs: usize,
    /// Images on which a target stands: their blobs go into the result.
    bases: BTreeSet<StepId>,
    failures: BTreeMap<Option<StepId>, Cause>,
}

type Merged = Result<(Outcomes, Packs), (Option<StepId>, Cause)>;

impl<'a, 'b> Merge<'a, 'b> {
    fn new(
        cx: &'a Cx<'b>,
        workers: &'a Workers<'a, (StepId, Inputs), PackJob, Done>,
    ) -> Merge<'a, 'b> {
        Merge {
            cx,
            workers,
            plan: Plan::new(cx.graph),
            outcomes: vec![None; cx.graph.len()],
            packs: Packs::new(),
            packing: BTreeSet::new(),
            open_packs: 0,
            bases: bases(cx.graph),
            failures: BTreeMap::new(),
        }
    }

    fn run(mut self) -> Merged {
        loop {
            if !self.cx.stop.is_cancelled() {
                while let Some(id) = self.plan.next() {
                    self.workers.step((id, self.inputs(id)));
                }
            }
            if self.plan.running() == 0 && self.open_packs == 0 {
                break;
            }
            match self.workers.next() {
                Done::Step { id, outcome, took } => self.step_done(id, outcome, took),
                Done::Pack { job, packed, took } => self.pack_done(job, packed, took),
            }
        }
        // Steps that were stopped say so only if nothing else went wrong.
        let stopped = |cause: &Cause| matches!(cause, Cause::Cancelled);
        let mut failures: Vec<(Option<StepId>, Cause)> = self.failures.into_iter().collect();
        failures.sort_by_key(|(id, cause)| (stopped(cause), *id));
        match failures.into_iter().next() {
            Some((id, cause)) => Err((id, cause)),
            None if !self.plan.is_complete() => Err((None, Cause::Cancelled)),
            None => Ok((self.outcomes, self.packs)),
        }
    }

    fn inputs(&self, id: StepId) -> Inputs {
        let outcome = |step: StepId| {
            self.outcomes[step.index()].clone().expect("a step is ready when its inputs are done")
        };
        let inputs = self.cx.graph.inputs(id).into_iter();
        inputs.map(|input| (input.role, (input.step, outcome(input.step)))).collect()
    }

    fn step_done(&mut self, id: StepId, outcome: Result<Outcome, Cause>, took: Duration) {
        match outcome {
            Ok(outcome) => {
                let verdict = outcome.verdict.clone();
                self.cx.tell(Event::Finished { step: id, verdict, duration: took });
                self.plan.finish(id);
                self.start_packing(id, &outcome);
                self.outcomes[id.index()] = Some(Arc::new(outcome));
            }
            Err(cause) => {
                let stopped = matches!(cause, Cause::Cancelled);
                self.cx.tell(match stopped {
                    true => Event::Stopped { step: id },
                    false => Event::Failed { step: id, why: cause.to_string() },
                });
                self.plan.give_up(id);
                self.failures.insert(Some(id), cause);
                self.cx.stop.cancel();
            }
        }
    }

    fn start_packing(&mut self, id: StepId, outcome: &Outcome) {
        let (new, base) = match self.cx.env.settings.deliver {
            Deliver::Blobs => (true, true),
            Deliver::NewBlobs => (true, false),
            Deliver::Trees | Deliver::Nothing => (false, false),
        };
        if new && self.cx.needs.image(id) {
            for layer in &outcome.layers {
                if !base && self.cx.remote.may_stay(self.cx, layer.id) {
                    continue;
                }
                if self.packing.insert(layer.id) {
                    self.pack(id, Bytes::Pack(layer.id, outcome.fresh.clone()));
                }
            }
        }
        if base
            && self.bases.contains(&id)
            && let crate::run::Made::Layers(snapshot) = &outcome.made
        {
            let layers = snapshot.ids().into_iter();
            let layers: Vec<LayerId> = layers.filter(|layer| self.packing.insert(*layer)).collect();
            if !layers.is_empty() {
                self.pack(id, Bytes::Fetch(layers));
            }
        }
    }

    fn pack(&mut self, step: StepId, what: Bytes) {
        self.open_packs += 1;
        self.workers.pack(PackJob { step, what });
    }

    fn pack_done(&mut self, job: PackJob, packed: Result<Option<Packed>, Cause>, took: Duration) {
        self.open_packs -= 1;
        match packed {
            Ok(packed) => {
                if let (Some(packed), Bytes::Pack(layer, _)) = (packed, job.what) {
                    let size = packed.size;
                    self.cx.tell(Event::Packed { step: job.step, size, duration: took });
                    self.packs.insert(self.cx.replaced.by(layer), packed);
                }
            }
            Err(cause) => {
                self.failures.insert(Some(job.step), cause);
                self.cx.stop.cancel();
            }
        }
    }
}

/// The images on which targets stand.
fn bases(graph: &BuildGraph) -> BTreeSet<StepId> {
    let mut bases = BTreeSet::new();
    for target in &graph.targets {
        let mut at = target.step;
        while let Some(id) = at {
            if matches!(graph.step(id).op, Op::Source(SourceOp::Image(_))) {
                bases.insert(id);
            }
            at = graph.input(id, Role::Base);
        }
    }
    bases
}

#[cfg(test)]
mod tests;
