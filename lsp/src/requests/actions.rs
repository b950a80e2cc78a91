//! `textDocument/codeAction`: the fixes of diagnostics, all of them at once, and leaving a rule out.

mod mend;
mod never;
mod repair;
mod skip;

use std::collections::HashMap;

use grammar::{Diagnostic, Fix, SourceId, Span};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionTriggerKind,
    TextEdit, WorkspaceEdit,
};

use super::{Answer, diagnostics};
use crate::cursor::Cursor;
use crate::ignore;
use crate::server::Server;

/// All safe fixes of a file at once.
const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.dfc");

/// Answers the request.
pub(crate) fn answer(
    server: &Server<'_>,
    params: CodeActionParams,
) -> Answer<Vec<CodeActionOrCommand>> {
    let Some(cursor) = server.file(&params.text_document.uri) else { return Ok(Vec::new()) };
    let (start, end) = cursor.document.lines.offsets(cursor.text(), params.range);
    let only = params.context.only;
    let wants = |kind: &CodeActionKind| {
        only.as_ref().is_none_or(|only| {
            only.iter().any(|it| {
                let (it, kind) = (it.as_str(), kind.as_str());
                kind == it || it.is_empty() || kind.starts_with(&format!("{it}."))
            })
        })
    };
    let mut actions = Vec::new();
    if cursor.is_ignore() {
        if wants(&CodeActionKind::QUICKFIX) {
            actions = of_ignore(&cursor, start, end);
        }
        return Ok(actions.into_iter().map(CodeActionOrCommand::CodeAction).collect());
    }
    if wants(&CodeActionKind::QUICKFIX) {
        let is_here = |span: Span| {
            span.source == SourceId::MAIN
                && (span.start as usize) <= end
                && start <= span.end as usize
        };
        let here = cursor.analysis.in_order().into_iter();
        let here = here.filter(|it| it.span().is_some_and(is_here));
        for found in here {
            actions.extend(quick_fix(&cursor, found));
            actions.extend(repair::of(&cursor, found));
        }
        let mut seen = Vec::new();
        for finding in &cursor.analysis.findings {
            let found = &finding.diagnostic;
            let key = (found.code, finding.lines);
            if found.span().is_some_and(is_here) && !seen.contains(&key) {
                seen.push(key);
                actions.extend(skip::here(&cursor, found, finding.lines.0));
            }
        }
        let mut rules: Vec<&Diagnostic> = Vec::new();
        for found in cursor.analysis.findings.iter().map(|it| &it.diagnostic) {
            let is_new = rules.iter().all(|it| it.code != found.code);
            if found.span().is_some_and(is_here) && is_new {
                rules.push(found);
            }
        }
        actions.extend(rules.iter().filter_map(|found| skip::in_file(&cursor, found)));
        actions.extend(rules.iter().filter_map(|found| never::show(&cursor, server, found)));
    }
    // It is much work, and nobody waits for it where the cursor only moved.
    let is_asked = params.context.trigger_kind != Some(CodeActionTriggerKind::AUTOMATIC);
    if wants(&FIX_ALL) && (is_asked || only.is_some()) {
        let edits = mend::edits(&cursor);
        if !edits.is_empty() {
            actions.push(CodeAction {
                title: "Fix all that can be fixed safely".to_owned(),
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
        is_preferred: fix.is_safe.then_some(true),
        ..action(cursor, found, edits(cursor, fix)?)
    })
}

/// An action that has to do with a diagnostic.
fn action(cursor: &Cursor<'_>, found: &Diagnostic, edits: Vec<TextEdit>) -> CodeAction {
    CodeAction {
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostics::convert(cursor.document, &cursor.analysis, found)]),
        edit: Some(change(cursor, edits)),
        ..CodeAction::default()
    }
}

fn edits(cursor: &Cursor<'_>, fix: &Fix) -> Option<Vec<TextEdit>> {
    let is_here = fix.edits.iter().all(|(span, _)| span.source == SourceId::MAIN);
    let edits = fix.edits.iter();
    let edits = edits.map(|(span, text)| TextEdit::new(cursor.range(*span), text.clone()));
    is_here.then(|| edits.collect())
}

/// What may be done about the lines of a .dockerignore.
fn of_ignore(cursor: &Cursor<'_>, start: usize, end: usize) -> Vec<CodeAction> {
    let mut actions = Vec::new();
    for (diagnostic, remedies) in ignore::problems(cursor.knowledge, cursor.document) {
        let (from, to) = cursor.document.lines.offsets(cursor.text(), diagnostic.range);
        if end < from || to < start {
            continue;
        }
        actions.extend(remedies.into_iter().map(|remedy| {
            let range = cursor.bytes(remedy.start, remedy.end);
            let edit = TextEdit::new(range, remedy.replacement);
            CodeAction {
                title: remedy.title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![diagnostic.clone()]),
                edit: Some(change(cursor, vec![edit])),
                ..CodeAction::default()
            }
        }));
    }
    actions
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

/// How the file ends its lines.
fn line_break(cursor: &Cursor<'_>) -> &'static str {
    if cursor.text().contains("\r\n") { "\r\n" } else { "\n" }
}
