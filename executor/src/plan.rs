//! [`Plan`]: what is wanted, ready, running, done. A value without threads or I/O.
//!
//! Invariant: a step is in exactly one [`State`]; a step is ready when all its inputs are done, and steps are given out
//! in the graph's order, so that one job builds in the order of the file.

use std::collections::BTreeSet;

use compiler::{BuildGraph, StepId};

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Some inputs are not done.
    Waiting,
    /// All inputs are done.
    Ready,
    /// Given out.
    Running,
    /// Done.
    Done,
}

/// The state of a build.
#[derive(Debug)]
pub(crate) struct Plan {
    states: Vec<State>,
    /// How many inputs of each step are not done.
    missing: Vec<usize>,
    dependents: Vec<Vec<StepId>>,
    ready: BTreeSet<StepId>,
    running: usize,
    done: usize,
}

impl Plan {
    /// Wants every step of a graph; the graph holds only what its targets reach.
    pub(crate) fn new(graph: &BuildGraph) -> Plan {
        let mut plan = Plan {
            states: Vec::with_capacity(graph.len()),
            missing: Vec::with_capacity(graph.len()),
            dependents: Vec::with_capacity(graph.len()),
            ready: BTreeSet::new(),
            running: 0,
            done: 0,
        };
        for (id, _) in graph.steps() {
            let inputs: BTreeSet<StepId> =
                graph.inputs(id).into_iter().map(|input| input.step).collect();
            plan.missing.push(inputs.len());
            plan.dependents.push(graph.dependents(id));
            if inputs.is_empty() {
                plan.states.push(State::Ready);
                plan.ready.insert(id);
            } else {
                plan.states.push(State::Waiting);
            }
        }
        plan
    }

    /// Gives out the first ready step in the graph's order.
    pub(crate) fn next(&mut self) -> Option<StepId> {
        let id = self.ready.pop_first()?;
        self.states[id.index()] = State::Running;
        self.running += 1;
        Some(id)
    }

    /// Takes a step back as done; what waited only for it becomes ready.
    pub(crate) fn finish(&mut self, id: StepId) {
        debug_assert_eq!(self.states[id.index()], State::Running, "only what runs can finish");
        self.states[id.index()] = State::Done;
        self.running -= 1;
        self.done += 1;
        for dependent in &self.dependents[id.index()] {
            let missing = &mut self.missing[dependent.index()];
            *missing -= 1;
            if *missing == 0 {
                self.states[dependent.index()] = State::Ready;
                self.ready.insert(*dependent);
            }
        }
    }

    /// Takes a step back that failed or was stopped: what waits for it never becomes ready.
    pub(crate) fn give_up(&mut self, id: StepId) {
        debug_assert_eq!(self.states[id.index()], State::Running, "only what runs can fail");
        self.states[id.index()] = State::Waiting;
        self.running -= 1;
    }

    /// How many steps are given out.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Whether every step is done.
    pub(crate) fn is_complete(&self) -> bool {
        self.done == self.states.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph_of;

    fn next(plan: &mut Plan) -> Option<usize> {
        plan.next().map(StepId::index)
    }

    #[test]
    fn gives_steps_out_in_order_as_inputs_finish() {
        // 0 <- 1 <- 3, 0 <- 2 <- 3
        let (graph, ids) = graph_of(&[&[], &[0], &[0], &[1, 2]]);
        let mut plan = Plan::new(&graph);
        assert_eq!(next(&mut plan), Some(0));
        assert_eq!(next(&mut plan), None);
        plan.finish(ids[0]);
        assert_eq!((next(&mut plan), next(&mut plan), next(&mut plan)), (Some(1), Some(2), None));
        plan.finish(ids[2]);
        assert_eq!(next(&mut plan), None);
        plan.finish(ids[1]);
        assert_eq!(next(&mut plan), Some(3));
        assert_eq!(plan.running(), 1);
        plan.finish(ids[3]);
        assert!(plan.is_complete());
    }

    #[test]
    fn the_same_input_in_two_roles_counts_once() {
        let (graph, ids) = graph_of(&[&[], &[0, 0]]);
        let mut plan = Plan::new(&graph);
        assert_eq!(next(&mut plan), Some(0));
        plan.finish(ids[0]);
        assert_eq!(next(&mut plan), Some(1));
    }

    #[test]
    fn what_waits_for_a_failed_step_never_runs() {
        let (graph, ids) = graph_of(&[&[], &[0], &[]]);
        let mut plan = Plan::new(&graph);
        assert_eq!(next(&mut plan), Some(0));
        plan.give_up(ids[0]);
        assert_eq!((next(&mut plan), next(&mut plan)), (Some(2), None));
        plan.finish(ids[2]);
        assert!(!plan.is_complete());
        assert_eq!(plan.running(), 0);
    }
}
