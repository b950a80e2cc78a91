//! Fetching one page over plain HTTP.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// The body of `http://localhost:PORT/`, asked for until `server` answers or ends.
pub(super) fn fetch(port: u16, patience: Duration, server: &mut Child) -> Result<String, String> {
    let deadline = Instant::now() + patience;
    loop {
        let problem = match ask(port) {
            Ok(answer) => return body(&answer),
            Err(problem) => problem,
        };
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("dfc run ended before its page came up: {status}"));
        }
        if deadline < Instant::now() {
            return Err(format!(
                "no page on port {port} after {} s: {problem}",
                patience.as_secs()
            ));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn ask(port: u16) -> io::Result<String> {
    let limit = Duration::from_secs(10);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut socket = TcpStream::connect_timeout(&address, limit)?;
    socket.set_read_timeout(Some(limit))?;
    socket.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    socket.take(1 << 20).read_to_string(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::other("an empty answer"));
    }
    Ok(answer)
}

fn body(answer: &str) -> Result<String, String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no end of headers")?;
    let status = head.lines().next().unwrap_or_default();
    if status.contains(" 200 ") { Ok(body.to_owned()) } else { Err(format!("{status}\n{body}")) }
}
