//! `textDocument/documentHighlight`: the other places of what is under the cursor.

use lsp_types::{DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams};

use super::Answer;
use crate::server::Server;
use crate::symbols;

/// Answers the request.
pub(crate) fn answer(
    server: &Server<'_>,
    params: DocumentHighlightParams,
) -> Answer<Vec<DocumentHighlight>> {
    let at = params.text_document_position_params;
    let Some(cursor) = server.cursor(&at).filter(|it| !it.is_ignore()) else {
        return Ok(Vec::new());
    };
    let Some((symbol, _)) = symbols::at(&cursor.analysis, cursor.offset) else {
        return Ok(Vec::new());
    };
    let places = symbols::occurrences(&cursor.analysis, &symbol).into_iter();
    let kind = |is_definition| match is_definition {
        true => DocumentHighlightKind::WRITE,
        false => DocumentHighlightKind::READ,
    };
    Ok(places
        .map(|it| DocumentHighlight {
            range: cursor.range(it.span),
            kind: Some(kind(it.is_definition)),
        })
        .collect())
}
