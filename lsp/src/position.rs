//! Positions of the protocol to byte offsets and back, in the encoding that was agreed on.
//!
//! The protocol ends lines at `\n`, `\r\n` and a lone `\r`, unlike the grammar, and counts from 0.

use grammar::Span;
use lsp_types::{Position, PositionEncodingKind, Range};

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
    Utf32,
}

impl Encoding {
    /// The best that the client offers: bytes if it can, else what every client can.
    pub(crate) fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Encoding {
        let offers = |kind| offered.is_some_and(|offered| offered.contains(&kind));
        if offers(PositionEncodingKind::UTF8) {
            Encoding::Utf8
        } else if offers(PositionEncodingKind::UTF16) || offered.is_none_or(<[_]>::is_empty) {
            Encoding::Utf16
        } else if offers(PositionEncodingKind::UTF32) {
            Encoding::Utf32
        } else {
            Encoding::Utf16
        }
    }

    /// The protocol's name for it.
    pub(crate) fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    /// How many columns a text takes.
    pub(crate) fn width(self, text: &str) -> u32 {
        let width = match self {
            Encoding::Utf8 => text.len(),
            _ if text.is_ascii() => text.len(),
            Encoding::Utf16 => text.chars().map(char::len_utf16).sum(),
            Encoding::Utf32 => text.chars().count(),
        };
        u32::try_from(width).unwrap_or(u32::MAX)
    }

    /// The offset of a column in a line; a column inside a character or behind the end comes before it.
    fn offset(self, line: &str, column: u32) -> usize {
        let mut at = 0;
        for (offset, c) in line.char_indices() {
            let width = match self {
                Encoding::Utf8 => c.len_utf8(),
                Encoding::Utf16 => c.len_utf16(),
                Encoding::Utf32 => 1,
            };
            at += u32::try_from(width).expect("at most 4");
            if at > column {
                return offset;
            }
        }
        line.len()
    }
}

/// Where the lines of a text begin.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<u32>,
    encoding: Encoding,
}

impl Lines {
    /// Finds the lines of a text.
    pub(crate) fn new(text: &str, encoding: Encoding) -> Lines {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
            }
        }
        Lines { starts, encoding }
    }

    /// The byte offset of a position. Behind the end of a line: its end; behind the last line: the end of the text.
    pub(crate) fn offset(&self, text: &str, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize) else { return text.len() };
        let line = self.line(text, *start as usize);
        *start as usize + self.encoding.offset(line, position.character)
    }

    /// The line that begins at an offset, without its end.
    fn line<'t>(&self, text: &'t str, start: usize) -> &'t str {
        let rest = &text[start..];
        &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())]
    }

    /// The position of a byte offset.
    pub(crate) fn position(&self, text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start as usize <= offset) - 1;
        let before = &text[self.starts[line] as usize..offset];
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Position::new(line, self.encoding.width(before))
    }

    /// The range of bytes from `start` to `end`.
    pub(crate) fn range(&self, text: &str, start: usize, end: usize) -> Range {
        Range::new(self.position(text, start), self.position(text, end.max(start)))
    }

    /// The range of a span.
    pub(crate) fn span(&self, text: &str, span: Span) -> Range {
        self.range(text, span.start as usize, span.end as usize)
    }

    /// The byte offsets of a range, in order.
    pub(crate) fn offsets(&self, text: &str, range: Range) -> (usize, usize) {
        let (start, end) = (self.offset(text, range.start), self.offset(text, range.end));
        (start.min(end), start.max(end))
    }

    /// The offsets of the line (from 0) and of its end, without the line break.
    pub(crate) fn bounds(&self, text: &str, line: usize) -> Option<(usize, usize)> {
        let start = *self.starts.get(line)? as usize;
        Some((start, start + self.line(text, start).len()))
    }

    /// What columns count.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = "aé𝄞b\r\nc\rd\n\n";
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            let lines = Lines::new(text, encoding);
            for (offset, c) in text.char_indices().filter(|(_, c)| !"\r\n".contains(*c)) {
                let position = lines.position(text, offset);
                assert_eq!(lines.offset(text, position), offset, "{c} {encoding:?}");
            }
        }
        let lines = Lines::new(text, Encoding::Utf16);
        assert_eq!(lines.position(text, text.find('b').unwrap()), Position::new(0, 4));
        assert_eq!(lines.position(text, text.find('d').unwrap()), Position::new(2, 0));
    }

    #[test]
    fn odd_positions() {
        let text = "a𝄞\r\nxy";
        let lines = Lines::new(text, Encoding::Utf16);
        assert_eq!(lines.offset(text, Position::new(0, 2)), 1, "inside a surrogate pair");
        assert_eq!(lines.offset(text, Position::new(0, 99)), 5, "behind the line");
        assert_eq!(lines.offset(text, Position::new(1, 99)), text.len());
        assert_eq!(lines.offset(text, Position::new(99, 0)), text.len());
        assert_eq!(lines.position(text, 999), Position::new(1, 2));
        assert_eq!(lines.position(text, 3), Position::new(0, 1), "inside a character");
    }

    #[test]
    fn encodings_are_agreed_on() {
        use PositionEncodingKind as Kind;
        assert_eq!(Encoding::negotiate(None), Encoding::Utf16);
        assert_eq!(Encoding::negotiate(Some(&[Kind::UTF16, Kind::UTF8])), Encoding::Utf8);
        assert_eq!(Encoding::negotiate(Some(&[Kind::UTF32])), Encoding::Utf32);
    }
}
