//! The steps that the instructions of a file make, by the names that builds record them under.

use compiler::BuildGraph;
use grammar::{SourceId, Span};

/// A step of a file.
#[derive(Debug)]
pub(crate) struct Step {
    /// The instruction that makes it.
    pub(crate) span: Span,
    /// The name of its stage; the number of one that has none.
    pub(crate) stage: String,
    /// What people see of it, without stage and counter.
    pub(crate) text: String,
}

/// The steps of a graph that come from the file itself.
pub(crate) fn of(graph: &BuildGraph) -> Vec<Step> {
    let steps = graph.steps().filter_map(|(_, step)| {
        let span = step.span.filter(|span| span.source == SourceId::MAIN)?;
        let stage = graph.stage_names.get(step.stage?.0 as usize)?.clone();
        let text = step.name.strip_prefix('[').and_then(|name| name.split_once("] "));
        let text = text.map_or(step.name.as_str(), |(_, text)| text).to_owned();
        Some(Step { span, stage, text })
    });
    steps.collect()
}
