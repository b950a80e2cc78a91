//! Files from plain URLs: what ADD and contexts download. No registry is asked, and no credential of a registry is sent.

use std::fmt;
use std::io::Write;
use std::time::UNIX_EPOCH;

use ureq::http::header;

use crate::client::Client;
use crate::client::stream::{Stop, Stream, start_of};
use crate::endpoint::Link;
use crate::error::RegistryError;
use crate::progress::Progress;
use crate::retry;
use crate::transport::{Ask, Failure, FailureKind, Reply, Shown};

/// Which file is wanted.
#[derive(Clone, Copy)]
pub struct FileAsk<'a> {
    /// An http or https URL without name and password.
    pub url: &'a str,
    /// Of an earlier reply: the server may say that nothing changed.
    pub validator: Option<&'a str>,
    /// The value of the `Authorization` header; no other host gets it.
    pub authorization: Option<&'a str>,
    /// More bytes than this are an error.
    pub limit: u64,
}

impl fmt::Debug for FileAsk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileAsk").field("url", &self.url).finish_non_exhaustive()
    }
}

/// How a download went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReply {
    /// Whether the server said that the content is still what the validator stands for; then nothing was written.
    pub not_modified: bool,
    /// The `Last-Modified` header, seconds since 1970.
    pub last_modified: Option<i64>,
    /// What to ask with next time.
    pub validator: Option<String>,
}

impl Client {
    /// Gets a file into `to`; `begin` is told how large it is, if the server says so, before the first byte comes. What
    /// breaks off goes on where it stopped, if the server says which content it is, and it is still the same.
    ///
    /// # Errors
    /// If there is no content, or it cannot be written.
    pub fn get_file(
        &self,
        ask: &FileAsk<'_>,
        begin: &mut dyn FnMut(Option<u64>),
        to: &mut dyn Write,
        progress: &dyn Progress,
    ) -> Result<FileReply, RegistryError> {
        let (url, limits) = (ask.url, &self.config.limits);
        let mut stream = Stream {
            sink: to,
            have: 0,
            size: None,
            limit: ask.limit,
            can_go_on: false,
            stall: limits.stall,
            advanced: &|_| (),
            progress,
        };
        let mut reply = Some(self.file_reply(ask, None, progress)?);
        let found = reply.as_ref().map(FileReply::of).unwrap_or_default();
        if found.not_modified {
            return Ok(found);
        }
        let taken = self.stream(&mut stream, (url, limits.attempts.max(1)), |stream| {
            if let Some(first) = reply.take() {
                stream.size = first.length();
                let validator = found.validator.as_deref();
                stream.can_go_on = validator.is_some_and(|text| !text.starts_with("etag:W/"));
                if stream.size.is_some_and(|size| size > ask.limit) {
                    return Err(too_big(ask));
                }
                begin(stream.size);
                return Ok((first, 0));
            }
            let rest = Rest { from: stream.have, validator: found.validator.as_deref() };
            let reply = self.file_reply(ask, Some(rest), progress)?;
            let (start, now) = (start_of(&reply), FileReply::of(&reply));
            let size = reply.length().map(|length| start.saturating_add(length));
            let is_same = now.validator == found.validator && size == stream.size;
            match is_same && start <= stream.have {
                true => Ok((reply, start)),
                false => Err(RegistryError::Protocol {
                    host: host_of(url),
                    what: url.to_owned(),
                    detail: "it changed while it was downloaded".to_owned(),
                }),
            }
        });
        match taken {
            Ok(()) => Ok(found),
            Err(Stop::Cancelled) => Err(RegistryError::Cancelled),
            Err(Stop::TooMany(_)) => Err(too_big(ask)),
            Err(Stop::Sink(source)) => {
                Err(RegistryError::WriteFile { what: url.to_owned(), source })
            }
            Err(Stop::Broken(failure)) => Err(failure_error(url, failure)),
            Err(Stop::Refused(error)) => Err(error),
        }
    }

    /// The answer with a good status, or 304.
    fn file_reply(
        &self,
        wanted: &FileAsk<'_>,
        rest: Option<Rest<'_>>,
        progress: &dyn Progress,
    ) -> Result<Reply, RegistryError> {
        let FileAsk { url, authorization, limit: _, validator } = *wanted;
        // Of what has begun to come nobody asks any more whether it is known.
        let validator = validator.filter(|_| rest.is_none());
        let link = match url.split_once("://") {
            Some(("https", _)) => Link::Https,
            Some(_) | None => Link::Http,
        };
        let mut ask = Ask::get(url.to_owned());
        match validator.and_then(|text| text.split_once(':')) {
            Some(("etag", tag)) => ask = ask.with(header::IF_NONE_MATCH, tag),
            Some(("modified", time)) => ask = ask.with(header::IF_MODIFIED_SINCE, time),
            Some(_) | None => {}
        }
        if let Some(rest) = rest {
            ask = ask.with(header::RANGE, format!("bytes={}-", rest.from));
            if let Some((_, which)) = rest.validator.and_then(|text| text.split_once(':')) {
                ask = ask.with(header::IF_RANGE, which);
            }
        }
        let home = crate::transport::parse(url).map_err(|failure| failure_error(url, failure))?;
        let shown = authorization.map(|header| Shown { home: &home, header });
        let attempts = self.config.limits.attempts.max(1);
        let mut attempt = 0;
        loop {
            let last = attempt + 1 >= attempts;
            let (why, asked) = match self.transport.send(link, &ask, shown) {
                // Nothing is known that could be unchanged.
                Ok(reply) if reply.status == 304 && validator.is_none() => {
                    return Err(status_error(url, reply.status));
                }
                Ok(reply) if is_good(reply.status, rest.is_some()) => {
                    return Ok(reply);
                }
                Ok(reply) if retry::is_passing(reply.status) && !last => {
                    (format!("it answered {}", reply.status), retry::asked_pause(&reply.headers))
                }
                Ok(reply) => return Err(status_error(url, reply.status)),
                Err(_) if progress.is_cancelled() => return Err(RegistryError::Cancelled),
                Err(failure)
                    if matches!(failure.kind, FailureKind::Broken | FailureKind::Silent)
                        && !last =>
                {
                    (failure.detail, None)
                }
                Err(failure) => return Err(failure_error(url, failure)),
            };
            attempt += 1;
            progress.retrying(url, &why);
            self.wait(
                progress,
                attempt,
                asked.filter(|it| *it <= self.config.limits.longest_pause),
            )?;
        }
    }
}

/// What is left of a file.
#[derive(Clone, Copy)]
struct Rest<'a> {
    from: u64,
    validator: Option<&'a str>,
}

/// A part is an answer only where one was asked for.
fn is_good(status: u16, asks_for_rest: bool) -> bool {
    matches!(status, 200..=205 | 207..=299 | 304) || (status == 206 && asks_for_rest)
}

impl FileReply {
    fn of(reply: &Reply) -> FileReply {
        FileReply {
            not_modified: reply.status == 304,
            last_modified: last_modified(reply),
            validator: validator_of(reply),
        }
    }
}

fn too_big(ask: &FileAsk<'_>) -> RegistryError {
    let (host, what) = (host_of(ask.url), ask.url.to_owned());
    RegistryError::TooBig { host, what, limit: ask.limit }
}

/// An entity tag is exact; a time is not, so it comes second.
fn validator_of(reply: &Reply) -> Option<String> {
    let tag = reply.text_header("etag").map(|tag| format!("etag:{tag}"));
    tag.or_else(|| reply.text_header("last-modified").map(|time| format!("modified:{time}")))
}

fn last_modified(reply: &Reply) -> Option<i64> {
    let time = httpdate::parse_http_date(reply.text_header("last-modified")?).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before `@` may be a password.
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

fn status_error(url: &str, status: u16) -> RegistryError {
    RegistryError::Status {
        host: host_of(url),
        what: url.to_owned(),
        status,
        detail: String::new(),
    }
}

fn failure_error(url: &str, failure: Failure) -> RegistryError {
    let (host, detail) = (host_of(url), failure.detail);
    match failure.kind {
        FailureKind::NoHost
        | FailureKind::Unconnected
        | FailureKind::Broken
        | FailureKind::Silent => RegistryError::Unreachable { host, detail },
        FailureKind::Tls => RegistryError::Tls { host, detail },
        FailureKind::Certificates => RegistryError::Certificates { host, detail },
        FailureKind::Protocol | FailureKind::Payload => {
            RegistryError::Protocol { host, what: url.to_owned(), detail }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use super::*;
    use crate::progress::Quiet;
    use crate::settings::Config;

    /// Answers one request with this text; gives what was asked.
    fn serve(answer: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/folder/file.txt", listener.local_addr().unwrap());
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut byte = [0];
            while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                asked.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (url, thread)
    }

    fn get(url: &str, validator: Option<&str>) -> (Result<FileReply, RegistryError>, Vec<u8>) {
        let mut bytes = Vec::new();
        let client = Client::new(Config::default()).unwrap();
        let ask = FileAsk { url, validator, authorization: Some("basic eA=="), limit: 100 };
        let mut told = None;
        let reply = client.get_file(&ask, &mut |size| told = size, &mut bytes, &Quiet);
        assert!(told.is_none_or(|told| told == bytes.len() as u64));
        (reply, bytes)
    }

    #[test]
    fn gets_content_time_and_validator() {
        let (url, thread) = serve(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\
             Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\nhello",
        );
        let (reply, bytes) = get(&url, None);
        let reply = reply.unwrap();
        assert_eq!(bytes, b"hello");
        assert_eq!(reply.last_modified, Some(1_700_000_000));
        assert_eq!(reply.validator.as_deref(), Some("etag:\"x\""));
        assert!(thread.join().unwrap().starts_with("GET /folder/file.txt "));
    }

    #[test]
    fn bounds_what_comes() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n70\r\n\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n",
        ] {
            let (url, _thread) = serve(answer);
            let error = get(&url, None).0.unwrap_err().to_string();
            assert!(error.contains("more than 100 bytes"), "{error}");
        }
    }

    #[test]
    fn who_asks_is_said_to_the_host_alone() {
        let (other, there) = serve("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        let text = format!("HTTP/1.1 302 Found\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n");
        let (url, here) = serve(text.leak());
        let (reply, bytes) = get(&url, None);
        reply.unwrap();
        assert_eq!(bytes, b"x");
        assert!(here.join().unwrap().to_lowercase().contains("authorization: basic"));
        assert!(!there.join().unwrap().to_lowercase().contains("authorization"));
    }

    #[test]
    fn asks_whether_anything_changed() {
        let (url, thread) = serve("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
        let (reply, bytes) = get(&url, Some("etag:\"x\""));
        assert!(reply.unwrap().not_modified && bytes.is_empty());
        assert!(thread.join().unwrap().to_lowercase().contains("if-none-match: \"x\""));
    }

    #[test]
    fn refusals_name_the_url() {
        let (url, _thread) = serve("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        let error = get(&url, None).0.unwrap_err().to_string();
        assert!(error.contains("404") && error.contains("/folder/file.txt"), "{error}");
        assert_eq!(host_of("https://user:secret@example.org:8/x"), "example.org:8");
    }
}
