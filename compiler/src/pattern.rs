//! Go's `filepath.Match`, which COPY and ADD use for wildcards in their sources, and the walk that goes with it.
//!
//! ```text
//! *        any bytes other than /
//! ?        one character other than /
//! [a-z]    one character of the class, [^a-z] one that is not; a class also matches /
//! \x       the character x
//! ```
//!
//! A pattern is checked whole when it is parsed; matching cannot fail, and takes at most the product of both lengths.

use crate::paths;

/// A parsed pattern. It must match a name from end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    chunks: Vec<Chunk>,
}

/// A class without end, a `\` at the end, or a `-` out of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// What stands between two stars.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chunk {
    after_star: bool,
    atoms: Vec<Atom>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Atom {
    Byte(u8),
    Any,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// If its syntax is broken anywhere.
    pub fn parse(text: &str) -> Result<Pattern, BadPattern> {
        let mut chunks = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let trimmed = rest.trim_start_matches('*');
            let after_star = trimmed.len() < rest.len();
            let mut atoms = Vec::new();
            rest = trimmed;
            while let Some(first) = rest.chars().next().filter(|first| *first != '*') {
                let (atom, after) = match first {
                    '?' => (Some(Atom::Any), &rest[1..]),
                    '[' => {
                        let (class, after) = parse_class(&rest[1..])?;
                        (Some(class), after)
                    }
                    '\\' if rest.len() == 1 => return Err(BadPattern),
                    // The escaped character follows as it is.
                    '\\' => (None, &rest[1..]),
                    _ => (None, rest),
                };
                rest = match atom {
                    Some(atom) => {
                        atoms.push(atom);
                        after
                    }
                    None => {
                        let length = after.chars().next().map_or(0, char::len_utf8);
                        atoms.extend(after[..length].bytes().map(Atom::Byte));
                        &after[length..]
                    }
                };
            }
            chunks.push(Chunk { after_star, atoms });
        }
        Ok(Pattern { chunks })
    }

    /// Whether it matches the whole of a name.
    pub fn matches(&self, name: &[u8]) -> bool {
        let mut name = name;
        for (position, chunk) in self.chunks.iter().enumerate() {
            let is_last = position + 1 == self.chunks.len();
            if is_last && chunk.after_star && chunk.atoms.is_empty() {
                return !name.contains(&b'/');
            }
            match chunk.find(name, is_last) {
                Some(rest) => name = rest,
                None => return false,
            }
        }
        name.is_empty()
    }

    /// Whether a class may match a slash, so that parts of pattern and path do not correspond.
    fn may_match_slash(&self) -> bool {
        let in_ranges =
            |ranges: &[(char, char)]| ranges.iter().any(|(a, b)| ('/' >= *a) && ('/' <= *b));
        self.chunks.iter().flat_map(|chunk| &chunk.atoms).any(|atom| match atom {
            Atom::Class { negated, ranges } => in_ranges(ranges) != *negated,
            Atom::Byte(_) | Atom::Any => false,
        })
    }
}

impl Chunk {
    /// What is left of a name after the chunk, which stands at its start or, after a star, as early as it can.
    fn find<'a>(&self, name: &'a [u8], is_last: bool) -> Option<&'a [u8]> {
        let skippable = match self.after_star {
            true => name.iter().position(|byte| *byte == b'/').unwrap_or(name.len()),
            false => 0,
        };
        (0..=skippable)
            .filter_map(|skipped| self.strip_from(&name[skipped..]))
            .find(|rest| !is_last || rest.is_empty())
    }

    fn strip_from<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = name;
        for atom in &self.atoms {
            let (c, length) = decode(rest)?;
            rest = match atom {
                Atom::Byte(byte) => rest.strip_prefix(&[*byte])?,
                Atom::Any if c == '/' => return None,
                Atom::Any => &rest[length..],
                Atom::Class { negated, ranges } => {
                    let inside = ranges.iter().any(|(low, high)| *low <= c && c <= *high);
                    if inside == *negated {
                        return None;
                    }
                    &rest[length..]
                }
            };
        }
        Some(rest)
    }
}

/// The first character and its length; a byte that is no UTF-8 is U+FFFD, as Go has it. `None` at the end.
pub(crate) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let longest = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(longest) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&longest[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(c) => Some((c, c.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

/// What follows `[`: the class, and what is after its `]`.
fn parse_class(text: &str) -> Result<(Atom, &str), BadPattern> {
    let (negated, mut rest) = match text.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        if let Some(rest) = rest.strip_prefix(']').filter(|_| !ranges.is_empty()) {
            return Ok((Atom::Class { negated, ranges }, rest));
        }
        let (low, after) = parse_class_char(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(after) => parse_class_char(after)?,
            None => (low, after),
        };
        ranges.push((low, high));
        rest = after;
    }
}

fn parse_class_char(text: &str) -> Result<(char, &str), BadPattern> {
    if text.starts_with(['-', ']']) {
        return Err(BadPattern);
    }
    let text = text.strip_prefix('\\').unwrap_or(text);
    let c = text.chars().next().ok_or(BadPattern)?;
    match &text[c.len_utf8()..] {
        "" => Err(BadPattern), // the class has no end
        rest => Ok((c, rest)),
    }
}

/// Whether a path has `*`, `?` or `[` that no `\` escapes.
pub fn has_wildcards(path: &str) -> bool {
    let mut escaped = false;
    path.bytes().any(|byte| {
        let is_wild = !escaped && matches!(byte, b'*' | b'?' | b'[');
        escaped = !escaped && byte == b'\\';
        is_wild
    })
}

/// A source of COPY: a folder or file that is named as it is, and a pattern for what is below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// The parts before the first with a wildcard, cleaned; empty if that is the first.
    pub base: String,
    /// What a path below the base must match, relative to it; `None` if there is no wildcard.
    pub below: Option<Pattern>,
    /// The parts of `below`, to leave out folders that cannot hold a match.
    parts: Vec<Pattern>,
}

impl Glob {
    /// Splits a source at the first part with a wildcard.
    ///
    /// # Errors
    /// If the pattern is broken.
    pub fn parse(source: &str) -> Result<Glob, BadPattern> {
        let cleaned = paths::clean(source);
        let parts: Vec<&str> = cleaned.split('/').collect();
        let Some(first) = parts.iter().position(|part| has_wildcards(part)) else {
            return Ok(Glob { base: cleaned, below: None, parts: Vec::new() });
        };
        let base = match (&parts[..first], cleaned.starts_with('/')) {
            ([""], true) => "/".to_owned(),
            (parts, _) => parts.join("/"),
        };
        let below = Pattern::parse(&parts[first..].join("/"))?;
        // A class with a slash inside, or one that matches a slash, cannot be looked at part by part.
        let by_part: Result<Vec<Pattern>, BadPattern> =
            parts[first..].iter().map(|part| Pattern::parse(part)).collect();
        let by_part = by_part.ok().filter(|_| !below.may_match_slash()).unwrap_or_default();
        Ok(Glob { base, below: Some(below), parts: by_part })
    }

    /// Whether a path, relative to the base, is a source. What is below a folder that matches is part of that folder,
    /// and not asked for.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.below.as_ref().is_none_or(|below| below.matches(path))
    }

    /// Whether a path below a folder, itself relative to the base, could match.
    pub fn could_match_below(&self, folder: &[u8]) -> bool {
        if self.parts.is_empty() {
            return self.below.is_some();
        }
        let depth = folder.split(|byte| *byte == b'/').count();
        let mut pairs = self.parts.iter().zip(folder.split(|byte| *byte == b'/'));
        depth < self.parts.len() && pairs.all(|(pattern, name)| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests;
