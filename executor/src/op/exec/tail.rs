//! [`Tail`]: the last lines a command wrote, for the error.

use std::collections::VecDeque;

const MAX_LINES: usize = 20;
const MAX_LINE: usize = 4096;

/// The last lines a command wrote; bounded, whatever the command writes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    /// A line that is not at its end.
    open: Vec<u8>,
}

impl Tail {
    /// Takes what was written.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = MAX_LINE.saturating_sub(self.open.len());
            self.open.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let line = String::from_utf8_lossy(&self.open).trim_end().to_owned();
        self.open.clear();
        self.lines.push_back(line);
        if self.lines.len() > MAX_LINES {
            self.lines.pop_front();
        }
    }

    /// The lines, oldest first.
    pub(super) fn into_lines(mut self) -> Vec<String> {
        if !self.open.is_empty() {
            self.close();
        }
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_whole() {
        let mut tail = Tail::default();
        for number in 0..30 {
            tail.add(b"li");
            tail.add(format!("ne {number}\r\n").as_bytes());
        }
        tail.add(b"open");
        let lines = tail.into_lines();
        assert_eq!(lines.len(), 20);
        assert_eq!((lines[0].as_str(), lines[19].as_str()), ("line 11", "open"));
    }

    #[test]
    fn long_lines_are_cut() {
        let mut tail = Tail::default();
        tail.add(&[b'x'; 100_000]);
        assert_eq!(tail.into_lines(), ["x".repeat(MAX_LINE)]);
    }
}
