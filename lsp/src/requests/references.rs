//! `textDocument/references`: every place of a stage, a variable or a heredoc.

use lsp_types::{Location, ReferenceParams};

use super::Answer;
use crate::server::Server;
use crate::symbols;

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: ReferenceParams) -> Answer<Vec<Location>> {
    let cursor = server.cursor(&params.text_document_position).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let Some((symbol, _)) = symbols::at(&cursor.analysis, cursor.offset) else {
        return Ok(Vec::new());
    };
    let all = params.context.include_declaration;
    let places = symbols::occurrences(&cursor.analysis, &symbol).into_iter();
    let places = places.filter(|it| all || !it.is_definition);
    Ok(places.map(|it| cursor.location(it.span)).collect())
}
