//! What may be meant where an error has no single fix: the flags there are, the escape characters, `AS`.

use grammar::instruction::Keyword;
use grammar::{Diagnostic, Span};
use lsp_types::{CodeAction, TextEdit};

use super::action;
use crate::cursor::Cursor;
use crate::text::flags;

/// What may be done about an error.
pub(super) fn of(cursor: &Cursor<'_>, found: &Diagnostic) -> Vec<CodeAction> {
    let Some(span) = found.span().filter(|_| found.fix.is_none()) else { return Vec::new() };
    let replace = |title: String, span: Span, new: &str| {
        let edit = TextEdit::new(cursor.range(span), new.to_owned());
        CodeAction { title, ..action(cursor, found, vec![edit]) }
    };
    let write = |new: &str| replace(format!("Write `{new}`"), span, new);
    match found.code {
        "unknown-flag" => {
            let keyword = enclosing(cursor, span).and_then(|it| Keyword::of(&it.keyword.value));
            let known = keyword.map(flags::of).unwrap_or_default().iter();
            known.map(|flag| replace(format!("Write `--{}`", flag.name), span, flag.name)).collect()
        }
        "invalid-escape" => vec![write("\\"), replace("Write a backtick".to_owned(), span, "`")],
        "invalid-from" => match enclosing(cursor, span).map(|it| it.args.as_slice()) {
            Some([_, middle, _]) => vec![replace("Write `AS`".to_owned(), middle.span, "AS")],
            Some(_) | None => Vec::new(),
        },
        "invalid-signal" => {
            let written = &cursor.text()[span.range()];
            let first = written.split_whitespace().next().unwrap_or_default();
            let rest = Span::new(span.start as usize + first.len(), span.end as usize);
            let has_more = !first.is_empty() && first != written;
            has_more
                .then(|| replace(format!("Take out what follows `{first}`"), rest, ""))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The instruction that a place is in.
fn enclosing<'c>(cursor: &'c Cursor<'_>, span: Span) -> Option<&'c grammar::Statement> {
    cursor.analysis.statement_at(span.start as usize).map(|(_, statement)| statement)
}
