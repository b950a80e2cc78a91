//! What a [`crate::Client`] is told when it is made: hosts, credentials, limits. The caller reads files and environment.
//!
//! In config.toml:
//!
//! ```toml
//! [registry."docker.io"]
//! mirrors = ["localhost:5000"]      # asked first, in this order; "host/prefix" puts prefix/ before the repository
//!
//! [registry."registry.lan:5000"]
//! ca = "/etc/ssl/lan.pem"           # trusted for this host, beside the authorities of the system
//! cert = "me.pem"                   # shown to the host, with its key
//! key = "me-key.pem"
//!
//! [registry."old.lan"]
//! insecure = true                   # certificates are not checked, and plain HTTP will do
//! http = true                       # plain HTTP only
//! ```
//!
//! A [`Rule`] is a `[[registry]]` of containers-registries.conf; a table of config.toml takes its place.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::credentials::Credentials;

/// The `[registry."HOST"]` tables of config.toml, by host.
pub type Hosts = BTreeMap<String, HostSettings>;

/// One `[registry."HOST"]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostSettings {
    /// Hosts that are asked before this one, in order.
    pub mirrors: Vec<String>,
    /// Certificates are not checked, and plain HTTP is tried if there is no HTTPS.
    pub insecure: bool,
    /// Plain HTTP only.
    pub http: bool,
    /// A file of authorities (PEM) that are trusted for this host, beside those of the system.
    pub ca: Option<PathBuf>,
    /// A file with the certificate (PEM) that this host is shown.
    pub cert: Option<PathBuf>,
    /// A file with its key.
    pub key: Option<PathBuf>,
}

/// What is said about the images whose names begin so (`[[registry]]` of registries.conf).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// `host[:port][/namespace…]`, or `*.domain`; the longest that fits counts.
    pub prefix: String,
    /// What stands there instead of the prefix; empty if that stays.
    pub location: String,
    /// Certificates are not checked, and plain HTTP is tried if there is no HTTPS.
    pub insecure: bool,
    /// Nothing may be asked for.
    pub blocked: bool,
    /// Asked before the location, in order.
    pub mirrors: Vec<Mirror>,
}

/// A `[[registry.mirror]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// What stands instead of the prefix.
    pub location: String,
    /// As in [`Rule`].
    pub insecure: bool,
    /// For which names it is asked.
    pub serves: Serves,
}

/// For which names a mirror is asked (`pull-from-mirror`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Serves {
    /// All.
    #[default]
    All,
    /// Names with a digest, which a mirror cannot give a wrong image for.
    Digests,
    /// Names with a tag.
    Tags,
}

/// Certificates for one host, as the text of their files (PEM).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// All authorities that are trusted; those of the system if there is none.
    pub roots: Vec<Vec<u8>>,
    /// What the host is shown: certificates and key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
    /// Why they cannot be had; said when the host is needed.
    pub problem: Option<String>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

/// Proxies, as the environment names them.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// HTTP_PROXY
    pub http: Option<String>,
    /// HTTPS_PROXY
    pub https: Option<String>,
    /// NO_PROXY: hosts apart by commas
    pub none_for: Option<String>,
}

/// How long and how often.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a connection, with name and TLS.
    pub connect: Duration,
    /// How long a connection may be silent, or slower than a kilobyte a second.
    pub stall: Duration,
    /// How long a manifest, a config or a token may take all in all.
    pub document: Duration,
    /// How often a request is tried, all in all.
    pub attempts: u32,
    /// The pause before the second try; doubled each time.
    pub pause: Duration,
    /// The longest pause that a registry may ask for.
    pub longest_pause: Duration,
    /// How many blobs at a time come.
    pub downloads: usize,
    /// How many blobs at a time go.
    pub uploads: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            document: Duration::from_secs(120),
            attempts: 5,
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(60),
            downloads: 5,
            uploads: 5,
        }
    }
}

/// All that a client is told.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Mirrors and insecure hosts.
    pub hosts: Hosts,
    /// What registries.conf says, for hosts that `hosts` says nothing about.
    pub rules: Vec<Rule>,
    /// Certificates, by host and port.
    pub certificates: BTreeMap<String, Certificates>,
    /// Who the user is, where.
    pub credentials: Credentials,
    /// How long and how often.
    pub limits: Limits,
    /// Proxies.
    pub proxies: Proxies,
}
