//! Puts a word together from pieces that stand at different places.

use std::ops::Range;

use crate::source::{SourceId, Span};
use crate::word::{IN_ONE, Word};

/// A word in the making. Pieces come in the order of the source.
#[derive(Debug)]
pub(crate) struct WordBuilder {
    source: SourceId,
    text: String,
    map: Vec<(u32, u32)>,
    span: Range<usize>,
    /// Whether some piece is written in another way than it reads, so that offsets inside it mean nothing.
    opaque: bool,
}

impl WordBuilder {
    /// A word that begins at an offset of a source.
    pub(crate) fn new(source: SourceId, start: usize) -> WordBuilder {
        let span = start..start;
        WordBuilder { source, text: String::new(), map: Vec::new(), span, opaque: false }
    }

    /// Adds text that stands verbatim at an offset.
    pub(crate) fn verbatim(&mut self, text: &str, start: usize) {
        self.written_as(text, start..start + text.len());
    }

    /// Adds text that is written at a range, perhaps in another way (`\n`).
    pub(crate) fn written_as(&mut self, text: &str, range: Range<usize>) {
        let continues = match self.map.last() {
            Some((at, source)) => {
                self.span.end == range.start
                    && self.text.len() - *at as usize == range.start - *source as usize
            }
            None => false,
        };
        if !continues {
            self.map.push((self.text.len() as u32, range.start as u32));
        }
        if self.text.is_empty() {
            self.span.start = range.start;
        }
        self.opaque |= range.len() < text.len();
        self.text.push_str(text);
        self.span.end = range.end;
    }

    /// Adds a piece of a word whose text is `map`ped: the pieces of a logical line.
    pub(crate) fn mapped(&mut self, text: &str, map: &[(u32, u32)]) {
        for (i, (start, source)) in map.iter().enumerate() {
            let end = map.get(i + 1).map_or(text.len(), |(next, _)| *next as usize);
            self.verbatim(&text[*start as usize..end], *source as usize);
        }
    }

    /// Adds a word.
    pub(crate) fn word(&mut self, word: &Word) {
        match word.map.as_slice() {
            [] => self.written_as(&word.text, word.span.range()),
            [IN_ONE] => {
                self.written_as(&word.text, word.span.range());
                self.opaque = true;
            }
            map => self.mapped(&word.text, map),
        }
    }

    /// The word.
    pub(crate) fn finish(mut self) -> Word {
        let span = Span::in_source(self.source, self.span.start, self.span.end);
        if self.opaque {
            return Word::in_one(self.text, span);
        }
        if self.map.len() <= 1 && self.text.len() == span.len() {
            self.map.clear();
        }
        Word { text: self.text, span, map: self.map }
    }
}
