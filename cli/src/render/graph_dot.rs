//! The build graph for Graphviz: `dfc explain --format dot . | dot -Tsvg`.

use std::fmt::Write as _;

use super::graph::{GraphView, VerdictView};
use super::table::shorten;
use super::time;

/// The whole `digraph`.
pub(crate) fn text(view: &GraphView) -> String {
    let mut text = String::from(
        "digraph build {\n  rankdir=TB;\n  node [shape=box, style=\"rounded,filled\", \
         fillcolor=white, fontname=\"sans-serif\"];\n",
    );
    for (id, step) in view.steps.iter().enumerate().filter(|(_, step)| step.stage.is_none()) {
        let _ = writeln!(text, "  {}", node(id, step));
    }
    for (id, stage) in view.stages.iter().enumerate() {
        let _ = writeln!(text, "  subgraph cluster_{id} {{\n    label={};", quoted(&stage.name));
        for step in &stage.steps {
            let _ = writeln!(text, "    {}", node(*step, &view.steps[*step]));
        }
        text.push_str("  }\n");
    }
    for (id, step) in view.steps.iter().enumerate() {
        for (input, role) in &step.inputs {
            let label = match role.as_str() {
                "base" => String::new(),
                other => format!(" [style=dashed, label={}]", quoted(other)),
            };
            let _ = writeln!(text, "  s{input} -> s{id}{label};");
        }
    }
    text.push_str("}\n");
    text
}

fn node(id: usize, step: &super::graph::StepView) -> String {
    let (color, word) = match step.verdict {
        VerdictView::Unasked => ("white", ""),
        VerdictView::Cached { .. } => ("#d5f0d5", "cached"),
        VerdictView::Run { .. } => ("#ffe3b3", "would run"),
        VerdictView::Open { .. } => ("#d6e6fb", "open"),
    };
    let mut label = shorten(&step.name, 60);
    let last = step.last.map(|last| format!("{} last time", time::duration(last)));
    for line in [Some(word.to_owned()), last].into_iter().flatten().filter(|line| !line.is_empty())
    {
        label.push('\n');
        label.push_str(&line);
    }
    format!("s{id} [label={}, fillcolor=\"{color}\"];", quoted(&label))
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}
