//! [`Builder`]: adds steps to a graph, the same step only once.

use std::collections::BTreeMap;

use crate::graph::{BuildGraph, Input, Step, StepId};
use crate::key::{self, CacheKey};

/// A graph in the making. Two stages that begin alike share their steps.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// What there is so far.
    pub graph: BuildGraph,
    by_key: BTreeMap<CacheKey, Vec<StepId>>,
}

impl Builder {
    /// Adds a step, or finds the one that does the same with the same inputs.
    pub(crate) fn add(&mut self, step: Step, mut inputs: Vec<Input>) -> StepId {
        inputs.sort_by_key(|input| input.role);
        // Equal steps have equal keys, but not the other way round: proxies, say, are in no key.
        let same_key =
            self.by_key.entry(key::definition(&step.op, &step.platform).key()).or_default();
        let same = same_key.iter().copied().find(|id| {
            let other = self.graph.step(*id);
            other.op == step.op
                && other.platform == step.platform
                && other.ignore_cache == step.ignore_cache
                && self.graph.inputs(*id) == inputs
        });
        same.unwrap_or_else(|| {
            let id = self.graph.add(step, &inputs);
            same_key.push(id);
            id
        })
    }
}
