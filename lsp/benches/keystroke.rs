//! How long a client waits: from a keystroke to the diagnostics, and for an answer right behind one, in files of so many
//! lines. `cargo bench -p dfc-lsp`

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use compiler::lint::{ContextView, Entry as Place};
use compiler::{ImageQuery, ResolvedImage, WorldError};
use divan::Bencher;
use grammar::Dockerfile;
use lsp::knowledge::{Context, Entry, ImageFacts, Listing, News, Project, StepFacts};
use lsp::{Connection, Knowledge};
use lsp_server::{Message, Notification, Request};
use serde_json::{Value, json};

const LINES: [usize; 3] = [50, 500, 2000];
const FILE: &str = "file:///work/Dockerfile";

fn main() {
    divan::main();
}

/// An outside without images, in which half of what is copied is there.
struct Outside;

#[derive(Debug)]
struct View;

impl ContextView for View {
    fn entry(&self, path: &str) -> Place {
        if path.starts_with("src") { Place::Folder } else { Place::Missing }
    }

    fn list(&self, _: &str) -> Option<Vec<String>> {
        Some(vec!["src".to_owned(), "README.md".to_owned()])
    }
}

impl Knowledge for Outside {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let message = format!("no {}", query.reference);
        Err(WorldError { message, help: None })
    }

    fn describe_image(&self, _: &str) -> Option<ImageFacts> {
        None
    }

    fn image_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn ignore_file(&self, _: &Path, context: &Path) -> Option<(PathBuf, String)> {
        Some((context.join(".dockerignore"), "*.log\nnode_modules\n!keep\n".to_owned()))
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

    fn context(&self, _: &Dockerfile, dockerfile: &Path) -> Option<Context> {
        Some(Context { root: dockerfile.parent()?.to_owned(), view: Rc::new(View) })
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

    fn log(&self, _: &str) {}
}

/// A file as people write them, with so many lines.
fn text(lines: usize) -> String {
    let mut text = String::from("ARG VERSION=3.19\nFROM alpine:${VERSION} AS base\nWORKDIR /app\n");
    let mut stage = 0;
    while text.lines().count() < lines {
        stage += 1;
        let before = stage - 1;
        let _ = write!(
            text,
            "FROM base AS stage{stage}\nARG NAME{stage}=value\nENV PATH_{stage}=/opt/${{NAME{stage}}}/bin:$PATH\n\
             RUN apt-get update && apt-get install -y \\\n      curl \\\n      git \\\n      ca-certificates \\\n      \
             python3 \\\n    && rm -rf /var/lib/apt/lists/*\nCOPY package.json src{stage}/ ./app/\n\
             RUN --mount=type=cache,target=/root/.npm npm ci && npm run build -- --name=$NAME{stage}\n\
             COPY --from=base /app/{before} /srv/\nLABEL org.example.version=\"$VERSION\"\nUSER user{stage}\n\
             CMD [\"node\", \"server.js\"]\n"
        );
    }
    text.lines().take(lines).map(|line| format!("{line}\n")).collect()
}

/// A client with an open file.
struct Client {
    connection: Connection,
    version: RefCell<i32>,
}

impl Client {
    fn open(lines: usize) -> Client {
        let (server, connection) = Connection::memory();
        thread::spawn(move || lsp::serve(&server, &Outside));
        let client = Client { connection, version: RefCell::new(0) };
        client.ask("initialize", json!({ "capabilities": {} }));
        client.tell("initialized", json!({}));
        let item =
            json!({ "uri": FILE, "languageId": "dockerfile", "version": 0, "text": text(lines) });
        client.tell("textDocument/didOpen", json!({ "textDocument": item }));
        client.wait(|message| matches!(message, Message::Notification(_)));
        client
    }

    fn tell(&self, method: &str, params: Value) {
        let message = Notification::new(method.to_owned(), params);
        self.connection.sender.send(message.into()).expect("the server listens");
    }

    fn ask(&self, method: &str, params: Value) {
        let request = Request::new(1.into(), method.to_owned(), params);
        self.connection.sender.send(request.into()).expect("the server listens");
        self.wait(|message| matches!(message, Message::Response(_)));
    }

    fn wait(&self, wanted: impl Fn(&Message) -> bool) {
        while !wanted(&self.connection.receiver.recv().expect("the server speaks")) {}
    }

    /// A letter comes, or goes, at the beginning of the third line.
    fn press(&self) {
        let version = self.version.replace_with(|version| *version + 1) + 1;
        let (end, new) = if version % 2 == 1 { (0, "x") } else { (1, "") };
        let place = |character: u32| json!({ "line": 2, "character": character });
        let change = json!({ "range": { "start": place(0), "end": place(end) }, "text": new });
        let file = json!({ "uri": FILE, "version": version });
        let params = json!({ "textDocument": file, "contentChanges": [change] });
        self.tell("textDocument/didChange", params);
    }

    fn diagnostics(&self) {
        self.wait(|message| matches!(message, Message::Notification(_)));
    }
}

#[divan::bench(args = LINES)]
fn diagnostics(bencher: Bencher, lines: usize) {
    let client = Client::open(lines);
    bencher.bench_local(|| {
        client.press();
        client.diagnostics();
    });
}

#[divan::bench(args = LINES)]
fn completion_behind_a_keystroke(bencher: Bencher, lines: usize) {
    let client = Client::open(lines);
    let place = json!({ "line": 2, "character": 0 });
    let params = json!({ "textDocument": { "uri": FILE }, "position": place });
    bencher.bench_local(|| {
        client.press();
        client.ask("textDocument/completion", params.clone());
    });
}
