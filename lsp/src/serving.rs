//! The loop as a whole, over a connection in memory: failures inside, bursts of edits, requests that nobody waits for.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use compiler::{ImageQuery, ResolvedImage, WorldError};
use grammar::Dockerfile;
use lsp_server::{Connection, Message, Notification, Request};
use serde_json::{Value, json};

use crate::knowledge::{Context, Entry, ImageFacts, Knowledge, Listing, News, Project, StepFacts};
use crate::serve;

/// What a fake noticed.
#[derive(Debug, Default)]
struct Noticed {
    log: Mutex<Vec<String>>,
    /// How often a file was analyzed.
    looks: AtomicUsize,
}

/// An outside in which there is nothing, and which fails at a certain image.
struct Fake(Arc<Noticed>);

impl Knowledge for Fake {
    fn image(&self, _: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        Err(WorldError { message: "nothing is here".to_owned(), help: None })
    }

    fn describe_image(&self, name: &str) -> Option<ImageFacts> {
        assert!(name != "panic", "as asked for");
        None
    }

    fn image_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn ignore_file(&self, _: &Path, _: &Path) -> Option<(PathBuf, String)> {
        None
    }

    fn entries(&self, _: &Path) -> Vec<Entry> {
        Vec::new()
    }

    fn files(&self, _: &Path) -> Arc<Listing> {
        Arc::default()
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }

    fn project(&self, _: &Path) -> Rc<Project> {
        Rc::default()
    }

    fn context(&self, _: &Dockerfile, _: &Path) -> Option<Context> {
        self.0.looks.fetch_add(1, Ordering::SeqCst);
        None
    }

    fn rule_page(&self, _: &str) -> Option<String> {
        None
    }

    fn steps(&self, _: &Path) -> Vec<StepFacts> {
        Vec::new()
    }

    fn news(&self) -> News {
        News::default()
    }

    fn forget(&self) {}

    fn log(&self, line: &str) {
        self.0.log.lock().unwrap().push(line.to_owned());
    }
}

struct Client {
    connection: Connection,
    server: Option<Connection>,
    running: Option<JoinHandle<()>>,
    noticed: Arc<Noticed>,
    id: i32,
}

impl Client {
    /// Says that it is there. The server does not run yet: what is sent now, it finds all at once.
    fn new() -> Client {
        let (server, connection) = Connection::memory();
        let (noticed, running) = (Arc::default(), None);
        let mut client = Client { connection, server: Some(server), running, noticed, id: 0 };
        client.ask("initialize", json!({ "capabilities": {} }));
        client.tell("initialized", json!({}));
        client
    }

    fn tell(&self, method: &str, params: Value) {
        let message = Notification::new(method.to_owned(), params);
        self.connection.sender.send(message.into()).unwrap();
    }

    fn ask(&mut self, method: &str, params: Value) -> i32 {
        self.id += 1;
        let request = Request::new(self.id.into(), method.to_owned(), params);
        self.connection.sender.send(request.into()).unwrap();
        self.id
    }

    fn open(&self, name: &str, text: &str) {
        let item = json!({ "uri": name, "languageId": "dockerfile", "version": 0, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": item }));
    }

    fn change(&self, name: &str, version: i32, text: &str) {
        let file = json!({ "uri": name, "version": version });
        let params = json!({ "textDocument": file, "contentChanges": [{ "text": text }] });
        self.tell("textDocument/didChange", params);
    }

    fn hover(&mut self, name: &str) -> i32 {
        let position = json!({ "line": 0, "character": 1 });
        let params = json!({ "textDocument": { "uri": name }, "position": position });
        self.ask("textDocument/hover", params)
    }

    /// The answer: what came of it, and the code of a failure.
    fn answer(&mut self, id: i32) -> (Option<Value>, Option<i32>) {
        self.run();
        loop {
            let message = self.connection.receiver.recv().unwrap();
            if let Message::Response(response) = message
                && response.id == id.into()
            {
                return (response.result, response.error.map(|error| error.code));
            }
        }
    }

    /// The version and the diagnostics that are sent next for a file.
    fn diagnostics(&mut self, name: &str) -> (Value, Value) {
        self.run();
        loop {
            let message = self.connection.receiver.recv().unwrap();
            if let Message::Notification(it) = message
                && it.params["uri"] == name
            {
                return (it.params["version"].clone(), it.params["diagnostics"].clone());
            }
        }
    }

    fn run(&mut self) {
        if let Some(server) = self.server.take() {
            let noticed = Arc::clone(&self.noticed);
            let run = move || serve(&server, &Fake(noticed)).unwrap();
            self.running = Some(thread::spawn(run));
        }
    }

    fn stop(mut self) {
        let id = self.ask("shutdown", Value::Null);
        assert_eq!(self.answer(id).1, None);
        self.tell("exit", Value::Null);
        self.running.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_failure_inside_costs_one_answer() {
    let mut client = Client::new();
    client.open("file:///D", "FROM panic\n");
    let id = client.hover("file:///D");
    let (_, code) = client.answer(id);
    assert_eq!(code, Some(lsp_server::ErrorCode::InternalError as i32));
    client.open("file:///E", "RUM x\n");
    let (_, found) = client.diagnostics("file:///E");
    assert!(found.to_string().contains("RUM"), "{found}");
    // The file itself is fine once the reason is gone.
    client.change("file:///D", 1, "FROM scratch\n");
    let id = client.hover("file:///D");
    let (hover, _) = client.answer(id);
    assert!(hover.unwrap().to_string().contains("FROM"));
    let log = client.noticed.log.lock().unwrap().clone();
    assert!(log.iter().any(|line| line.contains("hover panicked: as asked for")), "{log:?}");
    assert!(log.iter().any(|line| line.contains("diagnostics panicked")), "{log:?}");
    client.stop();
}

#[test]
fn of_a_burst_of_edits_the_newest_is_analyzed() {
    let mut client = Client::new();
    client.open("file:///D", "");
    for version in 1..=50 {
        client.change("file:///D", version, &format!("RUM {version}\n"));
    }
    let (version, found) = client.diagnostics("file:///D");
    assert_eq!(version, json!(50));
    assert!(found.to_string().contains("RUM"), "{found}");
    assert_eq!(client.noticed.looks.load(Ordering::SeqCst), 1);
    client.stop();
}

#[test]
fn what_was_cancelled_is_not_answered() {
    let mut client = Client::new();
    client.open("file:///D", "FROM scratch\n");
    let id = client.hover("file:///D");
    client.tell("$/cancelRequest", json!({ "id": id }));
    let (_, code) = client.answer(id);
    assert_eq!(code, Some(lsp_server::ErrorCode::RequestCanceled as i32));
    client.stop();
}

#[test]
fn diagnostics_go_when_a_file_is_closed() {
    let mut client = Client::new();
    client.open("file:///D", "RUM x\n");
    client.diagnostics("file:///D");
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": "file:///D" } }));
    assert_eq!(client.diagnostics("file:///D"), (Value::Null, json!([])));
    client.stop();
}

#[test]
fn the_same_diagnostics_are_named_by_the_same_result() {
    let mut client = Client::new();
    client.open("file:///D", "RUM x\n");
    let file = json!({ "uri": "file:///D" });
    let id = client.ask("textDocument/diagnostic", json!({ "textDocument": file }));
    let report = client.answer(id).0.unwrap();
    assert_eq!(report["kind"], "full");
    let again = json!({ "textDocument": file, "previousResultId": report["resultId"] });
    let id = client.ask("textDocument/diagnostic", again);
    assert_eq!(client.answer(id).0.unwrap()["kind"], "unchanged");
    client.stop();
}
