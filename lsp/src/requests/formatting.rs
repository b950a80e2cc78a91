//! `textDocument/formatting`, `rangeFormatting` and `onTypeFormatting`: what `dfc fmt` would write, in the style of the
//! `dfc.toml` that holds for the file. What the editor thinks of tabs and blanks does not count: `dfc fmt --check` would
//! not agree with it.

use compiler::format::{self, Style};
use grammar::instruction::Keyword;
use grammar::{Instruction, Span, Statement};
use lsp_types::{
    DocumentFormattingParams, DocumentOnTypeFormattingParams, DocumentRangeFormattingParams,
    TextEdit,
};

use super::Answer;
use crate::cursor::Cursor;
use crate::server::Server;

/// Answers the request for a whole file.
pub(crate) fn answer(
    server: &Server<'_>,
    params: DocumentFormattingParams,
) -> Answer<Vec<TextEdit>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    Ok(cursor.map(|cursor| told(&cursor, edits(&cursor))).unwrap_or_default())
}

/// Answers the request for a range: the instructions that it touches.
pub(crate) fn range(
    server: &Server<'_>,
    params: DocumentRangeFormattingParams,
) -> Answer<Vec<TextEdit>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let (start, end) = cursor.document.lines.offsets(cursor.text(), params.range);
    // A selection of whole lines ends where the next one begins.
    let ends_line = start < end && cursor.text()[..end].ends_with(['\n', '\r']);
    let end = if ends_line { end - 1 } else { end };
    let mut edits = edits(&cursor);
    let text = cursor.text();
    edits.retain(|(span, _)| {
        let Span { start: first, end: last, .. } = *span;
        let (first, last) = (first as usize, last as usize);
        // Whole lines end where the next one begins.
        let ends_line = first < last && text[..last].ends_with('\n');
        first <= end && if ends_line { start < last } else { start <= last }
    });
    Ok(told(&cursor, edits))
}

/// Answers the request behind a typed line break: indents the line that goes on with an instruction, and writes the keyword
/// of the line that is finished in upper case.
pub(crate) fn on_type(
    server: &Server<'_>,
    params: DocumentOnTypeFormattingParams,
) -> Answer<Vec<TextEdit>> {
    let cursor = server.cursor(&params.text_document_position).filter(|it| !it.is_ignore());
    let cursor = cursor.filter(|_| params.ch == "\n");
    let edits = cursor.as_ref().and_then(|cursor| Some(told(cursor, typed(cursor)?)));
    Ok(edits.unwrap_or_default())
}

fn told(cursor: &Cursor<'_>, edits: Vec<(Span, String)>) -> Vec<TextEdit> {
    edits.into_iter().map(|(span, text)| TextEdit::new(cursor.range(span), text)).collect()
}

fn style(cursor: &Cursor<'_>) -> Style {
    let fmt = cursor.analysis.project.settings.fmt;
    let usual = Style::default();
    Style { width: fmt.width.unwrap_or(usual.width), indent: fmt.indent.unwrap_or(usual.indent) }
}

fn edits(cursor: &Cursor<'_>) -> Vec<(Span, String)> {
    let source = &cursor.analysis.sources[0];
    format::edits(source, &grammar::parse(source), &style(cursor))
}

/// What to do to the line that was finished, and to the one that was begun.
fn typed(cursor: &Cursor<'_>) -> Option<Vec<(Span, String)>> {
    let lines = &cursor.document.lines;
    let text = cursor.text();
    let line = lines.position(text, cursor.offset).line as usize;
    let (start, end) = lines.bounds(text, line)?;
    let (before, before_end) = lines.bounds(text, line.checked_sub(1)?)?;
    let (_, statement) = cursor.analysis.statement_at(before_end)?;
    let head = statement.head;
    if head.end as usize <= before || (head.start as usize) > before_end {
        // The body of a heredoc is not ours.
        return None;
    }
    let finished = &text[before..before_end];
    let is_first = before <= head.start as usize;
    let mut edits = Vec::new();
    if is_first {
        edits.extend(keywords(statement, before_end));
    }
    let begun = &text[start..end];
    let blanks = begun.len() - begun.trim_start_matches([' ', '\t']).len();
    let written = &finished[..finished.len() - finished.trim_start_matches([' ', '\t']).len()];
    let is_comment = !is_first && finished.trim_start().starts_with('#');
    let wanted = if is_continued(finished, cursor.analysis.tree.dialect.escape) || is_comment {
        match (is_first, written) {
            (false, written) if !written.is_empty() => written.to_owned(),
            (true | false, _) => " ".repeat(style(cursor).indent),
        }
    } else if blanks == begun.len() && !text[head.range()].contains("<<") {
        // The instruction is over: the blanks are the editor's, which goes on as in the line before.
        String::new()
    } else {
        begun[..blanks].to_owned()
    };
    if wanted != begun[..blanks] {
        edits.push((Span::new(start, start + blanks), wanted));
    }
    Some(edits)
}

/// Whether the next line goes on with this one.
fn is_continued(line: &str, escape: char) -> bool {
    let head = line.trim_end_matches([' ', '\t']).strip_suffix(escape);
    head.is_some_and(|head| !head.ends_with(escape))
}

/// The keywords of a finished line in upper case.
fn keywords(statement: &Statement, end: usize) -> Vec<(Span, String)> {
    let mut found = Vec::new();
    if let Instruction::Invalid(_) = &statement.instruction {
        return found;
    }
    let Some(keyword) = Keyword::of(&statement.keyword.value) else { return found };
    if statement.keyword.value != keyword.name() {
        found.push((statement.keyword.span, keyword.name().to_owned()));
    }
    if let Instruction::From(from) = &statement.instruction
        && let Some(word) = &from.as_keyword
        && word.value != "AS"
        && word.span.end as usize <= end
    {
        found.push((word.span, "AS".to_owned()));
    }
    found
}
