//! Patterns of `${v#p}`, `${v%p}` and `${v/p/r}`: `*`, `?`, and escapes of these two and of the backslash.

use std::collections::HashSet;

/// How many `*` a pattern may have: each is a level of backtracking.
const MAX_STARS: usize = 256;

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternError {
    /// A backslash before something that needs none.
    #[error("invalid pattern ({pattern}) in substitution: invalid escape '\\{escape}'")]
    Escape { pattern: String, escape: String },
    /// More wildcards than anybody needs.
    #[error("invalid pattern in substitution: more than {MAX_STARS} `*`")]
    TooManyStars,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`: any one character but a line feed.
    One,
    /// `*`: any number of characters, no line feed among them.
    Many,
}

/// A pattern, ready to match.
#[derive(Debug)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn new(pattern: &str) -> Result<Pattern, PatternError> {
        let mut tokens = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if tokens.last() == Some(&Token::Many) => continue,
                '*' => Token::Many,
                '?' => Token::One,
                // `\}` and `\/` were escaped for the sake of `${…}` only.
                '\\' if matches!(chars.peek(), Some('}' | '/')) => continue,
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '?' | '\\')) => Token::Char(escaped),
                    other => {
                        let escape = other.map(String::from).unwrap_or_default();
                        return Err(PatternError::Escape { pattern: pattern.to_owned(), escape });
                    }
                },
                c => Token::Char(c),
            });
        }
        match tokens.iter().filter(|token| **token == Token::Many).count() <= MAX_STARS {
            true => Ok(Pattern { tokens }),
            false => Err(PatternError::TooManyStars),
        }
    }

    /// Where the match at the text's start ends: the longest if `greedy`, else the shortest.
    fn prefix_end(&self, text: &[char], greedy: bool) -> Option<usize> {
        self.matched(text, (0, 0), greedy, &mut HashSet::new())
    }

    /// Backtracks from (token, position); places that led nowhere are tried once only, which keeps it quadratic.
    fn matched(
        &self,
        text: &[char],
        (mut token, mut at): (usize, usize),
        greedy: bool,
        failed: &mut HashSet<(usize, usize)>,
    ) -> Option<usize> {
        let entry = (token, at);
        if failed.contains(&entry) {
            return None;
        }
        while let Some(wanted) = self.tokens.get(token) {
            let fits = match (*wanted, text.get(at)) {
                (Token::Char(wanted), Some(c)) => wanted == *c,
                (Token::One, Some(c)) => *c != '\n',
                (Token::Many, _) => {
                    let reach = text[at..].iter().take_while(|c| **c != '\n').count();
                    let mut try_with =
                        |taken: usize| self.matched(text, (token + 1, at + taken), greedy, failed);
                    let found = match greedy {
                        true => (0..=reach).rev().find_map(&mut try_with),
                        false => (0..=reach).find_map(&mut try_with),
                    };
                    if found.is_none() {
                        failed.insert(entry);
                    }
                    return found;
                }
                (Token::Char(_) | Token::One, None) => false,
            };
            if !fits {
                failed.insert(entry);
                return None;
            }
            token += 1;
            at += 1;
        }
        Some(at)
    }

    /// The leftmost match at or behind `from`, as longest as it goes.
    fn find(&self, text: &[char], from: usize) -> Option<(usize, usize)> {
        let mut failed = HashSet::new();
        (from..=text.len())
            .find_map(|start| Some((start, self.matched(text, (0, start), true, &mut failed)?)))
    }

    /// `${v/p/r}`: the replacement is taken as it is.
    pub(super) fn replace_first(&self, text: &str, replacement: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        match self.find(&chars, 0) {
            None => text.to_owned(),
            Some((start, end)) => {
                let before = chars[..start].iter();
                let after = chars[end..].iter();
                before.copied().chain(replacement.chars()).chain(after.copied()).collect()
            }
        }
    }

    /// `${v//p/r}`: in the replacement, `$0` stands for the match, `$$` for a dollar, other `$names` for nothing.
    pub(super) fn replace_all(&self, text: &str, replacement: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        let (mut last_end, mut from) = (0, 0);
        while from <= chars.len() {
            let Some((start, end)) = self.find(&chars, from) else { break };
            out.extend(&chars[last_end..start]);
            // Not for an empty match right behind another match.
            if last_end < end || start == 0 {
                fill(&mut out, replacement, &chars[start..end]);
            }
            last_end = end;
            from = end.max(from + 1);
        }
        out.extend(&chars[last_end..]);
        out
    }
}

/// Puts a replacement in, as Go's regexp templates are.
fn fill(out: &mut String, template: &str, found: &[char]) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let is_name = |c: char| c == '_' || c.is_alphanumeric();
        let (name, behind) = match after.strip_prefix('{') {
            Some(inner) => match inner.split_once('}') {
                Some((name, behind)) if !name.is_empty() && name.chars().all(is_name) => {
                    (name, behind)
                }
                _ => ("", after),
            },
            None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
        };
        if name.is_empty() {
            out.push('$');
        } else if name == "0" {
            out.extend(found);
        }
        rest = behind;
    }
    out.push_str(rest);
}

/// `${v#p}` and `${v##p}`.
pub(super) fn without_prefix(
    pattern: &str,
    text: &str,
    greedy: bool,
) -> Result<String, PatternError> {
    let chars: Vec<char> = text.chars().collect();
    let end = Pattern::new(pattern)?.prefix_end(&chars, greedy).unwrap_or(0);
    Ok(chars[end..].iter().collect())
}

/// `${v%p}` and `${v%%p}`: pattern and text are reversed, and the prefix is taken.
pub(super) fn without_suffix(
    pattern: &str,
    text: &str,
    greedy: bool,
) -> Result<String, PatternError> {
    let reversed: String = text.chars().rev().collect();
    let rest = without_prefix(&reverse_pattern(pattern), &reversed, greedy)?;
    Ok(rest.chars().rev().collect())
}

/// Reverses a pattern, but leaves each backslash before what it escapes.
fn reverse_pattern(pattern: &str) -> String {
    let mut units: Vec<Vec<char>> = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let mut unit = vec![c];
        if c == '\\' {
            unit.extend(chars.next());
        }
        units.push(unit);
    }
    units.into_iter().rev().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing() {
        for (text, pattern, replacement, first, all) in [
            ("a.b.c", ".", "-", "a-b.c", "a-b-c"),
            ("a-b", "-", "\\/", "a\\/b", "a\\/b"),
            ("abc", "", "x", "xabc", "xaxbxcx"),
            ("abcabc", "b", "<$0>", "a<$0>cabc", "a<b>ca<b>c"),
            ("abc", "b", "$1$$", "a$1$$c", "a$c"),
            ("one/two", "o*", "", "", ""),
            ("a*b", "\\*", "+", "a+b", "a+b"),
            ("x/y", "\\/", "_", "x_y", "x_y"),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.replace_first(text, replacement), first, "first of {text}");
            assert_eq!(pattern.replace_all(text, replacement), all, "all of {text}");
        }
    }

    #[test]
    fn reversing_keeps_escapes() {
        assert_eq!(reverse_pattern("a\\*c"), "c\\*a");
        assert_eq!(reverse_pattern("ab\\"), "\\ba");
    }

    #[test]
    fn many_stars_stay_fast() {
        let text = "a".repeat(2_000);
        let pattern = "*a".repeat(30) + "b";
        assert_eq!(without_prefix(&pattern, &text, true).unwrap(), text);
    }
}
