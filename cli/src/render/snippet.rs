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

/// How far into a line a label may be before the beginning of the line is left out, in bytes.
const FAR: usize = 400;
/// How much of the line is shown before such a label, in bytes.
const LEAD: usize = 80;
/// What stands for what is left out.
const GAP: &str = "…";

/// A source with its long lines cut, and the ranges of labels in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    pub(super) text: String,
    /// None for a label that is in none of what is shown; never for the first.
    pub(super) ranges: Vec<Option<Range<usize>>>,
    /// Lines whose beginning is left out.
    pub(super) cuts: Vec<Cut>,
}

/// A line whose beginning is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where the rest is in the snippet.
    pub(super) line: Range<usize>,
    /// By how many bytes what it holds has moved to the left.
    pub(super) by: usize,
}

impl Snippet {
    /// `ranges` are in `text`, and none goes over a line end. The first is the one that must be seen.
    pub(super) fn new(text: &str, ranges: &[Range<usize>]) -> Snippet {
        let mut snippet = Snippet {
            text: String::with_capacity(text.len().min(1 << 16)),
            ranges: vec![None; ranges.len()],
            cuts: Vec::new(),
        };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            // The last line has the label at the very end of the text, too.
            let is_here = |range: &Range<usize>| {
                (start..end).contains(&range.start) || (end == text.len() && range.start == end)
            };
            let moved = snippet.text.len();
            let first = ranges.iter().find(|range| is_here(range)).map_or(0, |it| it.start - start);
            let from = if first > FAR { floor(line, 0, first - LEAD) } else { 0 };
            let lead = if from > 0 { GAP.len() } else { 0 };
            let mut keep = LINE;
            for (range, kept) in ranges.iter().zip(&mut snippet.ranges) {
                if is_here(range) && (from..=from + FAR).contains(&(range.start - start)) {
                    let length = floor(text, range.start, range.len().min(LABEL));
                    let at = range.start - start - from;
                    *kept = Some(moved + lead + at..moved + lead + at + length);
                    keep = keep.max(at + length);
                }
            }
            if from > 0 {
                snippet.text.push_str(GAP);
            }
            push_line(&mut snippet.text, &line[from..], keep);
            if from > 0 {
                let line = moved..snippet.text.len();
                snippet.cuts.push(Cut { line, by: from - lead });
            }
            start = end;
        }
        if text.is_empty() {
            snippet.ranges.fill(Some(0..0));
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
        to.push_str(GAP);
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
        let snippet = Snippet::new(text, &[range]);
        let range = snippet.ranges[0].clone().unwrap();
        (snippet.text[range].to_owned(), snippet.text)
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
    fn of_an_endless_line_what_is_around_the_label_is_shown() {
        let text = format!("FROM a\nCOPY {} --frm=x {}\n", "é".repeat(1 << 20), "z".repeat(9999));
        let at = text.find("frm").unwrap();
        let snippet = Snippet::new(&text, &[at..at + 3, 7..11]);
        let shown = snippet.ranges[0].clone().unwrap();
        assert_eq!(&snippet.text[shown.clone()], "frm");
        assert_eq!(snippet.ranges[1], None);
        assert!(snippet.text.len() < 500, "{}", snippet.text);
        let [cut] = snippet.cuts.as_slice() else { panic!("{:?}", snippet.cuts) };
        let column = shown.start - cut.line.start + cut.by;
        assert_eq!(column, at - "FROM a\n".len());
        // The end of the text is a place, too.
        let last = text.len() - 1;
        let end = Snippet::new(&text[..last], std::slice::from_ref(&(last..last)));
        assert!(end.ranges[0].is_some() && end.text.len() < 500);
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
