//! `workspace/symbol`: the stages of all open files.

use lsp_types::{Location, SymbolInformation, SymbolKind, WorkspaceSymbolParams};

use super::Answer;
use crate::server::Server;

/// How many are told.
const MAX_SYMBOLS: usize = 1000;

/// Answers the request.
#[expect(deprecated, reason = "the protocol's type has a field that has gone out of use")]
pub(crate) fn answer(
    server: &Server<'_>,
    params: WorkspaceSymbolParams,
) -> Answer<Vec<SymbolInformation>> {
    let mut found = Vec::new();
    let uris: Vec<_> = server.documents.values().map(|document| document.uri.clone()).collect();
    for uri in uris {
        let Some(cursor) = server.file(&uri).filter(|it| !it.is_ignore()) else { continue };
        let stages = &cursor.analysis.stages;
        for (index, stage) in stages.list.iter().enumerate() {
            let name = stages.title(index);
            if !fits(&name, &params.query) || found.len() >= MAX_SYMBOLS {
                continue;
            }
            found.push(SymbolInformation {
                name,
                kind: SymbolKind::NAMESPACE,
                tags: None,
                deprecated: None,
                location: Location::new(uri.clone(), cursor.range(stage.span)),
                container_name: Some(format!("FROM {}", stage.image.value)),
            });
        }
    }
    Ok(found)
}

/// Whether the characters of a query are in a name, in their order.
fn fits(name: &str, query: &str) -> bool {
    let mut rest = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|c| rest.any(|other| other == c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_vague() {
        assert!(fits("build-base", ""));
        assert!(fits("build-base", "BB"));
        assert!(!fits("build-base", "bbx"));
        assert!(!fits("ab", "ba"));
    }
}
