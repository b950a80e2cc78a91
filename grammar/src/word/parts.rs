//! Pieces to [`Part`]s.

use crate::limits::MAX_VARIABLES;
use crate::source::Spanned;
use crate::word::lex::{self, Kind, LexError, Mode, Piece};
use crate::word::{Modifier, Part, Variable, Word, WordError};

/// The parts of a word.
pub(super) fn of_word(word: &Word, escape: char) -> Result<Vec<Part>, WordError> {
    let special = |c: char| matches!(c, '$' | '\'' | '"' | '<') || c == escape;
    of(word, Mode::Word(escape), special)
}

/// The parts of a heredoc's body.
pub(super) fn of_body(word: &Word) -> Result<Vec<Part>, WordError> {
    of(word, Mode::Body, |c| matches!(c, '$' | '\\'))
}

fn of(word: &Word, mode: Mode, special: impl Fn(char) -> bool) -> Result<Vec<Part>, WordError> {
    let is_body = mode == Mode::Body;
    let mut parts = Parts { word, parts: Vec::new(), raw_escapes: false, is_body };
    if !word.text.contains(special) {
        parts.text(word.text.strip_prefix('\u{feff}').unwrap_or(&word.text), false);
        return Ok(parts.parts);
    }
    let read = lex::pieces(&word.text, mode).try_for_each(|piece| {
        if parts.parts.len() > 2 * MAX_VARIABLES {
            return Err(lex::too_many_variables());
        }
        parts.one(&piece?)
    });
    read.map(|()| parts.parts).map_err(|error| WordError {
        message: error.message,
        span: word.span_of(error.range.start, error.range.end.min(word.text.len())),
    })
}

/// Parts in the making.
struct Parts<'w> {
    word: &'w Word,
    parts: Vec<Part>,
    /// In patterns the escape character stays.
    raw_escapes: bool,
    /// A body is not split into words, so that nothing is known of it but its text.
    is_body: bool,
}

impl Parts<'_> {
    fn text(&mut self, text: &str, quoted: bool) {
        let quoted = quoted && !self.is_body;
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text { text: last, quoted: same }) if *same == quoted => last.push_str(text),
            Some(Part::Text { .. } | Part::Variable(_)) | None => {
                self.parts.push(Part::Text { text: text.to_owned(), quoted });
            }
        }
    }

    fn all(&mut self, pieces: &[Piece<'_>]) -> Result<(), LexError> {
        pieces.iter().try_for_each(|piece| self.one(piece))
    }

    fn one(&mut self, piece: &Piece<'_>) -> Result<(), LexError> {
        match &piece.kind {
            Kind::Escaped { escape, text } => {
                if self.raw_escapes {
                    self.text(escape, true);
                }
                self.text(text, true);
                Ok(())
            }
            Kind::Double(inner) => inner.iter().try_for_each(|it| self.in_double_quotes(it)),
            Kind::Plain(_)
            | Kind::Angle(_)
            | Kind::Single(_)
            | Kind::Dollar
            | Kind::Named(_)
            | Kind::Braced(_)
            | Kind::Modified { .. }
            | Kind::Replaced { .. } => self.piece(piece, false),
        }
    }

    fn in_double_quotes(&mut self, piece: &Piece<'_>) -> Result<(), LexError> {
        let Kind::Escaped { escape, text } = &piece.kind else { return self.piece(piece, true) };
        if self.raw_escapes {
            self.text(escape, true);
        }
        // Before anything that needs no escape the character stands for itself.
        self.text(if text.is_empty() { escape } else { text }, true);
        Ok(())
    }

    fn piece(&mut self, piece: &Piece<'_>, quoted: bool) -> Result<(), LexError> {
        let start = piece.range.start;
        match &piece.kind {
            Kind::Plain(text) => self.text(text, quoted),
            Kind::Dollar => self.text("$", quoted),
            Kind::Angle(text) | Kind::Single(text) => self.text(text, true),
            Kind::Named(name) => self.variable(piece, name, start + 1, None, quoted),
            Kind::Braced(name) => self.variable(piece, name, start + 2, None, quoted),
            Kind::Modified { name, name_at, operator, word } => {
                let modifier = self.modifier(*name_at + name.len(), operator, word, piece)?;
                self.variable(piece, name, *name_at, Some(modifier), quoted);
            }
            Kind::Replaced { name, name_at, all, pattern, replacement } => {
                let pattern = self.nested(pattern, true)?;
                let replacement = self.nested(replacement, true)?;
                let modifier = Modifier::Replace { all: *all, pattern, replacement };
                self.variable(piece, name, *name_at, Some(modifier), quoted);
            }
            Kind::Escaped { .. } | Kind::Double(_) => self.one(piece)?,
        }
        Ok(())
    }

    fn variable(
        &mut self,
        piece: &Piece<'_>,
        name: &str,
        name_at: usize,
        modifier: Option<Modifier>,
        quoted: bool,
    ) {
        let name_span = self.word.span_of(name_at, name_at + name.len());
        self.parts.push(Part::Variable(Variable {
            name: Spanned::new(name.to_owned(), name_span),
            span: self.word.span_of(piece.range.start, piece.range.end),
            modifier,
            quoted,
        }));
    }

    fn modifier(
        &self,
        at: usize,
        operator: &str,
        word: &[Piece<'_>],
        piece: &Piece<'_>,
    ) -> Result<Modifier, LexError> {
        let colon = operator.len() > 1;
        Ok(match operator {
            "-" | ":-" => Modifier::Default { colon, word: self.nested(word, false)? },
            "+" | ":+" => Modifier::Alternative { colon, word: self.nested(word, false)? },
            "?" | ":?" => Modifier::Required { colon, word: self.nested(word, false)? },
            "#" => {
                let (greedy, pattern) = greedy(self.nested(word, true)?, '#');
                Modifier::RemovePrefix { greedy, pattern }
            }
            "%" => {
                let (greedy, pattern) = greedy(self.nested(word, true)?, '%');
                Modifier::RemoveSuffix { greedy, pattern }
            }
            _ => {
                self.nested(word, false)?;
                let range = at..at + operator.len();
                return Err(lex::unsupported(operator, range, piece.range.end));
            }
        })
    }

    fn nested(&self, pieces: &[Piece<'_>], raw_escapes: bool) -> Result<Vec<Part>, LexError> {
        let mut nested = Parts { parts: Vec::new(), raw_escapes, ..*self };
        nested.all(pieces)?;
        Ok(nested.parts)
    }
}

/// A pattern that begins with its operator once more is greedy.
fn greedy(mut pattern: Vec<Part>, operator: char) -> (bool, Vec<Part>) {
    let Some(Part::Text { text, .. }) = pattern.first_mut() else { return (false, pattern) };
    if !text.starts_with(operator) {
        return (false, pattern);
    }
    text.remove(0);
    if text.is_empty() {
        pattern.remove(0);
    }
    (true, pattern)
}
