//! The regular expressions that patterns stand for, run without backtracking: time is bounded by the product of both
//! lengths, so no pattern can hang a build.
//!
//! Of Go's syntax there is just what can come out of a pattern: characters, `.`, classes, escapes, `^`, `*` after a class
//! or `.`, and the one group `(.*/)?`.

use super::class::{Set, parse_class, parse_escape};
use crate::pattern::decode;

/// An expression, anchored at both ends.
#[derive(Debug, Clone)]
pub(super) struct Program {
    steps: Vec<Step>,
    /// What a match must start with, end with and hold: a cheap no for most paths.
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    needle: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Step {
    One(Set),
    Many(Set),
    /// Goes on, or over the next two.
    MaySkipTwo,
    Assert(Assertion),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assertion {
    Start,
    End,
    WordEdge,
    NoWordEdge,
}

/// Where in the path an assertion is asked.
#[derive(Clone, Copy)]
struct Place {
    before: Option<char>,
    /// `None` at the end; `Some(None)` is not known.
    after: Option<Option<char>>,
}

impl Program {
    /// `None` if the expression is broken, or uses what no pattern means.
    pub(super) fn parse(expression: &str) -> Option<Program> {
        let mut steps = Vec::new();
        let mut rest = expression;
        while let Some(first) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("(.*/)?") {
                let slash = Step::One(Set::Char('/'));
                steps.extend([Step::MaySkipTwo, Step::Many(Set::AllButNewline), slash]);
                rest = after;
                continue;
            }
            let after = &rest[first.len_utf8()..];
            let (set, after) = match first {
                '^' => {
                    steps.push(Step::Assert(Assertion::Start));
                    rest = after;
                    continue;
                }
                '\\' => match after.chars().next().and_then(assertion) {
                    Some(assertion) => {
                        steps.push(Step::Assert(assertion));
                        rest = &after[1..];
                        continue;
                    }
                    None => parse_escape(after)?,
                },
                '[' => parse_class(after)?,
                '.' => (Set::AllButNewline, after),
                c => (Set::Char(c), after),
            };
            match after.strip_prefix('*') {
                Some(after) => {
                    steps.push(Step::Many(set));
                    rest = after;
                }
                None => {
                    steps.push(Step::One(set));
                    rest = after;
                }
            }
        }
        let mut runs = literal_runs(&steps);
        let is_literal = |step: Option<&Step>| step.and_then(literal).is_some();
        let prefix = runs.first().filter(|_| is_literal(steps.first())).cloned();
        let suffix = runs.last().filter(|_| is_literal(steps.last())).cloned();
        runs.sort_by_key(Vec::len);
        let needle = runs.pop().unwrap_or_default();
        let (prefix, suffix) = (prefix.unwrap_or_default(), suffix.unwrap_or_default());
        Some(Program { steps, prefix, suffix, needle })
    }

    /// Whether it matches the whole of a path.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        if !path.starts_with(&self.prefix)
            || !path.ends_with(&self.suffix)
            || !contains(path, &self.needle)
        {
            return false;
        }
        self.run(path, None).last().copied().unwrap_or_default()
    }

    /// Whether any path below a folder could match; may say yes too often, never no.
    pub(super) fn could_match_below(&self, folder: &[u8]) -> bool {
        let common = folder.len().min(self.prefix.len());
        if folder[..common] != self.prefix[..common] {
            return false;
        }
        let states = self.run(&[folder, b"/"].concat(), Some(None));
        self.steps
            .iter()
            .zip(states)
            .any(|(step, alive)| alive && matches!(step, Step::One(_) | Step::Many(_)))
    }

    /// Which steps may come next once the text is read; the last is the end of the program.
    fn run(&self, text: &[u8], after: Option<Option<char>>) -> Vec<bool> {
        let mut states = vec![false; self.steps.len() + 1];
        let mut next = states.clone();
        states[0] = true;
        let mut rest = text;
        let mut before = None;
        loop {
            let read = decode(rest);
            let place = Place { before, after: read.map_or(after, |(c, _)| Some(Some(c))) };
            self.follow(&mut states, place);
            let Some((c, length)) = read else { return states };
            next.fill(false);
            let mut any = false;
            for (position, step) in self.steps.iter().enumerate().filter(|(p, _)| states[*p]) {
                let target = match step {
                    Step::One(set) if set.has(c) => position + 1,
                    Step::Many(set) if set.has(c) => position,
                    Step::One(_) | Step::Many(_) | Step::MaySkipTwo | Step::Assert(_) => continue,
                };
                next[target] = true;
                any = true;
            }
            std::mem::swap(&mut states, &mut next);
            if !any {
                return states;
            }
            before = Some(c);
            rest = &rest[length..];
        }
    }

    /// Takes all steps that read nothing; they only lead forward.
    fn follow(&self, states: &mut [bool], place: Place) {
        for (position, step) in self.steps.iter().enumerate() {
            if !states[position] {
                continue;
            }
            match step {
                Step::One(_) => {}
                Step::Many(_) => states[position + 1] = true,
                Step::MaySkipTwo => {
                    states[position + 1] = true;
                    states[position + 3] = true;
                }
                Step::Assert(assertion) => states[position + 1] |= assertion.may_hold(place),
            }
        }
    }
}

impl Assertion {
    fn may_hold(self, place: Place) -> bool {
        let is_word = |c: Option<char>| c.is_some_and(|c| c == '_' || c.is_ascii_alphanumeric());
        let edge = match place.after {
            Some(None) => None,
            Some(after) => Some(is_word(place.before) != is_word(after)),
            None => Some(is_word(place.before)),
        };
        match self {
            Assertion::Start => place.before.is_none(),
            Assertion::End => matches!(place.after, None | Some(None)),
            Assertion::WordEdge => edge.unwrap_or(true),
            Assertion::NoWordEdge => !edge.unwrap_or(false),
        }
    }
}

fn assertion(escaped: char) -> Option<Assertion> {
    match escaped {
        'A' => Some(Assertion::Start),
        'z' => Some(Assertion::End),
        'b' => Some(Assertion::WordEdge),
        'B' => Some(Assertion::NoWordEdge),
        _ => None,
    }
}

/// The texts that every match holds, in order: runs of steps that take one character each.
fn literal_runs(steps: &[Step]) -> Vec<Vec<u8>> {
    let mut runs: Vec<String> = Vec::new();
    let mut goes_on = false;
    for (position, step) in steps.iter().enumerate() {
        // The slash of a group may be skipped.
        let may_be_skipped = position >= 2 && matches!(steps[position - 2], Step::MaySkipTwo);
        let found = literal(step).filter(|_| !may_be_skipped);
        match (found, runs.last_mut().filter(|_| goes_on)) {
            (Some(c), Some(run)) => run.push(c),
            (Some(c), None) => runs.push(c.into()),
            (None, _) => {}
        }
        goes_on = found.is_some();
    }
    runs.into_iter().map(String::into_bytes).collect()
}

/// The only character that a step takes. U+FFFD also stands for what is no UTF-8, and is none.
fn literal(step: &Step) -> Option<char> {
    match step {
        Step::One(Set::Char(c)) if *c != char::REPLACEMENT_CHARACTER => Some(*c),
        Step::One(_) | Step::Many(_) | Step::MaySkipTwo | Step::Assert(_) => None,
    }
}

fn contains(path: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || path.windows(needle.len()).any(|window| window == needle)
}
