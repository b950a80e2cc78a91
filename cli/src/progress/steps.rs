//! Events of the executor as updates: each step of the graph is an item.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use compiler::{BuildGraph, StepId};
use executor::{Event, Status, Verdict};

use crate::render::table::shorten;

use super::{ItemId, Outcome, Reporter, Task, What};

/// Takes the executor's events.
#[derive(Debug)]
pub(crate) struct StepStatus {
    reporter: Reporter,
    names: Vec<String>,
    first: ItemId,
    packing: Mutex<Option<Task>>,
    fetching: Mutex<BTreeMap<String, Fetch>>,
}

/// Layers that come from one image or cache, for whichever steps.
#[derive(Debug)]
struct Fetch {
    task: Task,
    /// What has not come yet.
    open: BTreeSet<String>,
}

impl StepStatus {
    /// For the steps of one graph.
    pub(crate) fn new(graph: &BuildGraph, reporter: Reporter) -> StepStatus {
        let names: Vec<String> = graph.steps().map(|(_, step)| step.name.clone()).collect();
        let first = reporter.reserve(u32::try_from(names.len()).unwrap_or(u32::MAX));
        let (packing, fetching) = (Mutex::default(), Mutex::default());
        StepStatus { reporter, names, first, packing, fetching }
    }

    fn item(&self, step: StepId) -> ItemId {
        self.first + u32::try_from(step.index()).unwrap_or(u32::MAX)
    }

    fn name(&self, step: StepId) -> &str {
        self.names.get(step.index()).map_or("", String::as_str)
    }

    /// What the layer of a step is called.
    fn layer(&self, step: StepId) -> String {
        format!("layer of {}", shorten(self.name(step), 40))
    }

    /// Tells about the packing of layers, which is one item for all of them.
    fn packing(&self, tell: impl FnOnce(&Task)) {
        let mut packing = self.packing.lock().unwrap_or_else(PoisonError::into_inner);
        tell(packing.get_or_insert_with(|| self.reporter.task("exporting layers")));
    }

    /// Tells how far a layer is. An item is over when all its layers are here, and may begin again later.
    fn fetching(&self, from: String, layer: String, done: u64, total: u64) {
        let mut all = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let fetch = all.entry(from).or_insert_with_key(|from| Fetch {
            task: self.reporter.task(format!("fetching layers of {from}")),
            open: BTreeSet::new(),
        });
        fetch.task.part(&layer, done, Some(total));
        if done < total {
            fetch.open.insert(layer);
            return;
        }
        fetch.open.remove(&layer);
        for (_, fetch) in all.extract_if(.., |_, fetch| fetch.open.is_empty()) {
            fetch.task.done();
        }
    }

    /// Nothing more comes.
    pub(crate) fn done(self) {
        let packing = self.packing.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = packing {
            task.done();
        }
    }
}

impl Status for StepStatus {
    fn event(&self, event: Event) {
        let (step, what) = match event {
            Event::Started { step } => (step, What::Begin { name: self.name(step).to_owned() }),
            // That it runs is seen by what follows; why it runs is what `explain` is for.
            Event::Running { .. } => return,
            Event::Log { step, stream, bytes } => (step, What::Log { stream, bytes }),
            Event::Progress { step, what, done, total } => {
                (step, What::Progress { part: what, done, total })
            }
            Event::Fetching { from, layer, done, total } => {
                return self.fetching(from, layer.short(), done, total);
            }
            Event::Finished { step, verdict, duration } => {
                let outcome = match verdict {
                    Verdict::Hit | Verdict::Imported(_) => Outcome::Cached,
                    Verdict::Miss(_) | Verdict::Unknown { .. } => Outcome::Done,
                };
                self.reporter.tally.count(outcome == Outcome::Cached);
                (step, What::End { outcome, took: duration, why: None })
            }
            Event::Failed { step, why } => {
                let (outcome, took) = (Outcome::Failed, Default::default());
                (step, What::End { outcome, took, why: Some(why) })
            }
            Event::Stopped { step } => {
                let (outcome, took) = (Outcome::Stopped, Default::default());
                (step, What::End { outcome, took, why: None })
            }
            Event::Packing { step } => {
                return self.packing(|task| task.part(&self.layer(step), 0, None));
            }
            Event::Packed { step, size, .. } => {
                return self.packing(|task| task.part(&self.layer(step), size, Some(size)));
            }
            Event::Notice { step, text } => {
                let item = step.map_or(0, |step| self.item(step));
                self.reporter.send(item, What::Notice { text });
                return;
            }
        };
        self.reporter.send(self.item(step), what);
    }
}
