//! Switching a rule off for good: a line in `dfc.toml`, which is made if there is none.

use std::path::PathBuf;

use compiler::lint::{self, Level};
use compiler::settings::{FILE, Settings, lint_config};
use grammar::{Diagnostic, SourceFile};
use lsp_types::{
    CodeAction, CreateFile, DocumentChangeOperation, DocumentChanges, OneOf,
    OptionalVersionedTextDocumentIdentifier, Range, ResourceOp, TextDocumentEdit, TextEdit, Uri,
    WorkspaceEdit,
};

use super::action;
use crate::cursor::Cursor;
use crate::position::Lines;
use crate::server::Server;
use crate::uri;

/// The table that it stands in.
const TABLE: &str = "[check.rules]";

/// Switches the rule of a finding off.
pub(super) fn show(
    cursor: &Cursor<'_>,
    server: &Server<'_>,
    found: &Diagnostic,
) -> Option<CodeAction> {
    lint::rule(found.code)?;
    let (path, edit) = match &cursor.analysis.project.file {
        Some(file) => {
            let text = file.source.text();
            let (start, end, new) = off(text, found.code)?;
            let lines = Lines::new(text, cursor.document.lines.encoding());
            let edit = TextEdit::new(lines.range(text, start, end), new);
            (file.path.clone(), edit)
        }
        None if server.abilities.creates_files => {
            let text = format!("{TABLE}\n{} = \"off\"\n", found.code);
            (home(cursor, server)?.join(FILE), TextEdit::new(Range::default(), text))
        }
        None => return None,
    };
    let is_new = cursor.analysis.project.file.is_none();
    let change = change(uri::of(&path)?, edit, is_new);
    let title = format!("Never show {} ({FILE})", found.code);
    Some(CodeAction { title, edit: Some(change), ..action(cursor, found, Vec::new()) })
}

/// Where a new file goes: the root of the repository, or the folder that is open.
fn home(cursor: &Cursor<'_>, server: &Server<'_>) -> Option<PathBuf> {
    let own = cursor.document.folder()?;
    let top = own.ancestors().take(20).find(|it| cursor.knowledge.exists(&it.join(".git")));
    Some(top.or_else(|| server.abilities.folder_of(own)).unwrap_or(own).to_owned())
}

fn change(uri: Uri, edit: TextEdit, is_new: bool) -> WorkspaceEdit {
    if !is_new {
        return WorkspaceEdit::new(std::collections::HashMap::from([(uri, vec![edit])]));
    }
    let create = CreateFile { uri: uri.clone(), options: None, annotation_id: None };
    let edit = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version: None },
        edits: vec![OneOf::Left(edit)],
    };
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Operations(vec![
            DocumentChangeOperation::Op(ResourceOp::Create(create)),
            DocumentChangeOperation::Edit(edit),
        ])),
        ..WorkspaceEdit::default()
    }
}

/// The edit of a `dfc.toml` that switches a rule off. Tried out: nothing that the file says may be lost by it.
fn off(text: &str, rule: &str) -> Option<(usize, usize, String)> {
    let setting = format!("{rule} = \"off\"");
    let mut tries = Vec::new();
    let mut start = 0;
    let mut is_in_table = false;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end().len();
        let content = line.trim();
        if content.starts_with('[') {
            is_in_table = content.split('#').next().map(str::trim) == Some(TABLE);
            if is_in_table {
                tries.push((end, end, format!("\n{setting}")));
            }
        } else if is_in_table && content.split('=').next().map(str::trim) == Some(rule) {
            tries.insert(0, (start, end, setting.clone()));
        }
        start += line.len();
    }
    let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { gap } else { "\n\n" };
    tries.push((text.len(), text.len(), format!("{gap}{TABLE}\n{setting}\n")));
    let parse = |text: &str| Settings::parse(&SourceFile::new(FILE, text));
    let (before, problems) = parse(text);
    tries.into_iter().find(|(start, end, new)| {
        let mut after = text.to_owned();
        after.replace_range(*start..*end, new);
        let (after, more) = parse(&after);
        let rule = lint::rule(rule);
        let level = rule.map(|rule| lint_config(&[&after.check]).level(rule));
        let mut same = before.clone();
        same.check.rules.clone_from(&after.check.rules);
        more.len() <= problems.len() && level == Some(Level::Off) && same == after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(text: &str) -> Option<String> {
        let (start, end, new) = off(text, "UnusedArg")?;
        let mut text = text.to_owned();
        text.replace_range(start..end, &new);
        Some(text)
    }

    #[test]
    fn a_rule_is_switched_off_wherever_the_table_is() {
        assert_eq!(done("").as_deref(), Some("[check.rules]\nUnusedArg = \"off\"\n"));
        assert_eq!(
            done("[fmt]\nwidth = 80\n").as_deref(),
            Some("[fmt]\nwidth = 80\n\n[check.rules]\nUnusedArg = \"off\"\n")
        );
        assert_eq!(
            done("[check.rules] # ours\nPortZero = \"error\"\n[fmt]\n").as_deref(),
            Some("[check.rules] # ours\nUnusedArg = \"off\"\nPortZero = \"error\"\n[fmt]\n")
        );
        assert_eq!(
            done("[check.rules]\nUnusedArg = \"error\"\n").as_deref(),
            Some("[check.rules]\nUnusedArg = \"off\"\n")
        );
        assert_eq!(done("[check]\nrules = { PortZero = \"off\" }\n"), None);
    }
}
