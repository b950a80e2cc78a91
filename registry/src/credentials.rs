//! [`Credentials`]: who the user is at which registry, from the text of Docker's config.json and the credential helpers that
//! it names.
//!
//! ```json
//! { "auths": { "https://index.docker.io/v1/": { "auth": "bmFtZTpwYXNzd29yZA==" }, "ghcr.io": { "identitytoken": "…" } },
//!   "credHelpers": { "123.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login" },
//!   "credsStore": "secretservice" }
//! ```
//!
//! A helper `x` is the program `docker-credential-x`. A key of `auths` may also be `host/namespace`, as podman writes it:
//! then it counts for what is below, before what is known for the host.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

mod helper;

/// Under which key Docker keeps what is for Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";
const HUB_NAMES: [&str; 4] =
    ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// What proves who the user is. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Name and password.
    Password {
        /// The name.
        name: String,
        /// The password, or a token that stands for it.
        password: String,
    },
    /// A long-lived token that is traded for short ones.
    IdentityToken(String),
    /// A token that is sent as it is.
    RegistryToken(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Password { .. } => "Password(…)",
            Credential::IdentityToken(_) => "IdentityToken(…)",
            Credential::RegistryToken(_) => "RegistryToken(…)",
        })
    }
}

/// Why credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The config is no JSON, or not of the right shape.
    #[error("cannot read the credentials in config.json: {0}")]
    Json(#[from] serde_json::Error),
    /// An `auth` that is not base64 of `name:password`.
    #[error("the credentials for {0} in config.json are broken; run `dfc login {0}`")]
    Auth(String),
    /// A credential helper could not be run, or failed.
    #[error("the credential helper `{program}` failed for {host}: {detail}")]
    Helper {
        /// Its name.
        program: String,
        /// For which registry.
        host: String,
        /// What it said.
        detail: String,
    },
}

/// What [`Credentials::forget`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Whether there was something to forget.
    pub was_known: bool,
    /// The new text of the config, to be written, if it changed.
    pub text: Option<String>,
}

/// Docker's config.json, as far as it is about credentials, and perhaps files of the same form that are only read.
#[derive(Clone, Default)]
pub struct Credentials {
    file: File,
    preferred: Vec<File>,
    fallback: Vec<File>,
    /// The text, whole, to be written back with a login more or less.
    text: Map<String, Value>,
    environment: Option<Vec<(OsString, OsString)>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    #[serde(deserialize_with = "null_default")]
    auths: BTreeMap<String, Auth>,
    #[serde(deserialize_with = "null_default")]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("hosts", &self.file.auths.keys())
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the text of a config.json; an empty one is fine.
    ///
    /// # Errors
    /// If it is no JSON, or of another shape.
    pub fn parse(text: &str) -> Result<Credentials, CredentialError> {
        if text.trim().is_empty() {
            return Ok(Credentials::default());
        }
        let map: Map<String, Value> = serde_json::from_str(text)?;
        let file = File::deserialize(Value::Object(map.clone()))?;
        Ok(Credentials { file, text: map, ..Credentials::default() })
    }

    /// With another file that is asked first; it is never written.
    ///
    /// # Errors
    /// As [`Credentials::parse`].
    pub fn with_preferred(mut self, text: &str) -> Result<Credentials, CredentialError> {
        self.preferred.push(Credentials::parse(text)?.file);
        Ok(self)
    }

    /// With another file that is asked last; it is never written.
    ///
    /// # Errors
    /// As [`Credentials::parse`].
    pub fn with_fallback(mut self, text: &str) -> Result<Credentials, CredentialError> {
        self.fallback.push(Credentials::parse(text)?.file);
        Ok(self)
    }

    /// With which environment helpers run; without this, with the process's own.
    #[must_use]
    pub fn with_environment(self, variables: Vec<(OsString, OsString)>) -> Credentials {
        Credentials { environment: Some(variables), ..self }
    }

    /// What is known for a repository of a registry; `None` if nothing is.
    ///
    /// # Errors
    /// If an entry is broken, or a helper fails.
    pub fn find(
        &self,
        host: &str,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        let files = self.preferred.iter().chain([&self.file]).chain(&self.fallback);
        for file in files {
            if let Some(found) = file.find(host, repository, self.environment.as_deref())? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The helper that would keep what is known for a host or a namespace of it; without one, the file does, readable.
    pub fn helper(&self, target: &str) -> Option<&str> {
        let (host, path) = place_of(target);
        self.file.helper_for(host).filter(|_| path.is_empty())
    }

    /// Keeps a credential for a host, or a namespace of it: with the helper that the config names for the host, or else in
    /// the config, whose new text is then returned, to be written.
    ///
    /// # Errors
    /// If the helper fails.
    pub fn keep(
        &self,
        target: &str,
        credential: &Credential,
    ) -> Result<Option<String>, CredentialError> {
        if let Some(name) = self.helper(target) {
            helper::store(name, &key_of(target), credential, self.environment.as_deref())?;
            let text = self.without(target);
            return Ok((text != self.text).then(|| pretty(&text)));
        }
        let mut entry = Map::new();
        match credential {
            Credential::Password { name, password } => {
                let auth = STANDARD.encode(format!("{name}:{password}"));
                entry.insert("auth".to_owned(), auth.into());
            }
            Credential::IdentityToken(token) => {
                entry.insert("identitytoken".to_owned(), token.clone().into());
            }
            Credential::RegistryToken(token) => {
                entry.insert("registrytoken".to_owned(), token.clone().into());
            }
        }
        let mut text = self.without(target);
        let auths = text.entry("auths").or_insert_with(|| Map::new().into());
        if !auths.is_object() {
            *auths = Map::new().into();
        }
        if let Some(auths) = auths.as_object_mut() {
            auths.insert(key_of(target), entry.into());
        }
        Ok(Some(pretty(&text)))
    }

    /// Forgets what is known for a host, or a namespace of it: at its helper, and in the config.
    ///
    /// # Errors
    /// If the helper fails.
    pub fn forget(&self, target: &str) -> Result<Forgotten, CredentialError> {
        let text = self.without(target);
        let mut was_known = text != self.text;
        if let Some(name) = self.helper(target) {
            let (key, environment) = (key_of(target), self.environment.as_deref());
            was_known |= helper::get(name, &key, environment)?.is_some();
            helper::erase(name, &key, environment)?;
        }
        let text = (text != self.text).then(|| pretty(&text));
        Ok(Forgotten { was_known, text })
    }

    fn without(&self, target: &str) -> Map<String, Value> {
        let (host, path) = place_of(target);
        let wanted = names_of(host);
        let mut text = self.text.clone();
        if let Some(auths) = text.get_mut("auths").and_then(Value::as_object_mut) {
            auths.retain(|key, _| {
                let (own_host, own_path) = place_of(key);
                !(wanted.contains(&own_host) && own_path == path)
            });
        }
        text
    }
}

impl File {
    fn find(
        &self,
        host: &str,
        repository: &str,
        environment: Option<&[(OsString, OsString)]>,
    ) -> Result<Option<Credential>, CredentialError> {
        let wanted = names_of(host);
        let fitting = self.auths.iter().filter_map(|(key, auth)| {
            let (own_host, path) = place_of(key);
            let rest = repository.strip_prefix(path)?;
            let fits = path.is_empty() || rest.is_empty() || rest.starts_with('/');
            (wanted.contains(&own_host) && fits).then_some((path, auth))
        });
        let (own, of_host): (Vec<_>, Vec<_>) = fitting.partition(|(path, _)| !path.is_empty());
        if let Some((path, auth)) = own.into_iter().max_by_key(|(path, _)| path.len())
            && let Some(found) = auth.credential(&format!("{host}/{path}"))?
        {
            return Ok(Some(found));
        }
        // A helper that has nothing leaves what stands in the file.
        if let Some(name) = self.helper_for(host)
            && let Some(found) = helper::get(name, &key_of(host), environment)?
        {
            return Ok(Some(found));
        }
        for (_, auth) in of_host {
            if let Some(found) = auth.credential(host)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn helper_for(&self, host: &str) -> Option<&str> {
        let wanted = names_of(host);
        let own = self.cred_helpers.iter().find(|(key, _)| wanted.contains(&host_of(key)));
        let name = own.map(|(_, name)| name).or(self.creds_store.as_ref());
        name.map(String::as_str).filter(|name| !name.is_empty())
    }
}

impl Auth {
    fn credential(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.registrytoken) {
            return Ok(Some(Credential::RegistryToken(token)));
        }
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let Some(auth) = given(&self.auth) {
            let broken = || CredentialError::Auth(host.to_owned());
            let trimmed = auth.trim_end_matches('=');
            let bytes = STANDARD_NO_PAD.decode(trimmed).map_err(|_| broken())?;
            let text = String::from_utf8(bytes).map_err(|_| broken())?;
            let (name, password) = text.split_once(':').ok_or_else(broken)?;
            let password = password.trim_matches('\0').to_owned();
            return Ok(Some(Credential::Password { name: name.to_owned(), password }));
        }
        let both = given(&self.username).zip(given(&self.password));
        Ok(both.map(|(name, password)| Credential::Password { name, password }))
    }
}

/// The host in a key, which may be an address.
fn host_of(key: &str) -> &str {
    place_of(key).0
}

/// Host and namespace of a key; Docker's `/v1/` and `/v2/` are no namespaces.
fn place_of(key: &str) -> (&str, &str) {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match path.trim_matches('/') {
        "v1" | "v2" => (host, ""),
        path => (host, path),
    }
}

/// All names under which a host may stand.
fn names_of(host: &str) -> Vec<&str> {
    match HUB_NAMES.contains(&host) {
        true => HUB_NAMES.to_vec(),
        false => vec![host],
    }
}

fn key_of(target: &str) -> String {
    match place_of(target) {
        (host, "") if HUB_NAMES.contains(&host) => HUB_KEY.to_owned(),
        (host, "") => host.to_owned(),
        (host, path) => format!("{host}/{path}"),
    }
}

fn pretty(text: &Map<String, Value>) -> String {
    let mut pretty = serde_json::to_string_pretty(text).expect("it came from JSON");
    pretty.push('\n');
    pretty
}

#[cfg(test)]
mod tests;
