//! The loop: one message after the other, diagnostics when nothing more is waiting.
//!
//! ```text
//! Queue --message--> documents (edited), stale (to be analyzed) --request--> requests --> answer
//!   |  --cancelled, outdated--> refused at once
//!   +--idle--> the newest text of one stale file is analyzed, and its diagnostics are sent
//! ```

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{
    DidChangeConfiguration, DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument,
    DidOpenTextDocument, DidSaveTextDocument, Exit, Notification as _, PublishDiagnostics,
};
use lsp_types::request::{RegisterCapability, Request as _, Shutdown};
use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    InitializeParams, PublishDiagnosticsParams, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::abilities::Abilities;
use crate::capabilities;
use crate::documents::{Document, Language};
use crate::knowledge::{Knowledge, News};
use crate::overlay::Overlay;
use crate::position::Encoding;
use crate::queue::{Event, Queue, Stale, Wait};
use crate::requests;

/// Files whose change may change what is said of Dockerfiles.
const WATCHED: [&str; 2] = ["**/dfc.toml", "**/*.dockerignore"];

/// Of how many files all that was found out is kept. Of others it is found out again.
const MAX_KEPT: usize = 8;

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

/// Serves a client until it says that it is done.
///
/// # Errors
/// If the client breaks the protocol or cannot be understood.
pub fn serve(connection: &Connection, knowledge: &dyn Knowledge) -> Result<(), ServeError> {
    let (id, params) = connection.initialize_start()?;
    let abilities = Abilities::of(&params);
    let params: InitializeParams = serde_json::from_value(params)?;
    let client = capabilities::Client::of(&params);
    let result = json!({
        "capabilities": capabilities::server(&client),
        "serverInfo": { "name": "dfc", "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, result)?;
    let overlay = Overlay::new(knowledge);
    let mut server = Server {
        connection,
        knowledge: &overlay,
        overlay: &overlay,
        client,
        abilities,
        documents: BTreeMap::new(),
        stale: Stale::default(),
        queue: Queue::default(),
        news: News::default(),
        recent: Vec::new(),
        asked: 0,
        is_done: false,
    };
    server.watch();
    server.run();
    Ok(())
}

/// The server while it runs.
pub(crate) struct Server<'a> {
    connection: &'a Connection,
    pub(crate) knowledge: &'a dyn Knowledge,
    overlay: &'a Overlay<'a>,
    pub(crate) client: capabilities::Client,
    pub(crate) abilities: Abilities,
    /// By address.
    pub(crate) documents: BTreeMap<String, Document>,
    /// Files whose diagnostics the client does not have yet.
    stale: Stale,
    queue: Queue,
    /// What was known when files were last looked at.
    news: News,
    /// The files that were looked at last, the last one at the end.
    recent: Vec<String>,
    /// How many requests were sent to the client.
    asked: i32,
    /// Whether the client has said that it is done.
    is_done: bool,
}

impl Server<'_> {
    fn run(&mut self) {
        loop {
            let wait = match (self.stale.is_empty(), self.news.is_busy) {
                (false, _) => Wait::No,
                (true, true) => Wait::Shortly,
                (true, false) => Wait::Forever,
            };
            match self.queue.next(self.connection, wait) {
                Event::Message(Message::Request(request)) => self.answer(request),
                Event::Message(Message::Notification(it)) if it.method == Exit::METHOD => return,
                Event::Message(Message::Notification(notification)) => self.hear(notification),
                Event::Message(Message::Response(_)) => {}
                Event::Cancelled(id) => {
                    self.refuse(id, ErrorCode::RequestCanceled, "cancelled");
                }
                Event::Outdated(request) => {
                    // It is asked again because of the change itself.
                    let why = ErrorCode::ServerCancelled;
                    let mut response = Response::new_err(
                        request.id,
                        why as i32,
                        "the file has changed".to_owned(),
                    );
                    if let Some(error) = &mut response.error {
                        error.data = Some(json!({ "retriggerRequest": false }));
                    }
                    self.send(Message::Response(response));
                }
                Event::Idle => {
                    self.publish();
                    self.hear_news();
                }
                Event::Gone => return,
            }
        }
    }

    fn answer(&mut self, request: Request) {
        if request.method == Shutdown::METHOD {
            self.is_done = true;
            return self.send(Message::Response(Response::new_ok(request.id, Value::Null)));
        }
        if self.is_done {
            return self.refuse(request.id, ErrorCode::InvalidRequest, "the server is shut down");
        }
        let (id, method) = (request.id.clone(), request.method.clone());
        let file = request.params.pointer("/textDocument/uri").and_then(Value::as_str);
        let file = file.map(str::to_owned);
        let answer = panic::catch_unwind(AssertUnwindSafe(|| requests::answer(self, request)));
        let response = answer.unwrap_or_else(|panic| {
            let why = said(&*panic);
            self.knowledge.log(&format!("{method} panicked: {why}"));
            let message = format!("{method} failed inside of the server: {why}");
            Response::new_err(id, ErrorCode::InternalError as i32, message)
        });
        self.send(Message::Response(response));
        if let Some(file) = file {
            self.looked_at(&file);
        }
        // What was asked may have begun to be looked up.
        self.news.is_busy |= self.knowledge.news().is_busy;
    }

    fn refuse(&self, id: RequestId, code: ErrorCode, why: &str) {
        self.send(Message::Response(Response::new_err(id, code as i32, why.to_owned())));
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
                let uri = document.uri.clone();
                self.documents.insert(uri.as_str().to_owned(), document);
                self.changed(&uri);
            }
            DidChangeTextDocument::METHOD => {
                let Some(params) = self.read::<DidChangeTextDocumentParams>(notification) else {
                    return;
                };
                let uri = params.text_document.uri;
                let Some(document) = self.documents.get_mut(uri.as_str()) else { return };
                document.change(params.text_document.version, params.content_changes);
                self.changed(&uri);
            }
            DidCloseTextDocument::METHOD => {
                let Some(params) = self.read::<DidCloseTextDocumentParams>(notification) else {
                    return;
                };
                let uri = params.text_document.uri;
                let closed = self.documents.remove(uri.as_str());
                self.recent.retain(|it| it != uri.as_str());
                self.stale.remove(&uri);
                self.show(uri, None, Vec::new());
                if let Some(path) = closed.filter(Document::is_ignore).and_then(|it| it.path) {
                    self.overlay.remove(&path);
                    self.look_again(Some(Language::Dockerfile));
                }
            }
            DidSaveTextDocument::METHOD
            | DidChangeWatchedFiles::METHOD
            | DidChangeConfiguration::METHOD => {
                self.knowledge.forget();
                self.news.is_busy |= self.knowledge.news().is_busy;
                self.look_again(None);
                self.refresh();
            }
            _ => {}
        }
    }

    /// A file has a new text.
    fn changed(&mut self, uri: &Uri) {
        let Some(document) = self.documents.get(uri.as_str()) else { return };
        let typed = document.path.as_deref().filter(|_| document.is_ignore());
        if let Some(path) = typed {
            self.overlay.put(path, &document.text);
            self.look_again(Some(Language::Dockerfile));
        }
        self.stale.add(uri);
        self.looked_at(uri.as_str());
    }

    /// Finds out everything again of the open files, or of those in one language.
    fn look_again(&mut self, language: Option<Language>) {
        for document in self.documents.values_mut() {
            if language.is_none_or(|language| document.language == language) {
                document.forget();
                self.stale.add(&document.uri);
            }
        }
    }

    /// Keeps what was found out of this file, and of some before it.
    fn looked_at(&mut self, uri: &str) {
        if self.recent.last().is_some_and(|last| last == uri) {
            return;
        }
        self.recent.retain(|it| it != uri);
        self.recent.push(uri.to_owned());
        while self.recent.len() > MAX_KEPT {
            let oldest = self.recent.remove(0);
            if let Some(document) = self.documents.get_mut(&oldest) {
                document.forget();
            }
        }
    }

    /// What was looked up by now changes what is said.
    fn hear_news(&mut self) {
        let news = self.knowledge.news();
        let before = std::mem::replace(&mut self.news, news);
        if news.images != before.images {
            self.look_again(Some(Language::Dockerfile));
        }
        if news.files != before.files {
            self.look_again(Some(Language::Ignore));
        }
        if (news.images, news.files) != (before.images, before.files) && !self.documents.is_empty()
        {
            self.refresh();
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

    /// Sends the diagnostics of one file that has changed. Clients that ask for diagnostics get none unasked.
    fn publish(&mut self) {
        let Some(uri) = self.stale.take() else { return };
        if self.client.pulls_diagnostics {
            return;
        }
        let Some(document) = self.documents.get(uri.as_str()) else { return };
        let of = AssertUnwindSafe(|| requests::diagnostics::of(self.knowledge, document));
        match panic::catch_unwind(of) {
            Ok(found) => {
                let version = document.version;
                if document.is_news(version, &found) {
                    self.show(uri.clone(), Some(version), found);
                }
            }
            Err(panic) => {
                self.knowledge.log(&format!("diagnostics panicked: {}", said(&*panic)));
            }
        }
        self.looked_at(uri.as_str());
    }

    fn show(&self, uri: Uri, version: Option<i32>, diagnostics: Vec<lsp_types::Diagnostic>) {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        let method = PublishDiagnostics::METHOD.to_owned();
        self.send(Message::Notification(Notification::new(method, params)));
    }

    /// Asks the client to tell of changed files.
    fn watch(&mut self) {
        if !self.abilities.watches_files {
            return;
        }
        let watchers: Vec<Value> = WATCHED.iter().map(|it| json!({ "globPattern": it })).collect();
        let method = DidChangeWatchedFiles::METHOD;
        let registration = json!({
            "id": "dfc-files", "method": method, "registerOptions": { "watchers": watchers },
        });
        self.ask(RegisterCapability::METHOD, json!({ "registrations": [registration] }));
    }

    /// Lets the client ask again for what it has asked for.
    fn refresh(&mut self) {
        for method in self.abilities.refreshes.clone() {
            let is_wanted =
                self.client.pulls_diagnostics || method != "workspace/diagnostic/refresh";
            if is_wanted {
                self.ask(method, Value::Null);
            }
        }
    }

    /// Asks the client for something whose answer does not matter.
    fn ask(&mut self, method: &str, params: Value) {
        self.asked += 1;
        let request = Request { id: self.asked.into(), method: method.to_owned(), params };
        self.send(Message::Request(request));
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
