//! One pattern of a .dockerignore, compiled.
//!
//! moby/patternmatcher turns a pattern into a regular expression, unless it is plain, a prefix or a suffix, which mean
//! something else than the expression would. Both are kept apart here, too: `**foo` matches `barfoo`, `**foo*` does not.

use super::program::Program;

#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// The very path.
    Exact(Vec<u8>),
    /// `x**`
    Prefix(Vec<u8>),
    /// `**x`
    Suffix(Vec<u8>),
    /// All else.
    Program(Program),
}

impl Matcher {
    /// `None` if the expression that the pattern stands for is broken.
    pub(super) fn compile(pattern: &str) -> Option<Matcher> {
        let (kind, expression) = translate(pattern);
        let bytes = pattern.as_bytes();
        Some(match kind {
            Kind::Exact => Matcher::Exact(bytes.to_vec()),
            Kind::Prefix => Matcher::Prefix(bytes[..bytes.len() - 2].to_vec()),
            Kind::Suffix => Matcher::Suffix(bytes[2..].to_vec()),
            Kind::Expression => Matcher::Program(Program::parse(&expression)?),
        })
    }

    pub(super) fn matches(&self, path: &[u8]) -> bool {
        match self {
            Matcher::Exact(exact) => path == exact.as_slice(),
            Matcher::Prefix(prefix) => path.starts_with(prefix),
            Matcher::Suffix(suffix) => {
                path.ends_with(suffix) || suffix.strip_prefix(b"/").is_some_and(|rest| path == rest)
            }
            Matcher::Program(program) => program.matches(path),
        }
    }

    /// Whether any path below a folder could match; may say yes too often, never no.
    pub(super) fn could_match_below(&self, folder: &[u8]) -> bool {
        let is_below = |path: &[u8]| {
            path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest[0] == b'/')
        };
        let is_above = |prefix: &[u8]| {
            folder.starts_with(prefix)
                || prefix.strip_suffix(b"/").is_some_and(|rest| rest == folder)
        };
        match self {
            Matcher::Exact(exact) => is_below(exact),
            Matcher::Prefix(prefix) => is_above(prefix) || is_below(prefix),
            Matcher::Suffix(_) => true,
            Matcher::Program(program) => program.could_match_below(folder),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Exact,
    Prefix,
    Suffix,
    Expression,
}

/// What kind of pattern it is, and the regular expression (without anchors) that it stands for.
pub(super) fn translate(pattern: &str) -> (Kind, String) {
    let mut expression = String::new();
    let mut kind = Kind::Exact;
    let mut rest = pattern.chars().peekable();
    let mut is_first = true;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                kind = match (rest.peek().is_none(), kind) {
                    (true, Kind::Exact) => Kind::Prefix,
                    (true, Kind::Prefix | Kind::Suffix | Kind::Expression) => {
                        expression.push_str(".*");
                        Kind::Expression
                    }
                    (false, _) => {
                        expression.push_str("(.*/)?");
                        Kind::Expression
                    }
                };
                if is_first {
                    kind = Kind::Suffix;
                }
            }
            '*' | '?' => {
                expression.push_str(if c == '*' { "[^/]*" } else { "[^/]" });
                kind = Kind::Expression;
            }
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => expression.extend(['\\', c]),
            '\\' => {
                expression.push('\\');
                if let Some(escaped) = rest.next() {
                    expression.push(escaped);
                    kind = Kind::Expression;
                }
            }
            '[' | ']' => {
                // The inside of a class goes through the same translation, which breaks `[*]`; so it is there.
                expression.push(c);
                kind = Kind::Expression;
            }
            c => expression.push(c),
        }
        is_first = false;
    }
    (kind, expression)
}
