//! [`Endpoint`]: a host to ask for the blobs and manifests of one repository, and over which links that may be.

use std::net::IpAddr;

use oci::Reference;

use crate::error::RegistryError;
use crate::settings::{Config, HostSettings, Rule, Serves};

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
    /// What the repository is called there.
    pub(crate) repository: String,
    /// Whether it stands in for another.
    pub(crate) is_mirror: bool,
    /// To be tried in this order.
    pub(crate) links: Vec<Link>,
}

impl Endpoint {
    /// A host itself, and no repository of it.
    pub(crate) fn of_host(host: &str, config: &Config) -> Endpoint {
        let settings = config.hosts.get(host);
        let rule = Reference::parse(&format!("{host}/x")).ok().and_then(|it| rule_for(&it, config));
        let insecure = settings.is_none() && rule.is_some_and(|rule| rule.insecure);
        Endpoint::at(host, String::new(), insecure, config)
    }

    /// Where a repository is written to.
    pub(crate) fn for_push(
        reference: &Reference,
        config: &Config,
    ) -> Result<Endpoint, RegistryError> {
        let own = |insecure| {
            Endpoint::at(&reference.registry, reference.repository.clone(), insecure, config)
        };
        let Some(rule) = rule_for(reference, config) else { return Ok(own(false)) };
        if rule.blocked {
            let (what, prefix) = (reference.familiar(), rule.prefix.clone());
            return Err(RegistryError::Blocked { what, prefix });
        }
        match rule.location.as_str() {
            "" => Ok(own(rule.insecure)),
            location => moved(reference, rule, location, rule.insecure, config),
        }
    }

    /// Who may have an image: the mirrors of a repository, then its registry.
    pub(crate) fn for_pull(
        reference: &Reference,
        config: &Config,
    ) -> Result<Vec<Endpoint>, RegistryError> {
        let pinned = reference.digest.is_some();
        Endpoint::with_mirrors(reference, config, &|serves| match serves {
            Serves::All => true,
            Serves::Digests => pinned,
            Serves::Tags => !pinned,
        })
    }

    /// Who may have a blob: any mirror, for it is checked by its digest, then the registry.
    pub(crate) fn for_blob(
        reference: &Reference,
        config: &Config,
    ) -> Result<Vec<Endpoint>, RegistryError> {
        Endpoint::with_mirrors(reference, config, &|_| true)
    }

    fn with_mirrors(
        reference: &Reference,
        config: &Config,
        fits: &dyn Fn(Serves) -> bool,
    ) -> Result<Vec<Endpoint>, RegistryError> {
        let mut endpoints = Vec::new();
        if let Some(settings) = config.hosts.get(&reference.registry) {
            for text in &settings.mirrors {
                endpoints.push(Endpoint::of_mirror(text, reference, config)?);
            }
        }
        if let Some(rule) = rule_for(reference, config).filter(|rule| !rule.blocked) {
            for mirror in rule.mirrors.iter().filter(|mirror| fits(mirror.serves)) {
                let (location, insecure) = (&mirror.location, mirror.insecure);
                let endpoint = moved(reference, rule, location, insecure, config)?;
                endpoints.push(Endpoint { is_mirror: true, ..endpoint });
            }
        }
        endpoints.push(Endpoint::for_push(reference, config)?);
        Ok(endpoints)
    }

    /// `[http://|https://]host[:port][/prefix]`
    fn of_mirror(
        text: &str,
        reference: &Reference,
        config: &Config,
    ) -> Result<Endpoint, RegistryError> {
        let (only, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Link::Http), rest),
            Some(("https", rest)) => (Some(Link::Https), rest),
            Some(_) => return Err(RegistryError::Address(text.to_owned())),
            None => (None, text),
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_authority(host) {
            return Err(RegistryError::Address(text.to_owned()));
        }
        let repository = joined(prefix, &reference.repository);
        let mut endpoint = Endpoint::at(host, repository, false, config);
        endpoint.is_mirror = true;
        match only {
            Some(Link::Https) if config.hosts.get(host).is_some_and(|it| it.insecure) => {
                endpoint.links = vec![Link::HttpsUnverified];
            }
            Some(link) => endpoint.links = vec![link],
            None => {}
        }
        Ok(endpoint)
    }

    fn at(host: &str, repository: String, insecure: bool, config: &Config) -> Endpoint {
        let authority = if host == oci::reference::DEFAULT_REGISTRY { HUB } else { host };
        let mut settings = config.hosts.get(host).cloned().unwrap_or_default();
        settings.insecure |= insecure;
        let is_known = config.certificates.contains_key(authority);
        Endpoint {
            name: host.to_owned(),
            authority: authority.to_owned(),
            repository,
            is_mirror: false,
            links: links(authority, &settings, is_known),
        }
    }

    /// The address of something of the repository: `https://host/v2/REPOSITORY/REST`.
    pub(crate) fn address(&self, link: Link, rest: &str) -> String {
        format!("{}{}/{rest}", self.root(link), self.repository)
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

/// The rule with the longest prefix, unless config.toml speaks of the host.
fn rule_for<'a>(reference: &Reference, config: &'a Config) -> Option<&'a Rule> {
    if config.hosts.contains_key(&reference.registry) {
        return None;
    }
    let fits = config.rules.iter().filter(|rule| rest_behind(reference, &rule.prefix).is_some());
    fits.max_by_key(|rule| rule.prefix.len())
}

/// What of a name stands behind a prefix that it begins with.
fn rest_behind<'a>(reference: &'a Reference, prefix: &str) -> Option<&'a str> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let host = reference.registry.split(':').next().unwrap_or_default();
        let fits = domain.starts_with('.') && host.len() > domain.len() && host.ends_with(domain);
        return fits.then_some(&reference.repository);
    }
    let (host, path) = prefix.split_once('/').unwrap_or((prefix, ""));
    if host != reference.registry {
        return None;
    }
    let rest = reference.repository.strip_prefix(path)?;
    (path.is_empty() || rest.is_empty() || rest.starts_with('/'))
        .then(|| rest.trim_start_matches('/'))
}

/// A reference with `location` instead of the rule's prefix.
fn moved(
    reference: &Reference,
    rule: &Rule,
    location: &str,
    insecure: bool,
    config: &Config,
) -> Result<Endpoint, RegistryError> {
    let rest = rest_behind(reference, &rule.prefix).expect("the rule was chosen by its prefix");
    let (host, path) = location.split_once('/').unwrap_or((location, ""));
    let repository = joined(path, rest);
    if !is_authority(host) || repository.is_empty() {
        return Err(RegistryError::Address(location.to_owned()));
    }
    Ok(Endpoint::at(host, repository, insecure, config))
}

fn joined(folder: &str, rest: &str) -> String {
    match (folder.trim_matches('/'), rest) {
        ("", rest) => rest.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, rest) => format!("{folder}/{rest}"),
    }
}

fn is_authority(host: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    !host.is_empty() && host.chars().all(is_name)
}

/// `is_known`: there are certificates for the host, so it speaks TLS even at home.
fn links(authority: &str, settings: &HostSettings, is_known: bool) -> Vec<Link> {
    match (settings.http, settings.insecure) {
        (true, _) => vec![Link::Http],
        (false, true) => vec![Link::HttpsUnverified, Link::Http],
        (false, false) if is_loopback(authority) && !is_known => vec![Link::Http, Link::Https],
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
mod tests;
