//! Slots: the place of a step in its project, by which the next build finds the record of its earlier self.
//!
//! A slot says nothing of what the step does, since that may have changed: it is the stage's name, the platform, and which
//! of the steps of its kind in that stage it is.

use std::collections::BTreeMap;

use compiler::{BuildGraph, Op, StepId};

/// The slots of a graph's steps.
#[derive(Debug)]
pub(crate) struct Slots {
    by_step: Vec<String>,
}

impl Slots {
    /// Gives every step of a graph its slot in a project.
    pub(crate) fn new(graph: &BuildGraph, project: &str) -> Slots {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let by_step = graph
            .steps()
            .map(|(_, step)| {
                let stage = step
                    .stage
                    .and_then(|stage| graph.stage_names.get(stage.0 as usize))
                    .map_or("", String::as_str);
                let kind = match &step.op {
                    Op::Source(_) => "source",
                    Op::Exec(_) => "exec",
                    Op::File(_) => "file",
                    Op::Merge => "merge",
                };
                let place = format!("{project}\n{stage}\n{}\n{kind}", step.platform);
                let count = counts.entry(place.clone()).or_default();
                *count += 1;
                format!("{place} {count}")
            })
            .collect();
        Slots { by_step }
    }

    /// The slot of a step.
    pub(crate) fn of(&self, id: StepId) -> &str {
        &self.by_step[id.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph_of;

    #[test]
    fn every_step_has_a_slot_of_its_own() {
        let (graph, ids) = graph_of(&[&[], &[0], &[1]]);
        let slots = Slots::new(&graph, "/src/Dockerfile");
        assert_ne!(slots.of(ids[0]), slots.of(ids[1]));
        assert!(slots.of(ids[2]).ends_with("file 3"), "{}", slots.of(ids[2]));
    }
}
