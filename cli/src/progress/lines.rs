//! Bytes of a command to lines for people: split at line ends, what the last `\r` overwrote is gone, control
//! sequences that would move the cursor are taken out.

/// Collects bytes of one item and gives whole lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

/// A line without an end is given out when it is this long.
const MAX_LINE: usize = 16 * 1024;

impl Lines {
    /// Takes bytes; gives the lines that are complete now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.rest.len() > MAX_LINE {
                lines.extend(self.take());
            }
        }
        lines
    }

    /// What is left when nothing more comes.
    pub(super) fn take(&mut self) -> Option<String> {
        if self.rest.is_empty() {
            return None;
        }
        let line = clean(&String::from_utf8_lossy(&self.rest));
        self.rest.clear();
        Some(line)
    }

    /// The line that is not over yet, such as a progress bar redrawn by `\r`.
    pub(super) fn current(&self) -> Option<String> {
        let line = clean(&String::from_utf8_lossy(&self.rest));
        (!line.is_empty()).then_some(line)
    }
}

/// One line as it would be read on a terminal, colors kept.
fn clean(line: &str) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    let line = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    let mut colored = false;
    while let Some(c) = chars.next() {
        match c {
            '\x1b' if chars.peek() == Some(&'[') => {
                chars.next();
                let mut sequence = String::from("\x1b[");
                for c in chars.by_ref() {
                    sequence.push(c);
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
                if sequence.ends_with('m') {
                    colored = true;
                    text.push_str(&sequence);
                }
            }
            '\t' => text.push(c),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    if colored {
        text.push_str("\x1b[0m");
    }
    text
}

/// A line without its colors.
pub(super) fn uncolored(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("\x1b[") {
        text.push_str(&rest[..start]);
        rest = rest[start..].split_once('m').map_or("", |(_, behind)| behind);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_whole_lines() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"a\nb"), ["a"]);
        assert_eq!(lines.push(b"c\n\n"), ["bc", ""]);
        assert_eq!(lines.take(), None);
        lines.push(b"rest");
        assert_eq!(lines.take().as_deref(), Some("rest"));
    }

    #[test]
    fn keeps_colors_and_nothing_that_moves() {
        assert_eq!(clean("10%\r50%\r100%\r\n"), "100%");
        assert_eq!(clean("\x1b[2K\x1b[1Aup\x07"), "up");
        assert_eq!(clean("\x1b[31mred"), "\x1b[31mred\x1b[0m");
        assert_eq!(uncolored("\x1b[31mred\x1b[0m!"), "red!");
    }

    #[test]
    fn bounds_a_line() {
        let mut lines = Lines::default();
        let long = vec![b'x'; MAX_LINE + 1];
        assert_eq!(lines.push(&long).len(), 1);
    }
}
