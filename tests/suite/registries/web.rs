//! A web server of a hundred lines that answers as a function says, and misbehaves if it is told to.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The longest body of a request that is kept.
const MAX_BODY: usize = 64 << 20;

/// A request.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Without query.
    pub(super) path: String,
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// This, with its length.
    Whole(Vec<u8>),
    /// This, and no word of its length: the connection ends it.
    Unannounced(Vec<u8>),
    /// As long as somebody reads.
    Endless,
    /// The first part of what was announced; then the connection breaks.
    Cut(Vec<u8>, usize),
    /// The first part of what was announced; then nothing.
    Silent(Vec<u8>, usize),
    /// A byte now and then.
    Dripping(Vec<u8>, Duration),
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Answer {
    pub(super) fn of(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Body::Whole(Vec::new()) }
    }

    pub(super) fn ok(body: &[u8]) -> Answer {
        Answer { body: Body::Whole(body.to_vec()), ..Answer::of(200) }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn sending(self, body: Body) -> Answer {
        Answer { body, ..self }
    }
}

/// A server on a free port of this machine; it ends with this value.
pub(super) struct Web {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
}

impl Web {
    pub(super) fn start(
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Web> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let web =
            Web { address: listener.local_addr()?, asked: Arc::default(), stop: Arc::default() };
        let (asked, stop, answer) = (web.asked.clone(), web.stop.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, answer, stop) = (asked.clone(), answer.clone(), stop.clone());
                thread::spawn(move || serve(&stream, &asked, &*answer, &stop));
            }
        });
        Ok(web)
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    /// The address of a path.
    pub(super) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that was asked.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // So that it looks.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: &TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked) -> Answer,
    stop: &AtomicBool,
) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_request(&mut reader) {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        let answer = answer(&asked);
        if write_answer(stream, answer, asked.method == "HEAD", stop).is_none() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(Some(0), |text| text.parse().ok())?;
    if length > MAX_BODY {
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = (path.to_owned(), query.to_owned());
    Some(Asked { method, path, query, headers, body })
}

/// `None` if the connection is to be closed.
fn write_answer(
    mut stream: &TcpStream,
    answer: Answer,
    is_head: bool,
    stop: &AtomicBool,
) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    let length = match &answer.body {
        Body::Whole(bytes) | Body::Cut(bytes, _) | Body::Silent(bytes, _) => Some(bytes.len()),
        Body::Dripping(bytes, _) => Some(bytes.len()),
        Body::Unannounced(_) | Body::Endless => None,
    };
    head.push_str(&match length {
        Some(length) => format!("content-length: {length}\r\n"),
        None => "connection: close\r\n".to_owned(),
    });
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    if is_head {
        return Some(());
    }
    match answer.body {
        Body::Whole(bytes) => return stream.write_all(&bytes).ok(),
        Body::Unannounced(bytes) => stream.write_all(&bytes).ok()?,
        Body::Cut(bytes, after) => stream.write_all(&bytes[..after]).ok()?,
        Body::Silent(bytes, after) => {
            stream.write_all(&bytes[..after]).ok()?;
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(100));
            }
        }
        Body::Endless => {
            let piece = vec![b' '; 64 << 10];
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(&piece).ok()?;
            }
        }
        Body::Dripping(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).ok()?;
                thread::sleep(pause);
            }
        }
    }
    None
}
