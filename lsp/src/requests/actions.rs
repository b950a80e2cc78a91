//! `textDocument/codeAction`: the fixes of diagnostics, all of them at once, and leaving a rule out.

use std::collections::HashMap;

use grammar::{Diagnostic, Fix, SourceId};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, TextEdit, WorkspaceEdit,
};

use super::{Answer, diagnostics};
use crate::cursor::Cursor;
use crate::server::Server;

/// All fixes of a file at once.
const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.dfc");

/// Answers the request.
pub(crate) fn answer(
    server: &Server<'_>,
    params: CodeActionParams,
) -> Answer<Vec<CodeActionOrCommand>> {
    let Some(cursor) = server.file(&params.text_document.uri).filter(|it| !it.is_ignore()) else {
        return Ok(Vec::new());
    };
    let (start, end) = cursor.document.lines.offsets(cursor.text(), params.range);
    let only = params.context.only;
    let wants = |kind: &CodeActionKind| {
        only.as_ref().is_none_or(|only| {
            only.iter().any(|it| {
                let (it, kind) = (it.as_str(), kind.as_str());
                kind == it || kind.starts_with(&format!("{it}."))
            })
        })
    };
    let mut actions = Vec::new();
    if wants(&CodeActionKind::QUICKFIX) {
        let analysis = &cursor.analysis;
        let here = analysis.all().filter(|it| {
            it.span().is_some_and(|span| (span.start as usize) <= end && start <= span.end as usize)
        });
        for found in here {
            actions.extend(quick_fix(&cursor, found));
        }
        for finding in &analysis.findings {
            let span = finding.diagnostic.span();
            let is_here = span.is_some_and(|span| {
                span.source == SourceId::MAIN
                    && (span.start as usize) <= end
                    && start <= span.end as usize
            });
            if is_here {
                actions.push(skip_here(&cursor, &finding.diagnostic, finding.lines.0));
                actions.push(skip_in_file(&cursor, &finding.diagnostic));
            }
        }
    }
    if wants(&FIX_ALL) {
        let edits = all_fixes(&cursor);
        if !edits.is_empty() {
            let title = "Fix all that can be fixed safely".to_owned();
            actions.push(CodeAction {
                title,
                kind: Some(FIX_ALL),
                edit: Some(change(&cursor, edits)),
                ..CodeAction::default()
            });
        }
    }
    Ok(actions.into_iter().map(CodeActionOrCommand::CodeAction).collect())
}

fn quick_fix(cursor: &Cursor<'_>, found: &Diagnostic) -> Option<CodeAction> {
    let fix = found.fix.as_deref()?;
    Some(CodeAction {
        title: capitalized(&fix.title),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostics::convert(cursor.document, &cursor.analysis, found)]),
        edit: Some(change(cursor, edits(cursor, fix)?)),
        is_preferred: Some(true),
        ..CodeAction::default()
    })
}

fn edits(cursor: &Cursor<'_>, fix: &Fix) -> Option<Vec<TextEdit>> {
    let is_here = fix.edits.iter().all(|(span, _)| span.source == SourceId::MAIN);
    let edits = fix.edits.iter();
    let edits = edits.map(|(span, text)| TextEdit::new(cursor.range(*span), text.clone()));
    is_here.then(|| edits.collect())
}

/// The fixes of a file that do not get into each other's way, the first of two that do.
fn all_fixes(cursor: &Cursor<'_>) -> Vec<TextEdit> {
    let mut taken: Vec<(u32, u32)> = Vec::new();
    let mut all = Vec::new();
    for fix in cursor.analysis.all().filter_map(|found| found.fix.as_deref()) {
        let free = fix.edits.iter().all(|(span, _)| {
            taken.iter().all(|(start, end)| {
                let inside = span.start < *end && *start < span.end;
                !inside && (span.start, span.end) != (*start, *end)
            })
        });
        if let Some(edits) = edits(cursor, fix).filter(|_| free) {
            taken.extend(fix.edits.iter().map(|(span, _)| (span.start, span.end)));
            all.extend(edits);
        }
    }
    all
}

/// `# check=skip=RULE` above the instruction, added to what is there.
fn skip_here(cursor: &Cursor<'_>, found: &Diagnostic, line: u32) -> CodeAction {
    let text = cursor.text();
    let start = cursor.analysis.sources[0].lines().start(line).unwrap_or_default() as usize;
    let rest = &text[start..];
    let indent = &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()];
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let edit = TextEdit::new(
        cursor.bytes(start, start),
        format!("{indent}# check=skip={}{line_break}", found.code),
    );
    skip(cursor, found, format!("Skip {} here", found.code), edit)
}

/// `# check=skip=RULE` for the whole file, in its directive or as a new one.
fn skip_in_file(cursor: &Cursor<'_>, found: &Diagnostic) -> CodeAction {
    let line_break = if cursor.text().contains("\r\n") { "\r\n" } else { "\n" };
    let edit = match &cursor.analysis.tree.dialect.check {
        Some(check) => {
            let value = check.value.as_str();
            let added = match value.split(';').find(|it| it.trim().starts_with("skip=")) {
                Some(skip) => {
                    value.replacen(skip, &format!("{},{}", skip.trim_end(), found.code), 1)
                }
                None => format!("{};skip={}", value.trim_end_matches(';'), found.code),
            };
            TextEdit::new(cursor.range(check.span), added)
        }
        None => {
            // Directives stand before anything else, `syntax` before the others.
            let directives = &cursor.analysis.tree.directives;
            let behind = directives.iter().map(|it| it.line as usize).max().unwrap_or_default();
            let bounds = cursor.document.lines.bounds(cursor.text(), behind);
            let at = bounds.map_or(cursor.text().len(), |(start, _)| start);
            let text = format!("# check=skip={}{line_break}", found.code);
            TextEdit::new(cursor.bytes(at, at), text)
        }
    };
    skip(cursor, found, format!("Skip {} in this file", found.code), edit)
}

fn skip(cursor: &Cursor<'_>, found: &Diagnostic, title: String, edit: TextEdit) -> CodeAction {
    CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostics::convert(cursor.document, &cursor.analysis, found)]),
        edit: Some(change(cursor, vec![edit])),
        ..CodeAction::default()
    }
}

/// Edits of this file alone.
pub(super) fn change(cursor: &Cursor<'_>, edits: Vec<TextEdit>) -> WorkspaceEdit {
    WorkspaceEdit::new(HashMap::from([(cursor.document.uri.clone(), edits)]))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}
