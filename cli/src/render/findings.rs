//! What `check` found, as text and as JSON.

use compiler::lint::Finding;
use grammar::{Diagnostic, Severity, SourceFile, Span};
use serde_json::{Value, json};

use crate::render::{human, json as json_form};

/// All there is to say, in the order of the file, each thing once. The error that makes errors of findings is left out:
/// they are all there.
pub(crate) fn in_order(diagnostics: &[Diagnostic], findings: &[Finding]) -> Vec<Diagnostic> {
    let own = diagnostics.iter().filter(|found| found.code != "lint-violation");
    let mut all: Vec<Diagnostic> =
        own.chain(findings.iter().map(|finding| &finding.diagnostic)).cloned().collect();
    all.sort_by_key(|found| found.span().map(|span| (span.source, span.start)));
    // What rules find they may find twice in words that are read twice.
    all.dedup();
    human::unique(&all).into_iter().cloned().collect()
}

/// For people, in the order of the file.
pub(crate) fn text(
    diagnostics: &[Diagnostic],
    findings: &[Finding],
    sources: &[SourceFile],
    look: human::Look,
) -> String {
    let all = in_order(diagnostics, findings);
    human::diagnostics(&all, &without_secrets(&all, sources), look)
}

/// The sources with stars in the place of the secrets that were found: what is printed here goes into logs.
fn without_secrets(all: &[Diagnostic], sources: &[SourceFile]) -> Vec<SourceFile> {
    let secrets: Vec<Span> =
        all.iter().filter(|it| it.code == "WrittenSecret").filter_map(Diagnostic::span).collect();
    let masked = |source: &SourceFile| {
        let mut text = source.text().to_owned();
        for span in secrets.iter().filter(|span| span.source == source.id()) {
            let Some(secret) = text.get(span.range()) else { continue };
            let is_kept = |c: char| matches!(c, '\n' | '\r');
            let stars: String = secret
                .chars()
                .map(|c| if is_kept(c) { c.to_string() } else { "*".repeat(c.len_utf8()) })
                .collect();
            text.replace_range(span.range(), &stars);
        }
        SourceFile::with_id(source.id(), source.name(), text)
    };
    match secrets.is_empty() {
        true => sources.to_vec(),
        false => sources.iter().map(masked).collect(),
    }
}

/// One object a file. Of a rule's finding, `line` to `end_line` are its instruction's, and `place` is the very word.
pub(crate) fn json(
    file: &str,
    diagnostics: &[Diagnostic],
    findings: &[Finding],
    sources: &[SourceFile],
) -> Value {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|found| found.span().map(|span| (span.source, span.start)));
    let sorted = human::unique(sorted);
    let (errors, others): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        sorted.into_iter().partition(|found| found.severity == Severity::Error);
    let own = |found: &Diagnostic| {
        let mut value = json_form::diagnostic(found, sources);
        value["rule"] = json!(found.code);
        value
    };
    let mut warnings: Vec<Value> = findings.iter().map(|it| finding(it, sources)).collect();
    warnings.extend(others.into_iter().map(own));
    let errors: Vec<Value> = errors.into_iter().map(own).collect();
    json!({ "file": file, "warnings": warnings, "errors": errors })
}

/// A file that cannot even be read.
pub(crate) fn unreadable(file: &str, reason: &str) -> Value {
    let error = json!({ "code": "unreadable", "severity": "error", "message": reason });
    json!({ "file": file, "warnings": [], "errors": [error] })
}

fn finding(finding: &Finding, sources: &[SourceFile]) -> Value {
    let Finding { diagnostic, lines: (first, last) } = finding;
    let mut value = json_form::diagnostic(diagnostic, sources);
    let fields = value.as_object_mut().expect("diagnostics are objects");
    let keys = ["line", "column", "end_line", "end_column"];
    let place = keys.into_iter().filter_map(|key| Some((key.to_owned(), fields.remove(key)?)));
    let place: serde_json::Map<String, Value> = place.collect();
    value["place"] = place.into();
    value["rule"] = json!(diagnostic.code);
    value["line"] = json!(first);
    value["end_line"] = json!(last);
    value
}

/// What a build says of them when it is done: how many, and a line each.
pub(crate) fn summary(findings: &[Finding]) -> String {
    let count = findings.len();
    let noun = if count == 1 { "warning" } else { "warnings" };
    let mut text = format!("{count} {noun} found (`dfc build --check` shows where):");
    for Finding { diagnostic, lines } in findings {
        let (rule, message) = (diagnostic.code, &diagnostic.message);
        text.push_str(&format!("\n - {rule}: {message} (line {})", lines.0));
    }
    text
}
