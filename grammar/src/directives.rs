//! Parser directives: `# syntax=`, `# escape=`, `# check=` at the top of a file.
//!
//! There are two readers, and they differ: the file's own parser ([`Section`]), which decides the dialect, and the
//! stand-alone one ([`find_all`]), which looks for each directive without parsing the file. The latter skips a `#!`
//! line and takes `// syntax=` and `{"syntax": "…"}` too.

use crate::json;
use crate::source::{SourceFile, Span, Spanned};
use crate::tree::Directive;

/// What stands where a directive may stand.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'s> {
    /// A directive: its name in lower case, its value and the value's offset in the line.
    Directive { key: Key, value: &'s str, at: usize },
    /// A directive that was given before.
    Repeated(Key),
    /// None; none can follow either.
    Nothing,
}

/// The directives there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Syntax,
    Escape,
    Check,
}

impl Key {
    const ALL: [Key; 3] = [Key::Syntax, Key::Escape, Key::Check];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Key::Syntax => "syntax",
            Key::Escape => "escape",
            Key::Check => "check",
        }
    }
}

/// The directive section at the top of a file: it ends at the first line that is no directive.
#[derive(Debug)]
pub(crate) struct Section {
    prefix: &'static str,
    seen: [bool; 3],
    open: bool,
}

impl Section {
    /// A section of directives that begin with `prefix`.
    pub(crate) fn new(prefix: &'static str) -> Section {
        Section { prefix, seen: [false; 3], open: true }
    }

    /// Whether a directive may still come.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Reads one line, without its line break.
    pub(crate) fn read<'s>(&mut self, line: &'s str) -> Found<'s> {
        if !self.open {
            return Found::Nothing;
        }
        let Some((key, value, at)) = self.split(line) else {
            self.open = false;
            return Found::Nothing;
        };
        let seen = &mut self.seen[key as usize];
        if *seen {
            return Found::Repeated(key);
        }
        *seen = true;
        Found::Directive { key, value, at }
    }

    fn split<'s>(&self, line: &'s str) -> Option<(Key, &'s str, usize)> {
        let text = line.strip_prefix(self.prefix)?.trim_start();
        let (name, value) = text.split_once('=')?;
        let name = name.trim_end_matches(is_blank);
        let key = Key::ALL.into_iter().find(|key| name.eq_ignore_ascii_case(key.name()))?;
        let at = line.len() - value.len();
        let start = value.len() - value.trim_start_matches(is_blank).len();
        if start == value.len() {
            // Nothing but blanks: then the last of them is the value.
            let last = value.len().checked_sub(1)?;
            return Some((key, &value[last..], at + last));
        }
        Some((key, value.trim_matches(is_blank), at + start))
    }
}

/// The blanks that a directive may have around its `=` and behind its value.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

/// All directives as the stand-alone reader finds them, in the order syntax, escape, check.
pub(crate) fn find_all(file: &SourceFile) -> Vec<Directive> {
    let text = file.text();
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (start, first_line) = if text[start..].starts_with("#!") {
        (start + text[start..].find('\n').map_or(text.len() - start, |end| end + 1), 2)
    } else {
        (start, 1)
    };
    let mut found = in_section(file, start, first_line, "#");
    if !found.iter().any(|directive| directive.name == Key::Syntax.name()) {
        let slashed = in_section(file, start, first_line, "//");
        let syntax = slashed
            .into_iter()
            .find(|directive| directive.name == Key::Syntax.name())
            .or_else(|| in_json(file, start, first_line));
        found.splice(0..0, syntax);
    }
    found
        .sort_by_key(|directive| Key::ALL.map(Key::name).iter().position(|k| *k == directive.name));
    found
}

fn in_section(
    file: &SourceFile,
    start: usize,
    first_line: u32,
    prefix: &'static str,
) -> Vec<Directive> {
    let mut section = Section::new(prefix);
    let mut found = Vec::new();
    let mut offset = start;
    for (line, number) in file.text()[start..].split_inclusive('\n').zip(first_line..) {
        match section.read(line.strip_suffix('\n').unwrap_or(line)) {
            Found::Directive { key, value, at } => {
                let span = Span::in_source(file.id(), offset + at, offset + at + value.len());
                let value = Spanned::new(value.to_owned(), span);
                found.push(Directive { name: key.name().to_owned(), value, line: number });
            }
            Found::Repeated(_) | Found::Nothing => break,
        }
        offset += line.len();
    }
    found
}

/// `{"syntax": "…"}`: the whole file is a JSON object. BuildKit counts its line from 0.
fn in_json(file: &SourceFile, start: usize, first_line: u32) -> Option<Directive> {
    let text = &file.text()[start..];
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return None;
    }
    let value = json::member(text, Key::Syntax.name())?;
    let span = Span::in_source(file.id(), start, file.text().len());
    let value = Spanned::new(value, span);
    Some(Directive { name: Key::Syntax.name().to_owned(), value, line: first_line - 1 })
}
