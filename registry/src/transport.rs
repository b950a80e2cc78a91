//! One exchange over HTTP, and the redirects that belong to it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Method, Request, Uri, header};
use ureq::{Agent, AsSendBody, Body, SendBody};

use crate::endpoint::Link;
use crate::error::RegistryError;
use crate::settings::{Config, Limits};
use crate::uri;

mod agent;

const MAX_REDIRECTS: usize = 10;

/// A request. It can be sent more than once.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) address: String,
    pub(crate) headers: Vec<(header::HeaderName, String)>,
    pub(crate) payload: Payload<'a>,
    /// Instead of the usual limit: who takes a large blob may be silent for long.
    pub(crate) stall: Option<Duration>,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    Empty,
    Bytes(&'a [u8]),
    /// Opened for each try.
    Stream {
        length: u64,
        open: &'a dyn Fn() -> io::Result<Box<dyn Read + 'a>>,
    },
}

/// An answer, of whatever status, its body unread.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Who gave it, after redirects.
    pub(crate) address: Uri,
    body: Body,
    /// Until when a document must have come.
    deadline: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The host has no address.
    NoHost,
    /// Nobody takes the connection.
    Unconnected,
    /// The connection broke.
    Broken,
    /// Nothing came, or nothing was taken, for as long as is waited.
    Silent,
    /// No trust, or no TLS at all.
    Tls,
    /// The other side does not speak HTTP, or sends nonsense.
    Protocol,
    /// The payload could not be read.
    Payload,
    /// The certificates that the settings name are broken.
    Certificates,
}

/// The connections: one pool for each link, and for each host with certificates of its own.
#[derive(Debug)]
pub(crate) struct Transport {
    https: Agent,
    unverified: Agent,
    http: Agent,
    /// By host and port, and whether it is [`Link::Https`]; or what is wrong with the certificates.
    own: BTreeMap<(String, bool), Result<Agent, String>>,
    limits: Limits,
}

/// What a request shows of who asks, and to whom alone.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// The `Authorization` header.
    pub(crate) header: &'a str,
    /// An address of the host that it is for.
    pub(crate) home: &'a Uri,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, address: String) -> Ask<'a> {
        Ask { method, address, headers: Vec::new(), payload: Payload::Empty, stall: None }
    }

    pub(crate) fn get(address: String) -> Ask<'a> {
        Ask::new(Method::GET, address)
    }

    pub(crate) fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Ask<'a> {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn carrying(self, payload: Payload<'a>) -> Ask<'a> {
        Ask { payload, ..self }
    }
}

impl Transport {
    pub(crate) fn new(config: &Config) -> Result<Transport, RegistryError> {
        let shared = |link| agent::new(link, &config.limits, &config.proxies, None);
        let mut own = BTreeMap::new();
        for (host, certificates) in &config.certificates {
            for link in [Link::Https, Link::HttpsUnverified] {
                let made = agent::own(link, &config.limits, &config.proxies, certificates)?;
                own.insert((host.clone(), link == Link::Https), made);
            }
        }
        Ok(Transport {
            https: shared(Link::Https)?,
            unverified: shared(Link::HttpsUnverified)?,
            http: shared(Link::Http)?,
            own,
            limits: config.limits.clone(),
        })
    }

    /// Sends a request to where `link` is for and follows where it leads.
    pub(crate) fn send(
        &self,
        link: Link,
        ask: &Ask<'_>,
        shown: Option<Shown<'_>>,
    ) -> Result<Reply, Failure> {
        let first = parse(&ask.address)?;
        self.send_from(link, &first, ask, shown)
    }

    /// Sends a request that `home`, where `link` is for, told us to send, perhaps to another host, and follows where it
    /// leads. What is shown goes along as long as the origin is the one that it is for.
    pub(crate) fn send_from(
        &self,
        link: Link,
        home: &Uri,
        ask: &Ask<'_>,
        shown: Option<Shown<'_>>,
    ) -> Result<Reply, Failure> {
        let mut address = parse(&ask.address)?;
        for _ in 0..=MAX_REDIRECTS {
            let is_home = uri::origin(&address) == uri::origin(home);
            let may_show = |it: &Shown<'_>| uri::origin(&address) == uri::origin(it.home);
            let authorization = shown.filter(may_show).map(|it| it.header);
            let link = link_for(link, is_home, &address)
                .ok_or_else(|| nonsense(format!("it leads to the insecure {address}")))?;
            let mut reply = self.exchange(link, ask, &address, authorization)?;
            let can_follow = matches!(ask.method, Method::GET | Method::HEAD);
            let is_redirect = matches!(reply.status, 301 | 302 | 303 | 307 | 308);
            if !(can_follow && is_redirect) {
                return Ok(reply);
            }
            let next = reply.text_header("location").and_then(|to| uri::join(&address, to));
            address = next.ok_or_else(|| nonsense("a redirect leads nowhere".to_owned()))?;
            reply.discard();
        }
        Err(nonsense(format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// Ends what is under way, however silent the other side is.
    pub(crate) fn stop(&self) {
        let own = self.own.values().flatten();
        for agent in [&self.https, &self.unverified, &self.http].into_iter().chain(own) {
            agent.clone().shutdown();
        }
    }

    fn agent(&self, link: Link, address: &Uri) -> Result<&Agent, Failure> {
        let authority = address.authority().map_or("", |it| it.as_str());
        let key = (authority.to_ascii_lowercase(), link == Link::Https);
        match (link, self.own.get(&key)) {
            (Link::Http, _) => Ok(&self.http),
            (_, Some(Ok(agent))) => Ok(agent),
            (_, Some(Err(problem))) => {
                Err(Failure { kind: FailureKind::Certificates, detail: problem.clone() })
            }
            (Link::Https, None) => Ok(&self.https),
            (Link::HttpsUnverified, None) => Ok(&self.unverified),
        }
    }

    fn exchange(
        &self,
        link: Link,
        ask: &Ask<'_>,
        address: &Uri,
        authorization: Option<&str>,
    ) -> Result<Reply, Failure> {
        // What comes is what is hashed: nobody may pack it on the way.
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(address)
            .header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let agent = self.agent(link, address)?;
        let stall = ask.stall.unwrap_or(self.limits.stall);
        let mut reader: Box<dyn Read + '_> = match ask.payload {
            Payload::Empty if matches!(ask.method, Method::GET | Method::HEAD) => {
                return self.run(agent, request.body(()), stall, address);
            }
            Payload::Empty => {
                request = request.header(header::CONTENT_LENGTH, 0);
                Box::new(io::empty())
            }
            Payload::Bytes(bytes) => {
                request = request.header(header::CONTENT_LENGTH, bytes.len());
                Box::new(bytes)
            }
            Payload::Stream { length, open } => {
                request = request.header(header::CONTENT_LENGTH, length);
                open().map_err(|error| Failure {
                    kind: FailureKind::Payload,
                    detail: error.to_string(),
                })?
            }
        };
        let body = SendBody::from_reader(&mut *reader);
        self.run(agent, request.body(body), stall, address)
    }

    fn run<B: AsSendBody>(
        &self,
        agent: &Agent,
        request: Result<Request<B>, ureq::http::Error>,
        stall: Duration,
        address: &Uri,
    ) -> Result<Reply, Failure> {
        let request = request.map_err(|error| nonsense(error.to_string()))?;
        // The whole head of the answer has to come in this time, however slowly its parts drip.
        let request = agent
            .configure_request(request)
            .timeout_per_read(Some(stall))
            .timeout_recv_response(Some(stall));
        let response = agent.run(request.build())?;
        let (parts, body) = response.into_parts();
        let (status, headers) = (parts.status.as_u16(), parts.headers);
        let deadline = Instant::now() + self.limits.document;
        Ok(Reply { status, headers, address: address.clone(), body, deadline })
    }
}

pub(crate) fn parse(address: &str) -> Result<Uri, Failure> {
    address.parse().map_err(|_| nonsense(format!("`{address}` is no address")))
}

fn nonsense(detail: String) -> Failure {
    Failure { kind: FailureKind::Protocol, detail }
}

impl Reply {
    pub(crate) fn text_header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How many bytes the body has, if that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.text_header("content-length")?.parse().ok()
    }

    /// Reads the body as far as a limit; `Ok(None)` if there is more.
    pub(crate) fn read_bounded(self, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        let (mut bytes, deadline) = (Vec::new(), self.deadline);
        let mut reader = self.into_reader().take(limit + 1);
        let mut piece = vec![0; 32 << 10];
        loop {
            match reader.read(&mut piece)? {
                0 => return Ok((bytes.len() as u64 <= limit).then_some(bytes)),
                count => bytes.extend_from_slice(&piece[..count]),
            }
            if deadline < Instant::now() {
                let detail = "the answer comes too slowly".to_owned();
                return Err(Failure { kind: FailureKind::Broken, detail });
            }
        }
    }

    /// The body, of any length.
    pub(crate) fn into_reader(self) -> impl Read {
        self.body.into_with_config().limit(u64::MAX).reader()
    }

    /// Reads what is left of a short body, so that the connection can serve again.
    pub(crate) fn discard(&mut self) {
        let rest = self.body.with_config().limit(64 << 10).reader();
        let _ = io::copy(&mut rest.take(64 << 10), &mut io::sink());
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::from(ureq::Error::from(error))
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Failure {
        let (kind, detail) = match &error {
            ureq::Error::HostNotFound => {
                (FailureKind::NoHost, "the name has no address".to_owned())
            }
            ureq::Error::Timeout(ureq::Timeout::Connect) => {
                (FailureKind::Unconnected, timeout_text(ureq::Timeout::Connect))
            }
            ureq::Error::Timeout(which) => (FailureKind::Silent, timeout_text(*which)),
            ureq::Error::Tls(text) => (FailureKind::Tls, (*text).to_owned()),
            ureq::Error::Rustls(error) => (FailureKind::Tls, error.to_string()),
            ureq::Error::Io(io) => return Failure::of_io(io),
            ureq::Error::ConnectionFailed => (FailureKind::Unconnected, "no connection".to_owned()),
            ureq::Error::ConnectProxyFailed(text) => {
                (FailureKind::Unconnected, format!("the proxy refused: {text}"))
            }
            other => (FailureKind::Protocol, other.to_string()),
        };
        Failure { kind, detail }
    }
}

impl Failure {
    fn of_io(error: &io::Error) -> Failure {
        // rustls reports what goes wrong in a handshake from inside an I/O error.
        let inner = error.get_ref().map(ToString::to_string).unwrap_or_default();
        let is_tls = error.kind() == io::ErrorKind::InvalidData && !inner.is_empty();
        let detail = match error.kind() {
            _ if is_tls => inner,
            io::ErrorKind::UnexpectedEof => "the connection broke".to_owned(),
            io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
            io::ErrorKind::TimedOut => "it takes too long".to_owned(),
            io::ErrorKind::NotFound => {
                return Failure {
                    kind: FailureKind::NoHost,
                    detail: "the name has no address".to_owned(),
                };
            }
            _ => {
                let text = error.to_string();
                text.split(" (os error").next().unwrap_or_default().to_lowercase()
            }
        };
        let no_name = detail.contains("failed to lookup address");
        let kind = match error.kind() {
            _ if is_tls => FailureKind::Tls,
            _ if no_name => FailureKind::NoHost,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => FailureKind::Unconnected,
            _ => FailureKind::Broken,
        };
        Failure { kind, detail }
    }
}

fn timeout_text(which: ureq::Timeout) -> String {
    match which {
        ureq::Timeout::Connect => "no connection in time".to_owned(),
        ureq::Timeout::RecvResponse => "it did not answer".to_owned(),
        ureq::Timeout::PerRead => "it fell silent".to_owned(),
        ureq::Timeout::PerWrite => "it stopped reading".to_owned(),
        other => format!("it takes too long ({other})"),
    }
}

/// Over which link to follow; `None` if that would be less secure than the first.
fn link_for(first: Link, is_home: bool, address: &Uri) -> Option<Link> {
    let (is_https, ..) = uri::origin(address);
    match (first, is_https) {
        (link, _) if is_home => Some(link),
        (Link::Https | Link::HttpsUnverified | Link::Http, true) => Some(Link::Https),
        (Link::HttpsUnverified | Link::Http, false) => Some(Link::Http),
        (Link::Https, false) => None,
    }
}
