//! Words: unexpanded text that remembers where each of its bytes was written, and the [`Part`]s it is made of.

use crate::source::{Span, Spanned};

/// A piece of unexpanded text. Continuations inside it are already joined, so `text` may be shorter than its span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text: quotes and variables still in it.
    pub text: String,
    /// From its first to its last byte in the source.
    pub span: Span,
    /// Where pieces of `text` stand in the source: (offset in `text`, offset in the source), ascending, one entry
    /// wherever the distance changes. Empty if `text` is the span's text verbatim.
    pub map: Vec<(u32, u32)>,
}

impl Word {
    /// A word whose text stands verbatim in the source.
    pub fn verbatim(text: impl Into<String>, span: Span) -> Word {
        Word { text: text.into(), span, map: Vec::new() }
    }

    /// Where a byte range of `text` was written.
    pub fn span_of(&self, start: usize, end: usize) -> Span {
        let at = |offset: usize| -> usize {
            let found = self.map.partition_point(|(text, _)| *text as usize <= offset);
            match found.checked_sub(1).map(|i| self.map[i]) {
                Some((text, source)) => source as usize + (offset - text as usize),
                None => self.span.start as usize + offset,
            }
        };
        let last = if end > start { at(end - 1) + 1 } else { at(start) };
        Span::in_source(self.span.source, at(start), last.max(at(start)))
    }
}

/// One piece of a word, as expansion sees it (BuildKit: `shell/lex.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stays; quotes and escapes are already taken off. `quoted` says whether it stood in quotes
    /// (quoted text is not split into several words, and an empty quoted text still makes a word).
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
        /// `##`: the longest match.
        greedy: bool,
        /// The pattern, after expansion.
        pattern: Vec<Part>,
    },
    /// `%` or `%%`
    RemoveSuffix {
        /// `%%`: the longest match.
        greedy: bool,
        /// The pattern, after expansion.
        pattern: Vec<Part>,
    },
    /// `/` or `//`
    Replace {
        /// `//`: every match.
        all: bool,
        /// The pattern, after expansion.
        pattern: Vec<Part>,
        /// What to put in its place, after expansion.
        replacement: Vec<Part>,
    },
}
