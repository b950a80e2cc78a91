//! Connections: TLS, timeouts and proxies of each link.

use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::endpoint::Link;
use crate::error::RegistryError;
use crate::settings::{Certificates, Limits, Proxies};

/// Connections over a link; `own` are certificates for it, else the authorities of the system count.
pub(super) fn new(
    link: Link,
    limits: &Limits,
    proxies: &Proxies,
    own: Option<(RootCerts, Option<ClientCert>)>,
) -> Result<Agent, RegistryError> {
    let (roots, client) = own.unwrap_or((RootCerts::PlatformVerifier, None));
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .client_cert(client)
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
        .max_idle_connections_per_host(limits.downloads.max(limits.uploads).max(1))
        .input_buffer_size(128 << 10)
        .build()
        .new_agent())
}

/// Connections to a host with certificates of its own; the inner error says what is wrong with those.
pub(super) fn own(
    link: Link,
    limits: &Limits,
    proxies: &Proxies,
    certificates: &Certificates,
) -> Result<Result<Agent, String>, RegistryError> {
    match parsed(certificates) {
        Ok(parsed) => Ok(Ok(new(link, limits, proxies, Some(parsed))?)),
        Err(problem) => Ok(Err(problem)),
    }
}

fn parsed(certificates: &Certificates) -> Result<(RootCerts, Option<ClientCert>), String> {
    if let Some(problem) = &certificates.problem {
        return Err(problem.clone());
    }
    let all = |pem: &[u8]| -> Vec<Certificate<'static>> {
        let items = parse_pem(pem).filter_map(Result::ok);
        let certificate = |item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            PemItem::PrivateKey(_) => None,
            // ureq may learn to read more.
            _ => None,
        };
        items.filter_map(certificate).collect()
    };
    let roots = match certificates.roots.as_slice() {
        [] => RootCerts::PlatformVerifier,
        roots => {
            let roots: Vec<_> = roots.iter().map(|pem| all(pem)).collect();
            match roots.iter().any(Vec::is_empty) {
                true => return Err("the file of its authority has no certificate".to_owned()),
                false => RootCerts::new_with_certs(&roots.concat()),
            }
        }
    };
    let client = match &certificates.client {
        None => None,
        Some((chain, key)) => {
            let key = PrivateKey::from_pem(key)
                .map_err(|_| "the file of the client key has no key".to_owned())?;
            let chain = all(chain);
            if chain.is_empty() {
                return Err("the file of the client certificate has none".to_owned());
            }
            Some(ClientCert::new_with_certs(&chain, key))
        }
    };
    Ok((roots, client))
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
