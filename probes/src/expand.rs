//! Expansion: bounded in time and size, and every place it names lies inside the word.
//!
//! The input is text: `NAME=VALUE` lines, an empty line, and the word. Its first character chooses the escape character:
//! a backtick, or else the backslash.

use compiler::expand::{self, Env, Expansion, Unset};
use grammar::word::Part;
use grammar::{Diagnostic, Span, Word};

/// More than an expansion may have, in bytes: the limit and what one more variable can add to it.
const MOST: usize = 64 << 20;

/// Expands a word in all ways there are.
pub fn bytes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (variables, word) = text.split_once("\n\n").unwrap_or(("", &text));
    let variable = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    let env: Env = variables.lines().filter_map(variable).collect();
    let escape = if word.starts_with('`') { '`' } else { '\\' };
    let word = Word::verbatim(word, Span::new(0, word.len()));
    for parts in [expand::parts(&word, escape), expand::body_parts(&word)] {
        match parts {
            Ok(parts) => all(&word, &parts, &env),
            Err(error) => placed(&word, &error),
        }
    }
}

fn all(word: &Word, parts: &[Part], env: &Env) {
    for unset in [Unset::Empty, Unset::Kept] {
        match expand::expand(parts, env, unset) {
            Ok(expansion) => one(word, &expansion, env),
            Err(error) => placed(word, &error),
        }
    }
}

fn one(word: &Word, expansion: &Expansion, env: &Env) {
    assert!(expansion.text.len() <= MOST, "{} bytes", expansion.text.len());
    for name in &expansion.used {
        assert!(env.get(name).is_some(), "`{name}` was used and has no value");
    }
    for unset in &expansion.unset {
        assert!(env.get(&unset.value).is_none(), "`{}` is not unset", unset.value);
        inside(word, unset.span);
    }
    assert!(expansion.words.iter().all(|word| !word.is_empty()), "{:?}", expansion.words);
}

fn placed(word: &Word, error: &Diagnostic) {
    assert!(!error.message.is_empty());
    inside(word, error.span().expect("an error of a word has a place"));
}

fn inside(word: &Word, span: Span) {
    assert!(word.text.get(span.range()).is_some(), "{span:?} in {:?}", word.text);
}
