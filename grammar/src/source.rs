//! Sources and places in them: [`SourceFile`], [`Span`], [`LineIndex`].

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Says which source a span is in: the Dockerfile itself, or the text of an ONBUILD trigger of a base image.
///
/// Ids are given out by whoever collects the sources (see `compiler::World`); the Dockerfile is always
/// [`SourceId::MAIN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

impl SourceId {
    /// The Dockerfile that is built.
    pub const MAIN: SourceId = SourceId(0);
}

/// A byte range of a source. Invariants: `start <= end`, and both lie on char boundaries of that source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The source the offsets count in.
    pub source: SourceId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// Makes a span in the main source.
    pub fn new(start: usize, end: usize) -> Span {
        Span::in_source(SourceId::MAIN, start, end)
    }

    /// Makes a span in a source. Offsets beyond 4 GiB cannot occur: sources are bounded in size.
    pub fn in_source(source: SourceId, start: usize, end: usize) -> Span {
        debug_assert!(start <= end, "a span does not end before it starts");
        Span { source, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both. Both must be of one source.
    pub fn to(self, other: Span) -> Span {
        Span {
            source: self.source,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The offsets as a range for slicing the source's text.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether the span covers nothing.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source != SourceId::MAIN {
            write!(f, "{}:", self.source.0)?;
        }
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A value and the place it was written at.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T: fmt::Debug> fmt::Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.value, self.span)
    }
}

impl<T> Spanned<T> {
    /// Puts a value at a place.
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

/// A text with a name, and the index of its lines. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceFile {
    id: SourceId,
    name: Arc<str>,
    text: Arc<str>,
    lines: Arc<LineIndex>,
    /// Whether some of the text stands for bytes that are no UTF-8.
    mended: bool,
}

impl SourceFile {
    /// Takes the Dockerfile's text; `name` is what messages call it (the path as the user gave it).
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceFile {
        SourceFile::with_id(SourceId::MAIN, name, text)
    }

    /// Takes the text of a further source, such as an ONBUILD trigger.
    pub fn with_id(
        id: SourceId,
        name: impl Into<Arc<str>>,
        text: impl Into<Arc<str>>,
    ) -> SourceFile {
        let text = text.into();
        let lines = Arc::new(LineIndex::new(&text));
        SourceFile { id, name: name.into(), lines, text, mended: false }
    }

    /// Takes the Dockerfile's bytes. What is no UTF-8 becomes U+FFFD, one for each bad sequence, and spans count in the
    /// text that results; see [`SourceFile::is_mended`].
    pub fn from_bytes(name: impl Into<Arc<str>>, bytes: &[u8]) -> SourceFile {
        match std::str::from_utf8(bytes) {
            Ok(text) => SourceFile::new(name, text),
            Err(_) => {
                SourceFile { mended: true, ..SourceFile::new(name, String::from_utf8_lossy(bytes)) }
            }
        }
    }

    /// The id that spans of this source carry.
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// What messages call this source.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether some U+FFFD in the text stands for bytes that are no UTF-8. Comments and labels may hold such; what is
    /// run or copied may not, as in BuildKit.
    pub fn is_mended(&self) -> bool {
        self.mended
    }

    /// The text a span of this source covers.
    pub fn slice(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// Where the lines begin.
    pub fn lines(&self) -> &LineIndex {
        &self.lines
    }
}

/// Offsets of line starts. Lines and columns count from 1; columns count characters (Unicode scalar values).
#[derive(Debug, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    /// Indexes a text. Lines end at `\n`.
    pub fn new(text: &str) -> LineIndex {
        let mut starts = Vec::with_capacity(text.len() / 32 + 2);
        starts.push(0);
        starts.extend(text.match_indices('\n').map(|(i, _)| i as u32 + 1));
        LineIndex { starts }
    }

    /// The line (from 1) that a byte offset is on.
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|start| *start <= offset) as u32
    }

    /// The offset at which a line (from 1) starts; `None` behind the last line.
    pub fn start(&self, line: u32) -> Option<u32> {
        self.starts.get(line.checked_sub(1)? as usize).copied()
    }

    /// Line and column (both from 1, the column in characters) of a byte offset in `text`.
    pub fn position(&self, text: &str, offset: u32) -> (u32, u32) {
        let line = self.line(offset);
        let start = self.starts[line as usize - 1] as usize;
        (line, text[start..offset as usize].chars().count() as u32 + 1)
    }

    /// How many lines there are; a text that ends in `\n` has an empty last line.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Never: even an empty text has one line.
    pub fn is_empty(&self) -> bool {
        false
    }
}
