//! What each word of a file is, for an editor's colors: [`of`].
//!
//! ```text
//! Statement --instruction--> paint(place, kind), the finer over the coarser --> runs of one kind, none across lines
//!     `--- shell (what a RUN says)
//! ```
//!
//! Everything is read from the tree and from the text at its places, so that a broken instruction keeps what is whole of it.

mod instruction;
mod shell;

use std::ops::Range;

use grammar::{Span, Statement};

use crate::analysis::Analysis;
use crate::variables::PREDEFINED;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An instruction's name, `AS`, `CMD` of a HEALTHCHECK.
    Keyword,
    /// A comment.
    Comment,
    /// The name of a parser directive.
    Directive,
    /// `--from`
    Flag,
    /// One of few values: a platform, a mount's type, a signal.
    Value,
    /// A stage.
    Stage,
    /// An image.
    Image,
    /// A variable.
    Variable,
    /// A label's name, a mount's key.
    Property,
    /// Text in quotes, a path, a value.
    Text,
    /// A port, a number, a duration.
    Number,
    /// `=`, `&&`, `<<`, the character that continues a line.
    Operator,
    /// The word that begins and ends a heredoc.
    Mark,
}

impl Kind {
    /// All of them, in the order of the legend.
    pub(crate) const ALL: [Kind; 13] = [
        Kind::Keyword,
        Kind::Comment,
        Kind::Directive,
        Kind::Flag,
        Kind::Value,
        Kind::Stage,
        Kind::Image,
        Kind::Variable,
        Kind::Property,
        Kind::Text,
        Kind::Number,
        Kind::Operator,
        Kind::Mark,
    ];

    /// The protocol's name for it. `docs/lsp.md` lists them.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Keyword => "keyword",
            Kind::Comment => "comment",
            Kind::Directive => "macro",
            Kind::Flag => "parameter",
            Kind::Value => "enumMember",
            Kind::Stage => "namespace",
            Kind::Image => "type",
            Kind::Variable => "variable",
            Kind::Property => "property",
            Kind::Text => "string",
            Kind::Number => "number",
            Kind::Operator => "operator",
            Kind::Mark => "label",
        }
    }
}

/// What more there is to say of a word: bits, in the order of [`MODIFIERS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Modifiers(pub(crate) u32);

impl Modifiers {
    /// It gets its name or value here.
    pub(crate) const DECLARATION: Modifiers = Modifiers(1);
    /// It is there without anybody's doing.
    pub(crate) const PREDEFINED: Modifiers = Modifiers(2);
    /// Out of use.
    pub(crate) const DEPRECATED: Modifiers = Modifiers(4);
}

/// The protocol's names for the modifiers.
pub(crate) const MODIFIERS: [&str; 3] = ["declaration", "defaultLibrary", "deprecated"];

/// A run of bytes of one line that are one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
    pub(crate) modifiers: Modifiers,
}

/// The tokens of a part of a file, in order and apart from each other.
pub(crate) fn of(analysis: &Analysis, range: Range<usize>) -> Vec<Token> {
    let text = analysis.sources[0].text();
    let range = range.start.min(text.len())..range.end.min(text.len());
    let mut canvas = Canvas { text, range: range.clone(), owners: Vec::new(), things: Vec::new() };
    canvas.owners = vec![0; range.len()];
    let statements = &analysis.tree.statements;
    let first = statements.partition_point(|it| (it.span.end as usize) < range.start);
    let inside = statements[first..].iter().take_while(|it| (it.span.start as usize) < range.end);
    for statement in inside {
        instruction::paint(&mut canvas, analysis, statement);
    }
    for used in &analysis.variables.uses {
        if canvas.touches(used.span) {
            variable(&mut canvas, used.span, &used.name);
        }
    }
    lines(&mut canvas, analysis);
    canvas.tokens()
}

/// A variable's name with its `$`, and its braces if nothing else is in them.
fn variable(canvas: &mut Canvas<'_>, name: Span, text: &str) {
    let (start, end) = (name.start as usize, name.end as usize);
    let before = &canvas.text[..start];
    let braced = before.ends_with("${");
    let sigil = if braced { 2 } else { usize::from(before.ends_with('$')) };
    let closing = usize::from(braced && canvas.text[end..].starts_with('}'));
    let known = PREDEFINED.iter().any(|(known, _)| *known == text);
    let modifiers = if known { Modifiers::PREDEFINED } else { Modifiers::default() };
    canvas.paint(start - sigil..end + closing, Kind::Variable, modifiers);
}

/// Comments, directives, and the characters that continue lines: all that belongs to lines rather than to words.
fn lines(canvas: &mut Canvas<'_>, analysis: &Analysis) {
    let index = analysis.sources[0].lines();
    let statements = &analysis.tree.statements;
    let escape = analysis.tree.dialect.escape;
    let first = index.line(u32::try_from(canvas.range.start).unwrap_or(u32::MAX));
    for number in first.. {
        let Some(start) = index.start(number).map(|start| start as usize) else { break };
        if start >= canvas.range.end {
            break;
        }
        let line = canvas.text[start..].split('\n').next().unwrap_or_default();
        let line = line.trim_end_matches('\r');
        let place = line_place(statements, start, start + line.len());
        let blanks = line.len() - line.trim_start().len();
        let is_comment = line[blanks..].trim_start_matches('\u{feff}').starts_with('#');
        match place {
            LinePlace::Body => {}
            LinePlace::Later | LinePlace::Outside if is_comment => {
                let hash = start + blanks + line[blanks..].find('#').unwrap_or_default();
                canvas.paint_plain(hash..start + line.len(), Kind::Comment);
                directive(canvas, analysis, number, start);
            }
            LinePlace::First | LinePlace::Later => {
                let content = line.trim_end_matches([' ', '\t']);
                if let Some(head) = content.strip_suffix(escape)
                    && !head.ends_with(escape)
                {
                    canvas.paint_plain(start + head.len()..start + content.len(), Kind::Operator);
                }
            }
            LinePlace::Outside => {}
        }
    }
}

/// The parser directive on a line, if there is one.
fn directive(canvas: &mut Canvas<'_>, analysis: &Analysis, line: u32, start: usize) {
    let found = analysis.tree.directives.iter().find(|it| it.line == line);
    let Some(found) = found.filter(|it| it.value.span.start as usize > start) else { return };
    let value = found.value.span.range();
    let Some(before) = canvas.text.get(start..value.start) else { return };
    let Some(equals) = before.rfind('=') else { return };
    let name = before[..equals].trim_end();
    let length = name.len() - name.trim_start_matches(['#', '/', ' ', '\t', '\u{feff}']).len();
    canvas.paint_plain(start + length..start + name.len(), Kind::Directive);
    canvas.paint_plain(start + equals..start + equals + 1, Kind::Operator);
    canvas.paint_plain(value, Kind::Text);
}

/// What a line is to the instructions around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinePlace {
    /// Between instructions.
    Outside,
    /// The first line of an instruction.
    First,
    /// A further line of one.
    Later,
    /// In the body of a heredoc, or its end.
    Body,
}

fn line_place(statements: &[Statement], start: usize, end: usize) -> LinePlace {
    let behind = statements.partition_point(|it| (it.span.start as usize) <= end);
    let Some(statement) = behind.checked_sub(1).map(|index| &statements[index]) else {
        return LinePlace::Outside;
    };
    let (head, span) = (statement.head, statement.span);
    if start <= head.start as usize {
        LinePlace::First
    } else if start <= head.end as usize {
        LinePlace::Later
    } else if start <= span.end as usize && head.end < span.end {
        LinePlace::Body
    } else {
        LinePlace::Outside
    }
}

/// A part of a text, and for each of its bytes what was painted there last.
struct Canvas<'t> {
    text: &'t str,
    range: Range<usize>,
    /// By byte: the number of a thing, from 1.
    owners: Vec<u32>,
    things: Vec<(Kind, Modifiers)>,
}

impl Canvas<'_> {
    fn touches(&self, span: Span) -> bool {
        (span.start as usize) < self.range.end && self.range.start < span.end as usize
    }

    fn paint_plain(&mut self, range: Range<usize>, kind: Kind) {
        self.paint(range, kind, Modifiers::default());
    }

    fn span(&mut self, span: Span, kind: Kind) {
        self.paint_plain(span.range(), kind);
    }

    fn paint(&mut self, range: Range<usize>, kind: Kind, modifiers: Modifiers) {
        let start = range.start.max(self.range.start);
        let end = range.end.min(self.range.end);
        if start >= end {
            return;
        }
        self.things.push((kind, modifiers));
        let number = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        let offset = self.range.start;
        self.owners[start - offset..end - offset].fill(number);
    }

    /// Runs of one thing, cut at the ends of lines.
    fn tokens(self) -> Vec<Token> {
        let mut found: Vec<Token> = Vec::new();
        let mut last = 0;
        let bytes = self.text.as_bytes();
        for (at, owner) in (self.range.start..).zip(&self.owners) {
            if *owner == 0 || matches!(bytes[at], b'\n' | b'\r') {
                last = 0;
                continue;
            }
            match found.last_mut().filter(|_| *owner == last) {
                Some(token) => token.end = at + 1,
                None => {
                    let (kind, modifiers) = self.things[*owner as usize - 1];
                    found.push(Token { start: at, end: at + 1, kind, modifiers });
                }
            }
            last = *owner;
        }
        // A line in the middle of a text may be nothing but blanks.
        found.retain(|token| !self.text[token.start..token.end].trim().is_empty());
        found
    }
}

#[cfg(test)]
mod tests;
