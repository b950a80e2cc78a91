//! Names for findings that stay the same while other lines of the file change.

use std::collections::HashMap;

use grammar::{Diagnostic, SourceFile};
use oci::Digest;

use crate::render::human;

/// A name for each diagnostic of a file: of its kind, its words, the text of its line, and which of several equal ones it
/// is. No line number is among it.
pub(crate) fn of(file: &str, diagnostics: &[Diagnostic], sources: &[SourceFile]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let name = |found: &Diagnostic| {
        let line = human::place(found, sources).map_or("", |(source, span)| {
            let start = source.text()[..span.start as usize].rfind('\n').map_or(0, |end| end + 1);
            source.text()[start..].lines().next().unwrap_or_default().trim()
        });
        let what = [file, found.code, &found.message, line].join("\0");
        let count = seen.entry(what.clone()).or_default();
        *count += 1;
        let digest = Digest::of(format!("{what}\0{count}").as_bytes()).to_string();
        let hex = digest.rsplit(':').next().unwrap_or_default();
        hex.chars().take(32).collect()
    };
    diagnostics.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use grammar::Span;

    use super::*;

    #[test]
    fn names_do_not_depend_on_lines_above() {
        let of = |text: &str| {
            let at = |found: &str| text.find(found).unwrap();
            let found =
                |word: &str| Diagnostic::warning("R", "m", Span::new(at(word), at(word) + 1));
            let source = SourceFile::new("D", text);
            super::of("D", &[found("x"), found("x"), found("y")], &[source])
        };
        let names = of("FROM a\nRUN x\nRUN y\n");
        assert_eq!(names, of("# more\nFROM a\n\n\nRUN x\n RUN y\n"));
        assert!(names[0] != names[1] && names[1] != names[2] && names[0].len() == 32);
    }
}
