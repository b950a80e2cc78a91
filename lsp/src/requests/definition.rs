//! `textDocument/definition`: where a stage, a variable or a heredoc begins, or the file that COPY names.

use lsp_types::{GotoDefinitionParams, Location, Range};

use super::{Answer, links};
use crate::server::Server;
use crate::symbols::{self, Symbol};

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: GotoDefinitionParams) -> Answer<Vec<Location>> {
    let at = params.text_document_position_params;
    let Some(cursor) = server.cursor(&at).filter(|it| !it.is_ignore()) else {
        return Ok(Vec::new());
    };
    let symbol = symbols::at(&cursor.analysis, cursor.offset);
    if let Some((symbol, _)) = symbol.filter(|(symbol, _)| !matches!(symbol, Symbol::File(_))) {
        let spans = symbols::definitions(&cursor.analysis, &symbol, cursor.offset);
        return Ok(spans.into_iter().map(|span| cursor.location(span)).collect());
    }
    let file = links::files(&cursor).into_iter().find(|(span, _)| {
        span.range().contains(&cursor.offset) || span.end as usize == cursor.offset
    });
    Ok(file.map(|(_, uri)| Location::new(uri, Range::default())).into_iter().collect())
}
