//! `textDocument/diagnostic`, and the diagnostics that are sent unasked.

use std::str::FromStr;

use compiler::lint::{self, Origin};
use compiler::settings;
use grammar::{Diagnostic, Severity, SourceId, Span};
use lsp_types::{
    CodeDescription, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    DocumentDiagnosticParams, DocumentDiagnosticReport, FullDocumentDiagnosticReport, Location,
    NumberOrString, Range, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri,
};

use super::Answer;
use crate::analysis::Analysis;
use crate::documents::{Document, Language, digest};
use crate::ignore;
use crate::knowledge::Knowledge;
use crate::position::Lines;
use crate::server::Server;
use crate::uri;

/// How many mistakes of a `dfc.toml` are told.
const MAX_PROJECT_PROBLEMS: usize = 5;

/// Answers the request.
pub(crate) fn answer(
    server: &Server<'_>,
    params: DocumentDiagnosticParams,
) -> Answer<DocumentDiagnosticReport> {
    let document = server.document(&params.text_document.uri);
    let items = document.map(|it| of(server.knowledge, it)).unwrap_or_default();
    let result_id = format!("{:x}", digest(&items));
    if params.previous_result_id.as_ref() == Some(&result_id) {
        let report = UnchangedDocumentDiagnosticReport { result_id };
        return Ok(DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: report,
        }));
    }
    let report = FullDocumentDiagnosticReport { result_id: Some(result_id), items };
    let report = RelatedFullDocumentDiagnosticReport {
        related_documents: None,
        full_document_diagnostic_report: report,
    };
    Ok(DocumentDiagnosticReport::Full(report))
}

/// All diagnostics of a file.
pub(crate) fn of(knowledge: &dyn Knowledge, document: &Document) -> Vec<lsp_types::Diagnostic> {
    if document.language == Language::Ignore {
        return ignore::diagnostics(knowledge, document);
    }
    let analysis = document.analysis(knowledge);
    let own = analysis.in_order().into_iter().map(|it| convert(document, &analysis, it));
    of_project(document, &analysis).into_iter().chain(own).collect()
}

/// What is wrong with the `dfc.toml`, at the beginning of the file that it is for.
fn of_project(document: &Document, analysis: &Analysis) -> Vec<lsp_types::Diagnostic> {
    let Some(file) = &analysis.project.file else { return Vec::new() };
    let lines = Lines::new(file.source.text(), document.lines.encoding());
    let problems = file.problems.iter().take(MAX_PROJECT_PROBLEMS).map(|problem| {
        let related = problem.span().and_then(|span| {
            let location =
                Location::new(uri::of(&file.path)?, lines.span(file.source.text(), span));
            Some(DiagnosticRelatedInformation { location, message: "here".to_owned() })
        });
        lsp_types::Diagnostic {
            range: place(document, Span::new(0, 0)),
            severity: Some(DiagnosticSeverity::WARNING),
            code: Some(NumberOrString::String(problem.code.to_owned())),
            source: Some("dfc".to_owned()),
            message: format!("{}: {}", settings::FILE, said(problem, None)),
            related_information: related.map(|related| vec![related]),
            ..lsp_types::Diagnostic::default()
        }
    });
    problems.collect()
}

/// The message with the remark beside the place, and what to do.
fn said(it: &Diagnostic, remark: Option<&str>) -> String {
    let mut message = it.message.clone();
    if let Some(text) = remark.filter(|text| !text.is_empty()) {
        message = format!("{message} ({text})");
    }
    if let Some(help) = &it.help {
        message = format!("{message}\nhelp: {help}");
    }
    message
}

/// A diagnostic as the protocol has it.
pub(crate) fn convert(
    document: &Document,
    analysis: &Analysis,
    it: &Diagnostic,
) -> lsp_types::Diagnostic {
    // One that is about another file is shown at the beginning of this one, and leads there.
    let main = it.labels.iter().find(|label| label.span.source == SourceId::MAIN);
    let range = main.map_or(Range::default(), |label| place(document, label.span));
    let message = said(it, main.map(|label| label.text.as_str()));
    let others = it.labels.iter().filter(|label| main != Some(*label));
    let related: Vec<_> = others.filter_map(|it| remark(document, analysis, it)).collect();
    lsp_types::Diagnostic {
        range,
        severity: Some(match it.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(it.code.to_owned())),
        code_description: page(it.code).map(|href| CodeDescription { href }),
        source: Some("dfc".to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: tag(it.code).map(|tag| vec![tag]),
        ..lsp_types::Diagnostic::default()
    }
}

/// Places without a width are hard to see: they get the character before or behind.
fn place(document: &Document, span: Span) -> Range {
    let text = document.text.as_str();
    let (mut start, mut end) = (span.start as usize, span.end as usize);
    if start == end {
        match text[end.min(text.len())..].chars().next().filter(|c| !matches!(c, '\r' | '\n')) {
            Some(next) => end += next.len_utf8(),
            None => {
                let before = text[..start.min(text.len())].chars().next_back();
                let before = before.filter(|c| !matches!(c, '\r' | '\n'));
                start -= before.map_or(0, char::len_utf8);
            }
        }
    }
    document.lines.range(text, start, end)
}

fn remark(
    document: &Document,
    analysis: &Analysis,
    label: &grammar::Label,
) -> Option<DiagnosticRelatedInformation> {
    let message = if label.text.is_empty() { "here".to_owned() } else { label.text.clone() };
    let span = label.span;
    if span.source == SourceId::MAIN {
        let range = document.lines.span(&document.text, span);
        let location = Location::new(document.uri.clone(), range);
        return Some(DiagnosticRelatedInformation { location, message });
    }
    // A further source is the .dockerignore, or a trigger of a base image, which is in no file.
    let source = analysis.sources.iter().find(|it| it.id() == span.source)?;
    let (path, text) = analysis.ignore.as_ref()?;
    if source.text() != text {
        return None;
    }
    let lines = Lines::new(text, document.lines.encoding());
    let location = Location::new(uri::of(path)?, lines.span(text, span));
    Some(DiagnosticRelatedInformation { location, message })
}

/// Where BuildKit tells of a rule.
fn page(code: &str) -> Option<Uri> {
    let rule = lint::rule(code).filter(|rule| rule.origin() == Origin::BuildKit)?;
    let mut name = String::new();
    for (at, c) in rule.name().char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    Uri::from_str(&format!("https://docs.docker.com/reference/build-checks/{name}/")).ok()
}

fn tag(code: &str) -> Option<DiagnosticTag> {
    match code {
        "MaintainerDeprecated" => Some(DiagnosticTag::DEPRECATED),
        _ if code.starts_with("Unused") || code.starts_with("Unreachable") => {
            Some(DiagnosticTag::UNNECESSARY)
        }
        _ => None,
    }
}
