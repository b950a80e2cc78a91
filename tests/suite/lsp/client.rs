//! A language client: as little of one as the trials need.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use libtest_mimic::Failed;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Outcome;
use crate::dfc::Dfc;
use crate::scratch;

/// A server with a folder of its own, in which there is a `data.txt`.
pub(crate) struct Client {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: TempDir,
    file: String,
    id: u64,
    version: u64,
    dfc: Dfc,
}

impl Client {
    /// Starts a server; `encodings` are what the client offers.
    pub(crate) fn start(encodings: &[&str]) -> Result<Client, Failed> {
        Client::with(&json!({ "general": { "positionEncodings": encodings } }))
    }

    /// Starts a server for a client that can do this.
    pub(crate) fn with(capabilities: &Value) -> Result<Client, Failed> {
        let dfc = Dfc::new()?;
        let folder = scratch::fresh("lsp-")?;
        fs::write(folder.path().join("data.txt"), "data\n")?;
        let mut command = dfc.command(["lsp"])?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn()?;
        let input = server.stdin.take().ok_or("no input")?;
        let output = BufReader::new(server.stdout.take().ok_or("no output")?);
        let file = String::new();
        let mut client = Client { server, input, output, folder, file, id: 0, version: 0, dfc };
        client.request("initialize", &json!({ "capabilities": capabilities }))?;
        client.notify("initialized", &json!({}))?;
        Ok(client)
    }

    fn send(&mut self, message: &Value) -> Outcome {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        Ok(self.input.flush()?)
    }

    fn receive(&mut self) -> Result<Value, Failed> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err("the server has gone".into());
            }
            match line.trim().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse()?,
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut text = vec![0; length];
        self.output.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }

    fn notify(&mut self, method: &str, params: &Value) -> Outcome {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// The result, or the error.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Result<Value, Failed> {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut got = self.receive()?;
            if got["id"] == json!(id) {
                let error = got["error"].take();
                return Ok(if error.is_null() { got["result"].take() } else { error });
            }
        }
    }

    fn uri(&self) -> String {
        self.uri_of(&self.file)
    }

    fn uri_of(&self, name: &str) -> String {
        format!("file://{}/{name}", self.folder.path().display())
    }

    /// Opens a file, which later requests are about.
    pub(crate) fn open(&mut self, name: &str, text: &str) -> Outcome {
        self.file = name.to_owned();
        let item = json!({ "uri": self.uri(), "languageId": "", "version": 0, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": item }))
    }

    /// Closes the open file; what is said of it then is passed over.
    pub(crate) fn close(&mut self) -> Outcome {
        let file = json!({ "uri": self.uri() });
        self.notify("textDocument/didClose", &json!({ "textDocument": file }))
    }

    /// From now on it is about this open file again.
    pub(crate) fn back_to(&mut self, name: &str) {
        self.file = name.to_owned();
    }

    /// Tells that a file was saved.
    pub(crate) fn save(&mut self, name: &str) -> Outcome {
        let file = json!({ "uri": self.uri_of(name) });
        self.notify("textDocument/didSave", &json!({ "textDocument": file }))
    }

    /// Tells that a file was changed by somebody else.
    pub(crate) fn watched(&mut self, name: &str) -> Outcome {
        let change = json!({ "uri": self.uri_of(name), "type": 2 });
        self.notify("workspace/didChangeWatchedFiles", &json!({ "changes": [change] }))
    }

    /// Something in the client's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command, with the server's store.
    pub(crate) fn dfc(&self) -> &Dfc {
        &self.dfc
    }

    /// Types something.
    pub(crate) fn change(&mut self, name: &str, changes: &Value) -> Outcome {
        self.file = name.to_owned();
        self.version += 1;
        let file = json!({ "uri": self.uri(), "version": self.version });
        let params = json!({ "textDocument": file, "contentChanges": changes });
        self.notify("textDocument/didChange", &params)
    }

    /// The diagnostics that the server sends next.
    pub(crate) fn diagnostics(&mut self) -> Result<Value, Failed> {
        loop {
            let mut got = self.receive()?;
            let is_here = got["params"]["uri"] == json!(self.uri());
            if got["method"] == "textDocument/publishDiagnostics" && is_here {
                return Ok(got["params"]["diagnostics"].take());
            }
        }
    }

    /// Asks about the open file.
    pub(crate) fn ask(&mut self, method: &str, mut params: Value) -> Result<Value, Failed> {
        params["textDocument"] = json!({ "uri": self.uri() });
        self.request(&format!("textDocument/{method}"), &params)
    }

    /// Asks about a place of the open file.
    pub(crate) fn at(&mut self, method: &str, line: usize, column: usize) -> Result<Value, Failed> {
        self.ask_at(method, line, column, json!({}))
    }

    /// Asks about a place of the open file, with something more.
    pub(crate) fn ask_at(
        &mut self,
        method: &str,
        line: usize,
        column: usize,
        mut params: Value,
    ) -> Result<Value, Failed> {
        params["position"] = json!({ "line": line, "character": column });
        self.ask(method, params)
    }

    /// Ends the server, which should go well.
    pub(crate) fn stop(mut self) -> Outcome {
        self.request("shutdown", &Value::Null)?;
        self.notify("exit", &Value::Null)?;
        let status = self.server.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}
