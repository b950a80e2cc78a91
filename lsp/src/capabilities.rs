//! What the client can do, and what the server says that it can do.

use lsp_types::InitializeParams;
use serde_json::{Value, json};

use crate::position::Encoding;
use crate::requests::semantic;
use crate::server;

/// What matters of the client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    /// What columns count.
    pub(crate) encoding: Encoding,
    /// Whether it asks for diagnostics by itself.
    pub(crate) pulls_diagnostics: bool,
}

impl Client {
    /// Reads what the client says of itself.
    pub(crate) fn of(params: &InitializeParams) -> Client {
        let text = params.capabilities.text_document.as_ref();
        Client {
            encoding: server::encoding(params),
            pulls_diagnostics: text.is_some_and(|it| it.diagnostic.is_some()),
        }
    }
}

/// What the server can do.
pub(crate) fn server(client: &Client) -> Value {
    json!({
        "positionEncoding": client.encoding.kind(),
        "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
        "diagnosticProvider": {
            "identifier": "dfc",
            "interFileDependencies": false,
            "workspaceDiagnostics": false,
        },
        "hoverProvider": true,
        "completionProvider": {
            "triggerCharacters": ["$", "{", "-", "=", ",", "/", " "],
            "resolveProvider": false,
        },
        "definitionProvider": true,
        "referencesProvider": true,
        "documentHighlightProvider": true,
        "renameProvider": { "prepareProvider": true },
        "documentSymbolProvider": true,
        "foldingRangeProvider": true,
        "selectionRangeProvider": true,
        "documentFormattingProvider": true,
        "documentRangeFormattingProvider": true,
        "documentOnTypeFormattingProvider": { "firstTriggerCharacter": "\n" },
        "semanticTokensProvider": semantic::provider(),
        "documentLinkProvider": { "resolveProvider": false },
        "signatureHelpProvider": {
            "triggerCharacters": [" ", "=", ","],
            "retriggerCharacters": [":", "/"],
        },
        "inlayHintProvider": { "resolveProvider": false },
        "callHierarchyProvider": true,
        "workspaceSymbolProvider": true,
        "codeActionProvider": { "codeActionKinds": ["quickfix", "source.fixAll.dfc"] },
    })
}
