//! What `--verify` found, for people: the first step that did not make the same twice, its paths, and what to do.

mod advice;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use compiler::{BuildGraph, Op};
use executor::compare::{Aspect, PathDifference, Place, StepDifference};
use grammar::{Diagnostic, SourceFile};
use serde_json::Value;
use store::Mtime;

use super::human::{self, Look};
use super::table::shorten;
use crate::commands::Report;

/// So many paths of a step are shown.
const MOST_PATHS: usize = 20;
/// So many later steps are shown, and so many paths of each.
const MOST_STEPS: usize = 10;
const MOST_OF_LATER: usize = 5;
/// A line of a file is shown up to this width.
const WIDEST: usize = 60;

/// The text; ends with a line end.
pub(crate) fn text(
    report: &Report,
    graph: &BuildGraph,
    sources: &[SourceFile],
    look: Look,
) -> String {
    let Some(first) = report.steps.first() else { return configs(report) };
    let step = graph.step(first.step);
    let message = format!("{} does not make the same twice", step.name.replace('\n', " "));
    let mut diagnostic = match step.span {
        Some(span) => Diagnostic::error("not-reproducible", message, span)
            .label("the first step that differs"),
        None => Diagnostic::without_place("not-reproducible", message),
    };
    diagnostic.help = None;
    let mut text = human::diagnostics(&[diagnostic], sources, look);
    for path in first.paths.iter().take(MOST_PATHS) {
        let shown = String::from_utf8_lossy(&path.path).into_owned();
        let aspects: Vec<String> = path.aspects.iter().map(aspect).collect();
        let _ = writeln!(text, "  /{}: {}", shown.escape_debug(), aspects.join("; "));
    }
    if let Some(more) = first.paths.len().checked_sub(MOST_PATHS).filter(|more| *more > 0) {
        let _ = writeln!(text, "  … and {more} more paths");
    }
    for line in what_to_do(first, graph) {
        let _ = writeln!(text, " help: {line}");
    }
    if graph.epoch.is_none() {
        text.push_str(
            " note: times were not compared; with SOURCE_DATE_EPOCH in the environment they are \
             fixed, and the image is compared to the byte\n",
        );
    }
    later(&mut text, &report.steps[1..], graph);
    text
}

/// The steps behind the first, which may differ only because it does.
fn later(text: &mut String, steps: &[StepDifference], graph: &BuildGraph) {
    if steps.is_empty() {
        return;
    }
    text.push_str(" note: later steps differ, too, perhaps for that reason alone:\n");
    for found in steps.iter().take(MOST_STEPS) {
        let name = shorten(&graph.step(found.step).name, WIDEST);
        let paths = found.paths.iter().take(MOST_OF_LATER);
        let paths: Vec<String> = paths
            .map(|it| format!("/{}", String::from_utf8_lossy(&it.path).escape_debug()))
            .collect();
        let more = if found.paths.len() > MOST_OF_LATER { ", …" } else { "" };
        let _ = writeln!(text, "       {name}: {}{more}", paths.join(", "));
    }
    if let Some(more) = steps.len().checked_sub(MOST_STEPS).filter(|more| *more > 0) {
        let _ = writeln!(text, "       … and {more} more steps");
    }
}

/// Advice for the paths and for the step, each once.
fn what_to_do(found: &StepDifference, graph: &BuildGraph) -> Vec<String> {
    let step = graph.step(found.step);
    let mut said = BTreeSet::new();
    let mut lines = Vec::new();
    let mut unknown = 0;
    for path in &found.paths {
        match advice::of(path) {
            Some(advice) if said.insert(advice) => {
                let name = String::from_utf8_lossy(&path.path).into_owned();
                lines.push(format!("/{}: {advice}", name.escape_debug()));
            }
            Some(_) => {}
            None => unknown += 1,
        }
    }
    let is_command = match &step.op {
        Op::Exec(_) => true,
        Op::File(_) => {
            lines.extend((unknown > 0).then(|| {
                "if the step before is the same, a file changed while the builds ran".to_owned()
            }));
            false
        }
        Op::Source(_) | Op::Merge => false,
    };
    let knows_epoch = step.args.iter().any(|name| name == "SOURCE_DATE_EPOCH");
    if is_command && !knows_epoch && unknown + lines.len() > 0 {
        lines.push(
            "with `ARG SOURCE_DATE_EPOCH` in the stage the command sees that time, and compilers, \
             archivers and many others take it instead of the clock's"
                .to_owned(),
        );
    }
    lines
}

fn aspect(aspect: &Aspect) -> String {
    match aspect {
        Aspect::OnlyFirst => "only the first build made it".to_owned(),
        Aspect::OnlySecond => "only the second build made it".to_owned(),
        Aspect::Kind(a, b) => format!("{a}, and then {b}"),
        Aspect::Target(a, b) => format!("leads to {}, and then to {}", quoted(a), quoted(b)),
        Aspect::Device(a, b) => format!("device {}:{}, and then {}:{}", a.0, a.1, b.0, b.1),
        Aspect::Content(content) => match &content.place {
            Place::Line(number, a, b) => format!(
                "content: line {number} is {}, and then {}",
                quoted(a.as_bytes()),
                quoted(b.as_bytes())
            ),
            Place::Byte(offset) => format!("content: differs from byte {offset} on"),
        },
        Aspect::Mode(a, b) => format!("mode {a:04o}, and then {b:04o}"),
        Aspect::Owner(a, b) => format!("owner {}:{}, and then {}:{}", a.0, a.1, b.0, b.1),
        Aspect::Time(a, b) => format!("time {}, and then {}", time(*a), time(*b)),
        Aspect::Attribute(name) => {
            format!("extended attribute {}", String::from_utf8_lossy(name).escape_debug())
        }
    }
}

fn quoted(text: &[u8]) -> String {
    format!("`{}`", shorten(&String::from_utf8_lossy(text), WIDEST))
}

fn time(time: Mtime) -> String {
    format!("{}.{:09}", time.secs, time.nanos)
}

/// Where configs of images differ though all steps are the same.
fn configs(report: &Report) -> String {
    let mut text = "error: the image is not the same when it is built again\n".to_owned();
    for (platform, one, two) in &report.images {
        let json = |config| serde_json::to_value(config).unwrap_or_default();
        let mut found = Vec::new();
        values("", &json(one), &json(two), &mut found);
        for line in found {
            let _ = writeln!(text, "  config of {platform}: {line}");
        }
    }
    text
}

fn values(path: &str, one: &Value, two: &Value, found: &mut Vec<String>) {
    match (one, two) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let (a, b) = (a.get(name), b.get(name));
                let null = &Value::Null;
                values(&format!("{path}.{name}"), a.unwrap_or(null), b.unwrap_or(null), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => {
            let short = |value: &Value| shorten(&value.to_string(), WIDEST);
            found.push(format!(
                "{} is {}, and then {}",
                path.trim_start_matches('.'),
                short(a),
                short(b)
            ));
        }
    }
}

/// Whether some aspect of a path is its content; with the first bytes.
fn content(path: &PathDifference) -> Option<&executor::compare::ContentDifference> {
    path.aspects.iter().find_map(|aspect| match aspect {
        Aspect::Content(content) => Some(content),
        Aspect::OnlyFirst
        | Aspect::OnlySecond
        | Aspect::Kind(..)
        | Aspect::Target(..)
        | Aspect::Device(..)
        | Aspect::Mode(..)
        | Aspect::Owner(..)
        | Aspect::Time(..)
        | Aspect::Attribute(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configs_differ_by_their_paths() {
        let mut found = Vec::new();
        let (one, two) = (json!({"a": {"b": 1}, "c": 2}), json!({"a": {"b": 2}, "c": 2}));
        values("", &one, &two, &mut found);
        assert_eq!(found, ["a.b is 1, and then 2"]);
    }

    #[test]
    fn aspects_are_said_in_words() {
        assert_eq!(aspect(&Aspect::Mode(0o644, 0o4755)), "mode 0644, and then 4755");
        assert_eq!(aspect(&Aspect::Owner((0, 1), (2, 3))), "owner 0:1, and then 2:3");
    }
}
