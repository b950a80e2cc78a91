//! A client for tests, in the same process: [`Talk`]. It keeps the texts of its files, so that edits can be made by offset.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use compiler::settings::Settings;
use compiler::{ImageQuery, ResolvedImage, WorldError};
use grammar::{Dockerfile, SourceFile};
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};

use crate::knowledge::{Context, Entry, ImageFacts, Knowledge, Listing, News, Project, StepFacts};
use crate::position::{Encoding, Lines};

/// The folder that all files are in.
pub(crate) const FOLDER: &str = "/p";

/// What the server knows: files by their paths below [`FOLDER`], and the steps of the past.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outside {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) steps: Vec<StepFacts>,
}

impl Outside {
    /// Files and their texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Outside {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Outside { files: files.collect(), steps: Vec::new() }
    }

    fn below(path: &Path) -> Option<String> {
        // What a file has below it is not there.
        let text = path.to_str()?.strip_prefix(FOLDER)?;
        Some(text.trim_start_matches('/').to_owned())
    }
}

impl Knowledge for Outside {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let mut resolved = ResolvedImage { manifest: None, config: Default::default() };
        resolved.config.os = query.platform.os.clone();
        resolved.config.architecture = query.platform.architecture.clone();
        Ok(resolved)
    }

    fn describe_image(&self, name: &str) -> Option<ImageFacts> {
        let env = vec!["FROM_IMAGE=yes".to_owned()];
        (name == "known").then(|| ImageFacts { env, ..ImageFacts::default() })
    }

    fn image_names(&self) -> Vec<String> {
        vec!["known".to_owned()]
    }

    fn ignore_file(&self, _dockerfile: &Path, context: &Path) -> Option<(PathBuf, String)> {
        let text = self.files.get(".dockerignore")?;
        Some((context.join(".dockerignore"), text.clone()))
    }

    fn entries(&self, _folder: &Path) -> Vec<Entry> {
        let names = self.files.keys();
        names.map(|name| Entry { name: name.clone(), is_folder: false }).collect()
    }

    fn files(&self, _folder: &Path) -> Arc<Listing> {
        let files = self.files.iter().map(|(path, text)| (path.clone(), text.len() as u64));
        Arc::new(Listing { files: files.collect(), is_complete: true })
    }

    fn exists(&self, path: &Path) -> bool {
        let Some(below) = Outside::below(path) else { return false };
        let (below, is_folder) = match below.strip_suffix("/.") {
            Some(folder) => (folder, true),
            None => (below.as_str(), false),
        };
        let folder = format!("{below}/");
        (self.files.contains_key(below) && !is_folder)
            || self.files.keys().any(|path| path.starts_with(&folder))
    }

    fn project(&self, _dockerfile: &Path) -> Rc<Project> {
        let text = self.files.get("dfc.toml").map_or("", String::as_str);
        let (settings, _) = Settings::parse(&SourceFile::new("dfc.toml", text));
        Rc::new(Project { settings, file: None })
    }

    fn context(&self, _file: &Dockerfile, _dockerfile: &Path) -> Option<Context> {
        None
    }

    fn rule_page(&self, _rule: &str) -> Option<String> {
        None
    }

    fn news(&self) -> News {
        News::default()
    }

    fn steps(&self, _dockerfile: &Path) -> Vec<StepFacts> {
        self.steps.clone()
    }

    fn forget(&self) {}

    fn log(&self, _line: &str) {}
}

/// A client and its server.
pub(crate) struct Talk {
    connection: Connection,
    server: Option<JoinHandle<()>>,
    /// What columns count.
    pub(crate) encoding: Encoding,
    id: i32,
    file: String,
    /// The text of the file that was opened last.
    pub(crate) text: String,
}

impl Talk {
    /// A server that counts columns in UTF-16.
    pub(crate) fn start(outside: Outside) -> Talk {
        Talk::counting("utf-16", Encoding::Utf16, outside)
    }

    /// A server that counts columns in some way.
    pub(crate) fn counting(name: &str, encoding: Encoding, outside: Outside) -> Talk {
        let (connection, other) = Connection::memory();
        let server = thread::spawn(move || crate::serve(&other, &outside).unwrap());
        let (server, file) = (Some(server), String::new());
        let mut talk = Talk { connection, server, encoding, id: 0, file, text: String::new() };
        let capabilities = json!({ "general": { "positionEncodings": [name] } });
        talk.request("initialize", json!({ "capabilities": capabilities }));
        talk.notify("initialized", json!({}));
        talk
    }

    fn notify(&self, method: &str, params: Value) {
        let notification = Notification::new(method.to_owned(), params);
        self.connection.sender.send(Message::Notification(notification)).unwrap();
    }

    /// The result, or the error.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let id = RequestId::from(self.id);
        let request = Request { id: id.clone(), method: method.to_owned(), params };
        self.connection.sender.send(Message::Request(request)).unwrap();
        loop {
            let Message::Response(response) = self.connection.receiver.recv().unwrap() else {
                continue;
            };
            assert_eq!(response.id, id);
            return match response.error {
                Some(error) => json!({ "code": error.code, "message": error.message }),
                None => response.result.unwrap_or_default(),
            };
        }
    }

    /// The address of a file.
    pub(crate) fn uri(&self) -> Value {
        json!(format!("file://{FOLDER}/{}", self.file))
    }

    /// Opens a file, which later requests are about.
    pub(crate) fn open(&mut self, name: &str, text: &str) {
        (self.file, self.text) = (name.to_owned(), text.to_owned());
        let item = json!({ "uri": self.uri(), "languageId": "", "version": 0, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": item }));
    }

    /// Replaces bytes of the open file.
    pub(crate) fn edit(&mut self, start: usize, end: usize, text: &str) {
        let change = json!({ "range": self.range(start, end), "text": text });
        self.text.replace_range(start..end, text);
        let file = json!({ "uri": self.uri(), "version": 1 });
        let params = json!({ "textDocument": file, "contentChanges": [change] });
        self.notify("textDocument/didChange", params);
    }

    /// Bytes of the open file as the protocol has them.
    pub(crate) fn range(&self, start: usize, end: usize) -> Value {
        let range = Lines::new(&self.text, self.encoding).range(&self.text, start, end);
        serde_json::to_value(range).unwrap()
    }

    /// Asks about the open file.
    pub(crate) fn ask(&mut self, method: &str, mut params: Value) -> Value {
        params["textDocument"] = json!({ "uri": self.uri() });
        self.request(&format!("textDocument/{method}"), params)
    }

    /// Asks about a place of the open file.
    pub(crate) fn at(&mut self, method: &str, offset: usize, mut params: Value) -> Value {
        params["position"] = self.range(offset, offset)["start"].clone();
        self.ask(method, params)
    }

    /// The text between two places as the protocol has them.
    pub(crate) fn slice(&self, range: &Value) -> &str {
        let range = serde_json::from_value(range.clone()).unwrap();
        let (start, end) = Lines::new(&self.text, self.encoding).offsets(&self.text, range);
        &self.text[start..end]
    }

    /// The text with edits made to it, which must not touch each other.
    pub(crate) fn edited(&self, edits: &Value) -> String {
        let lines = Lines::new(&self.text, self.encoding);
        let mut edits: Vec<_> = edits
            .as_array()
            .into_iter()
            .flatten()
            .map(|edit| {
                let range = serde_json::from_value(edit["range"].clone()).unwrap();
                (lines.offsets(&self.text, range), edit["newText"].as_str().unwrap().to_owned())
            })
            .collect();
        edits.sort();
        let mut text = self.text.clone();
        let mut next = text.len() + 1;
        for ((start, end), new) in edits.into_iter().rev() {
            assert!(end <= next, "edits overlap");
            text.replace_range(start..end, &new);
            next = start;
        }
        text
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.server.take().unwrap().join().unwrap();
    }
}
