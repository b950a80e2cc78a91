//! Which hosts are asked, and how.

use super::*;
use crate::settings::{Certificates, Mirror};

fn config() -> Config {
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
    let rule = |prefix: &str, location: &str| Rule {
        prefix: prefix.to_owned(),
        location: location.to_owned(),
        ..Rule::default()
    };
    let mirror = |location: &str, serves| Mirror {
        location: location.to_owned(),
        insecure: location.starts_with("plain"),
        serves,
    };
    let rules = vec![
        rule("docker.io", "not-asked.lan"),
        rule("quay.io", ""),
        rule("quay.io/team", "inner.lan/mirrored"),
        rule("quay.io/team/app", "apps.lan/one"),
        Rule { blocked: true, ..rule("quay.io/bad", "") },
        Rule { insecure: true, ..rule("*.dev.lan", "") },
        Rule {
            mirrors: vec![
                mirror("plain.lan:5000/all", Serves::All),
                mirror("pinned.lan", Serves::Digests),
                mirror("tagged.lan", Serves::Tags),
            ],
            ..rule("ghcr.io", "")
        },
    ];
    let certificates = [("localhost:5443".to_owned(), Certificates::default())].into();
    Config { hosts: toml::from_str(text).unwrap(), rules, certificates, ..Config::default() }
}

fn addresses(name: &str) -> Vec<String> {
    let endpoints = Endpoint::for_pull(&Reference::parse(name).unwrap(), &config()).unwrap();
    endpoints.iter().map(|it| it.address(it.links[0], "manifests/1")).collect()
}

#[test]
fn links_depend_on_host_and_settings() {
    for (registry, authority, links) in [
        ("docker.io", HUB, vec![Link::Https]),
        ("ghcr.io", "ghcr.io", vec![Link::Https]),
        ("localhost", "localhost", vec![Link::Http, Link::Https]),
        ("localhost:5000", "localhost:5000", vec![Link::Http, Link::Https]),
        ("localhost:5443", "localhost:5443", vec![Link::Https]),
        ("127.0.0.2:80", "127.0.0.2:80", vec![Link::Http, Link::Https]),
        ("[::1]:5000", "[::1]:5000", vec![Link::Http, Link::Https]),
        ("localhost.example", "localhost.example", vec![Link::Https]),
        ("10.0.0.1", "10.0.0.1", vec![Link::Https]),
        ("r.lan:5000", "r.lan:5000", vec![Link::HttpsUnverified, Link::Http]),
        ("a.dev.lan", "a.dev.lan", vec![Link::HttpsUnverified, Link::Http]),
        ("p.lan", "p.lan", vec![Link::Http]),
    ] {
        let endpoint = Endpoint::of_host(registry, &config());
        assert_eq!((endpoint.authority.as_str(), endpoint.links), (authority, links), "{registry}");
    }
}

#[test]
fn mirrors_come_first() {
    let expected = [
        "http://localhost:5000/v2/library/x/manifests/1",
        "https://harbor.lan/v2/proxy/hub/library/x/manifests/1",
        "https://registry-1.docker.io/v2/library/x/manifests/1",
    ];
    assert_eq!(addresses("x"), expected);
    let bad = Endpoint::for_pull(&Reference::parse("bad.lan/x").unwrap(), &config());
    assert!(matches!(bad, Err(RegistryError::Address(_))));
}

#[test]
fn the_longest_prefix_of_registries_conf_counts() {
    for (name, expected) in [
        ("quay.io/other/x", "https://quay.io/v2/other/x/manifests/1"),
        ("quay.io/team/x", "https://inner.lan/v2/mirrored/x/manifests/1"),
        ("quay.io/teams/x", "https://quay.io/v2/teams/x/manifests/1"),
        ("quay.io/team/app", "https://apps.lan/v2/one/manifests/1"),
        ("quay.io/team/app/x", "https://apps.lan/v2/one/x/manifests/1"),
        ("quay.io/team/apps", "https://inner.lan/v2/mirrored/apps/manifests/1"),
        ("a.dev.lan/x", "https://a.dev.lan/v2/x/manifests/1"),
    ] {
        assert_eq!(addresses(name), [expected], "{name}");
    }
    let blocked = Endpoint::for_pull(&Reference::parse("quay.io/bad/x").unwrap(), &config());
    let error = blocked.unwrap_err().to_string();
    assert!(error.contains("quay.io/bad/x") && error.contains("registries.conf"), "{error}");
}

#[test]
fn mirrors_serve_tags_or_digests() {
    let plain = "https://plain.lan:5000/v2/all/a/b/manifests/1";
    let last = "https://ghcr.io/v2/a/b/manifests/1";
    let tagged = "https://tagged.lan/v2/a/b/manifests/1";
    assert_eq!(addresses("ghcr.io/a/b:1"), [plain, tagged, last]);
    let pinned = format!("ghcr.io/a/b@sha256:{}", "0".repeat(64));
    assert_eq!(addresses(&pinned), [plain, "https://pinned.lan/v2/a/b/manifests/1", last]);
}

#[test]
fn settings_refuse_what_they_do_not_know() {
    assert!(toml::from_str::<crate::settings::Hosts>("[\"x\"]\nmirror = []").is_err());
}
