//! `textDocument/selectionRange`: the word, the instruction, the stage, the file.

use grammar::Span;
use lsp_types::{SelectionRange, SelectionRangeParams};

use super::Answer;
use crate::cursor::Cursor;
use crate::server::Server;
use crate::symbols;

/// Answers the request.
pub(crate) fn answer(
    server: &Server<'_>,
    params: SelectionRangeParams,
) -> Answer<Vec<SelectionRange>> {
    let Some(document) = server.document(&params.text_document.uri) else { return Ok(Vec::new()) };
    let positions = params.positions.iter();
    Ok(positions
        .map(|position| {
            let offset = document.lines.offset(&document.text, *position);
            around(&Cursor::new(server, document, offset))
        })
        .collect())
}

fn around(cursor: &Cursor<'_>) -> SelectionRange {
    let whole = Span::new(0, cursor.text().len());
    let mut spans = vec![whole];
    if let Some((index, statement)) = cursor.statement().filter(|_| !cursor.is_ignore()) {
        let stages = &cursor.analysis.stages;
        let stage = stages.of_statement(index).and_then(|stage| stages.list.get(stage));
        spans.extend(stage.map(|stage| stage.span));
        spans.push(statement.span);
        let offset = cursor.offset;
        let holds = |span: &Span| span.start as usize <= offset && offset <= span.end as usize;
        let parts = statement.heredocs.iter().map(|it| it.content.span);
        let parts = parts.chain(statement.flags.iter().map(|it| it.span));
        let parts = parts.chain(statement.args.iter().map(|it| it.span));
        spans.extend(parts.filter(holds));
    }
    let (start, end) = cursor.word();
    spans.push(Span::new(start, end));
    if !cursor.is_ignore() {
        spans.extend(symbols::at(&cursor.analysis, cursor.offset).map(|(_, span)| span));
    }
    // From the largest to the smallest, each inside of the one before.
    let mut nested: Vec<Span> = Vec::new();
    spans.sort_by_key(|span| std::cmp::Reverse(span.len()));
    for span in spans {
        let fits = nested.last().is_none_or(|outer| {
            outer.start <= span.start && span.end <= outer.end && *outer != span
        });
        if fits {
            nested.push(span);
        }
    }
    let mut found = SelectionRange { range: cursor.range(whole), parent: None };
    for span in nested.into_iter().skip(1) {
        found = SelectionRange { range: cursor.range(span), parent: Some(Box::new(found)) };
    }
    found
}
