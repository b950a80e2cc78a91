//! .dockerignore and `--exclude`: which paths of a folder are left out (moby/patternmatcher).
//!
//! ```text
//! .dockerignore --parse--> IgnoreFile --matches--> bool            one path, its parents looked at too
//!                                     --enter----> Verdict         a walk: each folder's verdict helps with its children
//! ```
//!
//! The rules, which are not gitignore's: patterns are anchored at the root; the last that matches wins, `!` takes back; a
//! pattern that matches a folder counts for all below, but a later `!` brings parts of an ignored folder back, so that a
//! walk may leave a folder out only if [`IgnoreFile::could_reinclude_below`] says no.

use std::fmt;

use crate::paths;
use crate::pattern::{BadPattern, Pattern};

mod class;
mod matcher;
mod program;

use matcher::Matcher;

/// The longest line that is read, in bytes, as BuildKit has it.
const MAX_LINE: usize = 65_535;

/// The largest file that is read, in bytes: 1 MiB.
pub const MAX_FILE: usize = 1 << 20;

/// How many patterns a file may have. Each is asked for each path of a context.
const MAX_RULES: usize = 10_000;

/// The longest pattern, in bytes: as long as the longest path.
const MAX_PATTERN: usize = 4096;

/// The patterns of a .dockerignore, or of `--exclude` flags.
#[derive(Debug, Clone, Default)]
pub struct IgnoreFile {
    rules: Vec<Rule>,
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The line it stands on, from 1; for flags, which of them it is.
    pub line: usize,
    /// The pattern, cleaned, without `!`.
    pub pattern: String,
    /// Whether it takes back (`!`).
    pub is_exception: bool,
    matcher: Matcher,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_exception { "!" } else { "" }, self.pattern)
    }
}

/// Why a list of patterns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A pattern is broken.
    #[error("failed parsing {name}: line {line}: {source} `{pattern}`")]
    Pattern {
        /// Name of the file, or of the flag.
        name: String,
        /// The line, from 1.
        line: usize,
        /// As it was written.
        pattern: String,
        /// Always the same.
        source: BadPattern,
    },
    /// A `!` with nothing behind.
    #[error("failed parsing {name}: illegal exclusion pattern: \"!\" (line {line})")]
    LoneExclamation {
        /// Name of the file, or of the flag.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// More than anybody writes.
    #[error("failed parsing {name}: it has more than {limit} {what} (line {line})")]
    TooMuch {
        /// Name of the file, or of the flag.
        name: String,
        /// The line from which on it is too much, from 1.
        line: usize,
        /// How much it may be.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// A line that no editor made.
    #[error("failed parsing {name}: line {line} has more than {MAX_LINE} bytes")]
    LongLine {
        /// Name of the file.
        name: String,
        /// The line, from 1.
        line: usize,
    },
}

impl IgnoreError {
    /// The line that it is about, from 1.
    pub fn line(&self) -> usize {
        match self {
            IgnoreError::Pattern { line, .. }
            | IgnoreError::LoneExclamation { line, .. }
            | IgnoreError::TooMuch { line, .. }
            | IgnoreError::LongLine { line, .. } => *line,
        }
    }
}

/// What is known of a path during a walk: whether it is ignored, and which rules match it or a parent. The default is that
/// of the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the path is left out.
    pub is_ignored: bool,
    decided_by: Option<usize>,
    /// By rule; empty at the root.
    matched: Box<[bool]>,
}

impl IgnoreFile {
    /// Reads a file: a pattern a line; `#` at the very start of a line opens a comment.
    ///
    /// # Errors
    /// The first pattern that is broken.
    pub fn parse(name: &str, text: &str) -> Result<IgnoreFile, IgnoreError> {
        let mut rules = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut read = 0;
        for (position, line) in text.split('\n').enumerate() {
            let number = position + 1;
            read += line.len() + 1;
            if read > MAX_FILE + 1 {
                return Err(too_much(name, number, MAX_FILE, "bytes"));
            }
            if line.len() > MAX_LINE {
                return Err(IgnoreError::LongLine { name: name.to_owned(), line: number });
            }
            if line.starts_with('#') {
                continue;
            }
            let written = line.trim();
            let (mark, pattern) = match written.strip_prefix('!') {
                Some(pattern) => ("!", pattern.trim()),
                None => ("", written),
            };
            let cleaned = match pattern {
                "" => String::new(),
                pattern => paths::clean(pattern),
            };
            let relative = cleaned.strip_prefix('/').filter(|rest| !rest.is_empty());
            let normal = format!("{mark}{}", relative.unwrap_or(&cleaned));
            rules.extend(Rule::parse(name, number, &normal)?);
            if rules.len() > MAX_RULES {
                return Err(too_much(name, number, MAX_RULES, "patterns"));
            }
        }
        Ok(IgnoreFile { rules })
    }

    /// Takes patterns as flags give them. `name` is the flag's, for errors.
    ///
    /// # Errors
    /// The first pattern that is broken.
    pub fn from_patterns<S: AsRef<str>>(
        name: &str,
        patterns: &[S],
    ) -> Result<IgnoreFile, IgnoreError> {
        let mut rules = Vec::new();
        for (position, pattern) in patterns.iter().enumerate() {
            rules.extend(Rule::parse(name, position + 1, pattern.as_ref())?);
        }
        Ok(IgnoreFile { rules })
    }

    /// The patterns, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether any takes back.
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.is_exception)
    }

    /// Whether a path, relative to the root, is left out, itself or with a parent.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.enter(&Verdict::default(), path).is_ignored
    }

    /// The rule that had the last word on a path: it left the path out, or took it back. `None` if none matches.
    pub fn decided_by(&self, path: &[u8]) -> Option<&Rule> {
        self.rule_of(&self.enter(&Verdict::default(), path))
    }

    /// The rule that made a verdict.
    pub fn rule_of(&self, verdict: &Verdict) -> Option<&Rule> {
        verdict.decided_by.map(|position| &self.rules[position])
    }

    /// The verdict on a path, from that on the folder it is in. The root's verdict is the default one; with it, all parents
    /// of the path are looked at.
    ///
    /// A rule is tried only where it can turn the verdict. So a `!` that matches a folder which nothing ignores is not
    /// remembered for its children, in a walk: BuildKit sends a context that way.
    pub fn enter(&self, folder: &Verdict, path: &[u8]) -> Verdict {
        let mut verdict = Verdict {
            is_ignored: false,
            decided_by: None,
            matched: vec![false; self.rules.len()].into_boxed_slice(),
        };
        for (position, rule) in self.rules.iter().enumerate() {
            let inherited = folder.matched.get(position).copied().unwrap_or_default();
            if !inherited && rule.is_exception != verdict.is_ignored {
                continue;
            }
            let is_match = inherited
                || rule.matcher.matches(path)
                || (folder.matched.is_empty() && rule.matches_parent_of(path));
            verdict.matched[position] = is_match;
            if is_match {
                verdict.is_ignored = !rule.is_exception;
                verdict.decided_by = Some(position);
            }
        }
        verdict
    }

    /// Whether anything below an ignored folder might not be ignored. `verdict` is the folder's.
    pub fn could_reinclude_below(&self, verdict: &Verdict, folder: &[u8]) -> bool {
        // What stands before the rule that ignores the folder is overruled by it for all below, too.
        let first = verdict.decided_by.map_or(0, |position| position + 1);
        let later = || self.rules.iter().skip(first).filter(|rule| rule.is_exception);
        later().any(|rule| rule.matcher.could_match_below(folder))
    }
}

impl Rule {
    /// `None` for an empty pattern.
    fn parse(name: &str, line: usize, text: &str) -> Result<Option<Rule>, IgnoreError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > MAX_PATTERN {
            return Err(too_much(name, line, MAX_PATTERN, "bytes in a pattern"));
        }
        let cleaned = paths::clean(text);
        let (is_exception, pattern) = match cleaned.strip_prefix('!') {
            Some("") => {
                return Err(IgnoreError::LoneExclamation { name: name.to_owned(), line });
            }
            Some(pattern) => (true, pattern),
            None => (false, cleaned.as_str()),
        };
        let broken = |source| IgnoreError::Pattern {
            name: name.to_owned(),
            line,
            pattern: text.to_owned(),
            source,
        };
        Pattern::parse(pattern).map_err(broken)?;
        let matcher = Matcher::compile(pattern).ok_or_else(|| broken(BadPattern))?;
        Ok(Some(Rule { line, pattern: pattern.to_owned(), is_exception, matcher }))
    }

    fn matches_parent_of(&self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(position, _)| &path[..position]).any(|parent| self.matcher.matches(parent))
    }
}

fn too_much(name: &str, line: usize, limit: usize, what: &'static str) -> IgnoreError {
    IgnoreError::TooMuch { name: name.to_owned(), line, limit, what }
}

#[cfg(test)]
mod tests;
