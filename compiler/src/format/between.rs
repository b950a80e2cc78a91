//! What stands between statements: comments, which stay, and empty lines, of which there are at most two in a row.
//! Comments may also say what is not to be formatted.

/// How many empty lines in a row stay.
const MAX_EMPTY: usize = 2;

/// Whether what follows is to be formatted, as comments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Formatted.
    On,
    /// As it is, up to `# fmt: on`.
    Off,
    /// One statement as it is.
    Skip,
}

impl Wish {
    /// What holds behind the lines between two statements.
    pub(super) fn behind(self, text: &str) -> Wish {
        let before = if self == Wish::Off { Wish::Off } else { Wish::On };
        text.lines().fold(before, |wish, line| match (line.trim(), wish) {
            ("# fmt: off", _) => Wish::Off,
            ("# fmt: on", _) => Wish::On,
            ("# fmt: skip", Wish::On) => Wish::Skip,
            _ => wish,
        })
    }
}

/// Formats the lines before a statement. Empty lines at the top of the file go, unless a comment follows: it would
/// become a parser directive if it looks like one.
pub(super) fn lines(text: &str, eol: &str, at_top: bool) -> String {
    if at_top && text.trim().is_empty() { String::new() } else { limited(text, eol) }
}

/// Formats the lines behind the last statement.
pub(super) fn last(text: &str, eol: &str) -> String {
    let comments = text.trim_end();
    if comments.is_empty() {
        return String::new();
    }
    // The blanks at the end of the last comment are its own.
    let line = text[comments.len()..].find('\n').map_or(text.len(), |end| comments.len() + end + 1);
    limited(&text[..line], eol)
}

fn limited(text: &str, eol: &str) -> String {
    let mut out = String::with_capacity(text.len() + eol.len());
    let mut empty = 0;
    for line in text.split_inclusive('\n') {
        let line = line.trim_end_matches(['\r', '\n']);
        let is_empty = line.trim().is_empty();
        empty = if is_empty { empty + 1 } else { 0 };
        if empty <= MAX_EMPTY {
            out.push_str(if is_empty { "" } else { line });
            out.push_str(eol);
        }
    }
    out
}
