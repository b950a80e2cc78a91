//! Expansion: the [`Part`]s of a word over an [`Env`] give a text. Follows BuildKit's `shell/lex.go`, its corners
//! included: nested words are always evaluated, patterns know `*` and `?` only, and a suffix is found by reversing.

mod env;
mod pattern;
mod words;

use std::collections::BTreeSet;

use grammar::word::{Modifier, Part, Variable, WordError};
use grammar::{Diagnostic, Spanned, Word};

pub use env::Env;
use pattern::Pattern;
use words::WordBuffer;

use crate::suggest::nearest;

/// The code of what is refused for its size.
pub(crate) const TOO_LARGE: &str = "too-large";

/// How long an expansion may get: more than any system takes as a variable or a path.
const MAX_TEXT: usize = 4 << 20;

/// How many places times characters one pattern may take.
const MAX_STEPS: usize = 64 << 20;

/// How many such steps take as long as a byte of text.
const STEPS_OF_A_BYTE: usize = 16;

/// What an expansion gave, and which variables it met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The text.
    pub text: String,
    /// The text as words, split at blanks that were not quoted.
    pub words: Vec<String>,
    /// Names of the variables that had a value.
    pub used: BTreeSet<String>,
    /// The variables that had none, where they were written.
    pub unset: Vec<Spanned<String>>,
    /// What it took, in bytes of text: more than `text` has where patterns were matched.
    pub work: usize,
}

impl Expansion {
    /// The variables that had no value, each where it was met first.
    pub fn unset_names(&self) -> impl Iterator<Item = &Spanned<String>> {
        let mut seen = BTreeSet::new();
        self.unset.iter().filter(move |name| seen.insert(name.value.as_str()))
    }
}

/// What becomes of a variable without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// It is empty.
    Empty,
    /// It stays as it was written (names of steps).
    Kept,
}

/// The parts of a word, or why it has none.
///
/// # Errors
/// An unclosed quote or brace, or a modifier that there is not; the diagnostic stands at it.
pub fn parts(word: &Word, escape: char) -> Result<Vec<Part>, Diagnostic> {
    word.parts(escape).map_err(bad_word)
}

/// The parts of a heredoc's body, in which quotes mean nothing.
///
/// # Errors
/// As for [`parts`].
pub fn body_parts(body: &Word) -> Result<Vec<Part>, Diagnostic> {
    body.body_parts().map_err(bad_word)
}

fn bad_word(error: WordError) -> Diagnostic {
    let help = match error.message.as_str() {
        text if text.starts_with("unexpected end of statement") => {
            "close the quote, or write the escape character before it if it is none"
        }
        "syntax error: missing '}'" => {
            "close it with `}`; with blanks in it, it needs double quotes around it"
        }
        text if text.starts_with("unsupported modifier") => {
            "of the shell's forms there are `${A:-default}`, `${A:+other}`, `${A:?message}`, `${A#prefix}`, \
             `${A%suffix}` and `${A/pattern/text}`"
        }
        "syntax error: bad substitution" => "write `${NAME}`",
        _ => return Diagnostic::error("invalid-word", error.message, error.span),
    };
    Diagnostic::error("invalid-word", error.message, error.span).help(help)
}

/// Expands the parts of a word.
///
/// # Errors
/// A required variable without a value (`${X:?…}`), or a pattern that is none; the diagnostic stands at the variable.
pub fn expand(parts: &[Part], env: &Env, unset: Unset) -> Result<Expansion, Diagnostic> {
    let mut expander =
        Expander { env, unset, words: WordBuffer::default(), found: Expansion::default() };
    expander.found.text = expander.parts(parts)?;
    let Expander { mut words, mut found, .. } = expander;
    found.words = words.finish();
    found.work += found.text.len();
    Ok(found)
}

struct Expander<'a> {
    env: &'a Env,
    unset: Unset,
    words: WordBuffer,
    found: Expansion,
}

impl Expander<'_> {
    fn parts(&mut self, parts: &[Part]) -> Result<String, Diagnostic> {
        let mut text = String::new();
        // Quoted pieces side by side reach the words together, as they do in lex.go.
        let mut quoted_run = String::new();
        for part in parts {
            let (piece, quoted) = match part {
                Part::Text { text, quoted } => (text.clone(), *quoted),
                Part::Variable(variable) => (self.variable(variable)?, variable.quoted),
            };
            text.push_str(&piece);
            if let (true, Part::Variable(variable)) = (text.len() > MAX_TEXT, part) {
                return Err(too_large(variable, MAX_TEXT));
            }
            if quoted {
                quoted_run.push_str(&piece);
                continue;
            }
            if !quoted_run.is_empty() {
                self.words.add_raw(&std::mem::take(&mut quoted_run));
            }
            self.words.add(&piece);
        }
        if !quoted_run.is_empty() {
            self.words.add_raw(&quoted_run);
        }
        Ok(text)
    }

    /// A word inside `${…}`. Its characters go through the same buffer as the outer word's, which so loses what it
    /// held: `80${X:-81}` in EXPOSE is the word `81`.
    fn nested(&mut self, parts: &[Part]) -> Result<String, Diagnostic> {
        self.words.clear();
        let text = self.parts(parts);
        self.words.clear();
        text
    }

    fn value(&mut self, name: &Spanned<String>) -> Option<String> {
        match self.env.get(&name.value) {
            Some(value) => {
                self.found.used.insert(name.value.clone());
                Some(value.to_owned())
            }
            None => {
                self.found.unset.push(name.clone());
                None
            }
        }
    }

    fn variable(&mut self, variable: &Variable) -> Result<String, Diagnostic> {
        let name = &variable.name;
        let Some(modifier) = &variable.modifier else {
            let kept = || match variable.span.len() == name.value.len() + 1 {
                true => format!("${}", name.value),
                false => format!("${{{}}}", name.value),
            };
            return Ok(match (self.value(name), self.unset) {
                (Some(value), Unset::Empty | Unset::Kept) => value,
                (None, Unset::Empty) => String::new(),
                (None, Unset::Kept) => kept(),
            });
        };
        match modifier {
            Modifier::Default { colon, word } => {
                let word = self.nested(word)?;
                let value = self.value(name);
                if let Some(kept) = self.kept(name, &value, colon_sign(*colon, "-"), &word) {
                    return Ok(kept);
                }
                Ok(if is_set(&value, *colon) { value.unwrap_or_default() } else { word })
            }
            Modifier::Alternative { colon, word } => {
                let word = self.nested(word)?;
                let value = self.value(name);
                if let Some(kept) = self.kept(name, &value, colon_sign(*colon, "+"), &word) {
                    return Ok(kept);
                }
                Ok(if is_set(&value, *colon) { word } else { String::new() })
            }
            Modifier::Required { colon, word } => {
                let word = self.nested(word)?;
                let value = self.value(name);
                if let Some(kept) = self.kept(name, &value, colon_sign(*colon, "?"), &word) {
                    return Ok(kept);
                }
                required(variable, value, *colon, word, self.env)
            }
            Modifier::RemovePrefix { greedy, pattern } => {
                let pattern = self.nested(pattern)?;
                let value = self.value(name);
                if let Some(kept) = self.kept(name, &value, &"#".repeat(times(*greedy)), &pattern) {
                    return Ok(kept);
                }
                let value = value.unwrap_or_default();
                self.count(variable, &pattern, &value)?;
                pattern::without_prefix(&pattern, &value, *greedy)
                    .map_err(|error| bad_pattern(variable, &error))
            }
            Modifier::RemoveSuffix { greedy, pattern } => {
                let pattern = self.nested(pattern)?;
                let value = self.value(name);
                if let Some(kept) = self.kept(name, &value, &"%".repeat(times(*greedy)), &pattern) {
                    return Ok(kept);
                }
                let value = value.unwrap_or_default();
                self.count(variable, &pattern, &value)?;
                pattern::without_suffix(&pattern, &value, *greedy)
                    .map_err(|error| bad_pattern(variable, &error))
            }
            Modifier::Replace { all, pattern, replacement } => {
                let pattern = self.nested(pattern)?;
                let replacement = self.nested(replacement)?;
                let value = self.value(name);
                let rest = format!("{pattern}/{replacement}");
                if let Some(kept) = self.kept(name, &value, "/", &rest) {
                    return Ok(kept);
                }
                let value = value.unwrap_or_default();
                self.count(variable, &pattern, &value)?;
                let compiled =
                    Pattern::new(&pattern).map_err(|error| bad_pattern(variable, &error))?;
                Ok(match all {
                    true => compiled.replace_all(&value, &replacement),
                    false => compiled.replace_first(&value, &replacement),
                })
            }
        }
    }

    /// Counts what it takes to match a pattern.
    fn count(&mut self, variable: &Variable, pattern: &str, value: &str) -> Result<(), Diagnostic> {
        let steps = (pattern.len() + 1).saturating_mul(value.len() + 1);
        self.found.work += steps.min(MAX_STEPS) / STEPS_OF_A_BYTE;
        if steps > MAX_STEPS { Err(too_large(variable, MAX_STEPS)) } else { Ok(()) }
    }

    /// `${name…}` as it was, its inner word expanded, where unset variables stay.
    fn kept(
        &self,
        name: &Spanned<String>,
        value: &Option<String>,
        sign: &str,
        word: &str,
    ) -> Option<String> {
        (self.unset == Unset::Kept && value.is_none())
            .then(|| format!("${{{}{sign}{word}}}", name.value))
    }
}

fn too_large(variable: &Variable, limit: usize) -> Diagnostic {
    let message = match limit {
        MAX_STEPS => format!("pattern and value are too long (more than {limit} steps)"),
        _ => format!("the expansion has more than {limit} bytes"),
    };
    Diagnostic::error(TOO_LARGE, message, variable.span)
}

fn times(greedy: bool) -> usize {
    if greedy { 2 } else { 1 }
}

fn colon_sign(colon: bool, sign: &'static str) -> &'static str {
    match (colon, sign) {
        (true, "-") => ":-",
        (true, "+") => ":+",
        (true, "?") => ":?",
        (_, sign) => sign,
    }
}

fn is_set(value: &Option<String>, colon: bool) -> bool {
    value.as_ref().is_some_and(|value| !colon || !value.is_empty())
}

fn required(
    variable: &Variable,
    value: Option<String>,
    colon: bool,
    word: String,
    env: &Env,
) -> Result<String, Diagnostic> {
    let name = &variable.name.value;
    let reason = match &value {
        None => "is not allowed to be unset",
        Some(value) if colon && value.is_empty() => "is not allowed to be empty",
        Some(_) => return Ok(value.unwrap_or_default()),
    };
    let message = if word.is_empty() { reason } else { &word };
    let near = value.is_none().then(|| nearest(name, env.names())).flatten();
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("give it a value with `--build-arg {name}=...`, ARG or ENV"),
    };
    Err(Diagnostic::error("required-variable", format!("{name}: {message}"), variable.span)
        .help(help))
}

fn bad_pattern(variable: &Variable, error: &pattern::PatternError) -> Diagnostic {
    Diagnostic::error("invalid-pattern", error.to_string(), variable.span)
        .help("patterns know `*`, `?`, and a backslash before `*`, `?` or another backslash")
}

#[cfg(test)]
mod tests {
    use grammar::Span;

    use super::*;

    fn text(text: &str) -> Part {
        Part::Text { text: text.into(), quoted: false }
    }

    fn variable(name: &str, modifier: Option<Modifier>) -> Part {
        let span = Span::new(0, name.len() + if modifier.is_some() { 3 } else { 1 });
        let name = Spanned::new(name.to_owned(), Span::new(1, 1 + name.len()));
        Part::Variable(Variable { name, span, modifier, quoted: false })
    }

    fn env() -> Env {
        [("A", "a"), ("E", ""), ("P", "one/two/three.tar.gz"), ("W", "80 81  82")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn word(part: Part) -> String {
        expand(&[part], &env(), Unset::Empty).unwrap().text
    }

    #[test]
    fn defaults_and_alternatives() {
        let default = |colon| Some(Modifier::Default { colon, word: vec![text("w")] });
        let alternative = |colon| Some(Modifier::Alternative { colon, word: vec![text("w")] });
        for (name, modifier, want) in [
            ("A", None, "a"),
            ("X", None, ""),
            ("A", default(false), "a"),
            ("E", default(false), ""),
            ("E", default(true), "w"),
            ("X", default(false), "w"),
            ("A", alternative(false), "w"),
            ("E", alternative(false), "w"),
            ("E", alternative(true), ""),
            ("X", alternative(true), ""),
        ] {
            assert_eq!(word(variable(name, modifier.clone())), want, "{name} {modifier:?}");
        }
    }

    #[test]
    fn prefixes_and_suffixes() {
        let prefix = |greedy, pattern: &str| {
            Some(Modifier::RemovePrefix { greedy, pattern: vec![text(pattern)] })
        };
        let suffix = |greedy, pattern: &str| {
            Some(Modifier::RemoveSuffix { greedy, pattern: vec![text(pattern)] })
        };
        for (modifier, want) in [
            (prefix(false, "*/"), "two/three.tar.gz"),
            (prefix(true, "*/"), "three.tar.gz"),
            (prefix(false, "???"), "/two/three.tar.gz"),
            (prefix(false, "x"), "one/two/three.tar.gz"),
            (suffix(false, ".*"), "one/two/three.tar"),
            (suffix(true, ".*"), "one/two/three"),
            (suffix(true, "/*"), "one"),
        ] {
            assert_eq!(word(variable("P", modifier.clone())), want, "{modifier:?}");
        }
    }

    #[test]
    fn a_suffix_pattern_is_reversed_before_it_is_read() {
        let modifier = Modifier::RemoveSuffix { greedy: false, pattern: vec![text("\\.gz")] };
        let error =
            expand(&[variable("P", Some(modifier))], &env(), Unset::Empty).unwrap_err().message;
        assert_eq!(error, r"invalid pattern (zg\.) in substitution: invalid escape '\.'");
    }

    #[test]
    fn required_variables_name_themselves() {
        let required =
            |colon, message: &str| Some(Modifier::Required { colon, word: vec![text(message)] });
        for (name, modifier, want) in [
            ("X", required(false, ""), "X: is not allowed to be unset"),
            ("E", required(true, ""), "E: is not allowed to be empty"),
            ("X", required(true, "set it"), "X: set it"),
        ] {
            let error =
                expand(&[variable(name, modifier)], &env(), Unset::Empty).unwrap_err().message;
            assert_eq!(error, want);
        }
    }

    #[test]
    fn nested_words_are_evaluated_even_if_not_taken() {
        let inner = variable("X", Some(Modifier::Required { colon: false, word: vec![] }));
        let outer = variable("A", Some(Modifier::Default { colon: false, word: vec![inner] }));
        assert!(expand(&[outer], &env(), Unset::Empty).is_err());
    }

    #[test]
    fn values_split_into_words() {
        let got = expand(&[text("1 "), variable("W", None)], &env(), Unset::Empty).unwrap();
        assert_eq!(got.words, ["1", "80", "81", "82"]);
        let default =
            variable("X", Some(Modifier::Default { colon: true, word: vec![text("81")] }));
        let got = expand(&[text("80"), default], &env(), Unset::Empty).unwrap();
        assert_eq!((got.text.as_str(), got.words), ("8081", vec!["81".to_owned()]));
    }

    #[test]
    fn unset_variables_are_told_and_may_stay() {
        let parts = [
            variable("A", None),
            variable("X", None),
            variable("Y", Some(Modifier::Default { colon: true, word: vec![variable("A", None)] })),
        ];
        let got = expand(&parts, &env(), Unset::Kept).unwrap();
        assert_eq!(got.text, "a$X${Y:-a}");
        assert_eq!(
            got.unset.iter().map(|name| name.value.as_str()).collect::<Vec<_>>(),
            ["X", "Y"]
        );
        assert!(got.used.contains("A"));
    }
}
