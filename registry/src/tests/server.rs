//! A web server of a hundred lines: answers as a function says, remembers what it was asked, and can break off.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use oci::Reference;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Without query.
    pub(super) path: String,
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    /// How many requests for the same method and path came before.
    pub(super) earlier: usize,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Break off after so many bytes of the body.
    cut: Option<usize>,
    /// Instead of breaking off, say nothing more for so long.
    stall: Duration,
}

impl Answer {
    /// With status 0, nothing is said: only to a request that is not read whole.
    pub(super) fn of(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new(), cut: None, stall: Duration::ZERO }
    }

    pub(super) fn ok(body: &[u8]) -> Answer {
        Answer { body: body.to_vec(), ..Answer::of(200) }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn saying(self, body: &str) -> Answer {
        Answer { body: body.as_bytes().to_vec(), ..self }
    }

    pub(super) fn status(self, status: u16) -> Answer {
        Answer { status, ..self }
    }

    /// Has one byte instead of another in the body.
    pub(super) fn replaced(mut self, from: u8, to: u8) -> Answer {
        for byte in self.body.iter_mut().filter(|byte| **byte == from) {
            *byte = to;
        }
        self
    }

    /// Does not say how long the body is: it lasts until the connection ends.
    pub(super) fn unannounced(self) -> Answer {
        let length = self.body.len();
        self.with("connection", "close").cut(length)
    }

    pub(super) fn cut(self, after: usize) -> Answer {
        Answer { cut: Some(after), ..self }
    }

    pub(super) fn stalling(self, after: usize, stall: Duration) -> Answer {
        Answer { cut: Some(after), stall, ..self }
    }
}

/// A server on a free port of this machine; ends when dropped.
pub(super) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Server {
        Server::taking(|_| None, answer)
    }

    /// Reads so many bytes of a body alone as `takes` says, if it says so; whatever is answered then, nothing more is read.
    pub(super) fn taking(
        takes: impl Fn(&Asked) -> Option<usize> + Send + Sync + 'static,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            stop: Arc::default(),
        };
        let (asked, stop, answer) = (server.asked.clone(), server.stop.clone(), Arc::new(answer));
        let takes = Arc::new(takes);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, answer, takes) = (asked.clone(), answer.clone(), takes.clone());
                thread::spawn(move || serve(&stream.unwrap(), &asked, &*takes, &*answer));
            }
        });
        server
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The latest image of a repository of this server.
    pub(super) fn image(&self, repository: &str) -> Reference {
        Reference::parse(&format!("{}/{repository}", self.address)).unwrap()
    }

    /// All that was asked, but for pings.
    pub(super) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.path != "/v2/").cloned().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: &TcpStream,
    log: &Mutex<Vec<Asked>>,
    takes: &dyn Fn(&Asked) -> Option<usize>,
    answer: &dyn Fn(&Asked) -> Answer,
) {
    let mut reader = BufReader::new(stream);
    while let Some((mut asked, is_whole)) = read_request(&mut reader, takes) {
        let answer = {
            let mut log = log.lock().unwrap();
            let same = |other: &&Asked| other.method == asked.method && other.path == asked.path;
            asked.earlier = log.iter().filter(same).count();
            log.push(asked.clone());
            drop(log);
            answer(&asked)
        };
        let hangs_up = !is_whole && answer.status == 0;
        if hangs_up || write_answer(stream, &answer, asked.method == "HEAD").is_none() || !is_whole
        {
            return;
        }
    }
}

/// A request, and whether all of it was read.
fn read_request(
    reader: &mut BufReader<&TcpStream>,
    takes: &dyn Fn(&Asked) -> Option<usize>,
) -> Option<(Asked, bool)> {
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
    let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut asked = Asked { method, path, query, headers, body: Vec::new(), earlier: 0 };
    let taken = takes(&asked).filter(|taken| *taken < length);
    asked.body.resize(taken.unwrap_or(length), 0);
    reader.read_exact(&mut asked.body).ok()?;
    Some((asked, taken.is_none()))
}

/// `None` if the connection is to be closed.
fn write_answer(mut stream: &TcpStream, answer: &Answer, is_head: bool) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    let is_open = answer.headers.iter().any(|(name, _)| name == "connection");
    if !is_open {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    if is_head {
        return Some(());
    }
    let Some(cut) = answer.cut else { return stream.write_all(&answer.body).ok() };
    stream.write_all(&answer.body[..cut]).ok()?;
    thread::sleep(answer.stall);
    None
}
