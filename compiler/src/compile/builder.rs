//! [`Builder`]: adds steps to a graph, the same step only once.

use std::collections::BTreeMap;

use crate::graph::{BuildGraph, Input, Step, StepId};
use crate::key::{self, CacheKey};

/// How many steps with equal keys are looked at. Images of other names may have the same layers, but not so many.
const MAX_ALIKE: usize = 64;

/// A graph in the making. Two stages that begin alike share their steps.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// What there is so far.
    pub graph: BuildGraph,
    /// By definition and inputs.
    known: BTreeMap<(CacheKey, Vec<Input>), Vec<StepId>>,
}

impl Builder {
    /// Adds a step, or finds the one that does the same with the same inputs.
    pub(crate) fn add(&mut self, step: Step, mut inputs: Vec<Input>) -> StepId {
        inputs.sort_by_key(|input| input.role);
        let key = key::definition(&step.op, &step.platform).key();
        // Equal steps have equal keys, but not the other way round: proxies, say, are in no key.
        let alike = self.known.entry((key, inputs.clone())).or_default();
        let same = alike.iter().rev().take(MAX_ALIKE).copied().find(|id| {
            let other = self.graph.step(*id);
            other.op == step.op
                && other.platform == step.platform
                && other.ignore_cache == step.ignore_cache
        });
        same.unwrap_or_else(|| {
            let id = self.graph.add(step, &inputs);
            alike.push(id);
            id
        })
    }
}
