//! [`Place`]: what is typed before the cursor, read from the text alone, which is in the middle of an edit.

/// The instruction that is being typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'t> {
    /// The words before the one that is being typed, without continuation marks and comments.
    pub(super) words: Vec<&'t str>,
    /// What is typed of the word so far, in one.
    pub(super) word: String,
    /// How much of it is on the cursor's line, in bytes.
    pub(super) here: usize,
}

/// What the cursor's line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'t> {
    /// A comment: what stands before the cursor.
    Comment(&'t str),
    /// An instruction, or nothing yet.
    Instruction(Place<'t>),
}

/// What is being typed at an offset.
pub(super) fn at(text: &str, offset: usize, escape: char) -> Line<'_> {
    let line = line_start(text, offset);
    let current = &text[line..offset];
    if current.trim_start().starts_with('#') {
        return Line::Comment(current);
    }
    // Lines that end in the escape character go on; comments between them are no part of it.
    let mut before = Vec::new();
    let mut start = line;
    while start > 0 {
        let above = line_start(text, start - 1);
        let content = text[above..start].trim_end();
        let is_comment = content.trim_start().starts_with('#');
        if !is_comment && !content.ends_with(escape) {
            break;
        }
        before.push(if is_comment { "" } else { &content[..content.len() - escape.len_utf8()] });
        start = above;
    }
    before.reverse();
    // Comments above the instruction say nothing of it, nor do those that only stand between.
    let mut words: Vec<&str> = Vec::new();
    let mut open = String::new();
    for part in before.iter().filter(|part| !part.is_empty()) {
        if part.starts_with(char::is_whitespace) {
            open.clear();
        }
        words.extend(part.split_whitespace());
        if !part.ends_with(char::is_whitespace)
            && let Some(last) = words.last()
        {
            open = format!("{open}{last}");
        }
        if part.ends_with(char::is_whitespace) {
            open.clear();
        }
    }
    let word = current.rsplit(char::is_whitespace).next().unwrap_or_default();
    let is_first = word.len() == current.len();
    if is_first && !open.is_empty() {
        words.pop();
    } else {
        open.clear();
    }
    words.extend(current[..current.len() - word.len()].split_whitespace());
    Line::Instruction(Place { words, word: format!("{open}{word}"), here: word.len() })
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> (Vec<&str>, String) {
        match at(text, text.len(), '\\') {
            Line::Instruction(place) => (place.words, place.word),
            Line::Comment(text) => (Vec::new(), text.to_owned()),
        }
    }

    #[test]
    fn lines_go_on() {
        assert_eq!(place("FROM a\nRUN x \\\n  # c\n  y z"), (vec!["RUN", "x", "y"], "z".into()));
        assert_eq!(
            place("RUN --mount=type=cache,\\\nsh"),
            (vec!["RUN"], "--mount=type=cache,sh".into())
        );
        assert_eq!(place("RUN --mount=a \\\n  b"), (vec!["RUN", "--mount=a"], "b".into()));
        assert_eq!(place("# check=skip=A\nCO"), (vec![], "CO".into()));
        assert_eq!(place("FROM a\n# check=sk"), (vec![], "# check=sk".into()));
        assert_eq!(place(""), (vec![], String::new()));
        assert_eq!(place("FROM a\r\nCOPY \\\r\n  b"), (vec!["COPY"], "b".into()));
    }
}
