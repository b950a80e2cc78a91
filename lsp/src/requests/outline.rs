//! `textDocument/documentSymbol`: the stages with their instructions.

use grammar::Statement;
use lsp_types::{DocumentSymbol, DocumentSymbolParams, SymbolKind};

use super::Answer;
use crate::cursor::Cursor;
use crate::server::Server;

/// Answers the request.
pub(crate) fn answer(
    server: &Server<'_>,
    params: DocumentSymbolParams,
) -> Answer<Vec<DocumentSymbol>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let statements = &cursor.analysis.tree.statements;
    let stages = &cursor.analysis.stages;
    let first = stages.list.first().map_or(statements.len(), |stage| stage.from);
    let mut found: Vec<_> = statements[..first].iter().map(|it| symbol(&cursor, it)).collect();
    for (index, stage) in stages.list.iter().enumerate() {
        let mut top = symbol(&cursor, &statements[stage.from]);
        top.name = stages.title(index);
        top.kind = SymbolKind::NAMESPACE;
        top.detail = Some(stage.image.value.clone());
        top.range = cursor.range(stage.span);
        let own = &statements[stage.from + 1..stage.end];
        top.children = Some(own.iter().map(|it| symbol(&cursor, it)).collect());
        found.push(top);
    }
    Ok(found)
}

#[expect(deprecated, reason = "the protocol's type has a field that has gone out of use")]
fn symbol(cursor: &Cursor<'_>, statement: &Statement) -> DocumentSymbol {
    let short: String = statement.original.chars().take(80).collect();
    DocumentSymbol {
        name: if short.is_empty() { statement.keyword.value.clone() + " " } else { short },
        detail: None,
        kind: SymbolKind::FUNCTION,
        tags: None,
        deprecated: None,
        range: cursor.range(statement.span),
        selection_range: cursor.range(statement.keyword.span),
        children: None,
    }
}
