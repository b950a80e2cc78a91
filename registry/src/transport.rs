//! One exchange over HTTP, and the redirects that belong to it.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderMap, Method, Request, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, Body, SendBody};

use crate::endpoint::Link;
use crate::error::RegistryError;
use crate::settings::{Config, Limits, Proxies};
use crate::uri;

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
    /// The connection broke or fell silent.
    Broken,
    /// No trust, or no TLS at all.
    Tls,
    /// The other side does not speak HTTP, or sends nonsense.
    Protocol,
    /// The payload could not be read.
    Payload,
}

/// The connections: one pool for each link.
#[derive(Debug)]
pub(crate) struct Transport {
    https: Agent,
    unverified: Agent,
    http: Agent,
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
        Ok(Transport {
            https: agent(Link::Https, &config.limits, &config.proxies)?,
            unverified: agent(Link::HttpsUnverified, &config.limits, &config.proxies)?,
            http: agent(Link::Http, &config.limits, &config.proxies)?,
        })
    }

    /// Sends a request and follows where it leads. `authorization` goes with it as long as the origin stays the same.
    pub(crate) fn send(
        &self,
        link: Link,
        ask: &Ask<'_>,
        authorization: Option<&str>,
    ) -> Result<Reply, Failure> {
        let broken = |detail: String| Failure { kind: FailureKind::Protocol, detail };
        let first: Uri =
            ask.address.parse().map_err(|_| broken(format!("`{}` is no address", ask.address)))?;
        let mut address = first.clone();
        for _ in 0..=MAX_REDIRECTS {
            let is_home = uri::origin(&address) == uri::origin(&first);
            let authorization = authorization.filter(|_| is_home);
            let link = link_for(link, is_home, &address)
                .ok_or_else(|| broken(format!("it leads to the insecure {address}")))?;
            let mut reply = self.exchange(link, ask, &address, authorization)?;
            let can_follow = matches!(ask.method, Method::GET | Method::HEAD);
            let is_redirect = matches!(reply.status, 301 | 302 | 303 | 307 | 308);
            if !(can_follow && is_redirect) {
                return Ok(reply);
            }
            let next = reply.text_header("location").and_then(|to| uri::join(&address, to));
            address = next.ok_or_else(|| broken("a redirect leads nowhere".to_owned()))?;
            reply.discard();
        }
        Err(broken(format!("more than {MAX_REDIRECTS} redirects")))
    }

    fn exchange(
        &self,
        link: Link,
        ask: &Ask<'_>,
        address: &Uri,
        authorization: Option<&str>,
    ) -> Result<Reply, Failure> {
        let mut request = Request::builder().method(&ask.method).uri(address);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let agent = match link {
            Link::Https => &self.https,
            Link::HttpsUnverified => &self.unverified,
            Link::Http => &self.http,
        };
        let mut reader: Box<dyn Read + '_> = match ask.payload {
            Payload::Empty if matches!(ask.method, Method::GET | Method::HEAD) => {
                return run(agent, request.body(()), ask.stall, address);
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
        run(agent, request.body(body), ask.stall, address)
    }
}

fn run<B: AsSendBody>(
    agent: &Agent,
    request: Result<Request<B>, ureq::http::Error>,
    stall: Option<Duration>,
    address: &Uri,
) -> Result<Reply, Failure> {
    let request = request
        .map_err(|error| Failure { kind: FailureKind::Protocol, detail: error.to_string() })?;
    let response = match stall {
        Some(stall) => {
            let request = agent.configure_request(request).timeout_per_read(Some(stall));
            agent.run(request.build())
        }
        None => agent.run(request),
    }?;
    let (parts, body) = response.into_parts();
    let (status, headers) = (parts.status.as_u16(), parts.headers);
    Ok(Reply { status, headers, address: address.clone(), body })
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
        let mut bytes = Vec::new();
        self.into_reader().take(limit + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
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
            ureq::Error::Timeout(which) => (FailureKind::Broken, timeout_text(*which)),
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
        ureq::Timeout::PerRead => "it fell silent in the middle of an answer".to_owned(),
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

fn agent(link: Link, limits: &Limits, proxies: &Proxies) -> Result<Agent, RegistryError> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(rustls::crypto::ring::default_provider().into())
        .disable_verification(link == Link::HttpsUnverified)
        .build();
    Ok(Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy(link, proxies)?)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .redirect_auth_headers(RedirectAuthHeaders::Never)
        .user_agent(concat!("dfc/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(limits.connect))
        .timeout_per_read(Some(limits.stall))
        .timeout_per_write(Some(limits.stall))
        .max_idle_connections_per_host(limits.parallel.max(1))
        .input_buffer_size(128 << 10)
        .build()
        .new_agent())
}

fn proxy(link: Link, proxies: &Proxies) -> Result<Option<ureq::Proxy>, RegistryError> {
    let text = match link {
        Link::Https | Link::HttpsUnverified => proxies.https.as_deref(),
        Link::Http => proxies.http.as_deref(),
    };
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    // The address may hold a password: it stays out of the error.
    let wrong = |_| RegistryError::Address("proxy".to_owned());
    let parsed = ureq::Proxy::new(text).map_err(wrong)?;
    let mut builder =
        ureq::Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(name) = parsed.username() {
        builder = builder.username(name);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for host in direct_hosts(proxies) {
        builder = builder.no_proxy(&host);
    }
    builder.build().map(Some).map_err(wrong)
}

/// Who is reached without a proxy: this machine, and NO_PROXY's hosts with all below them, as curl and Go read it.
fn direct_hosts(proxies: &Proxies) -> Vec<String> {
    let mut hosts = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
    for entry in proxies.none_for.iter().flat_map(|text| text.split([',', ' '])) {
        let name = entry.trim_start_matches('*').trim_start_matches('.');
        match (entry, name) {
            ("*", _) => hosts.push("*".to_owned()),
            (_, "") => {}
            (entry, name) if entry.len() > name.len() => hosts.push(format!(".{name}")),
            (_, name) => hosts.extend([name.to_owned(), format!(".{name}")]),
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_passed_by_for_hosts_and_what_is_below_them() {
        let proxies = Proxies {
            http: Some("http://user:hidden@proxy.lan:3128".to_owned()),
            none_for: Some("a.lan, .b.lan,*.c.lan,,10.0.0.1".to_owned()),
            ..Proxies::default()
        };
        let proxy = proxy(Link::Http, &proxies).unwrap().unwrap();
        for (address, expected) in [
            ("http://a.lan/", true),
            ("http://x.a.lan/", true),
            ("http://xa.lan/", false),
            ("http://x.b.lan:5000/", true),
            ("http://b.lan/", false),
            ("http://x.c.lan/", true),
            ("http://10.0.0.1/", true),
            ("http://localhost:5000/", true),
            ("http://127.0.0.1:5000/", true),
            ("http://[::1]:5000/", true),
            ("http://d.lan/", false),
        ] {
            assert_eq!(proxy.is_no_proxy(&address.parse().unwrap()), expected, "{address}");
        }
        assert!(super::proxy(Link::Https, &proxies).unwrap().is_none());
    }

    #[test]
    fn broken_proxies_are_refused_without_showing_them() {
        let proxies = Proxies { https: Some("ht tp://u:hidden@".to_owned()), ..Proxies::default() };
        let error = proxy(Link::Https, &proxies).unwrap_err().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }
}
