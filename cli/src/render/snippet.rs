//! Makes text of unknown origin fit for a terminal: a Dockerfile may be of one endless line, or no text at all, and
//! what it holds must neither fill the screen nor steer the terminal.

use std::ops::Range;

/// How much of a line is shown, in bytes, unless a label lies behind.
const LINE: usize = 200;
/// How much of a label is underlined, in bytes.
const LABEL: usize = 120;
/// How much of a message is shown, in characters: this much of its beginning...
const HEAD: usize = 600;
/// ... and of its end.
const TAIL: usize = 200;

/// A source with its long lines cut, and the ranges of labels in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    pub(super) text: String,
    pub(super) ranges: Vec<Range<usize>>,
}

impl Snippet {
    /// `ranges` are in `text`, and none goes over a line end.
    pub(super) fn new(text: &str, ranges: Vec<Range<usize>>) -> Snippet {
        let mut snippet = Snippet { text: String::with_capacity(text.len()), ranges };
        let given = snippet.ranges.clone();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            let mut keep = LINE;
            let moved = snippet.text.len();
            for (range, given) in snippet.ranges.iter_mut().zip(&given) {
                // The last line has the label at the very end of the text, too.
                let last = end == text.len() && given.start == end;
                if (start..end).contains(&given.start) || last {
                    let length = floor(text, given.start, given.len().min(LABEL));
                    *range = given.start - start + moved..given.start - start + moved + length;
                    keep = keep.max(given.start - start + length);
                }
            }
            push_line(&mut snippet.text, line, keep);
            start = end;
        }
        snippet
    }
}

/// The longest length up to `length` that ends between characters.
fn floor(text: &str, start: usize, mut length: usize) -> usize {
    while length > 0 && !text.is_char_boundary(start + length) {
        length -= 1;
    }
    length
}

/// Adds the first `keep` bytes of a line. No character changes its length: labels stay where they are.
fn push_line(to: &mut String, line: &str, keep: usize) {
    let body = line.trim_end_matches(['\n', '\r']);
    let kept = floor(body, 0, keep.min(body.len()));
    to.extend(body[..kept].chars().map(|char| match (tame(char), char.len_utf8()) {
        (true, _) => char,
        (false, 1) => '?',
        (false, 2) => '·',
        (false, _) => char::REPLACEMENT_CHARACTER,
    }));
    if kept < body.len() {
        to.push('…');
    }
    to.push_str(&line[body.len()..]);
}

/// A message or a help, with the middle left out if it is endless.
pub(super) fn message(text: &str) -> String {
    let tamed = |char| if tame(char) || char == '\n' { char } else { char::REPLACEMENT_CHARACTER };
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return text.chars().map(tamed).collect();
    }
    let head: String = text.chars().take(HEAD).map(tamed).collect();
    let tail: String = text.chars().skip(count - TAIL).map(tamed).collect();
    format!("{head} … {tail}")
}

/// Whether a terminal merely shows it: no control character, and nothing that turns the direction of writing.
fn tame(char: char) -> bool {
    let turns = matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    char == '\t' || !(char.is_control() || turns || char == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, range: Range<usize>) -> (String, String) {
        let snippet = Snippet::new(text, vec![range]);
        (snippet.text[snippet.ranges[0].clone()].to_owned(), snippet.text)
    }

    #[test]
    fn long_lines_are_cut_and_labels_move_along() {
        let text = format!("FROM a\nRUN {}\nCOPPY ä b\n", "x".repeat(70_000));
        let at = text.find("COPPY").unwrap();
        let (word, cut) = shown(&text, at..at + 5);
        assert_eq!(word, "COPPY");
        assert!(cut.len() < 300 && cut.contains("x…\n"), "{cut}");
        let (word, cut) = shown(&text, 7..text.len() - 11);
        assert!(word.starts_with("RUN xx") && word.len() == 120 && cut.len() < 300);
    }

    #[test]
    fn a_label_far_out_is_shown() {
        let text = format!("COPY {} --frm=x y", "é".repeat(400));
        let at = text.find("frm").unwrap();
        assert_eq!(shown(&text, at..at + 3).0, "frm");
        assert_eq!(shown(&text, text.len()..text.len()).0, "");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let text = "FROM a\r\nR\x1b[31mN \u{9b}x\u{202e}y\r\n";
        let (word, shown) = shown(text, 8..9);
        assert_eq!((word.as_str(), shown.len()), ("R", text.len()));
        assert_eq!(shown, "FROM a\r\nR?[31mN ·x�y\r\n");
        assert_eq!(message("a\x1bb\nc"), "a�b\nc");
        assert!(message(&"x".repeat(100_000)).len() < 900);
    }
}
