//! What `check` found as a code quality report of GitLab.

use grammar::{Diagnostic, Severity, SourceFile};
use serde_json::{Value, json};

use crate::render::{fingerprint, human};

/// The entries of one file; a report is a list of those of all files.
pub(crate) fn entries(
    file: &str,
    diagnostics: &[Diagnostic],
    sources: &[SourceFile],
) -> Vec<Value> {
    let names = fingerprint::of(file, diagnostics, sources);
    let path = file.strip_prefix("./").unwrap_or(file);
    let entry = |(found, name): (&Diagnostic, String)| {
        let severity = match found.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Note => "info",
        };
        let (begin, end) = human::place(found, sources).map_or((1, 1), |(source, span)| {
            (source.lines().line(span.start), source.lines().line(span.end))
        });
        json!({
            "description": found.message,
            "check_name": found.code,
            "fingerprint": name,
            "severity": severity,
            "location": { "path": path, "lines": { "begin": begin, "end": end } },
        })
    };
    diagnostics.iter().zip(names).map(entry).collect()
}
