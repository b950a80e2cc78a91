//! [`GraphView`]: a build graph with what is known of its steps, as its renderers want it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use compiler::op::SourceOp;
use compiler::{BuildGraph, Op, StageId, Step, StepId};
use executor::{StepReport, Verdict};
use grammar::SourceFile;

use crate::render::human;
use crate::render::reason::{self, Files, role_text};

/// A build graph to be shown.
#[derive(Debug)]
pub(crate) struct GraphView {
    /// The Dockerfile's name.
    pub(crate) file: String,
    /// The platforms it is built for.
    pub(crate) platforms: Vec<String>,
    /// Stages with steps, in the order of the file.
    pub(crate) stages: Vec<StageView>,
    /// Steps by the graph's order.
    pub(crate) steps: Vec<StepView>,
}

/// A stage with its steps.
#[derive(Debug)]
pub(crate) struct StageView {
    /// Its name, or its number.
    pub(crate) name: String,
    /// Its steps, positions in [`GraphView::steps`].
    pub(crate) steps: Vec<usize>,
    /// The stages whose results it takes, positions in [`GraphView::stages`].
    pub(crate) after: Vec<usize>,
    /// How many stages stand before it on the longest way; stages with the same number are independent.
    pub(crate) depth: usize,
}

/// A step.
#[derive(Debug)]
pub(crate) struct StepView {
    /// What people call it, on one line.
    pub(crate) name: String,
    /// What kind of op it is.
    pub(crate) op: &'static str,
    /// Position in [`GraphView::stages`].
    pub(crate) stage: Option<usize>,
    /// Where its inputs come from (positions in [`GraphView::steps`]), and as what.
    pub(crate) inputs: Vec<(usize, String)>,
    /// First and last line in the Dockerfile.
    pub(crate) lines: Option<(u32, u32)>,
    /// What a build would do.
    pub(crate) verdict: VerdictView,
    /// How long it took when it last ran.
    pub(crate) last: Option<Duration>,
}

/// What a build would do with a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VerdictView {
    /// Nothing is known: nobody asked the store.
    Unasked,
    /// Take the earlier result.
    Cached {
        /// The cache of another machine that has it.
        from: Option<String>,
    },
    /// Run it.
    Run {
        /// Why, a line each; never empty. Of many files only the first are named.
        reasons: Vec<String>,
        /// The same with every file.
        in_full: Vec<String>,
    },
    /// Decide when an earlier step has run: if that makes what it made before, this one is cached.
    Open {
        /// The earlier step's position.
        after: usize,
    },
}

impl GraphView {
    /// Puts together what is known; `reports` may be empty.
    pub(crate) fn new(
        graph: &BuildGraph,
        reports: &[StepReport],
        sources: &[SourceFile],
    ) -> GraphView {
        let by_step: BTreeMap<StepId, &StepReport> =
            reports.iter().map(|report| (report.step, report)).collect();
        let mut view = GraphView {
            file: sources.first().map_or("", SourceFile::name).to_owned(),
            platforms: graph.targets.iter().map(|target| target.platform.to_string()).collect(),
            stages: Vec::new(),
            steps: Vec::new(),
        };
        let mut stages = BTreeMap::new();
        for (id, step) in graph.steps() {
            if let Some(stage) = step.stage.filter(|_| !is_shared_source(graph, id)) {
                stages.entry(stage).or_insert_with(Vec::new).push(id.index());
            }
            let report = by_step.get(&id).copied();
            view.steps.push(step_view(graph, id, step, report, sources));
        }
        for (stage, steps) in stages {
            let position = view.stages.len();
            let name = graph.stage_names.get(stage.0 as usize).cloned();
            for step in &steps {
                view.steps[*step].stage = Some(position);
            }
            // A stage without a name is called what its steps are called.
            let number = stage.0.to_string();
            let name = name.filter(|name| *name != number).unwrap_or(format!("stage-{number}"));
            view.stages.push(StageView { name, steps, after: Vec::new(), depth: 0 });
        }
        view.link_stages();
        view
    }

    /// Stages in groups that are independent of each other, first what others wait for.
    pub(crate) fn waves(&self) -> Vec<Vec<usize>> {
        let count = self.stages.iter().map(|stage| stage.depth + 1).max().unwrap_or(0);
        let mut waves = vec![Vec::new(); count];
        for (position, stage) in self.stages.iter().enumerate() {
            waves[stage.depth].push(position);
        }
        waves
    }

    fn link_stages(&mut self) {
        for position in 0..self.stages.len() {
            let mut after = Vec::new();
            for step in &self.stages[position].steps {
                for (input, _) in &self.steps[*step].inputs {
                    self.stages_behind(*input, position, &mut after);
                }
            }
            after.sort_unstable();
            after.dedup();
            self.stages[position].after = after;
        }
        // Stages only take from earlier ones, but named contexts may turn that round: go on until nothing moves.
        for _ in 0..self.stages.len() {
            for position in 0..self.stages.len() {
                let after = &self.stages[position].after;
                let depth = after.iter().map(|&stage| self.stages[stage].depth + 1).max();
                self.stages[position].depth = depth.unwrap_or(0);
            }
        }
    }

    /// The stage that a step is in, if it is not `own`; a step of no stage stands for those it takes from.
    fn stages_behind(&self, step: usize, own: usize, found: &mut Vec<usize>) {
        match self.steps[step].stage {
            Some(stage) if stage == own => {}
            Some(stage) => found.push(stage),
            None => {
                for (input, _) in &self.steps[step].inputs {
                    self.stages_behind(*input, own, found);
                }
            }
        }
    }
}

/// Whether several stages start from this very source: then it is of none of them, and none of them waits for another
/// because of it.
fn is_shared_source(graph: &BuildGraph, id: StepId) -> bool {
    let stages: BTreeSet<Option<StageId>> =
        graph.dependents(id).into_iter().map(|dependent| graph.step(dependent).stage).collect();
    matches!(graph.step(id).op, Op::Source(_)) && 1 < stages.len()
}

fn step_view(
    graph: &BuildGraph,
    id: StepId,
    step: &Step,
    report: Option<&StepReport>,
    sources: &[SourceFile],
) -> StepView {
    let lines = step.span.and_then(|span| {
        let source = human::source(sources, span.source)?;
        let last = span.end.max(span.start + 1) - 1;
        Some((source.lines().line(span.start), source.lines().line(last)))
    });
    let inputs = graph.inputs(id);
    StepView {
        name: step.name.replace('\n', " "),
        op: op_name(&step.op),
        stage: None,
        inputs: inputs
            .iter()
            .map(|input| (input.step.index(), role_text(&step.op, input.role)))
            .collect(),
        lines,
        verdict: match report.map(|report| &report.verdict) {
            None => VerdictView::Unasked,
            Some(Verdict::Hit) => VerdictView::Cached { from: None },
            Some(Verdict::Imported(from)) => VerdictView::Cached { from: Some(from.clone()) },
            Some(Verdict::Miss(reasons)) => VerdictView::Run {
                reasons: reason::lines(graph, id, reasons, Files::Few),
                in_full: reason::lines(graph, id, reasons, Files::All),
            },
            Some(Verdict::Unknown { after }) => VerdictView::Open { after: after.index() },
        },
        last: report.and_then(|report| report.last_cost),
    }
}

fn op_name(op: &Op) -> &'static str {
    match op {
        Op::Source(SourceOp::Image(_)) => "image",
        Op::Source(SourceOp::Local { .. }) => "context",
        Op::Source(SourceOp::Http(_)) => "http",
        Op::Source(SourceOp::Git(_)) => "git",
        Op::Exec(_) => "exec",
        Op::File(_) => "file",
        Op::Merge => "merge",
    }
}
