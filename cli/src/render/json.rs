//! Diagnostics as JSON, for tools: a stable form of its own, not that of the types.

use grammar::{Diagnostic, Severity, SourceFile, Span};
use serde_json::{Value, json};

use crate::render::human;

/// One diagnostic. Lines and columns count from 1, columns in characters; both are missing where there is no place.
pub(crate) fn diagnostic(diagnostic: &Diagnostic, sources: &[SourceFile]) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut value = json!({
        "code": diagnostic.code,
        "severity": severity,
        "message": diagnostic.message,
    });
    let fields = value.as_object_mut().expect("made as an object");
    if let Some(place) = diagnostic.span().and_then(|span| place(span, sources)) {
        fields.extend(place.as_object().cloned().unwrap_or_default());
    }
    let also: Vec<Value> = diagnostic
        .labels
        .iter()
        .skip(1)
        .filter_map(|label| {
            let mut value = place(label.span, sources)?;
            value["text"] = json!(label.text);
            Some(value)
        })
        .collect();
    if !also.is_empty() {
        fields.insert("also".into(), also.into());
    }
    if let Some(help) = &diagnostic.help {
        fields.insert("help".into(), json!(help));
    }
    if let Some(fix) = &diagnostic.fix {
        let edits: Vec<Value> = fix
            .edits
            .iter()
            .filter_map(|(span, text)| {
                let mut value = place(*span, sources)?;
                value["replacement"] = json!(text);
                Some(value)
            })
            .collect();
        fields.insert("fix".into(), json!({ "title": fix.title, "edits": edits }));
    }
    value
}

fn place(span: Span, sources: &[SourceFile]) -> Option<Value> {
    let source = human::source(sources, span.source)?;
    let (line, column) = source.lines().position(source.text(), span.start);
    let (end_line, end_column) = source.lines().position(source.text(), span.end);
    Some(json!({
        "line": line, "column": column, "end_line": end_line, "end_column": end_column,
    }))
}
