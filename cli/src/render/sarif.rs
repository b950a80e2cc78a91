//! What `check` found as SARIF 2.1.0 (OASIS), for code scanning and for editors.
//!
//! Columns count UTF-16 code units, as SARIF has it unless told otherwise.

use std::collections::BTreeSet;

use compiler::lint;
use grammar::{Diagnostic, Fix, Severity, SourceFile, Span};
use serde_json::{Value, json};

use crate::render::{fingerprint, human, pages};

/// The results of one file.
pub(crate) fn results(
    file: &str,
    diagnostics: &[Diagnostic],
    sources: &[SourceFile],
) -> Vec<Value> {
    let names = fingerprint::of(file, diagnostics, sources);
    let all = diagnostics.iter().zip(names);
    all.map(|(found, name)| result(file, found, sources, &name)).collect()
}

/// The whole log. `is_complete` is false if a file could not be read.
pub(crate) fn log(results: Vec<Value>, is_complete: bool) -> Value {
    let codes: BTreeSet<&str> = results.iter().filter_map(|it| it["ruleId"].as_str()).collect();
    let rules: Vec<Value> = codes.into_iter().map(rule).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dfc",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "utf16CodeUnits",
            "invocations": [{ "executionSuccessful": is_complete }],
            "results": results,
        }],
    })
}

/// What the log says of a rule, or of another kind of diagnostic.
fn rule(code: &str) -> Value {
    let mut value = json!({ "id": code });
    let severity = lint::rule(code).map_or(Severity::Error, lint::Rule::default_severity);
    value["defaultConfiguration"] = json!({ "level": level(severity) });
    if let (Some(text), Some(address)) = (pages::text(code), pages::address(code)) {
        let summary = pages::summary(code).unwrap_or_default();
        value["shortDescription"] = json!({ "text": summary });
        // `helpUri` has to be absolute, and the manual has no address of its own.
        value["properties"] = json!({ "page": address });
        value["help"] = json!({ "text": text, "markdown": text });
    }
    value
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(file: &str, found: &Diagnostic, sources: &[SourceFile], name: &str) -> Value {
    let message = match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    };
    let place = human::place(found, sources);
    let location = match place {
        Some((source, span)) => location(&path(file, source), Some(region(source, span))),
        None => location(file, None),
    };
    let mut value = json!({
        "ruleId": found.code,
        "level": level(found.severity),
        "message": { "text": message },
        "locations": [location],
        "partialFingerprints": { "dfcFinding/v1": name },
    });
    let related: Vec<Value> = found
        .labels
        .iter()
        .skip(1)
        .filter_map(|label| {
            let source = human::source(sources, label.span.source)?;
            let mut value = location_of(file, source, label.span);
            if !label.text.is_empty() {
                value["message"] = json!({ "text": label.text });
            }
            Some(value)
        })
        .collect();
    if !related.is_empty() {
        value["relatedLocations"] = related.into();
    }
    if let Some(fix) = found.fix.as_deref().and_then(|fix| mending(file, fix, sources)) {
        value["fixes"] = json!([fix]);
    }
    value
}

/// A fix of the Dockerfile itself.
fn mending(file: &str, fix: &Fix, sources: &[SourceFile]) -> Option<Value> {
    let source = sources.first()?;
    let replacements: Option<Vec<Value>> = fix
        .edits
        .iter()
        .map(|(span, text)| {
            (span.source == source.id()).then(|| {
                json!({ "deletedRegion": region(source, *span), "insertedContent": { "text": text } })
            })
        })
        .collect();
    let replacements = replacements.filter(|all| !all.is_empty())?;
    Some(json!({
        "description": { "text": fix.title },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(file) },
            "replacements": replacements,
        }],
    }))
}

fn location_of(file: &str, source: &SourceFile, span: Span) -> Value {
    location(&path(file, source), Some(region(source, span)))
}

fn location(path: &str, region: Option<Value>) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(path) } });
    if let Some(region) = region {
        physical["region"] = region;
    }
    json!({ "physicalLocation": physical })
}

/// The file that a source is: further ones are named by themselves.
fn path(file: &str, source: &SourceFile) -> String {
    if source.id() == grammar::SourceId::MAIN { file.to_owned() } else { source.name().to_owned() }
}

fn region(source: &SourceFile, span: Span) -> Value {
    let (line, column) = position(source, span.start);
    let (end_line, end_column) = position(source, span.end);
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

/// Line and column, from 1, the column in UTF-16 code units.
fn position(source: &SourceFile, offset: u32) -> (u32, usize) {
    let line = source.lines().line(offset);
    let start = source.lines().start(line).unwrap_or_default();
    let before = &source.text()[start as usize..offset as usize];
    (line, before.encode_utf16().count() + 1)
}

/// A path as a URI: relative if it is, and with all that has a meaning in URIs escaped.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_of_utf16_and_paths_are_uris() {
        let text = "FROM a\nRUN \u{1f40b} x\n";
        let source = SourceFile::new("D", text);
        let at = text.find('x').unwrap();
        let found =
            Diagnostic::warning("StageNameCasing", "m", Span::new(at, at + 1)).fix("t", "y");
        let all = results("./a b/Docker#file", &[found], &[source]);
        let physical = &all[0]["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "a%20b/Docker%23file");
        // The whale takes two units.
        let region = json!({ "startLine": 2, "startColumn": 8, "endLine": 2, "endColumn": 9 });
        assert_eq!(physical["region"], region);
        let change = &all[0]["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(change["insertedContent"]["text"], "y");
        let log = log(all, true);
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][0]["id"], "StageNameCasing");
        assert_eq!(uri("/x"), "file:///x");
    }
}
