//! `ONBUILD`: an instruction for the builds that come FROM this image.

use crate::diagnostic::{Diagnostic, Severity};
use crate::flags::FlagReader;
use crate::instruction::{self, Draft, Instruction, Keyword};
use crate::lines::LogicalLine;
use crate::shape::Shape;
use crate::tree::{Heredoc, Statement};
use crate::word::Word;

/// `ONBUILD INSTRUCTION`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The instruction as parsed now, for diagnostics and tools; [`Instruction::Invalid`] if it is none, which BuildKit
    /// accepts until the trigger runs. `None` only if nothing follows the keyword.
    pub trigger: Option<Box<Statement>>,
    /// What is stored in the image: the instruction's text with its heredoc bodies.
    pub expression: Word,
}

/// Takes an ONBUILD whose trigger is read already.
pub(super) fn read(
    draft: &Draft<'_>,
    onbuild: Onbuild,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Onbuild> {
    FlagReader::new(draft.flags, &[], diagnostics);
    let Some(trigger) = &onbuild.trigger else {
        diagnostics.push(draft.at_least_one_error());
        return None;
    };
    let refused = match Keyword::of(&trigger.keyword.value) {
        Some(Keyword::Onbuild) => "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned(),
        Some(kind @ (Keyword::Maintainer | Keyword::From)) => {
            format!("{} isn't allowed as an ONBUILD trigger", kind.name())
        }
        _ => return Some(onbuild),
    };
    diagnostics.push(Diagnostic::error("invalid-trigger", refused, trigger.keyword.span));
    Some(onbuild)
}

/// Reads the instruction behind an ONBUILD's keyword. What BuildKit says only when the trigger runs is a warning.
pub(crate) fn trigger(
    line: &LogicalLine<'_>,
    mut shape: Shape,
    heredocs: &[Heredoc],
    diagnostics: &mut Vec<Diagnostic>,
) -> Statement {
    let span = line.span(shape.range.clone());
    let inner = shape.trigger.take().map(|inner| trigger(line, *inner, heredocs, diagnostics));
    let instruction = match (shape.kind, inner) {
        // A chain of ONBUILDs is refused as a whole.
        (Some(Keyword::Onbuild), inner) => Some(Instruction::Onbuild(Onbuild {
            trigger: inner.map(Box::new),
            expression: expression(line, &shape, heredocs),
        })),
        (_, _) => {
            let mut later = Vec::new();
            let instruction = instruction::read(line, &shape, heredocs, None, &mut later);
            diagnostics.extend(later.into_iter().map(soften));
            instruction
        }
    };
    Statement {
        instruction: instruction.unwrap_or(Instruction::Invalid(span)),
        keyword: shape.keyword,
        span,
        head: span,
        lines: line.lines,
        original: line.text[shape.range].to_owned(),
        comments: Vec::new(),
        empty_lines: Vec::new(),
        flags: shape.flags,
        args: shape.args,
        json: shape.json,
        heredocs: heredocs.to_vec(),
    }
}

fn soften(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity = Severity::Warning;
    diagnostic.label("fails when the trigger runs")
}

/// What an ONBUILD leaves in the image: its line without the keyword, and the heredocs behind it.
pub(crate) fn expression(line: &LogicalLine<'_>, shape: &Shape, heredocs: &[Heredoc]) -> Word {
    let start = shape.range.start + shape.keyword.value.len();
    let text = line.text[start..].trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
    let range = line.text.len() - text.len()..line.text.len();
    if heredocs.is_empty() {
        return line.word(range);
    }
    let mut whole = text.to_owned();
    let mut span = line.span(range.clone());
    let mut map = line.map(range);
    let mut as_written = true;
    for heredoc in heredocs {
        let body = heredoc.content.span;
        whole.push('\n');
        map.push((whole.len() as u32, body.start));
        whole.push_str(&heredoc.content.value);
        whole.push_str(&heredoc.name.value);
        as_written &= heredoc.content.value.len() == body.len();
        span = span.to(body);
    }
    // Without its tabs a body has no bytes at known places.
    if as_written { Word { text: whole, span, map } } else { Word::in_one(whole, span) }
}
