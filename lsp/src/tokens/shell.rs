//! What a shell command says: quotes, operators, variables, a comment. As much of a shell as colors need.

use std::ops::Range;

use super::{Canvas, Kind};

/// Paints a command. Comments between its lines are no part of it.
pub(super) fn paint(canvas: &mut Canvas<'_>, range: Range<usize>) {
    let text = canvas.text;
    let Some(command) = text.get(range.clone()) else { return };
    let bytes = command.as_bytes();
    let offset = range.start;
    let mut at = 0;
    let mut is_start = true;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'\n' => {
                at = behind_comments(bytes, at + 1);
                continue;
            }
            b'\\' | b'`' => at + 2,
            b'\'' => closing(bytes, at, b'\''),
            b'"' => closing(bytes, at, b'"'),
            b'$' => variable(bytes, at),
            b'#' if is_start => bytes.len(),
            b'&' | b'|' | b';' | b'<' | b'>' => {
                let is_operator = |byte: &&u8| matches!(**byte, b'&' | b'|' | b';' | b'<' | b'>');
                at + bytes[at..].iter().take_while(is_operator).count()
            }
            _ => at + 1,
        };
        let end = end.min(bytes.len());
        let kind = match bytes[at] {
            b'\'' | b'"' => Some(Kind::Text),
            b'$' if end > at + 1 => Some(Kind::Variable),
            b'#' if is_start => Some(Kind::Comment),
            b'&' | b'|' | b';' | b'<' | b'>' => Some(Kind::Operator),
            _ => None,
        };
        if let Some(kind) = kind {
            canvas.paint_plain(offset + at..offset + end, kind);
        }
        if bytes[at] == b'"' {
            inside(canvas, &bytes[at..end], offset + at);
        }
        is_start = matches!(bytes[at], b' ' | b'\t' | b'&' | b'|' | b';' | b'(');
        at = end;
    }
}

/// The variables in double quotes.
fn inside(canvas: &mut Canvas<'_>, quoted: &[u8], offset: usize) {
    let mut at = 0;
    while at < quoted.len() {
        let end = match quoted[at] {
            b'\\' => at + 2,
            b'$' => variable(quoted, at),
            _ => at + 1,
        };
        if quoted[at] == b'$' && end > at + 1 {
            canvas.paint_plain(offset + at..offset + end.min(quoted.len()), Kind::Variable);
        }
        at = end;
    }
}

/// Behind the quote that ends what begins at `at`.
fn closing(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != quote {
        end += if bytes[end] == b'\\' && quote == b'"' { 2 } else { 1 };
    }
    end + 1
}

/// Behind `$NAME` or `${NAME}`; of `${NAME:-word}` behind the name. Right behind the `$` if no name follows.
fn variable(bytes: &[u8], at: usize) -> usize {
    let braced = bytes.get(at + 1) == Some(&b'{');
    let start = at + 1 + usize::from(braced);
    let rest = bytes.get(start..).unwrap_or_default();
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let length = rest.iter().take_while(is_name).count();
    if length == 0 {
        return at + 1;
    }
    let closed = braced && rest.get(length) == Some(&b'}');
    start + length + usize::from(closed)
}

/// The end of lines that are comments.
fn behind_comments(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = &bytes[at.min(bytes.len())..];
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if rest.get(blanks) != Some(&b'#') {
            return at;
        }
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => at += end + 1,
            None => return bytes.len(),
        }
    }
}
