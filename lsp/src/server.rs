//! The loop: one message after the other, diagnostics when nothing more is waiting.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeConfiguration, DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument,
    DidOpenTextDocument, DidSaveTextDocument, Notification as _, PublishDiagnostics,
};
use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    InitializeParams, PublishDiagnosticsParams, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::capabilities;
use crate::documents::Document;
use crate::knowledge::Knowledge;
use crate::position::Encoding;
use crate::requests;

/// Why the server ends otherwise than asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The client breaks the protocol, or went away.
    #[error("the language client and this server do not understand each other: {0}")]
    Protocol(#[from] lsp_server::ProtocolError),
    /// A message that cannot be read.
    #[error("the language client sent what cannot be read: {0}")]
    Message(#[from] serde_json::Error),
}

/// What the loop waits for.
enum Event {
    /// The client says something.
    Message(Message),
    /// Nothing more is waiting: time for diagnostics.
    Idle,
    /// The client has gone.
    Gone,
}

/// Serves a client until it says that it is done.
///
/// # Errors
/// If the client breaks the protocol or cannot be understood.
pub fn serve(connection: &Connection, knowledge: &dyn Knowledge) -> Result<(), ServeError> {
    let (id, params) = connection.initialize_start()?;
    let params: InitializeParams = serde_json::from_value(params)?;
    let client = capabilities::Client::of(&params);
    let result = json!({
        "capabilities": capabilities::server(&client),
        "serverInfo": { "name": "dfc", "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, result)?;
    let mut server =
        Server { connection, knowledge, client, documents: BTreeMap::new(), stale: Vec::new() };
    loop {
        match server.next() {
            Event::Message(Message::Request(request)) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(());
                }
                server.answer(request);
            }
            Event::Message(Message::Notification(notification)) => server.hear(notification),
            Event::Message(Message::Response(_)) => {}
            Event::Idle => server.publish(),
            Event::Gone => return Ok(()),
        }
    }
}

/// The server while it runs.
pub(crate) struct Server<'a> {
    connection: &'a Connection,
    pub(crate) knowledge: &'a dyn Knowledge,
    pub(crate) client: capabilities::Client,
    /// By address.
    pub(crate) documents: BTreeMap<String, Document>,
    /// Files whose diagnostics the client does not have yet.
    stale: Vec<Uri>,
}

impl Server<'_> {
    fn next(&self) -> Event {
        let receiver = &self.connection.receiver;
        if !self.stale.is_empty() && receiver.is_empty() {
            return Event::Idle;
        }
        receiver.recv().map_or(Event::Gone, Event::Message)
    }

    fn answer(&mut self, request: Request) {
        let (id, method) = (request.id.clone(), request.method.clone());
        let answer = panic::catch_unwind(AssertUnwindSafe(|| requests::answer(self, request)));
        let response = answer.unwrap_or_else(|panic| {
            let why = said(&*panic);
            self.knowledge.log(&format!("{method} panicked: {why}"));
            let message = format!("{method} failed inside of the server: {why}");
            Response::new_err(id, ErrorCode::InternalError as i32, message)
        });
        self.send(Message::Response(response));
    }

    fn hear(&mut self, notification: Notification) {
        let method = notification.method.clone();
        let heard = panic::catch_unwind(AssertUnwindSafe(|| self.notice(notification)));
        if let Err(panic) = heard {
            self.knowledge.log(&format!("{method} panicked: {}", said(&*panic)));
        }
    }

    fn notice(&mut self, notification: Notification) {
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => {
                let Some(params) = self.read::<DidOpenTextDocumentParams>(notification) else {
                    return;
                };
                let document = Document::open(params.text_document, self.client.encoding);
                self.stale.push(document.uri.clone());
                self.documents.insert(document.uri.as_str().to_owned(), document);
            }
            DidChangeTextDocument::METHOD => {
                let Some(params) = self.read::<DidChangeTextDocumentParams>(notification) else {
                    return;
                };
                let uri = params.text_document.uri;
                let Some(document) = self.documents.get_mut(uri.as_str()) else { return };
                document.change(params.text_document.version, params.content_changes);
                self.stale.push(uri);
            }
            DidCloseTextDocument::METHOD => {
                let Some(params) = self.read::<DidCloseTextDocumentParams>(notification) else {
                    return;
                };
                let uri = params.text_document.uri;
                self.documents.remove(uri.as_str());
                self.stale.retain(|it| *it != uri);
                self.show(uri, None, Vec::new());
            }
            DidSaveTextDocument::METHOD
            | DidChangeWatchedFiles::METHOD
            | DidChangeConfiguration::METHOD => {
                self.knowledge.forget();
                for document in self.documents.values_mut() {
                    document.forget();
                }
                self.stale = self.documents.values().map(|it| it.uri.clone()).collect();
            }
            _ => {}
        }
    }

    fn read<T: DeserializeOwned>(&self, notification: Notification) -> Option<T> {
        match serde_json::from_value(notification.params) {
            Ok(params) => Some(params),
            Err(error) => {
                self.knowledge.log(&format!("{}: {error}", notification.method));
                None
            }
        }
    }

    /// Sends the diagnostics of files that have changed. Clients that ask for diagnostics get none unasked.
    fn publish(&mut self) {
        for uri in std::mem::take(&mut self.stale) {
            if self.client.pulls_diagnostics {
                continue;
            }
            let Some(document) = self.documents.get(uri.as_str()) else { continue };
            let of = AssertUnwindSafe(|| requests::diagnostics::of(self.knowledge, document));
            match panic::catch_unwind(of) {
                Ok(found) => self.show(uri, Some(document.version), found),
                Err(panic) => {
                    self.knowledge.log(&format!("diagnostics panicked: {}", said(&*panic)));
                }
            }
        }
    }

    fn show(&self, uri: Uri, version: Option<i32>, diagnostics: Vec<lsp_types::Diagnostic>) {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        let method = PublishDiagnostics::METHOD.to_owned();
        self.send(Message::Notification(Notification::new(method, params)));
    }

    /// That the client has gone shows when the next message is waited for.
    fn send(&self, message: Message) {
        let _ = self.connection.sender.send(message);
    }
}

impl Server<'_> {
    /// An open file.
    pub(crate) fn document(&self, uri: &Uri) -> Option<&Document> {
        self.documents.get(uri.as_str())
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned())).unwrap_or_default()
}

/// The encoding that the client and the server use.
pub(crate) fn encoding(params: &InitializeParams) -> Encoding {
    let general = params.capabilities.general.as_ref();
    Encoding::negotiate(general.and_then(|it| it.position_encodings.as_deref()))
}
