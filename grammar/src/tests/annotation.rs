//! Expectations inside a fixture, below the line they are about:
//!
//! ```text
//! FROM a b
//! #    ^^^ error[invalid-from]: FROM requires either one or three arguments
//! #@ 3:1-3:5 error[unknown-flag]: ...       a place by lines and columns, where a comment cannot stand below it
//! ```

use crate::{Diagnostic, Severity, SourceFile};

/// What a fixture should say and does not, and the reverse.
pub(super) fn check(file: &SourceFile, diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut expected = expected(file);
    let mut found: Vec<String> = diagnostics.iter().map(|it| found(file, it)).collect();
    expected.sort();
    found.sort();
    let missing = expected.iter().filter(|it| !found.contains(it));
    let missing = missing.map(|it| format!("{}: expected {it}", file.name()));
    let extra = found.iter().filter(|it| !expected.contains(it));
    let extra = extra.map(|it| format!("{}: found    {it}", file.name()));
    missing.chain(extra).collect()
}

fn found(file: &SourceFile, diagnostic: &Diagnostic) -> String {
    let span = diagnostic.span().expect("a fixture is not empty");
    let (line, column) = file.lines().position(file.text(), span.start);
    let (end_line, end_column) = file.lines().position(file.text(), span.end);
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let Diagnostic { code, message, .. } = diagnostic;
    format!("{line}:{column}-{end_line}:{end_column} {severity}[{code}]: {message}")
}

fn expected(file: &SourceFile) -> Vec<String> {
    let mut expected = Vec::new();
    let mut above = 0;
    for (number, line) in (1..).zip(file.text().lines()) {
        let below = line.strip_prefix('#').map(str::trim_start).filter(|it| it.starts_with('^'));
        if let Some(text) = line.strip_prefix("#@ ") {
            expected.push(text.trim_end().to_owned());
        } else if let Some(text) = below {
            let start = line.chars().count() - text.chars().count() + 1;
            let what = text.trim_start_matches('^');
            let end = start + text.len() - what.len();
            expected.push(format!("{above}:{start}-{above}:{end} {}", what.trim()));
        } else {
            above = number;
        }
    }
    expected
}
