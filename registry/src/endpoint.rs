//! [`Endpoint`]: a host to ask, and over which links that may be.

use std::net::IpAddr;

use crate::error::RegistryError;
use crate::settings::{HostSettings, Hosts};

/// Where Docker Hub's registry really is.
const HUB: &str = "registry-1.docker.io";

/// How to talk to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Link {
    Https,
    /// Certificates are not checked.
    HttpsUnverified,
    Http,
}

/// A host that may have what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The name that people and credentials know it by.
    pub(crate) name: String,
    /// Host and port to connect to.
    pub(crate) authority: String,
    /// Before each repository, with its slash; empty, but for some mirrors.
    pub(crate) prefix: String,
    /// Whether it stands in for another.
    pub(crate) is_mirror: bool,
    /// To be tried in this order.
    pub(crate) links: Vec<Link>,
}

impl Endpoint {
    /// The registry itself.
    pub(crate) fn of_registry(registry: &str, hosts: &Hosts) -> Endpoint {
        let settings = hosts.get(registry).cloned().unwrap_or_default();
        let authority = if registry == oci::reference::DEFAULT_REGISTRY { HUB } else { registry };
        Endpoint {
            name: registry.to_owned(),
            authority: authority.to_owned(),
            prefix: String::new(),
            is_mirror: false,
            links: links(authority, &settings),
        }
    }

    /// The mirrors of a registry, then the registry.
    pub(crate) fn for_pull(registry: &str, hosts: &Hosts) -> Result<Vec<Endpoint>, RegistryError> {
        let mirrors = hosts.get(registry).map(|settings| settings.mirrors.as_slice());
        let mirrors = mirrors.unwrap_or_default().iter();
        let mut endpoints: Vec<Endpoint> =
            mirrors.map(|text| Endpoint::of_mirror(text, hosts)).collect::<Result<_, _>>()?;
        endpoints.push(Endpoint::of_registry(registry, hosts));
        Ok(endpoints)
    }

    /// `[http://|https://]host[:port][/prefix]`
    fn of_mirror(text: &str, hosts: &Hosts) -> Result<Endpoint, RegistryError> {
        let (only, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Link::Http), rest),
            Some(("https", rest)) => (Some(Link::Https), rest),
            Some(_) => return Err(RegistryError::Address(text.to_owned())),
            None => (None, text),
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(RegistryError::Address(text.to_owned()));
        }
        let settings = hosts.get(host).cloned().unwrap_or_default();
        let links = match only {
            Some(Link::Https) if settings.insecure => vec![Link::HttpsUnverified],
            Some(link) => vec![link],
            None => links(host, &settings),
        };
        Ok(Endpoint {
            name: host.to_owned(),
            authority: host.to_owned(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            is_mirror: true,
            links,
        })
    }

    /// The address of something of a repository: `https://host/v2/REPOSITORY/REST`.
    pub(crate) fn address(&self, link: Link, repository: &str, rest: &str) -> String {
        format!("{}{}{repository}/{rest}", self.root(link), self.prefix)
    }

    /// The address that tells whether this is a registry, and who may use it.
    pub(crate) fn root(&self, link: Link) -> String {
        let scheme = match link {
            Link::Https | Link::HttpsUnverified => "https",
            Link::Http => "http",
        };
        format!("{scheme}://{}/v2/", self.authority)
    }
}

fn links(authority: &str, settings: &HostSettings) -> Vec<Link> {
    match (settings.http, settings.insecure) {
        (true, _) => vec![Link::Http],
        (false, true) => vec![Link::HttpsUnverified, Link::Http],
        (false, false) if is_loopback(authority) => vec![Link::Http, Link::Https],
        (false, false) => vec![Link::Https],
    }
}

/// Whether a host, with or without port, is this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if authority.matches(':').count() > 1 => authority,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let text = r#"
            ["docker.io"]
            mirrors = ["localhost:5000", "https://harbor.lan/proxy/hub/"]
            ["r.lan:5000"]
            insecure = true
            ["p.lan"]
            http = true
            ["bad.lan"]
            mirrors = ["ftp://x"]
        "#;
        toml::from_str(text).unwrap()
    }

    #[test]
    fn links_depend_on_host_and_settings() {
        for (registry, authority, links) in [
            ("docker.io", HUB, vec![Link::Https]),
            ("ghcr.io", "ghcr.io", vec![Link::Https]),
            ("localhost", "localhost", vec![Link::Http, Link::Https]),
            ("localhost:5000", "localhost:5000", vec![Link::Http, Link::Https]),
            ("127.0.0.2:80", "127.0.0.2:80", vec![Link::Http, Link::Https]),
            ("[::1]:5000", "[::1]:5000", vec![Link::Http, Link::Https]),
            ("localhost.example", "localhost.example", vec![Link::Https]),
            ("10.0.0.1", "10.0.0.1", vec![Link::Https]),
            ("r.lan:5000", "r.lan:5000", vec![Link::HttpsUnverified, Link::Http]),
            ("p.lan", "p.lan", vec![Link::Http]),
        ] {
            let endpoint = Endpoint::of_registry(registry, &hosts());
            assert_eq!(
                (endpoint.authority.as_str(), endpoint.links),
                (authority, links),
                "{registry}"
            );
        }
    }

    #[test]
    fn mirrors_come_first() {
        let endpoints = Endpoint::for_pull("docker.io", &hosts()).unwrap();
        let addresses: Vec<String> = endpoints
            .iter()
            .map(|endpoint| endpoint.address(endpoint.links[0], "library/x", "manifests/1"))
            .collect();
        let expected = [
            "http://localhost:5000/v2/library/x/manifests/1",
            "https://harbor.lan/v2/proxy/hub/library/x/manifests/1",
            "https://registry-1.docker.io/v2/library/x/manifests/1",
        ];
        assert_eq!(addresses, expected);
        assert!(matches!(Endpoint::for_pull("bad.lan", &hosts()), Err(RegistryError::Address(_))));
    }

    #[test]
    fn settings_refuse_what_they_do_not_know() {
        assert!(toml::from_str::<Hosts>("[\"x\"]\nmirror = []").is_err());
    }
}
