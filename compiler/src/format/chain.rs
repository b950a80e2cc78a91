//! Long chains of commands, broken before `&&`.
//!
//! The blanks of a command belong to its text: a break takes the place of none of them. So the blank before `&&` goes to
//! the next line, as its indentation; where there are several, one stays.

/// Breaks the lines of a shell command that are too wide. `before` is how many characters stand before its first line.
pub(super) fn broken(text: &str, before: usize, width: usize, escape: char) -> String {
    let places = places(text, escape);
    let mut out = String::with_capacity(text.len() + 2 * places.len());
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let first = if start == 0 { before } else { 0 };
        let is_wide = first + line.trim_end_matches('\n').chars().count() > width;
        let mut from = start;
        for place in places.iter().filter(|place| (start..start + line.len()).contains(place)) {
            let head = text[start..*place].trim_end_matches([' ', '\t']);
            if !is_wide || head.trim().is_empty() || head.ends_with(escape) {
                continue;
            }
            let blanks = start + head.len();
            // One of several blanks stays on the line, for the eye.
            let cut = if place - blanks > 1 { blanks + 1 } else { blanks };
            if cut < *place {
                out.push_str(&text[from..cut]);
                out.push(escape);
                out.push('\n');
                from = cut;
            }
        }
        out.push_str(&text[from..start + line.len()]);
        start += line.len();
    }
    out
}

/// Lets continuation lines without indentation have the blanks that stand before the break above them, but for one if
/// there are several.
pub(super) fn indented(text: &str, escape: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let Some(next) = lines.peek() else {
            out.push_str(line);
            break;
        };
        let head = line.strip_suffix(escape).unwrap_or_default();
        let kept = head.trim_end_matches([' ', '\t']);
        let blanks = head.len() - kept.len();
        let bare = !next.starts_with([' ', '\t', '#']) && !next.starts_with(escape);
        let stays_as_it_is = line.trim_start().starts_with('#')
            || !bare
            || blanks == 0
            || kept.trim().is_empty()
            || kept.ends_with(escape);
        if stays_as_it_is {
            out.push_str(line);
            out.push('\n');
        } else {
            let stays = usize::from(blanks > 1);
            out.push_str(&head[..kept.len() + stays]);
            out.push(escape);
            out.push('\n');
            out.push_str(&head[kept.len() + stays..]);
        }
    }
    out
}

/// Where `&&` stands outside quotes and parentheses; nowhere if a quote does not end.
fn places(text: &str, escape: char) -> Vec<usize> {
    let mut places = Vec::new();
    let mut quote = None;
    let mut depth = 0_usize;
    let mut at = 0;
    let mut is_line_start = false;
    while let Some(c) = text[at..].chars().next() {
        if is_line_start {
            is_line_start = false;
            let line = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
            if text[at..line].trim_start().starts_with('#') {
                at = line;
                is_line_start = true;
                continue;
            }
        }
        let next = at + c.len_utf8();
        if c == escape && text[next..].starts_with('\n') {
            at = next + 1;
            is_line_start = true;
            continue;
        }
        match (quote, c) {
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                let escaped = text[next..].chars().next().filter(|c| *c != '\n');
                at = next + escaped.map_or(0, char::len_utf8);
                continue;
            }
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '`') if escape != '`' => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, '&') if depth == 0 && text[next..].starts_with('&') => {
                places.push(at);
                at = next + 1;
                continue;
            }
            (None, _) => {}
        }
        at = next;
    }
    if quote.is_some() {
        places.clear();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_keep_their_text() {
        let wide = |text: &str| broken(text, 0, 5, '\\');
        assert_eq!(wide("a && b && c"), "a\\\n && b\\\n && c");
        assert_eq!(wide("a  &&   b"), "a \\\n &&   b");
        assert_eq!(wide("a&&b && (c && d)"), "a&&b\\\n && (c && d)");
        assert_eq!(wide("echo 'a && b' \"c && d\""), "echo 'a && b' \"c && d\"");
        assert_eq!(wide("don't && b"), "don't && b");
        assert_eq!(wide("a\\\\ && b"), "a\\\\ && b");
        assert_eq!(broken("a && b", 0, 6, '\\'), "a && b");
        assert_eq!(broken("a && b", 1, 6, '\\'), "a\\\n && b");
        assert_eq!(broken("abc && d", 0, 6, '`'), "abc`\n && d");
    }

    #[test]
    fn bare_lines_get_the_blanks_before_them() {
        assert_eq!(indented("a && \\\nb", '\\'), "a &&\\\n b");
        assert_eq!(indented("a   \\\nb", '\\'), "a \\\n  b");
        assert_eq!(indented("a\\\nb", '\\'), "a\\\nb");
        assert_eq!(indented("a \\\n# c\nb", '\\'), "a \\\n# c\nb");
        assert_eq!(indented("a \\\n  b", '\\'), "a \\\n  b");
    }
}
