//! Patterns of `${v#p}`, `${v%p}` and `${v/p/r}`: `*`, `?`, and escapes of these two and of the backslash.

use super::MAX_TEXT;

/// How many `*` a pattern may have: each costs memory as large as the text.
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

/// Where a pattern matches in a text.
struct Matches<'p> {
    tokens: &'p [Token],
    text: &'p [char],
    /// The places at which a match can begin.
    starts: Vec<bool>,
    /// For each star in order: the places at which what follows it can begin.
    behind_stars: Vec<Vec<bool>>,
}

impl Matches<'_> {
    /// Where the match that begins at `start` ends, if there is one: each star takes as much as it can if `greedy`,
    /// else as little.
    fn end(&self, start: usize, greedy: bool) -> Option<usize> {
        if !self.starts[start] {
            return None;
        }
        let mut at = start;
        let mut stars = self.behind_stars.iter();
        for token in self.tokens {
            match token {
                Token::Char(_) | Token::One => at += 1,
                Token::Many => {
                    let fits = stars.next().expect("there is a row for each star");
                    let reach = self.text[at..].iter().take_while(|c| **c != '\n').count();
                    let mut places = at..=at + reach;
                    at = match greedy {
                        true => places.rfind(|place| fits[*place])?,
                        false => places.find(|place| fits[*place])?,
                    };
                }
            }
        }
        Some(at)
    }

    /// The leftmost match at or behind `from`, its stars as long as they go.
    fn find(&self, from: usize) -> Option<(usize, usize)> {
        let start = (from..self.starts.len()).find(|start| self.starts[*start])?;
        Some((start, self.end(start, true)?))
    }
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

    /// Looks at every place of a text at once: from the last token to the first, which places can the rest of the
    /// pattern begin at? No backtracking, so that no pattern is slow.
    fn over<'p>(&'p self, text: &'p [char]) -> Matches<'p> {
        let length = text.len();
        let mut starts = vec![true; length + 1];
        let mut behind_stars = Vec::new();
        for token in self.tokens.iter().rev() {
            match token {
                Token::Many => {
                    behind_stars.push(starts.clone());
                    for at in (0..length).rev() {
                        starts[at] |= text[at] != '\n' && starts[at + 1];
                    }
                }
                Token::Char(wanted) => {
                    for at in 0..length {
                        starts[at] = text[at] == *wanted && starts[at + 1];
                    }
                    starts[length] = false;
                }
                Token::One => {
                    for at in 0..length {
                        starts[at] = text[at] != '\n' && starts[at + 1];
                    }
                    starts[length] = false;
                }
            }
        }
        behind_stars.reverse();
        Matches { tokens: &self.tokens, text, starts, behind_stars }
    }

    /// `${v/p/r}`: the replacement is taken as it is.
    pub(super) fn replace_first(&self, text: &str, replacement: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        match self.over(&chars).find(0) {
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
        let matches = self.over(&chars);
        let mut out = String::new();
        let (mut last_end, mut from) = (0, 0);
        // More is refused by who asked for it.
        while from <= chars.len() && out.len() <= MAX_TEXT {
            let Some((start, end)) = matches.find(from) else { break };
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
        if out.len() > MAX_TEXT {
            return;
        }
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
    let end = Pattern::new(pattern)?.over(&chars).end(0, greedy).unwrap_or(0);
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
