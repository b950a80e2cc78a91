//! The graph of steps: [`BuildGraph`]. The one place that names petgraph.
//!
//! Invariants: acyclic by construction (a step may only name inputs that are in the graph already);
//! the order of steps is that of lowering and so the same every time; only what a target reaches is in it.

// Part of `Step`: who reads a graph need not know the grammar.
pub use grammar::Span;
use oci::{ImageConfig, Platform};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::op::Op;

/// Names a step of one [`BuildGraph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(NodeIndex);

impl StepId {
    /// The position of the step in the graph's order: dense, from 0.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

/// Names a stage, counted from 0 in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageId(pub u32);

/// One cacheable unit of work.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does.
    pub op: Op,
    /// The platform it runs for.
    pub platform: Platform,
    /// The instruction it came from, if it came from one.
    pub span: Option<Span>,
    /// The stage it belongs to, if it belongs to one.
    pub stage: Option<StageId>,
    /// What people see (`[build 2/5] RUN make`); never part of a key.
    pub name: String,
    /// Whether records of earlier builds must not be used for it (`--no-cache`, `--no-cache-filter`).
    pub ignore_cache: bool,
    /// Where the parts of the op are written, for messages; never part of a key.
    pub words: Words,
    /// Names of the variables in a command's environment that ARG set, sorted; for messages.
    pub args: Vec<String>,
}

/// Where the parts of an op are written: beside the op, so that ops stay data without places. All is empty for what
/// an ONBUILD trigger made: its words are in another file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Of each action of `Op::File` or mount of `Op::Exec`, by its index: the source word, the flag. Shorter where
    /// nothing was written.
    pub parts: Vec<Option<Span>>,
    /// Of each secret in a command's environment, by its index: the flag.
    pub secret_env: Vec<Span>,
    /// The value of `--chown`, or the word of the USER that a WORKDIR is made for.
    pub owner: Option<Span>,
    /// The word of the USER that says who runs a command.
    pub user: Option<Span>,
}

impl Words {
    /// Where the action or mount with this index is written.
    pub fn part(&self, index: usize) -> Option<Span> {
        self.parts.get(index).copied().flatten()
    }
}

/// What an input is to the step that takes it. A step finds its inputs by role, not by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The tree it starts from.
    Base,
    /// What `Op::File`'s action with this index copies from.
    Source(u32),
    /// What `Op::Exec`'s mount with this index shows.
    Mount(u32),
    /// A tree to lay over the base (`Op::Merge`).
    Upper(u32),
}

/// An edge: the step gets the result of `step` in a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// Whose result.
    pub step: StepId,
    /// As what.
    pub role: Role,
}

/// The image that one platform's target stage makes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The platform asked for.
    pub platform: Platform,
    /// The step whose tree is the image's; `None` for a stage `FROM scratch` that adds nothing.
    pub step: Option<StepId>,
    /// Config and history. `rootfs` is empty and history times are missing: both are known when the layers are.
    /// A history entry that is not `empty_layer` belongs to the next layer in order.
    pub config: ImageConfig,
    /// The steps that make the layers of this image above its base image, in layer order. A base that is a folder or
    /// a repository is one of them.
    pub layers: Vec<StepId>,
}

/// The whole build.
#[derive(Debug, Default, Clone)]
pub struct BuildGraph {
    graph: DiGraph<Step, Role>,
    /// What is asked for, one for each platform.
    pub targets: Vec<Target>,
    /// Names of the stages that steps refer to, by [`StageId`]; the index as text where a stage has no name.
    pub stage_names: Vec<String>,
    /// SOURCE_DATE_EPOCH in seconds since 1970: the time of the image and of its new history entries.
    pub epoch: Option<i64>,
}

impl BuildGraph {
    /// Adds a step behind its inputs.
    pub fn add(&mut self, step: Step, inputs: &[Input]) -> StepId {
        let id = self.graph.add_node(step);
        for input in inputs {
            self.graph.add_edge(input.step.0, id, input.role);
        }
        StepId(id)
    }

    /// The step with this id, which must come from this graph.
    pub fn step(&self, id: StepId) -> &Step {
        &self.graph[id.0]
    }

    /// The graph without the steps that no target needs. Ids change; the order stays.
    #[must_use]
    pub fn pruned(self) -> BuildGraph {
        let mut wanted = vec![false; self.len()];
        let mut open: Vec<StepId> = Vec::new();
        open.extend(self.targets.iter().flat_map(|target| target.step));
        open.extend(self.targets.iter().flat_map(|target| target.layers.iter().copied()));
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut wanted[id.index()], true) {
                open.extend(self.inputs(id).into_iter().map(|input| input.step));
            }
        }
        let BuildGraph { graph, targets, stage_names, epoch } = &self;
        let mut kept = BuildGraph {
            graph: DiGraph::new(),
            targets: Vec::new(),
            stage_names: stage_names.clone(),
            epoch: *epoch,
        };
        let mut renamed: Vec<Option<StepId>> = vec![None; wanted.len()];
        let new = |renamed: &[Option<StepId>], old: StepId| {
            renamed[old.index()].expect("inputs come before those that take them")
        };
        for old in graph.node_indices().filter(|index| wanted[index.index()]) {
            let mut inputs = self.inputs(StepId(old));
            for input in &mut inputs {
                input.step = new(&renamed, input.step);
            }
            renamed[old.index()] = Some(kept.add(graph[old].clone(), &inputs));
        }
        for target in targets {
            kept.targets.push(Target {
                step: target.step.map(|step| new(&renamed, step)),
                layers: target.layers.iter().map(|step| new(&renamed, *step)).collect(),
                ..target.clone()
            });
        }
        kept
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All steps, inputs before those that take them.
    pub fn steps(&self) -> impl Iterator<Item = (StepId, &Step)> {
        self.graph.node_indices().map(|index| (StepId(index), &self.graph[index]))
    }

    /// The inputs of a step, by role.
    pub fn inputs(&self, id: StepId) -> Vec<Input> {
        let mut inputs: Vec<Input> = self
            .graph
            .edges_directed(id.0, petgraph::Direction::Incoming)
            .map(|edge| Input { step: StepId(edge.source()), role: *edge.weight() })
            .collect();
        inputs.sort_by_key(|input| input.role);
        inputs
    }

    /// The input in one role.
    pub fn input(&self, id: StepId, role: Role) -> Option<StepId> {
        self.inputs(id).into_iter().find(|input| input.role == role).map(|input| input.step)
    }

    /// The steps that take this one's result, in the graph's order.
    pub fn dependents(&self, id: StepId) -> Vec<StepId> {
        let mut found: Vec<StepId> = self
            .graph
            .neighbors_directed(id.0, petgraph::Direction::Outgoing)
            .map(StepId)
            .collect();
        found.sort();
        found.dedup();
        found
    }
}
