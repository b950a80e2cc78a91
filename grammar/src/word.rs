//! Words: unexpanded text that remembers where each of its bytes was written, and the [`Part`]s it is made of.

mod builder;
mod depth;
pub(crate) mod lex;
mod parts;

use std::fmt;
use std::ops::Range;

use crate::source::{Span, Spanned};

pub(crate) use builder::WordBuilder;

/// A piece of unexpanded text. Continuations inside it are already joined, so `text` may be shorter than its span.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    /// The text: quotes and variables still in it.
    pub text: String,
    /// From its first to its last byte in the source.
    pub span: Span,
    /// Where pieces of `text` stand in the source: (offset in `text`, offset in the source), ascending, one entry
    /// wherever the distance changes. Empty if `text` is the span's text verbatim; see also [`Word::in_one`].
    pub map: Vec<(u32, u32)>,
}

/// The map of a word of which only the whole has a place.
pub(crate) const IN_ONE: (u32, u32) = (u32::MAX, u32::MAX);

impl Word {
    /// A word whose text stands verbatim in the source.
    pub fn verbatim(text: impl Into<String>, span: Span) -> Word {
        Word { text: text.into(), span, map: Vec::new() }
    }

    /// A word that reads otherwise than it is written, so that only the whole has a place.
    pub fn in_one(text: impl Into<String>, span: Span) -> Word {
        Word { text: text.into(), span, map: vec![IN_ONE] }
    }

    /// Where a byte range of `text` was written; the whole span where nothing better is known.
    pub fn span_of(&self, start: usize, end: usize) -> Span {
        if self.map.first() == Some(&IN_ONE) {
            return self.span;
        }
        let at = |offset: usize| -> usize {
            let found = self.map.partition_point(|(text, _)| *text as usize <= offset);
            let place = match found.checked_sub(1).map(|i| self.map[i]) {
                Some((text, source)) => source as usize + (offset - text as usize),
                None => self.span.start as usize + offset,
            };
            // The name behind a heredoc's body is written behind the place of the word.
            place.min(self.span.end as usize)
        };
        if end <= start {
            let place = if start == self.text.len() { self.span.end as usize } else { at(start) };
            return Span::in_source(self.span.source, place, place);
        }
        let last = if end == self.text.len() {
            self.span.end
        } else {
            self.span.end.min(at(end - 1) as u32 + 1)
        };
        let last = last as usize;
        Span::in_source(self.span.source, at(start), last)
    }

    /// A byte range of `text` as a word of its own.
    pub fn slice(&self, range: Range<usize>) -> Word {
        let span = self.span_of(range.start, range.end);
        if self.map.first() == Some(&IN_ONE) {
            return Word::in_one(&self.text[range], span);
        }
        let mut map = Vec::new();
        if span.len() != range.len() && !self.map.is_empty() {
            map.push((0, span.start));
            let first = self.map.partition_point(|(text, _)| *text as usize <= range.start);
            let inside = self.map[first..].iter().take_while(|(at, _)| (*at as usize) < range.end);
            map.extend(inside.map(|(text, source)| (text - range.start as u32, *source)));
        }
        Word { text: self.text[range].to_owned(), span, map }
    }

    /// The parts that expansion sees: quotes and escapes taken off, variables found. `escape` is the dialect's
    /// escape character.
    pub fn parts(&self, escape: char) -> Result<Vec<Part>, WordError> {
        parts::of_word(self, escape)
    }

    /// The parts of a heredoc's body: quotes are text, and the escape character is always a backslash.
    pub fn body_parts(&self) -> Result<Vec<Part>, WordError> {
        parts::of_body(self)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.text, self.span)?;
        match self.map.as_slice() {
            [] => Ok(()),
            [IN_ONE] => f.write_str("~"),
            map => write!(f, "{map:?}"),
        }
    }
}

/// Why a word cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordError {
    /// In BuildKit's words.
    pub message: String,
    /// The place, as exact as can be.
    pub span: Span,
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WordError {}

/// One piece of a word, as expansion sees it (BuildKit: `shell/lex.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stays; quotes and escapes are already taken off. `quoted` says whether it stood in quotes or behind
    /// an escape character (such text is not split into several words). Text of both kinds in a row gives two parts.
    Text {
        /// What stays.
        text: String,
        /// Whether it stood in quotes.
        quoted: bool,
    },
    /// `$name` or `${name…}`.
    Variable(Variable),
}

/// A reference to a variable inside a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name, with its place.
    pub name: Spanned<String>,
    /// From `$` to the end of the name or to `}`.
    pub span: Span,
    /// What `${name…}` does beyond the plain value.
    pub modifier: Option<Modifier>,
    /// Whether it stood in double quotes.
    pub quoted: bool,
}

/// What follows the name in `${name…}`. `colon` forms also treat an empty value as unset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modifier {
    /// `-` or `:-`
    Default {
        /// Whether the colon was there.
        colon: bool,
        /// Taken if the variable is unset.
        word: Vec<Part>,
    },
    /// `+` or `:+`
    Alternative {
        /// Whether the colon was there.
        colon: bool,
        /// Taken if the variable is set.
        word: Vec<Part>,
    },
    /// `?` or `:?`
    Required {
        /// Whether the colon was there.
        colon: bool,
        /// The message if the variable is unset.
        word: Vec<Part>,
    },
    /// `#` or `##`
    RemovePrefix {
        /// `##`: the longest match. If this is false and the expanded pattern begins with `#`, BuildKit takes that
        /// off and is greedy all the same.
        greedy: bool,
        /// The pattern, to be expanded; escapes are still in it.
        pattern: Vec<Part>,
    },
    /// `%` or `%%`
    RemoveSuffix {
        /// `%%`: the longest match. If this is false and the expanded pattern begins with `%`, BuildKit takes that
        /// off and is greedy all the same.
        greedy: bool,
        /// The pattern, to be expanded; escapes are still in it.
        pattern: Vec<Part>,
    },
    /// `/` or `//`
    Replace {
        /// `//`: every match.
        all: bool,
        /// The pattern, to be expanded; escapes are still in it.
        pattern: Vec<Part>,
        /// What to put in its place, to be expanded; escapes are still in it.
        replacement: Vec<Part>,
    },
}
