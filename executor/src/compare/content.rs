//! [`ContentDifference`]: where two files begin to differ, as a line of text where they are text.

use std::io::{BufReader, Read};

/// Text that is longer is looked at as bytes.
const MAX_TEXT: usize = 256 << 10;
/// So much of the beginning tells what kind of file it is.
const HEAD: usize = 16;

/// Where two files begin to differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDifference {
    /// The first bytes of the first build's file, by which its format is known.
    pub head: Vec<u8>,
    /// The place.
    pub place: Place,
}

/// A place in two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of text, counted from 1, as it is in both; empty where one has ended.
    Line(usize, String, String),
    /// A byte, counted from 0.
    Byte(u64),
}

/// Reads both until they differ.
pub(super) fn difference(one: impl Read, two: impl Read) -> ContentDifference {
    let (mut one, mut two) = (Beginning::new(one), Beginning::new(two));
    let mut offset: u64 = 0;
    let differ = loop {
        match (one.next(), two.next()) {
            (None, None) => break None,
            (a, b) if a != b => break Some(offset),
            (_, _) => offset += 1,
        }
    };
    let head = one.seen.iter().take(HEAD).copied().collect();
    let offset = differ.unwrap_or(offset);
    let place = match (one.text(), two.text()) {
        (Some(a), Some(b)) => line(&a, &b).unwrap_or(Place::Byte(offset)),
        (_, _) => Place::Byte(offset),
    };
    ContentDifference { head, place }
}

/// A file that is read byte by byte, and remembered as long as it is short.
struct Beginning<R> {
    from: std::io::Bytes<BufReader<R>>,
    seen: Vec<u8>,
}

impl<R: Read> Beginning<R> {
    fn new(from: R) -> Self {
        Self { from: BufReader::with_capacity(64 << 10, from).bytes(), seen: Vec::new() }
    }

    /// What cannot be read counts as the end.
    fn next(&mut self) -> Option<u8> {
        let byte = self.from.next()?.ok()?;
        if self.seen.len() <= MAX_TEXT {
            self.seen.push(byte);
        }
        Some(byte)
    }

    /// The whole of it, if it is short and text.
    fn text(mut self) -> Option<String> {
        while self.seen.len() <= MAX_TEXT && self.next().is_some() {}
        if self.seen.len() > MAX_TEXT || self.seen.contains(&0) {
            return None;
        }
        String::from_utf8(self.seen).ok()
    }
}

fn line(one: &str, two: &str) -> Option<Place> {
    let (mut a, mut b) = (one.split_inclusive('\n'), two.split_inclusive('\n'));
    for number in 1.. {
        match (a.next(), b.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let text = |line: Option<&str>| line.unwrap_or_default().trim_end().to_owned();
                return Some(Place::Line(number, text(a), text(b)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(one: &[u8], two: &[u8]) -> Place {
        difference(one, two).place
    }

    #[test]
    fn text_differs_in_a_line() {
        let found = place(b"same\nbuilt at 1\nend\n", b"same\nbuilt at 2\nend\n");
        assert_eq!(found, Place::Line(2, "built at 1".into(), "built at 2".into()));
        assert_eq!(place(b"a\n", b"a\nb\n"), Place::Line(2, String::new(), "b".into()));
    }

    #[test]
    fn bytes_differ_at_an_offset() {
        assert_eq!(place(b"\0\x01\x02", b"\0\x01\x03"), Place::Byte(2));
        assert_eq!(place(b"\0\x01", b"\0\x01\x03"), Place::Byte(2));
        assert_eq!(difference(&b"\x1f\x8b\x08"[..], &b"\x1f\x8b\x09"[..]).head, b"\x1f\x8b\x08");
        let long = vec![b'x'; MAX_TEXT + 10];
        let mut other = long.clone();
        other[MAX_TEXT + 5] = b'y';
        assert_eq!(place(&long, &other), Place::Byte(MAX_TEXT as u64 + 5));
    }
}
