//! [`Client`]: requests to registries, with authorization and retries.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::http::Uri;

use crate::auth::{AuthError, Authorizations, Realm, Scopes};
use crate::credentials::Credential;
use crate::endpoint::{Endpoint, Link};
use crate::error::RegistryError;
use crate::progress::{Progress, Quiet};
use crate::retry;
use crate::settings::Config;
use crate::transport::{Ask, Failure, FailureKind, Reply, Shown, Transport};
use crate::uri;

mod download;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod push;
pub(crate) mod resolve;
mod stream;
mod upload;

#[cfg(test)]
pub(crate) use download::Sink;

/// The longest refusal that is read, in bytes.
const MAX_REFUSAL: u64 = 64 << 10;
/// How often a host that takes no connection is tried.
const CONNECT_ATTEMPTS: u32 = 2;

/// Talks to registries. One serves a whole process, from any thread: connections and tokens are kept.
#[derive(Debug)]
pub struct Client {
    config: Config,
    transport: Transport,
    authorizations: Authorizations,
    /// Which link works, where there is a choice.
    links: Mutex<BTreeMap<String, Link>>,
    requests: AtomicU64,
}

/// What a request is about.
pub(crate) struct Call<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) scopes: Scopes,
    /// The image or blob, for errors.
    pub(crate) what: &'a str,
    pub(crate) progress: &'a dyn Progress,
    /// How often it is tried.
    pub(crate) attempts: u32,
    /// How long its host may be silent.
    pub(crate) stall: Duration,
    /// Shown instead of what the credentials have.
    pub(crate) credential: Option<&'a Credential>,
}

/// Why a try did not get an answer.
enum Miss {
    Failure(Failure),
    Final(RegistryError),
}

impl Client {
    /// Reads no file and opens no connection yet.
    ///
    /// # Errors
    /// If a proxy is no address.
    pub fn new(config: Config) -> Result<Client, RegistryError> {
        Ok(Client {
            transport: Transport::new(&config)?,
            config,
            authorizations: Authorizations::default(),
            links: Mutex::default(),
            requests: AtomicU64::default(),
        })
    }

    /// Ends all transfers that are under way, with errors, and takes no more requests: whoever is to stop need not wait for
    /// a host that is silent.
    pub fn stop(&self) {
        self.transport.stop();
    }

    /// Whether a registry accepts a credential: what `dfc login` asks.
    ///
    /// # Errors
    /// [`RegistryError::BadLogin`] if not; others if it cannot be asked.
    pub fn login(&self, host: &str, credential: &Credential) -> Result<(), RegistryError> {
        let endpoint = Endpoint::of_host(host, &self.config);
        let call = Call {
            credential: Some(credential),
            ..self.call(&endpoint, Scopes::new(), host, &Quiet)
        };
        match self.request(&call, &|link| Ask::get(endpoint.root(link))) {
            Err(RegistryError::Unauthorized { host, detail, .. }) => {
                Err(RegistryError::BadLogin { host, detail })
            }
            // A registry that lets everyone in has nothing to refuse; one without this page is none, but may still work.
            Ok(_) | Err(RegistryError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn call<'a>(
        &self,
        endpoint: &'a Endpoint,
        scopes: Scopes,
        what: &'a str,
        progress: &'a dyn Progress,
    ) -> Call<'a> {
        let attempts = self.config.limits.attempts.max(1);
        let stall = self.config.limits.stall;
        Call { endpoint, scopes, what, progress, attempts, stall, credential: None }
    }

    /// Does something with the first host that can: the mirrors of a registry, then the registry.
    fn with_endpoints<T>(
        &self,
        endpoints: Vec<Endpoint>,
        progress: &dyn Progress,
        mut work: impl FnMut(&Endpoint) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut outcome = Err(RegistryError::Cancelled);
        for endpoint in &endpoints {
            outcome = work(endpoint);
            match &outcome {
                Err(error) if endpoint.is_mirror && error.is_worth_another_host() => {
                    progress.retrying(&format!("mirror {}", endpoint.name), &error.to_string());
                }
                Ok(_) | Err(_) => return outcome,
            }
        }
        outcome
    }

    /// Sends a request until there is an answer that is no passing refusal, and returns it if it is a success.
    fn request<'a>(
        &self,
        call: &Call<'_>,
        make: &dyn Fn(Link) -> Ask<'a>,
    ) -> Result<Reply, RegistryError> {
        let reply = self.ask(call, make)?;
        match reply.status {
            200..=299 => Ok(reply),
            _ => Err(refusal(call, reply)),
        }
    }

    /// As [`Client::request`], but returns refusals, too, once they are final.
    fn ask<'a>(
        &self,
        call: &Call<'_>,
        make: &dyn Fn(Link) -> Ask<'a>,
    ) -> Result<Reply, RegistryError> {
        let mut attempt = 0;
        loop {
            let (why, asked_pause) = match self.once(call, make) {
                Ok(reply) if !retry::is_passing(reply.status) => return Ok(reply),
                Ok(reply) => {
                    let asked = retry::asked_pause(&reply.headers);
                    let too_long =
                        asked.is_some_and(|asked| asked > self.config.limits.longest_pause);
                    if too_long || attempt + 1 >= call.attempts {
                        return Ok(reply);
                    }
                    (format!("it answered {}", reply.status), asked)
                }
                Err(Miss::Final(error)) => return Err(error),
                Err(Miss::Failure(_)) if call.progress.is_cancelled() => {
                    return Err(RegistryError::Cancelled);
                }
                Err(Miss::Failure(failure)) => {
                    let attempts = match failure.kind {
                        FailureKind::Broken | FailureKind::Silent => call.attempts,
                        FailureKind::Unconnected => call.attempts.min(CONNECT_ATTEMPTS),
                        FailureKind::NoHost
                        | FailureKind::Tls
                        | FailureKind::Protocol
                        | FailureKind::Payload
                        | FailureKind::Certificates => 1,
                    };
                    if attempt + 1 >= attempts {
                        return Err(failed(call, failure));
                    }
                    (failure.detail, None)
                }
            };
            attempt += 1;
            call.progress.retrying(call.what, &why);
            self.wait(call.progress, attempt, asked_pause)?;
        }
    }

    /// One try; a 401 is answered once.
    fn once<'a>(&self, call: &Call<'_>, make: &dyn Fn(Link) -> Ask<'a>) -> Result<Reply, Miss> {
        if call.progress.is_cancelled() {
            return Err(Miss::Final(RegistryError::Cancelled));
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let link = self.link(call.endpoint).map_err(Miss::Failure)?;
        let ask = make(link);
        let host = call.endpoint.name.as_str();
        let known = match call.credential {
            Some(_) => None,
            None => self.authorizations.known(host, &call.scopes),
        };
        // An upload may lead to another host, which learns nothing of who asks.
        let home: Uri =
            call.endpoint.root(link).parse().map_err(|_| {
                Miss::Final(RegistryError::Address(call.endpoint.authority.clone()))
            })?;
        let send = |authorization: Option<&str>| {
            let shown = authorization.map(|header| Shown { header, home: &home });
            self.transport.send_from(link, &home, &ask, shown).map_err(Miss::Failure)
        };
        let mut reply = send(known.as_deref())?;
        let is_own = uri::origin(&home) == uri::origin(&reply.address);
        if reply.status != 401 || !is_own {
            return Ok(reply);
        }
        let challenges = reply.headers.get_all("www-authenticate").iter();
        let challenges: Vec<String> =
            challenges.filter_map(|value| Some(value.to_str().ok()?.to_owned())).collect();
        reply.discard();
        let credential = match call.credential {
            Some(credential) => Some(credential.clone()),
            None => {
                let repository = &call.endpoint.repository;
                let found = self.config.credentials.find(host, repository);
                found.map_err(|error| Miss::Final(error.into()))?
            }
        };
        let authority = call.endpoint.authority.as_str();
        let realm = Realm { transport: &self.transport, host, authority, link, credential };
        let authorization = self
            .authorizations
            .answer(&realm, &call.scopes, &challenges)
            .map_err(|error| unauthorized(call, error))?;
        send(Some(&authorization))
    }

    /// Over which link to talk to a host. Where there is a choice, the first that gets an answer is kept.
    fn link(&self, endpoint: &Endpoint) -> Result<Link, Failure> {
        if let [only] = endpoint.links.as_slice() {
            return Ok(*only);
        }
        let known = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = known.get(&endpoint.authority) {
            return Ok(*link);
        }
        drop(known);
        let mut first_failure = None;
        for link in &endpoint.links {
            match self.transport.send(*link, &Ask::get(endpoint.root(*link)), None) {
                Ok(reply) => {
                    let status = reply.status;
                    let body = reply.read_bounded(MAX_REFUSAL)?.unwrap_or_default();
                    let wants_tls =
                        status == 400 && String::from_utf8_lossy(&body).contains("HTTPS");
                    if *link == Link::Http && wants_tls {
                        continue;
                    }
                    let mut known = self.links.lock().unwrap_or_else(PoisonError::into_inner);
                    known.insert(endpoint.authority.clone(), *link);
                    return Ok(*link);
                }
                Err(failure) => {
                    first_failure.get_or_insert(failure);
                }
            }
        }
        Err(first_failure.unwrap_or_else(|| Failure {
            kind: FailureKind::Protocol,
            detail: "it speaks neither HTTP nor HTTPS".to_owned(),
        }))
    }

    /// Waits before a try; ends early if someone cancels.
    fn wait(
        &self,
        progress: &dyn Progress,
        attempt: u32,
        asked: Option<Duration>,
    ) -> Result<(), RegistryError> {
        let seed = self.requests.load(Ordering::Relaxed);
        let pause = asked.unwrap_or_else(|| retry::pause(&self.config.limits, attempt, seed));
        let end = Instant::now() + pause;
        loop {
            if progress.is_cancelled() {
                return Err(RegistryError::Cancelled);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}

/// The error for a request that got no answer.
fn failed(call: &Call<'_>, failure: Failure) -> RegistryError {
    let host = call.endpoint.name.clone();
    let detail = match failure.kind {
        FailureKind::Silent => format!("{} for {} seconds", failure.detail, call.stall.as_secs()),
        FailureKind::NoHost
        | FailureKind::Unconnected
        | FailureKind::Broken
        | FailureKind::Tls
        | FailureKind::Protocol
        | FailureKind::Payload
        | FailureKind::Certificates => failure.detail,
    };
    match failure.kind {
        FailureKind::Silent
        | FailureKind::NoHost
        | FailureKind::Broken
        | FailureKind::Unconnected => RegistryError::Unreachable { host, detail },
        FailureKind::Tls => RegistryError::Tls { host, detail },
        FailureKind::Certificates => RegistryError::Certificates { host, detail },
        FailureKind::Protocol | FailureKind::Payload => {
            RegistryError::Protocol { host, what: call.what.to_owned(), detail }
        }
    }
}

fn unauthorized(call: &Call<'_>, error: AuthError) -> Miss {
    let host = call.endpoint.name.clone();
    let what = call.what.to_owned();
    Miss::Final(match error {
        AuthError::Challenge(asked) => {
            let detail = format!("it asks for {asked}, which dfc does not give");
            RegistryError::Protocol { host, what, detail }
        }
        AuthError::Refused { detail, had_credential: true } => {
            RegistryError::BadLogin { host, detail }
        }
        AuthError::Refused { detail, had_credential: false } => {
            RegistryError::Unauthorized { host, what, detail }
        }
        AuthError::Status { host, status } => {
            let what = "a token".to_owned();
            RegistryError::Status { host, what, status, detail: String::new() }
        }
        AuthError::Failure { host, failure } => match failure.kind {
            FailureKind::Broken | FailureKind::Silent | FailureKind::Unconnected => {
                return Miss::Failure(failure);
            }
            FailureKind::NoHost => RegistryError::Unreachable { host, detail: failure.detail },
            FailureKind::Tls => RegistryError::Tls { host, detail: failure.detail },
            FailureKind::Certificates => {
                RegistryError::Certificates { host, detail: failure.detail }
            }
            FailureKind::Protocol | FailureKind::Payload => {
                RegistryError::Protocol { host, what, detail: failure.detail }
            }
        },
    })
}

/// The error for an answer that is no success.
fn refusal(call: &Call<'_>, reply: Reply) -> RegistryError {
    let (host, what) = (call.endpoint.name.clone(), call.what.to_owned());
    let (status, asked) = (reply.status, retry::asked_pause(&reply.headers));
    let body = reply.read_bounded(MAX_REFUSAL).ok().flatten().unwrap_or_default();
    let detail = refusal_text(&body);
    match status {
        401 | 403 => RegistryError::Unauthorized { host, what, detail },
        404 => RegistryError::NotFound { host, what },
        429 => {
            let seconds = asked.map_or(60, |pause| pause.as_secs().max(1));
            RegistryError::RateLimited { host, seconds, detail }
        }
        status => RegistryError::Status { host, what, status, detail },
    }
}

/// What a registry says about a refusal: the first message of its JSON, made fit for one line.
pub(crate) fn refusal_text(body: &[u8]) -> String {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Refusal {
        errors: Vec<Part>,
        details: Option<String>,
        message: Option<String>,
        error_description: Option<String>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Part {
        code: Option<String>,
        message: Option<String>,
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else { return String::new() };
    let full = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let part = refusal.errors.into_iter().next();
    let text = part.and_then(|part| full(&part.message).or(full(&part.code)));
    let text = text.or(refusal.details).or(refusal.message).or(refusal.error_description);
    let line = text.unwrap_or_default();
    line.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect::<String>()
        .trim()
        .to_owned()
}
