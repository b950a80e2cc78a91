//! An HTTP server in a thread, which does what a trial wants of it, and remembers what it was asked.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What a trial wants of the server.
type Conduct = dyn Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync;

/// The server; it ends with this value.
pub(super) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(
        handler: impl Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let handler: Arc<Conduct> = Arc::new(handler);
        let (known, ended) = (Arc::clone(&asked), Arc::clone(&stopped));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (known, handler) = (Arc::clone(&known), Arc::clone(&handler));
                // Whoever asked may be gone: that is what some trials are about.
                thread::spawn(move || drop(serve(stream, &known, &*handler)));
            }
        });
        Ok(Server { address, asked, stopped, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT` and the path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The address with a name and password.
    pub(super) fn url_of(&self, user: &str, path: &str) -> String {
        format!("http://{user}@{}{path}", self.address)
    }

    /// What was asked since the last call.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread up.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, known: &Mutex<Vec<Asked>>, handler: &Conduct) -> io::Result<()> {
    let asked = read(&mut BufReader::new(stream.try_clone()?))?;
    known.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    handler(&asked, &mut stream)
}

fn read(from: &mut impl BufRead) -> io::Result<Asked> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut asked = Asked { method, path, query, headers: Vec::new(), body: Vec::new() };
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    if let Some(length) = asked.header("content-length").and_then(|text| text.parse().ok()) {
        from.take(length).read_to_end(&mut asked.body)?;
    } else if asked.header("transfer-encoding").is_some() {
        loop {
            line.clear();
            from.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            from.by_ref().take(length).read_to_end(&mut asked.body)?;
            from.read_line(&mut String::new())?;
            if length == 0 {
                break;
            }
        }
    }
    Ok(asked)
}

/// Answers, and closes the connection.
pub(super) fn answer(
    to: &mut TcpStream,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if status != 304 {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes())?;
    to.write_all(body)
}

/// Serves a file, with an entity tag.
pub(super) fn file(asked: &Asked, to: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let tag = format!(
        "\"{}\"",
        body.iter()
            .fold(0_u32, |sum, byte| { sum.wrapping_mul(31).wrapping_add(u32::from(*byte)) })
    );
    let modified = ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT");
    match asked.header("if-none-match") {
        Some(known) if known == tag => answer(to, 304, &[("ETag", &tag)], b""),
        Some(_) | None => answer(to, 200, &[("ETag", &tag), modified], body),
    }
}

/// Serves the repositories in a folder by `git http-backend`.
pub(super) fn repositories(folder: &Path, asked: &Asked, to: &mut TcpStream) -> io::Result<()> {
    let mut command = Command::new("git");
    command.arg("http-backend").env("GIT_PROJECT_ROOT", folder).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", &asked.method).env("PATH_INFO", &asked.path);
    command.env("QUERY_STRING", &asked.query).env("REMOTE_ADDR", "127.0.0.1");
    command.env("CONTENT_LENGTH", asked.body.len().to_string());
    for (variable, header) in [
        ("CONTENT_TYPE", "content-type"),
        ("GIT_PROTOCOL", "git-protocol"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
    ] {
        if let Some(value) = asked.header(header) {
            command.env(variable, value);
        }
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&asked.body)?;
    }
    let output = child.wait_with_output()?.stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(output.len());
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let body = output.get(end + 4..).unwrap_or_default();
    let mut status = 200;
    let mut headers = Vec::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Status" => {
                status = value.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(500);
            }
            name => headers.push((name, value)),
        }
    }
    answer(to, status, &headers, body)
}
