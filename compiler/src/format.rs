//! Formatting: the same build, written in one way.
//!
//! ```text
//! Statement --items--> [Item] and the gaps before them --layout--> text --same--> taken, if it parses as the same
//! ```
//!
//! What is between statements (comments, empty lines) is a piece of its own. What a shell command says is part of its
//! step's key and of the image's history, blanks included: so its text is only laid out anew where BuildKit joins the
//! lines to the very same text. Every statement that comes out otherwise than it went in is parsed again and held
//! against the one before; one that would mean something else stays as it was.

mod between;
mod chain;
mod form;
mod items;
mod layout;
mod pairs;
mod same;
mod statement;

use std::ops::Range;

use grammar::{Dockerfile, Parse, Severity, SourceFile, Span};

use between::Wish;

/// How a formatted file looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// How many characters a line may have before it is broken. One that has no place to break may have more.
    pub width: usize,
    /// How many blanks a continuation line begins with.
    pub indent: usize,
}

impl Default for Style {
    fn default() -> Style {
        Style { width: 100, indent: 4 }
    }
}

/// A part of the file and what is to stand in its place. Pieces follow each other without a gap.
#[derive(Debug)]
struct Piece {
    range: Range<usize>,
    text: String,
}

/// Formats a file. `None` if it has errors, or bytes that are no UTF-8: then it stays as it is.
pub fn format(source: &SourceFile, parse: &Parse<Dockerfile>, style: &Style) -> Option<String> {
    let pieces = pieces(source, parse, style)?;
    let mut text = String::with_capacity(source.text().len() + 64);
    let first = pieces.first().map_or(0, |piece| piece.range.start);
    text.push_str(&source.text()[..first]);
    pieces.iter().for_each(|piece| text.push_str(&piece.text));
    if text == source.text() {
        return Some(text);
    }
    let after = grammar::parse(&SourceFile::new(source.name(), text.as_str()));
    // Each statement was held against its own; that they also fit together is held against the whole.
    let same = !has_errors(&after) && same::files(&parse.tree, &after.tree);
    debug_assert!(same, "formatting changed the meaning of {:?}", source.text());
    Some(if same { text } else { source.text().to_owned() })
}

/// What is to be replaced so that the file is formatted, in order; nothing if it has errors. For the formatting of a
/// range, take the edits that touch it: each is of use alone.
pub fn edits(source: &SourceFile, parse: &Parse<Dockerfile>, style: &Style) -> Vec<(Span, String)> {
    match format(source, parse, style) {
        Some(text) if text != source.text() => {}
        Some(_) | None => return Vec::new(),
    }
    let pieces = pieces(source, parse, style).unwrap_or_default();
    pieces.into_iter().filter_map(|piece| edit(source, piece)).collect()
}

/// A piece as an edit of what differs, from the first line to the last that does.
fn edit(source: &SourceFile, piece: Piece) -> Option<(Span, String)> {
    let Piece { range, text } = piece;
    let old = &source.text()[range.clone()];
    if old == text {
        return None;
    }
    let lines = |old: &str, new: &str| -> usize {
        let same = old.split_inclusive('\n').zip(new.split_inclusive('\n'));
        same.take_while(|(old, new)| old == new).map(|(line, _)| line.len()).sum()
    };
    let before = lines(old, &text);
    let (mut rest, mut new) = (&old[before..], &text[before..]);
    let mut behind = 0;
    while let (Some(last), Some(other)) =
        (rest.split_inclusive('\n').next_back(), new.split_inclusive('\n').next_back())
        && last == other
    {
        rest = &rest[..rest.len() - last.len()];
        new = &new[..new.len() - other.len()];
        behind += last.len();
    }
    let (start, end) = (range.start + before, range.end - behind);
    Some((Span::in_source(source.id(), start, end), new.to_owned()))
}

fn has_errors(parse: &Parse<Dockerfile>) -> bool {
    parse.diagnostics.iter().any(|found| found.severity == Severity::Error)
}

/// What the file is made of; `None` if it is none to be formatted.
fn pieces(source: &SourceFile, parse: &Parse<Dockerfile>, style: &Style) -> Option<Vec<Piece>> {
    if has_errors(parse) || source.is_mended() {
        return None;
    }
    let text = source.text();
    let first_line = text.split_inclusive('\n').next().unwrap_or_default();
    let eol = if first_line.ends_with("\r\n") { "\r\n" } else { "\n" };
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let begin = at;
    let mut pieces = Vec::with_capacity(2 * parse.tree.statements.len() + 1);
    let writer = statement::Writer { text, escape: parse.tree.dialect.escape, eol, style: *style };
    let mut wish = Wish::On;
    for statement in &parse.tree.statements {
        let start = (source.lines().start(statement.lines.0)? as usize).max(at);
        let end =
            source.lines().start(statement.lines.1 + 1).map_or(text.len(), |end| end as usize);
        let gap = &text[at..start];
        let before = wish;
        wish = wish.behind(gap);
        if start > at {
            let stays = before == Wish::Off || wish == Wish::Off;
            let lines = if stays { gap.to_owned() } else { between::lines(gap, eol, at == begin) };
            pieces.push(Piece { range: at..start, text: lines });
        }
        let written = match wish {
            Wish::On => writer.statement(statement, start..end),
            Wish::Off | Wish::Skip => text[start..end].to_owned(),
        };
        pieces.push(Piece { range: start..end, text: written });
        at = end;
    }
    if at < text.len() {
        let rest = &text[at..];
        let stays = wish == Wish::Off || wish.behind(rest) == Wish::Off;
        let lines = if stays { rest.to_owned() } else { between::last(rest, eol) };
        pieces.push(Piece { range: at..text.len(), text: lines });
    }
    Some(pieces)
}

#[cfg(test)]
mod tests;
