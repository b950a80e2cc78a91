//! What a [`crate::Client`] is told when it is made: hosts, credentials, limits. The caller reads files and environment.
//!
//! In config.toml:
//!
//! ```toml
//! [registry."docker.io"]
//! mirrors = ["localhost:5000"]      # asked first, in this order; "host/prefix" puts prefix/ before the repository
//!
//! [registry."registry.lan:5000"]
//! insecure = true                   # certificates are not checked, and plain HTTP will do
//! http = true                       # plain HTTP only
//! ```

use std::collections::BTreeMap;
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
    /// How long a connection may be silent.
    pub stall: Duration,
    /// How often a request is tried, all in all.
    pub attempts: u32,
    /// The pause before the second try; doubled each time.
    pub pause: Duration,
    /// The longest pause that a registry may ask for.
    pub longest_pause: Duration,
    /// How many blobs at a time.
    pub parallel: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            attempts: 5,
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(60),
            parallel: 5,
        }
    }
}

/// All that a client is told.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Mirrors and insecure hosts.
    pub hosts: Hosts,
    /// Who the user is, where.
    pub credentials: Credentials,
    /// How long and how often.
    pub limits: Limits,
    /// Proxies.
    pub proxies: Proxies,
}
