//! [`apply`]: the edits of several findings in one text.

use grammar::{Fix, SourceId};

/// A text with fixes done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The new text.
    pub text: String,
    /// Which of the fixes were done, by their position.
    pub done: Vec<usize>,
}

/// Does fixes, each wholly or not at all: one that touches what an earlier one changes is left out, as is one whose edits
/// are not in the file itself.
pub fn apply<'f>(text: &str, fixes: impl IntoIterator<Item = &'f Fix>) -> Fixed {
    let mut edits: Vec<(usize, usize, &str)> = Vec::new();
    let mut done = Vec::new();
    for (position, fix) in fixes.into_iter().enumerate() {
        let own: Option<Vec<_>> = fix
            .edits
            .iter()
            .map(|(span, new)| {
                let range = span.range();
                let fits = span.source == SourceId::MAIN && text.get(range.clone()).is_some();
                fits.then_some((range.start, range.end, new.as_str()))
            })
            .collect();
        let Some(mut own) = own.filter(|own| !own.is_empty()) else { continue };
        own.sort_unstable();
        let apart = |a: &(usize, usize, &str), b: &(usize, usize, &str)| {
            // Two insertions at one place have no order, either.
            (a.1 <= b.0 || b.1 <= a.0) && a.0 != b.0
        };
        let is_sound = own.windows(2).all(|pair| apart(&pair[0], &pair[1]));
        if !is_sound || own.iter().any(|new| edits.iter().any(|old| !apart(new, old))) {
            continue;
        }
        edits.extend(own);
        done.push(position);
    }
    edits.sort_unstable();
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, new) in edits {
        result.push_str(&text[at..start]);
        result.push_str(new);
        at = end;
    }
    result.push_str(&text[at..]);
    Fixed { text: result, done }
}

#[cfg(test)]
mod tests {
    use grammar::Span;

    use super::*;

    fn fix(edits: &[(usize, usize, &str)]) -> Fix {
        let edit =
            |(start, end, new): &(usize, usize, &str)| (Span::new(*start, *end), (*new).into());
        Fix { title: String::new(), edits: edits.iter().map(edit).collect(), is_safe: true }
    }

    #[test]
    fn what_overlaps_waits() {
        let fixes = [
            fix(&[(4, 6, "X"), (0, 1, "Y")]),
            fix(&[(5, 7, "Z")]),
            fix(&[(6, 7, ""), (7, 7, "!")]),
            fix(&[(90, 91, "")]),
            fix(&[(7, 7, "?")]),
        ];
        let fixed = apply("abcdefgh", &fixes);
        assert_eq!((fixed.text.as_str(), fixed.done.as_slice()), ("YbcdX!h", [0, 2].as_slice()));
    }
}
