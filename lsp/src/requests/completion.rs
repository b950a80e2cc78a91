//! `textDocument/completion`: works on the text before the cursor, which is in the middle of an edit.

use compiler::ignore::IgnoreFile;
use grammar::instruction::Keyword;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionParams, CompletionTextEdit, TextEdit,
};

use super::Answer;
use crate::cursor::Cursor;
use crate::server::Server;
use crate::text;
use crate::variables::PREDEFINED;

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: CompletionParams) -> Answer<Vec<CompletionItem>> {
    let cursor = server.cursor(&params.text_document_position).filter(|it| !it.is_ignore());
    Ok(cursor.map(|cursor| items(&cursor)).unwrap_or_default())
}

fn items(cursor: &Cursor<'_>) -> Vec<CompletionItem> {
    let escape = cursor.analysis.tree.dialect.escape;
    let start = line_start(cursor.text(), cursor.offset, escape);
    let before = &cursor.text()[start..cursor.offset];
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let mut words = before[..before.len() - word.len()].split_whitespace();
    let Some(first) = words.next() else {
        let names =
            Keyword::ALL.iter().map(|keyword| (keyword.name().to_owned(), text::of(*keyword).1));
        return made(cursor, word, names, CompletionItemKind::KEYWORD);
    };
    let name = word.rsplit(['$', '{']).next().unwrap_or_default();
    if name.len() < word.len() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return variables(cursor, name);
    }
    let Some(keyword) = Keyword::of(first) else { return Vec::new() };
    if let Some(flag) = word.strip_prefix("--") {
        return flags(cursor, keyword, flag);
    }
    let arguments = words.filter(|it| !it.starts_with("--")).count();
    if keyword == Keyword::From && arguments == 0 {
        stages_and_images(cursor, word, true)
    } else if matches!(keyword, Keyword::Copy | Keyword::Add) && !before.contains("--from=") {
        paths(cursor, word)
    } else if keyword == Keyword::Arg {
        let names = PREDEFINED.iter().map(|(name, what)| ((*name).to_owned(), *what));
        made(cursor, word, names, CompletionItemKind::VARIABLE)
    } else {
        Vec::new()
    }
}

/// Where the instruction that is being typed begins: lines that end in the escape character go on.
fn line_start(text: &str, offset: usize, escape: char) -> usize {
    let mut start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    while let Some(before) = start.checked_sub(1) {
        let line = text[..before].rfind('\n').map_or(0, |at| at + 1);
        let content = text[line..before].trim();
        if !content.ends_with(escape) && !content.starts_with('#') {
            break;
        }
        if content.starts_with('#') && line == 0 {
            break;
        }
        start = line;
    }
    // Comments above are no part of it.
    while text[start..offset].trim_start().starts_with('#') {
        match text[start..offset].find('\n') {
            Some(end) => start += end + 1,
            None => break,
        }
    }
    start
}

fn flags(cursor: &Cursor<'_>, keyword: Keyword, flag: &str) -> Vec<CompletionItem> {
    let Some((name, value)) = flag.split_once('=') else {
        let names = text::of(keyword).2.iter().map(|name| match *name {
            "link" | "parents" | "keep-git-dir" | "unpack" => ((*name).to_owned(), ""),
            name => (format!("{name}="), ""),
        });
        return made(cursor, flag, names, CompletionItemKind::PROPERTY);
    };
    // Behind a comma a mount goes on with its next field.
    let field = value.rsplit(',').next().unwrap_or_default();
    let (name, value) = match (name, field.split_once('=')) {
        ("mount", Some((key, value))) => (key, value),
        ("mount", None) => ("mount", field),
        _ => (name, value),
    };
    if name == "from" {
        return stages_and_images(cursor, value, false);
    }
    let values = text::values(name).iter().map(|value| ((*value).to_owned(), ""));
    made(cursor, value, values, CompletionItemKind::VALUE)
}

fn stages_and_images(cursor: &Cursor<'_>, typed: &str, is_from: bool) -> Vec<CompletionItem> {
    let stages = cursor.analysis.stages.list.iter();
    let stages = stages.filter(|stage| (stage.image.span.start as usize) < cursor.offset);
    let names = stages.filter_map(|stage| Some((stage.name.as_ref()?.value.clone(), "a stage")));
    let mut found = made(cursor, typed, names, CompletionItemKind::MODULE);
    let images =
        cursor.knowledge.image_names().into_iter().map(|name| (name, "in the local store"));
    let scratch = is_from.then(|| ("scratch".to_owned(), "nothing at all"));
    found.extend(made(cursor, typed, images.chain(scratch), CompletionItemKind::REFERENCE));
    found
}

fn variables(cursor: &Cursor<'_>, typed: &str) -> Vec<CompletionItem> {
    let statements = &cursor.analysis.tree.statements;
    let index = statements.partition_point(|it| it.span.start as usize <= cursor.offset);
    let scope = cursor.analysis.variables.scope(index.saturating_sub(1));
    let known = scope.map(|scope| scope.all()).unwrap_or_default();
    let mut found = Vec::new();
    for (name, (value, _)) in known {
        let value = value.as_deref().unwrap_or("no value");
        found.extend(made(cursor, typed, [(name.to_owned(), value)], CompletionItemKind::VARIABLE));
    }
    found
}

fn paths(cursor: &Cursor<'_>, typed: &str) -> Vec<CompletionItem> {
    let Some(context) = &cursor.analysis.context else { return Vec::new() };
    let (folder, name) =
        typed.rsplit_once('/').map_or(("", typed), |(folder, name)| (folder, name));
    let relative = folder.trim_start_matches("./").trim_start_matches('/');
    if relative.contains("..") {
        return Vec::new();
    }
    let ignored = cursor.analysis.ignore.as_ref();
    let ignored =
        ignored.and_then(|(_, text)| IgnoreFile::parse("", text).ok()).unwrap_or_default();
    let entries = cursor.knowledge.entries(&context.join(relative));
    let entries = entries.into_iter().map(|entry| {
        let path = format!("{relative}/{}", entry.name);
        let is_ignored = ignored.matches(path.trim_start_matches('/').as_bytes());
        let slash = if entry.is_folder { "/" } else { "" };
        let what = if is_ignored { "left out by .dockerignore" } else { "" };
        (format!("{}{slash}", entry.name), what)
    });
    made(cursor, name, entries, CompletionItemKind::FILE)
}

/// Items that replace what has been typed so far.
fn made<'t>(
    cursor: &Cursor<'_>,
    typed: &str,
    items: impl IntoIterator<Item = (String, &'t str)>,
    kind: CompletionItemKind,
) -> Vec<CompletionItem> {
    let range = cursor.bytes(cursor.offset - typed.len(), cursor.offset);
    let item = |(label, detail): (String, &str)| CompletionItem {
        kind: Some(kind),
        detail: Some(detail.to_owned()).filter(|detail| !detail.is_empty()),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, label.clone()))),
        label,
        ..CompletionItem::default()
    };
    items.into_iter().map(item).collect()
}
