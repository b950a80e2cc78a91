//! `textDocument/inlayHint`: what a variable is at its place, which stage a number means, how long a step took.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use grammar::{Instruction, Span, Statement, Word};
use lsp_types::{InlayHint, InlayHintKind, InlayHintLabel, InlayHintParams, InlayHintTooltip};

use super::Answer;
use crate::cursor::Cursor;
use crate::server::Server;
use crate::variables::Use;

/// How many characters of a value are shown. All of it is behind the hint.
const MAX_SHOWN: usize = 40;

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: InlayHintParams) -> Answer<Vec<InlayHint>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let (start, end) = cursor.document.lines.offsets(cursor.text(), params.range);
    let mut hints = values(&cursor, start..end);
    hints.extend(declared(&cursor));
    hints.extend(numbers(&cursor));
    hints.extend(steps(&cursor));
    hints.retain(|hint| start <= hint.at && hint.at <= end);
    hints.sort_by_key(|hint| hint.at);
    Ok(hints.into_iter().map(|hint| hint.said(&cursor)).collect())
}

/// A hint.
struct Hint {
    /// Behind what it stands, in bytes.
    at: usize,
    label: String,
    more: Option<String>,
    kind: Option<InlayHintKind>,
}

impl Hint {
    fn value(at: usize, value: &str) -> Hint {
        let shown = match value {
            "" => "\"\"".to_owned(),
            value if value.chars().count() <= MAX_SHOWN => value.replace(['\n', '\r', '\t'], " "),
            value => {
                let start: String = value.chars().take(MAX_SHOWN).collect();
                format!("{}...", start.replace(['\n', '\r', '\t'], " "))
            }
        };
        let more = (shown != value && !value.is_empty()).then(|| value.to_owned());
        Hint { at, label: format!("= {shown}"), more, kind: Some(InlayHintKind::TYPE) }
    }

    fn said(self, cursor: &Cursor<'_>) -> InlayHint {
        InlayHint {
            position: cursor.bytes(self.at, self.at).start,
            label: InlayHintLabel::String(self.label),
            kind: self.kind,
            text_edits: None,
            tooltip: self.more.map(InlayHintTooltip::String),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        }
    }
}

/// Behind the uses of variables, once for each in an instruction.
fn values(cursor: &Cursor<'_>, range: Range<usize>) -> Vec<Hint> {
    let analysis = &cursor.analysis;
    let mut seen = BTreeSet::new();
    let uses = analysis.variables.uses.iter().filter_map(|used| {
        let (index, statement) = analysis.statement_at(used.span.start as usize)?;
        let Span { start, end, .. } = statement.span;
        if range.end < start as usize || (end as usize) < range.start {
            return None;
        }
        let (at, value) = value(cursor, used, (index, statement))?;
        seen.insert((index, used.name.as_str(), value.clone())).then(|| Hint::value(at, &value))
    });
    uses.collect()
}

/// Where a use ends, and what it becomes.
fn value(
    cursor: &Cursor<'_>,
    used: &Use,
    (index, statement): (usize, &Statement),
) -> Option<(usize, String)> {
    let text = cursor.text();
    let (start, end) = (used.span.start as usize, used.span.end as usize);
    if !text.get(..start)?.ends_with("${") {
        return Some((end, used.value.clone()?));
    }
    if text[end..].starts_with('}') {
        return Some((end + 1, used.value.clone()?));
    }
    if is_shell(&statement.instruction) {
        // Its shell may know more modifiers than we do.
        return None;
    }
    let end = end + closing(&text[end..])?;
    let start = start - "${".len();
    let word = Word::verbatim(&text[start..end], Span::new(start, end));
    let scope = cursor.analysis.variables.scope(index)?;
    let value = scope.evaluate(&word, cursor.analysis.tree.dialect.escape)?;
    Some((end, value))
}

/// Behind the brace that closes the one that is open.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn is_shell(instruction: &Instruction) -> bool {
    matches!(
        instruction,
        Instruction::Run(_)
            | Instruction::Cmd(_)
            | Instruction::Entrypoint(_)
            | Instruction::Healthcheck(_)
            | Instruction::Onbuild(_)
    )
}

/// Behind each ARG that has another value than the one it is written with.
fn declared(cursor: &Cursor<'_>) -> Vec<Hint> {
    let analysis = &cursor.analysis;
    let arguments = analysis.tree.statements.iter().filter_map(|statement| {
        if let Instruction::Arg(arg) = &statement.instruction { Some(&arg.args) } else { None }
    });
    let mut hints = Vec::new();
    for argument in arguments.flatten() {
        let place = argument.name.span;
        let binding = analysis.variables.bindings.iter().find(|it| it.span == place);
        let Some(binding) = binding else { continue };
        let differs = binding.is_given || !binding.has_default;
        let Some(value) = binding.value.as_ref().filter(|_| differs) else { continue };
        let default = argument.default.as_ref();
        if default.is_some_and(|default| default.text == *value) {
            continue;
        }
        let end = default.map_or(place.end, |default| default.span.end) as usize;
        let mut hint = Hint::value(end, value);
        let inherited = binding.inherits.and_then(|it| analysis.variables.bindings.get(it));
        let line = inherited.map(|it| cursor.range(it.span).start.line + 1);
        let from = match (binding.is_given, line) {
            (true, _) => Some("from dfc.toml".to_owned()),
            (false, Some(line)) => Some(format!("from line {line}")),
            (false, None) => None,
        };
        hint.more = match (hint.more, from) {
            (Some(value), Some(from)) => Some(format!("{value}\n\n{from}")),
            (value, from) => value.or(from),
        };
        hints.push(hint);
    }
    hints
}

/// Behind the numbers of stages.
fn numbers(cursor: &Cursor<'_>) -> Vec<Hint> {
    let stages = &cursor.analysis.stages;
    let uses = stages.uses.iter().filter(|used| used.is_number);
    let hints = uses.filter_map(|used| {
        let stage = stages.list.get(used.stage)?;
        let line = cursor.range(stage.span).start.line + 1;
        let name = stage.name.as_ref().map_or(&stage.image.value, |name| &name.value);
        Some(Hint {
            at: used.span.end as usize,
            label: format!("= {name}"),
            more: Some(format!("FROM {}, line {line}", stage.image.value)),
            kind: Some(InlayHintKind::TYPE),
        })
    });
    hints.collect()
}

/// At the end of the first line of what has run: how long it took, and how much it made.
fn steps(cursor: &Cursor<'_>) -> Vec<Hint> {
    let Some(path) = cursor.document.path.as_deref() else { return Vec::new() };
    let known = cursor.knowledge.steps(path);
    if known.is_empty() {
        return Vec::new();
    }
    // Of several that say the same, the last that ran comes first.
    let known = known.iter().rev();
    let known: BTreeMap<_, _> =
        known.map(|facts| ((facts.stage.as_str(), facts.text.as_str()), facts)).collect();
    // An ADD makes several.
    let mut ran: BTreeMap<u32, (Duration, u64)> = BTreeMap::new();
    for step in &cursor.analysis.steps {
        if let Some(facts) = known.get(&(step.stage.as_str(), step.text.as_str())) {
            let sum = ran.entry(step.span.start).or_default();
            *sum = (sum.0 + facts.duration, sum.1.saturating_add(facts.size));
        }
    }
    let mut hints = Vec::new();
    for (start, (took, size)) in ran {
        let start = start as usize;
        let rest = cursor.text().get(start..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        hints.push(Hint {
            at: start + line.len(),
            label: format!("{}, {}", time(took), bytes(size)),
            more: Some("when it last ran, and what its files have".to_owned()),
            kind: None,
        });
    }
    hints
}

fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn bytes(size: u64) -> String {
    let mut rest = size as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if rest < 1000.0 || unit == "GB" {
            return if unit == "B" { format!("{size} B") } else { format!("{rest:.1} {unit}") };
        }
        rest /= 1000.0;
    }
    unreachable!("the last unit takes all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        let times = [0, 999, 1_500, 59_900, 61_000, 3_700_000].map(Duration::from_millis).map(time);
        assert_eq!(times, ["0 ms", "999 ms", "1.5 s", "59.9 s", "1 min 1 s", "1 h 1 min"]);
        let sizes = [0, 999, 1_000, 12_345_678, 5_000_000_000_000].map(bytes);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "12.3 MB", "5000.0 GB"]);
    }

    #[test]
    fn braces_close() {
        assert_eq!(closing(":-a}b"), Some(4));
        assert_eq!(closing(":-${b}}c"), Some(7));
        assert_eq!(closing(":-a"), None);
        assert_eq!(closing(":-a\n}"), None);
    }
}
