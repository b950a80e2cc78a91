//! The build graph as a Mermaid flowchart, for Markdown pages.

use std::fmt::Write as _;

use super::graph::{GraphView, StepView, VerdictView};
use super::table::shorten;

/// The whole chart.
pub(crate) fn text(view: &GraphView) -> String {
    let mut text = String::from("flowchart TD\n");
    for (id, step) in view.steps.iter().enumerate().filter(|(_, step)| step.stage.is_none()) {
        let _ = writeln!(text, "  {}", node(id, step));
    }
    for (id, stage) in view.stages.iter().enumerate() {
        let _ = writeln!(text, "  subgraph stage{id} [\"{}\"]", escaped(&stage.name));
        for step in &stage.steps {
            let _ = writeln!(text, "    {}", node(*step, &view.steps[*step]));
        }
        text.push_str("  end\n");
    }
    for (id, step) in view.steps.iter().enumerate() {
        for (input, role) in &step.inputs {
            let arrow = match role.as_str() {
                "base" => "-->".to_owned(),
                other => format!("-. \"{}\" .->", escaped(other)),
            };
            let _ = writeln!(text, "  s{input} {arrow} s{id}");
        }
    }
    text.push_str("  classDef cached fill:#d5f0d5,stroke:#5a9a5a\n");
    text.push_str("  classDef run fill:#ffe3b3,stroke:#b98420\n");
    text.push_str("  classDef open fill:#d6e6fb,stroke:#4a7ab5\n");
    text
}

fn node(id: usize, step: &StepView) -> String {
    let class = match step.verdict {
        VerdictView::Unasked => "",
        VerdictView::Cached { .. } => ":::cached",
        VerdictView::Run { .. } => ":::run",
        VerdictView::Open { .. } => ":::open",
    };
    format!("s{id}[\"{}\"]{class}", escaped(&shorten(&step.name, 60)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
