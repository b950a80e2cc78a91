//! The requests, one file each. [`answer()`] hands over to the one that was asked.

pub(crate) mod actions;
pub(crate) mod calls;
pub(crate) mod completion;
pub(crate) mod definition;
pub(crate) mod diagnostics;
pub(crate) mod folding;
pub(crate) mod formatting;
pub(crate) mod highlight;
pub(crate) mod hover;
pub(crate) mod inlay;
pub(crate) mod links;
pub(crate) mod outline;
pub(crate) mod references;
pub(crate) mod rename;
pub(crate) mod selection;
pub(crate) mod semantic;
pub(crate) mod signature;
pub(crate) mod workspace;

use lsp_server::{ErrorCode, Request, RequestId, Response};
use lsp_types::request::{self as ask, Request as Ask};
use lsp_types::{TextDocumentPositionParams, Uri};
use serde::Serialize;

use crate::cursor::Cursor;
use crate::server::Server;

/// Why a request has no answer, as the user reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

/// What a request gives.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// Answers a request.
pub(crate) fn answer(server: &Server<'_>, request: Request) -> Response {
    let call = Call { server, request };
    match call.request.method.as_str() {
        ask::DocumentDiagnosticRequest::METHOD => {
            call.run::<ask::DocumentDiagnosticRequest, _>(diagnostics::answer)
        }
        ask::CodeActionRequest::METHOD => call.run::<ask::CodeActionRequest, _>(actions::answer),
        ask::HoverRequest::METHOD => call.run::<ask::HoverRequest, _>(hover::answer),
        ask::Completion::METHOD => call.run::<ask::Completion, _>(completion::answer),
        ask::GotoDefinition::METHOD => call.run::<ask::GotoDefinition, _>(definition::answer),
        ask::References::METHOD => call.run::<ask::References, _>(references::answer),
        ask::DocumentHighlightRequest::METHOD => {
            call.run::<ask::DocumentHighlightRequest, _>(highlight::answer)
        }
        ask::PrepareRenameRequest::METHOD => {
            call.run::<ask::PrepareRenameRequest, _>(rename::prepare)
        }
        ask::Rename::METHOD => call.run::<ask::Rename, _>(rename::answer),
        ask::DocumentSymbolRequest::METHOD => {
            call.run::<ask::DocumentSymbolRequest, _>(outline::answer)
        }
        ask::FoldingRangeRequest::METHOD => {
            call.run::<ask::FoldingRangeRequest, _>(folding::answer)
        }
        ask::SelectionRangeRequest::METHOD => {
            call.run::<ask::SelectionRangeRequest, _>(selection::answer)
        }
        _ => more(call),
    }
}

/// Those of the requests that are about the look of a file, and about its stages.
fn more(call: Call<'_, '_>) -> Response {
    match call.request.method.as_str() {
        ask::Formatting::METHOD => call.run::<ask::Formatting, _>(formatting::answer),
        ask::RangeFormatting::METHOD => call.run::<ask::RangeFormatting, _>(formatting::range),
        ask::OnTypeFormatting::METHOD => call.run::<ask::OnTypeFormatting, _>(formatting::on_type),
        ask::SemanticTokensFullRequest::METHOD => {
            call.run::<ask::SemanticTokensFullRequest, _>(semantic::full)
        }
        ask::SemanticTokensFullDeltaRequest::METHOD => {
            call.run::<ask::SemanticTokensFullDeltaRequest, _>(semantic::delta)
        }
        ask::SemanticTokensRangeRequest::METHOD => {
            call.run::<ask::SemanticTokensRangeRequest, _>(semantic::range)
        }
        ask::DocumentLinkRequest::METHOD => call.run::<ask::DocumentLinkRequest, _>(links::answer),
        ask::SignatureHelpRequest::METHOD => {
            call.run::<ask::SignatureHelpRequest, _>(signature::answer)
        }
        ask::InlayHintRequest::METHOD => call.run::<ask::InlayHintRequest, _>(inlay::answer),
        ask::CallHierarchyPrepare::METHOD => {
            call.run::<ask::CallHierarchyPrepare, _>(calls::prepare)
        }
        ask::CallHierarchyIncomingCalls::METHOD => {
            call.run::<ask::CallHierarchyIncomingCalls, _>(calls::incoming)
        }
        ask::CallHierarchyOutgoingCalls::METHOD => {
            call.run::<ask::CallHierarchyOutgoingCalls, _>(calls::outgoing)
        }
        ask::WorkspaceSymbolRequest::METHOD => {
            call.run::<ask::WorkspaceSymbolRequest, _>(workspace::answer)
        }
        method => {
            let message = format!("there is no {method}");
            Response::new_err(call.request.id.clone(), ErrorCode::MethodNotFound as i32, message)
        }
    }
}

/// One request on its way.
struct Call<'s, 'k> {
    server: &'s Server<'k>,
    request: Request,
}

impl<'s, 'k> Call<'s, 'k> {
    fn run<R: Ask, A: Serialize>(
        self,
        handle: impl FnOnce(&'s Server<'k>, R::Params) -> Answer<A>,
    ) -> Response {
        let Call { server, request } = self;
        let id: RequestId = request.id;
        let params = match serde_json::from_value(request.params) {
            Ok(params) => params,
            Err(error) => {
                let code = ErrorCode::InvalidParams as i32;
                return Response::new_err(id, code, error.to_string());
            }
        };
        match handle(server, params) {
            Ok(answer) => Response::new_ok(id, answer),
            Err(Refusal(why)) => Response::new_err(id, ErrorCode::RequestFailed as i32, why),
        }
    }
}

impl Server<'_> {
    /// The place that a request is about, in a Dockerfile or an ignore file.
    pub(crate) fn cursor(&self, at: &TextDocumentPositionParams) -> Option<Cursor<'_>> {
        let document = self.document(&at.text_document.uri)?;
        let offset = document.lines.offset(&document.text, at.position);
        Some(Cursor::new(self, document, offset))
    }

    /// A file that a request is about, from its beginning.
    pub(crate) fn file(&self, uri: &Uri) -> Option<Cursor<'_>> {
        Some(Cursor::new(self, self.document(uri)?, 0))
    }
}
