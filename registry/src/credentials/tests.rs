//! Credentials from texts and from helpers.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn password(name: &str, password: &str) -> Option<Credential> {
    Some(Credential::Password { name: name.to_owned(), password: password.to_owned() })
}

#[test]
fn entries_are_found_by_host() {
    let text = format!(
        r#"{{"auths":{{"{HUB_KEY}":{{"auth":"bmFtZTpwYTpzcw=="}},"ghcr.io":{{"identitytoken":"t"}},
            "https://r.lan:5000/v2/":{{"username":"u","password":"p"}},"x.lan":{{"registrytoken":"r"}},
            "empty.lan":{{}},"broken.lan":{{"auth":"***"}},"nocolon.lan":{{"auth":"YWJj"}},"unpadded.lan":{{"auth":"YTpi"}}}},
            "credHelpers":null}}"#
    );
    let credentials = Credentials::parse(&text).unwrap();
    for (host, expected) in [
        ("docker.io", password("name", "pa:ss")),
        ("registry-1.docker.io", password("name", "pa:ss")),
        ("ghcr.io", Some(Credential::IdentityToken("t".into()))),
        ("r.lan:5000", password("u", "p")),
        ("r.lan", None),
        ("x.lan", Some(Credential::RegistryToken("r".into()))),
        ("unpadded.lan", password("a", "b")),
        ("empty.lan", None),
        ("other.lan", None),
    ] {
        assert_eq!(credentials.find(host, "a/b").unwrap(), expected, "{host}");
    }
    for host in ["broken.lan", "nocolon.lan"] {
        assert!(
            matches!(credentials.find(host, "a/b"), Err(CredentialError::Auth(name)) if name == host)
        );
    }
    assert!(Credentials::parse("").unwrap().find("a", "a/b").unwrap().is_none());
    assert!(Credentials::parse("[]").is_err());
    let shown = format!("{credentials:?} {:?}", credentials.find("docker.io", "a/b").unwrap());
    assert!(!shown.contains("pa:ss") && !shown.contains("bmFt"), "{shown}");
}

#[test]
fn logins_are_written_back_beside_what_else_is_there() {
    let text = r#"{"HttpHeaders":{"A":"b"},"auths":{"docker.io":{"auth":"b2xkOm9sZA=="},"x":{"auth":"eDp5"}}}"#;
    let credentials = Credentials::parse(text).unwrap();
    let kept = credentials.keep("docker.io", &password("new", "word").unwrap()).unwrap().unwrap();
    let read = Credentials::parse(&kept).unwrap();
    assert_eq!(read.find("docker.io", "a/b").unwrap(), password("new", "word"));
    assert_eq!(read.find("x", "a/b").unwrap(), password("x", "y"));
    assert!(
        kept.contains("HttpHeaders") && kept.contains(HUB_KEY) && !kept.contains("b2xk"),
        "{kept}"
    );
    let forgotten = read.forget("docker.io").unwrap();
    assert!(forgotten.was_known);
    assert_eq!(
        Credentials::parse(&forgotten.text.unwrap()).unwrap().find("docker.io", "a/b").unwrap(),
        None
    );
    assert_eq!(read.forget("unknown").unwrap(), Forgotten { was_known: false, text: None });
}

#[test]
fn the_longest_namespace_counts_and_nothing_beside_it() {
    let auth = |name: &str| format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(format!("{name}:w")));
    let text = format!(
        r#"{{"auths":{{"r.lan/team":{},"r.lan/team/app":{},"host.lan":{},"host.lan/one":{},
            "docker.io/library":{}}}}}"#,
        auth("team"),
        auth("app"),
        auth("host"),
        auth("one"),
        auth("hub")
    );
    let credentials = Credentials::parse(&text).unwrap();
    for (host, repository, expected) in [
        ("r.lan", "team/x", Some("team")),
        ("r.lan", "team", Some("team")),
        ("r.lan", "team/app", Some("app")),
        ("r.lan", "team/app/x", Some("app")),
        ("r.lan", "team/apple", Some("team")),
        ("r.lan", "teams/x", None),
        ("r.lan", "other", None),
        ("r.lan", "", None),
        ("r.lan:5000", "team/x", None),
        ("x.r.lan", "team/x", None),
        ("host.lan", "two", Some("host")),
        ("host.lan", "one/x", Some("one")),
        ("docker.io", "library/x", Some("hub")),
        ("docker.io", "someone/x", None),
    ] {
        let expected = expected.and_then(|name| password(name, "w"));
        assert_eq!(credentials.find(host, repository).unwrap(), expected, "{host}/{repository}");
    }
    let kept = credentials.keep("r.lan/new", &password("n", "w").unwrap()).unwrap().unwrap();
    let read = Credentials::parse(&kept).unwrap();
    assert_eq!(read.find("r.lan", "new/x").unwrap(), password("n", "w"));
    assert_eq!(read.find("r.lan", "team").unwrap(), password("team", "w"));
    let left = read.forget("r.lan/team").unwrap().text.unwrap();
    let left = Credentials::parse(&left).unwrap();
    assert_eq!(left.find("r.lan", "team/x").unwrap(), None);
    assert_eq!(left.find("r.lan", "team/app").unwrap(), password("app", "w"));
}

#[test]
fn other_files_come_before_and_behind() {
    let own = r#"{"auths":{"a":{"auth":"bzp3"},"b":{"auth":"bzp3"}}}"#;
    let credentials = Credentials::parse(own)
        .unwrap()
        .with_preferred(r#"{"auths":{"a":{"auth":"cDp3"}}}"#)
        .and_then(|it| it.with_fallback(r#"{"auths":{"b":{"auth":"Zjp3"},"c":{"auth":"Zjp3"}}}"#))
        .unwrap();
    for (host, name) in [("a", "p"), ("b", "o"), ("c", "f")] {
        assert_eq!(credentials.find(host, "x").unwrap(), password(name, "w"), "{host}");
    }
}

#[test]
fn helpers_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-credential-fake");
    let log = folder.path().join("log");
    let script = format!(
        "#!/bin/sh\nread -r line\necho \"$1 $line\" >> {log}\ncase \"$1 $line\" in\n\
         'get r.lan') echo '{{\"ServerURL\":\"r.lan\",\"Username\":\"u\",\"Secret\":\"s\"}}';;\n\
         'get t.lan') echo '{{\"Username\":\"<token>\",\"Secret\":\"t\"}}';;\n\
         'get odd.lan') echo nonsense;;\n\
         'get locked.lan') echo 'the keyring is locked'; exit 1;;\n\
         get*) echo 'credentials not found in native keychain'; exit 1;;\nesac\n",
        log = log.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let text = r#"{"credsStore":"fake","credHelpers":{"other.lan":"missing"},"auths":{"f.lan":{"auth":"YTpi"}}}"#;
    let credentials =
        Credentials::parse(text).unwrap().with_environment(vec![("PATH".into(), path.into())]);
    assert_eq!(credentials.find("r.lan", "a/b").unwrap(), password("u", "s"));
    assert_eq!(
        credentials.find("t.lan", "a/b").unwrap(),
        Some(Credential::IdentityToken("t".into()))
    );
    assert_eq!(credentials.find("unknown.lan", "a/b").unwrap(), None);
    assert_eq!(credentials.find("f.lan", "a/b").unwrap(), password("a", "b"));
    for (host, part) in
        [("odd.lan", "no JSON"), ("locked.lan", "keyring is locked"), ("other.lan", "-missing`")]
    {
        let error = credentials.find(host, "a/b").unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(host), "{error}");
    }
    assert_eq!(credentials.keep("n.lan", &password("u", "hidden").unwrap()).unwrap(), None);
    let forgotten = |was_known| Forgotten { was_known, text: None };
    assert_eq!(credentials.forget("n.lan").unwrap(), forgotten(false));
    assert_eq!(credentials.forget("r.lan").unwrap(), forgotten(true));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("store {") && log.contains("hidden") && log.contains("erase n.lan"),
        "{log}"
    );
}
