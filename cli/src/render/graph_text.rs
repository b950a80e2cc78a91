//! The build graph as a tree for people: a block a stage, what stages wait for, and what a build would do.
//!
//! ```text
//! Dockerfile for linux/amd64: 5 steps, 3 cached, 1 would run, 1 open
//! stages: deps ∥ assets ─▶ final
//!
//! deps
//! ├─ CACHED     [deps 1/2] FROM docker.io/library/alpine:3.22
//! └─ would run  [deps 2/2] RUN make  12.3s last time
//!               build argument V changed from `1` to `2`
//!
//! final  ◀ deps, assets
//! ```

use std::fmt::Write as _;

use super::graph::{GraphView, StepView, VerdictView};
use super::table::shorten;
use super::time;

/// How many reasons a step shows.
const REASONS: usize = 8;

/// How much is said below a step.
#[derive(Debug, Clone, Copy)]
enum Extent {
    Short,
    Full,
}

/// The text; `width` is the terminal's, `color` whether it may be colored.
pub(crate) fn text(view: &GraphView, look: super::human::Look) -> String {
    let mut text = head(view);
    let _ = writeln!(text, "{}", order(view));
    let sources: Vec<usize> =
        (0..view.steps.len()).filter(|step| view.steps[*step].stage.is_none()).collect();
    if !sources.is_empty() {
        block("sources", &sources, view, look, &mut text);
    }
    for stage in &view.stages {
        let after: Vec<&str> =
            stage.after.iter().map(|stage| view.stages[*stage].name.as_str()).collect();
        let title = match after.is_empty() {
            true => bold(&stage.name, look),
            false => format!("{}  ◀ {}", bold(&stage.name, look), after.join(", ")),
        };
        block(&title, &stage.steps, view, look, &mut text);
    }
    text
}

/// Steps that are meant by a part of their name or by a line number, each with all there is to say; `None` if no step
/// is meant.
pub(crate) fn why(view: &GraphView, wanted: &str, look: super::human::Look) -> Option<String> {
    let line = wanted.parse::<u32>().ok();
    let is_meant = |step: &&StepView| match (line, step.lines) {
        (Some(line), Some((first, last))) => (first..=last).contains(&line),
        (Some(_), None) => false,
        (None, _) => step.name.contains(wanted),
    };
    let mut text = String::new();
    for step in view.steps.iter().filter(is_meant) {
        let _ = writeln!(text, "{}", step_line(step, look));
        if let Some((line, _)) = step.lines {
            let _ =
                writeln!(text, "           {}", paint("2", &format!("{}:{line}", view.file), look));
        }
        for note in notes(step, view, Extent::Full) {
            let _ = writeln!(text, "           {note}");
        }
    }
    (!text.is_empty()).then_some(text)
}

fn head(view: &GraphView) -> String {
    let count = |wanted: fn(&VerdictView) -> bool| {
        view.steps.iter().filter(|step| wanted(&step.verdict)).count()
    };
    let cached = count(|verdict| matches!(verdict, VerdictView::Cached { .. }));
    let run = count(|verdict| matches!(verdict, VerdictView::Run { .. }));
    let open = count(|verdict| matches!(verdict, VerdictView::Open { .. }));
    let steps = view.steps.len();
    let mut text = format!("{} for {}: {steps} steps", view.file, view.platforms.join(", "));
    for (count, word) in [(cached, "cached"), (run, "would run"), (open, "open")] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text.push('\n');
    text
}

/// Which stages wait for which: `a ∥ b ─▶ c`, where what stands beside each other is independent.
fn order(view: &GraphView) -> String {
    let waves = view.waves();
    if waves.iter().map(Vec::len).sum::<usize>() < 2 {
        return String::new();
    }
    let names = |wave: &Vec<usize>| {
        wave.iter().map(|stage| view.stages[*stage].name.as_str()).collect::<Vec<_>>().join(" ∥ ")
    };
    format!("stages: {}\n", waves.iter().map(names).collect::<Vec<_>>().join(" ─▶ "))
}

fn block(
    title: &str,
    steps: &[usize],
    view: &GraphView,
    look: super::human::Look,
    text: &mut String,
) {
    let _ = writeln!(text, "{title}");
    for (position, step) in steps.iter().enumerate() {
        let last = position + 1 == steps.len();
        let (branch, trunk) = if last { ("└─", "  ") } else { ("├─", "│ ") };
        let step = &view.steps[*step];
        let _ = writeln!(text, "{branch} {}", step_line(step, look));
        for note in notes(step, view, Extent::Short) {
            let _ = writeln!(text, "{trunk}            {}", paint("2", &note, look));
        }
    }
    text.push('\n');
}

fn step_line(step: &StepView, look: super::human::Look) -> String {
    let (word, code) = match &step.verdict {
        VerdictView::Unasked => ("", "0"),
        VerdictView::Cached { .. } => ("CACHED", "32"),
        VerdictView::Run { .. } => ("would run", "33"),
        VerdictView::Open { .. } => ("open", "36"),
    };
    let last = step.last.map(|last| format!("  {} last time", time::duration(last)));
    let last = match &step.verdict {
        VerdictView::Cached { from: Some(from) } => format!("  (from {from})"),
        VerdictView::Unasked
        | VerdictView::Cached { from: None }
        | VerdictView::Run { .. }
        | VerdictView::Open { .. } => last.unwrap_or_default(),
    };
    let room = look.width.saturating_sub(14 + last.chars().count()).max(30);
    let name = shorten(&step.name, room);
    format!("{} {name}{}", paint(code, &format!("{word:<10}"), look), paint("2", &last, look))
}

/// The lines below a step: why it would run, and what it takes from other stages.
fn notes(step: &StepView, view: &GraphView, extent: Extent) -> Vec<String> {
    let mut notes = Vec::new();
    match &step.verdict {
        VerdictView::Unasked | VerdictView::Cached { .. } => {}
        VerdictView::Run { reasons, in_full } => match extent {
            Extent::Full => notes.extend(in_full.iter().cloned()),
            Extent::Short => {
                notes.extend(reasons.iter().take(REASONS).cloned());
                if reasons.len() > REASONS {
                    notes.push(format!("and {} more", reasons.len() - REASONS));
                }
            }
        },
        VerdictView::Open { after } => {
            let name = &view.steps[*after].name;
            notes.push(format!("cached if this makes the same as last time: {name}"));
        }
    }
    for (input, role) in &step.inputs {
        let (position, input) = (*input, &view.steps[*input]);
        // That a stage begins with the end of another one is said by its title.
        let ends = input.stage.is_some_and(|it| view.stages[it].steps.last() == Some(&position));
        if (input.stage != step.stage || input.stage.is_none()) && !(role == "base" && ends) {
            notes.push(format!("{role} ◀ {}", input.name));
        }
    }
    notes
}

fn bold(text: &str, look: super::human::Look) -> String {
    paint("1", text, look)
}

fn paint(code: &str, text: &str, look: super::human::Look) -> String {
    if look.color && !text.is_empty() && code != "0" {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use compiler::reason::MissReason;
    use compiler::{BuildOptions, ImageQuery, ResolvedImage, World, WorldError};
    use executor::{StepReport, Verdict};
    use grammar::SourceFile;
    use oci::ImageConfig;

    use super::*;
    use crate::render::human::Look;

    struct Nowhere;

    impl World for Nowhere {
        fn image(&self, _: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
            let mut config = ImageConfig::default();
            config.rootfs.diff_ids.push(oci::Digest::of(b"the layer of every base"));
            Ok(ResolvedImage { manifest: None, config })
        }

        fn ignore_file(&self, _: &str) -> Option<(String, String)> {
            None
        }
    }

    const FILE: &str = "FROM x AS deps\nRUN one\nFROM x AS assets\nRUN two\n\
        FROM deps AS final\nCOPY --from=assets /a /\n";

    /// What is shown of a file whose step `RUN one` changed.
    fn view() -> GraphView {
        let source = SourceFile::new("Dockerfile", FILE);
        let tree = grammar::parse(&source).tree;
        let compiled = compiler::compile(&tree, &source, &BuildOptions::default(), &Nowhere);
        let graph = compiled.graph.expect("the file is sound");
        let changed = graph.steps().find(|(_, step)| step.name.ends_with("RUN one")).unwrap().0;
        let reports: Vec<StepReport> = graph
            .steps()
            .map(|(step, _)| {
                let change = MissReason::ArgChanged {
                    name: "V".into(),
                    old: Some("1".into()),
                    new: Some("2".into()),
                };
                let verdict = if step == changed {
                    Verdict::Miss(vec![change])
                } else if graph.inputs(step).iter().any(|input| input.step == changed) {
                    Verdict::Unknown { after: changed }
                } else {
                    Verdict::Hit
                };
                StepReport { step, verdict, last_cost: Some(Duration::from_secs(12)) }
            })
            .collect();
        GraphView::new(&graph, &reports, &compiled.sources)
    }

    #[test]
    fn tells_what_is_independent() {
        let text = text(&view(), Look { color: false, width: 100 });
        assert!(text.contains("stages: deps ∥ assets ─▶ final\n"), "{text}");
        assert!(text.contains("\nfinal  ◀ deps, assets\n"), "{text}");
        assert!(text.contains("copies from ◀ [assets 2/2] RUN two\n"), "{text}");
    }

    #[test]
    fn tells_what_would_run_and_why() {
        let text = text(&view(), Look { color: false, width: 100 });
        assert!(text.contains("1 would run, 1 open"), "{text}");
        assert!(text.contains("would run  [deps 2/2] RUN one  12.0s last time\n"), "{text}");
        assert!(text.contains("build argument V changed from `1` to `2`\n"), "{text}");
        assert!(text.contains("cached if this makes the same as last time: [deps 2/2]"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn steps_are_found_by_name_and_line() {
        let look = Look { color: false, width: 100 };
        for wanted in ["RUN one", "2"] {
            let text = why(&view(), wanted, look).unwrap();
            assert!(text.contains("[deps 2/2] RUN one") && text.contains("Dockerfile:2"), "{text}");
            assert!(!text.contains("RUN two"), "{text}");
        }
        assert_eq!(why(&view(), "RUN nothing", look), None);
    }

    #[test]
    fn the_other_forms_say_the_same() {
        let view = view();
        let json = super::super::graph_json::value(&view);
        assert_eq!(json["stages"][2]["after"], serde_json::json!([0, 1]));
        assert_eq!(json["steps"].as_array().map(Vec::len), Some(view.steps.len()));
        let dot = super::super::graph_dot::text(&view);
        let mermaid = super::super::graph_mermaid::text(&view);
        for (id, _) in view.steps.iter().enumerate() {
            assert!(dot.contains(&format!("s{id} [label=")), "{dot}");
            assert!(mermaid.contains(&format!("s{id}[")), "{mermaid}");
        }
    }
}
