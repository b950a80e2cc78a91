//! How deep substitutions nest, known before a recursive parser goes there: a walk that opens and closes what
//! `word.pest` opens and closes.

use pest::unicode::{DECIMAL_NUMBER, LETTER};

use crate::limits::MAX_NESTING;
use crate::word::lex::Mode;

/// What is open at a place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Up to `"`.
    Double,
    /// Up to `}`.
    Brace,
    /// Up to the second `/` of `${x/…/…}`; then up to `}`.
    Slash,
}

/// Where `${` nests too deeply.
pub(super) fn too_deep(text: &str, mode: Mode) -> Option<usize> {
    // Each level needs a `${`.
    text.contains("${")
        .then(|| Walk { text, mode, at: 0, open: Vec::new(), depth: 0 }.run(MAX_NESTING))?
}

struct Walk<'t> {
    text: &'t str,
    mode: Mode,
    at: usize,
    open: Vec<Open>,
    depth: usize,
}

impl Walk<'_> {
    fn run(mut self, limit: usize) -> Option<usize> {
        let escape = self.mode.escape();
        let quotes = matches!(self.mode, Mode::Word(_));
        while let Some(byte) = self.byte(0) {
            let open = self.open.last().copied();
            match byte {
                b'$' => {
                    let start = self.at;
                    self.dollar();
                    if self.depth > limit {
                        return Some(start);
                    }
                    continue;
                }
                byte if byte == escape => self.escaped(open),
                b'"' if open == Some(Open::Double) => self.close(),
                b'"' if quotes => self.open.push(Open::Double),
                b'\'' if quotes && open != Some(Open::Double) => {
                    // One that is not closed takes all the rest.
                    self.at += self.text[self.at + 1..].find('\'')? + 1;
                }
                b'}' if open == Some(Open::Brace) => self.close(),
                b'/' if open == Some(Open::Slash) => {
                    self.open.pop();
                    self.open.push(Open::Brace);
                }
                _ => {}
            }
            self.at += 1;
        }
        None
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn close(&mut self) {
        if let Some(Open::Brace | Open::Slash) = self.open.pop() {
            self.depth -= 1;
        }
    }

    /// Stays at the last byte of what is escaped. What follows the first byte of a longer character means nothing.
    fn escaped(&mut self, open: Option<Open>) {
        let in_double = open == Some(Open::Double);
        let takes = |next: u8| matches!(next, b'"' | b'$') || next == self.mode.escape();
        if self.byte(1).is_some_and(|next| !in_double || takes(next)) {
            self.at += 1;
        }
    }

    /// Goes behind `$`, `$x` or `${x` and its operator.
    fn dollar(&mut self) {
        self.at += 1;
        match self.byte(0) {
            Some(b'{') => self.at += 1,
            Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => {
                self.at += 1;
                return;
            }
            Some(_) | None => return,
        }
        if matches!(self.byte(0), Some(b'{' | b'}' | b':') | None) {
            return;
        }
        self.at += name_length(&self.text[self.at..]);
        let open = match (self.byte(0), self.byte(1)) {
            (Some(b'}'), _) => None,
            (Some(b':'), Some(b'#' | b'%')) => {
                self.at += 1;
                None
            }
            (Some(b':'), _) => {
                self.at += 1;
                Some(Open::Brace)
            }
            (Some(b'+' | b'-' | b'?' | b'#' | b'%'), _) => Some(Open::Brace),
            (Some(b'/'), Some(b'/')) => {
                self.at += 1;
                Some(Open::Slash)
            }
            (Some(b'/'), _) => Some(Open::Slash),
            (Some(_) | None, _) => None,
        };
        // The operator's last character, or one that is none.
        self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        if let Some(open) = open {
            self.open.push(open);
            self.depth += 1;
        }
    }
}

/// How long the name behind `${` is; may be 0.
fn name_length(text: &str) -> usize {
    let is_special = |c: char| "@*#?-$!".contains(c);
    let is_name = |c: char| LETTER(c) || DECIMAL_NUMBER(c) || c == '_';
    let end = |is_in: &dyn Fn(char) -> bool| text.find(|c| !is_in(c)).unwrap_or(text.len());
    match text.chars().next() {
        Some(c) if DECIMAL_NUMBER(c) => end(&DECIMAL_NUMBER),
        Some(c) if is_special(c) => 1,
        Some(c) if LETTER(c) || c == '_' => end(&is_name),
        Some(_) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::lex;

    fn depth(text: &str, mode: Mode) -> usize {
        let deeper = |limit: usize| {
            let walk = Walk { text, mode, at: 0, open: Vec::new(), depth: 0 };
            walk.run(limit).is_some()
        };
        (0..).find(|limit| !deeper(*limit)).expect("a text ends")
    }

    #[test]
    fn depth_is_counted_and_not_occurrences() {
        let many = "${a:-\"x\"}${b:+'}'}${c/\\//\\}}\n".repeat(200);
        for mode in [Mode::Word('\\'), Mode::Body] {
            assert_eq!(depth(&many, mode), 1);
            assert_eq!(too_deep(&many, mode), None);
            assert_eq!(depth(&"${a:-".repeat(7), mode), 7);
            assert_eq!(too_deep(&"${a:-".repeat(101), mode), Some(500));
        }
        assert_eq!(depth("\"${a:-\"${b}\"}\" ${a/}/${b:-}}", Mode::Word('\\')), 2);
        assert_eq!(depth("'${a:-' $${a:- \\${a:-", Mode::Word('\\')), 0);
        assert_eq!(depth("${a:-`${b:-", Mode::Word('`')), 1);
    }

    /// The walk and the grammar agree on any text: what is made of the characters that mean something, at random.
    #[test]
    fn the_walk_goes_where_the_grammar_goes() {
        let alphabet: Vec<char> = "${}:-+?#%/'\"\\`a1_é٣<|".chars().collect();
        let mut state = 1_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..next(24) {
                match next(4) {
                    0 => text.push_str("${a:-"),
                    _ => text.push(alphabet[next(alphabet.len())]),
                }
            }
            for mode in [Mode::Word('\\'), Mode::Word('`'), Mode::Body] {
                assert_eq!(
                    depth(&text, mode),
                    lex::grammar_depth(&text, mode),
                    "{text:?} {mode:?}"
                );
            }
        }
    }
}
