//! Who asks: turns a 401 into an `Authorization` for the next try, and remembers it per host and scope.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::{Method, Uri, header};

use crate::credentials::Credential;
use crate::endpoint::{Link, is_loopback};
use crate::transport::{Ask, Failure, FailureKind, Payload, Shown, Transport};
use crate::uri;

mod challenge;

use challenge::Challenge;

/// The longest answer of a token server, in bytes.
const MAX_TOKEN: u64 = 1 << 20;
/// How long a token counts if its server does not say (distribution's token specification).
const DEFAULT_LIFE: u64 = 60;
/// So much earlier than it ends a token is renewed.
const MARGIN: Duration = Duration::from_secs(10);

/// What a request wants to do: `repository:library/x:pull`; several for a mount from another repository.
pub(crate) type Scopes = Vec<String>;

/// What was found out, by host and scopes.
#[derive(Debug, Default)]
pub(crate) struct Authorizations {
    known: Mutex<BTreeMap<(String, Scopes), Known>>,
}

struct Known {
    header: String,
    until: Option<Instant>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known(…)")
    }
}

/// Why there is no authorization.
#[derive(Debug)]
pub(crate) enum AuthError {
    /// The registry asks for something that nobody knows.
    Challenge(String),
    /// Nothing is known that could be shown, or it is not accepted.
    Refused { detail: String, had_credential: bool },
    /// The token server cannot be reached, or makes no sense.
    Failure { host: String, failure: Failure },
    /// It answered, but not with a token.
    Status { host: String, status: u16 },
}

/// Where an authorization is wanted.
pub(crate) struct Realm<'a> {
    pub(crate) transport: &'a Transport,
    /// The name of the registry in the credentials.
    pub(crate) host: &'a str,
    /// Its host and port.
    pub(crate) authority: &'a str,
    pub(crate) link: Link,
    pub(crate) credential: Option<Credential>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Authorizations {
    /// What to send with the first try.
    pub(crate) fn known(&self, host: &str, scopes: &Scopes) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(host.to_owned(), scopes.clone()))?;
        let fresh = found.until.is_none_or(|until| Instant::now() < until);
        fresh.then(|| found.header.clone())
    }

    /// Answers a challenge.
    pub(crate) fn answer(
        &self,
        realm: &Realm<'_>,
        scopes: &Scopes,
        challenges: &[String],
    ) -> Result<String, AuthError> {
        let challenges: Vec<Challenge> =
            challenges.iter().flat_map(|text| challenge::parse(text)).collect();
        let by_scheme = |scheme| challenges.iter().find(|challenge| challenge.is(scheme));
        let known = match (by_scheme("bearer"), by_scheme("basic")) {
            (Some(bearer), _) => realm.token(bearer, scopes)?,
            (None, Some(_)) => realm.basic()?,
            (None, None) => {
                let schemes: Vec<&str> =
                    challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
                return Err(AuthError::Challenge(schemes.join(", ")));
            }
        };
        let header = known.header.clone();
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((realm.host.to_owned(), scopes.clone()), known);
        Ok(header)
    }
}

impl Realm<'_> {
    fn basic(&self) -> Result<Known, AuthError> {
        match &self.credential {
            Some(Credential::Password { name, password }) => {
                Ok(Known { header: basic(name, password), until: None })
            }
            Some(Credential::IdentityToken(token) | Credential::RegistryToken(token)) => {
                Ok(Known { header: format!("Bearer {token}"), until: None })
            }
            None => Err(AuthError::Refused { detail: String::new(), had_credential: false }),
        }
    }

    fn token(&self, challenge: &Challenge, scopes: &Scopes) -> Result<Known, AuthError> {
        if let Some(Credential::RegistryToken(token)) = &self.credential {
            return Ok(Known { header: format!("Bearer {token}"), until: None });
        }
        let address = self.checked_realm(challenge)?;
        let scopes: Scopes = match scopes.is_empty() {
            true => challenge.get("scope").map(str::to_owned).into_iter().collect(),
            false => scopes.clone(),
        };
        let service = challenge.get("service");
        if let Some(Credential::IdentityToken(token)) = &self.credential {
            return self.trade(&address, service, &scopes, token);
        }
        let mut address = address;
        if let Some(service) = service {
            address = uri::with_query(&address, "service", service);
        }
        for scope in &scopes {
            address = uri::with_query(&address, "scope", scope);
        }
        let authorization = match &self.credential {
            Some(Credential::Password { name, password }) => {
                address = uri::with_query(&address, "account", name);
                Some(basic(name, password))
            }
            Some(Credential::IdentityToken(_) | Credential::RegistryToken(_)) | None => None,
        };
        self.fetch(&Ask::get(address), authorization.as_deref())
    }

    /// OAuth 2: a refresh token for a short one.
    fn trade(
        &self,
        address: &str,
        service: Option<&str>,
        scopes: &Scopes,
        token: &str,
    ) -> Result<Known, AuthError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "dfc"),
            ("service", service.unwrap_or_default()),
            ("scope", &scopes.join(" ")),
            ("refresh_token", token),
        ];
        let pairs = fields.map(|(key, value)| format!("{key}={}", uri::escape(value)));
        let body = pairs.join("&");
        let ask = Ask::new(Method::POST, address.to_owned())
            .with(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .carrying(Payload::Bytes(body.as_bytes()));
        self.fetch(&ask, None)
    }

    fn fetch(&self, ask: &Ask<'_>, authorization: Option<&str>) -> Result<Known, AuthError> {
        let address: Option<Uri> = ask.address.parse().ok();
        let host = address.and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
        let is_https = ask.address.starts_with("https:");
        let link = match (is_https, self.link) {
            (true, Link::HttpsUnverified) => Link::HttpsUnverified,
            (true, Link::Https | Link::Http) => Link::Https,
            (false, _) => Link::Http,
        };
        let failed = |failure| AuthError::Failure { host: host.clone(), failure };
        let nonsense = || Failure {
            kind: FailureKind::Protocol,
            detail: "the token server sent no token".to_owned(),
        };
        let home: Uri = ask.address.parse().map_err(|_| failed(nonsense()))?;
        let shown = authorization.map(|header| Shown { header, home: &home });
        let reply = self.transport.send(link, ask, shown).map_err(failed)?;
        let status = reply.status;
        let body = reply.read_bounded(MAX_TOKEN).map_err(failed)?.unwrap_or_default();
        match status {
            200 => {}
            400 | 401 | 403 => {
                let detail = crate::client::refusal_text(&body);
                let had_credential = self.credential.is_some();
                return Err(AuthError::Refused { detail, had_credential });
            }
            status => return Err(AuthError::Status { host, status }),
        }
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| failed(nonsense()))?;
        let token = answer.token.or(answer.access_token).filter(|token| is_token(token));
        let token = token.ok_or_else(|| failed(nonsense()))?;
        let life = Duration::from_secs(answer.expires_in.unwrap_or(DEFAULT_LIFE).max(1));
        let until = Instant::now().checked_add(life.saturating_sub(MARGIN));
        Ok(Known { header: format!("Bearer {token}"), until })
    }

    fn may_be_plain(&self, host: &str) -> bool {
        match (is_loopback(self.authority), is_loopback(host)) {
            (true, is_home) => is_home,
            (false, _) => self.link != Link::Https,
        }
    }

    /// The address of the token server. A password goes over plain HTTP only where the registry itself does, and not from
    /// home to elsewhere.
    fn checked_realm(&self, challenge: &Challenge) -> Result<String, AuthError> {
        let text = challenge.get("realm").unwrap_or_default();
        let realm: Option<Uri> = text.parse().ok();
        let host = realm.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?)));
        match host {
            Some(("https", _)) => Ok(text.to_owned()),
            Some(("http", host)) if self.may_be_plain(host) => Ok(text.to_owned()),
            Some(_) | None => Err(AuthError::Challenge(format!("a token from `{text}`"))),
        }
    }
}

/// Whether a token can stand in a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_graphic())
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
