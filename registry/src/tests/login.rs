//! Who asks: tokens, passwords, and where they do not go.

use std::sync::Arc;

use super::*;
use crate::credentials::Credential;

const TOKEN: &str = "{\"token\":\"t0ken\",\"expires_in\":300}";

/// A registry that wants a token from itself; `name:word` is the password there.
fn guarded() -> Server {
    let host: Arc<std::sync::OnceLock<String>> = Arc::default();
    let own = host.clone();
    let server = Server::start(move |asked| {
        let shown = asked.headers.get("authorization").map(String::as_str);
        if asked.path == "/token" {
            return match (shown, asked.method.as_str()) {
                (None | Some("Basic bmFtZTp3b3Jk"), "GET") => Answer::ok(TOKEN.as_bytes()),
                (None, "POST") if asked.body.ends_with(b"refresh_token=re%2Ffresh") => {
                    Answer::ok(TOKEN.replace("token\"", "access_token\"").as_bytes())
                }
                _ => Answer::of(401).saying("{\"details\":\"incorrect username or password\"}"),
            };
        }
        match shown {
            Some("Bearer t0ken") => Image::new(LAYER).serve(&asked.path),
            _ => {
                let realm = format!("http://{}/token", own.get().unwrap());
                let challenge =
                    format!("Bearer realm=\"{realm}\",service=\"s v\",scope=\"repository:a:pull\"");
                Answer::of(401).with("www-authenticate", &challenge)
            }
        }
    });
    host.set(server.host()).unwrap();
    server
}

fn with_password(server: &Server, auth: &str) -> Client {
    client_for(&format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", server.host()))
}

#[test]
fn a_token_is_fetched_once() {
    let server = guarded();
    let client = client();
    for _ in 0..2 {
        client.resolve(&server.image("a"), &amd64(), &Quiet).unwrap();
    }
    let asked = server.asked();
    let tokens: Vec<&Asked> = asked.iter().filter(|asked| asked.path == "/token").collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].query, "service=s%20v&scope=repository%3Aa%3Apull");
    assert_eq!(asked.len(), 1 + 1 + 4);
}

#[test]
fn passwords_are_shown_to_the_token_server_only() {
    let server = guarded();
    with_password(&server, "bmFtZTp3b3Jk").resolve(&server.image("a"), &amd64(), &Quiet).unwrap();
    for asked in server.asked() {
        let is_basic =
            asked.headers.get("authorization").is_some_and(|text| text.starts_with("Basic"));
        assert_eq!(is_basic, asked.path == "/token", "{asked:?}");
    }
}

#[test]
fn wrong_passwords_are_said_without_showing_them() {
    let server = guarded();
    let client = with_password(&server, "bmFtZTp3cm9uZw==");
    let error = client.resolve(&server.image("a"), &amd64(), &Quiet).unwrap_err().to_string();
    let host = server.host();
    let expected = format!(
        "{host} did not accept name and password (incorrect username or password); run `dfc login {host}`"
    );
    assert_eq!(error, expected);
}

#[test]
fn identity_tokens_are_traded() {
    let server = guarded();
    let text =
        format!("{{\"auths\":{{\"{}\":{{\"identitytoken\":\"re/fresh\"}}}}}}", server.host());
    client_for(&text).resolve(&server.image("a"), &amd64(), &Quiet).unwrap();
    let asked = server.asked();
    let trade = asked.iter().find(|asked| asked.method == "POST").unwrap();
    let body = String::from_utf8(trade.body.clone()).unwrap();
    assert!(
        body.starts_with(
            "grant_type=refresh_token&client_id=dfc&service=s%20v&scope=repository%3Aa%3Apull"
        ),
        "{body}"
    );
}

#[test]
fn basic_authentication_works_and_is_wanted() {
    let server =
        Server::start(|asked| match asked.headers.get("authorization").map(String::as_str) {
            Some("Basic bmFtZTp3b3Jk") => Image::new(LAYER).serve(&asked.path),
            _ => Answer::of(401).with("www-authenticate", "Basic realm=\"x\""),
        });
    with_password(&server, "bmFtZTp3b3Jk").resolve(&server.image("a"), &amd64(), &Quiet).unwrap();
    let error = client().resolve(&server.image("a"), &amd64(), &Quiet).unwrap_err().to_string();
    let host = server.host();
    assert_eq!(
        error,
        format!(
            "{host} refused access to `{host}/a:latest`; it may not exist, or needs `dfc login {host}`"
        )
    );
    let password = |word: &str| Credential::Password { name: "name".into(), password: word.into() };
    client().login(&host, &password("word")).unwrap();
    let error = client().login(&host, &password("wrong")).unwrap_err();
    assert!(matches!(error, RegistryError::BadLogin { .. }), "{error}");
}

#[test]
fn logins_are_checked_with_the_token_server() {
    let server = guarded();
    let password = |word: &str| Credential::Password { name: "name".into(), password: word.into() };
    client().login(&server.host(), &password("word")).unwrap();
    let error = client().login(&server.host(), &password("wrong")).unwrap_err();
    assert!(matches!(error, RegistryError::BadLogin { .. }), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("wrong"), "{shown}");
}

#[test]
fn a_password_does_not_follow_a_strange_realm() {
    for challenge in ["Bearer realm=\"ftp://x/token\"", "Bearer realm=\"\"", "Negotiate", ""] {
        let server = Server::start(move |asked| match asked.path.as_str() {
            "/v2/" => Answer::ok(b""),
            _ => Answer::of(401).with("www-authenticate", challenge),
        });
        let client = with_password(&server, "bmFtZTp3b3Jk");
        let error = client.resolve(&server.image("a"), &amd64(), &Quiet).unwrap_err();
        assert!(matches!(error, RegistryError::Protocol { .. }), "{error}");
    }
}

#[test]
fn a_token_that_is_refused_ends_it() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/token" => Answer::ok(TOKEN.as_bytes()),
        _ => {
            let realm = format!("Bearer realm=\"http://{}/token\"", asked.headers["host"]);
            Answer::of(401)
                .with("www-authenticate", &realm)
                .saying("{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}")
        }
    });
    let error = client().resolve(&server.image("a"), &amd64(), &Quiet).unwrap_err();
    assert!(
        matches!(&error, RegistryError::Unauthorized { detail, .. } if detail == "no"),
        "{error}"
    );
}

#[test]
fn redirects_to_another_host_lose_the_authorization() {
    let far = Server::start(|asked| match asked.headers.contains_key("authorization") {
        true => Answer::of(400),
        false => Image::new(LAYER).serve(&asked.path),
    });
    let target = far.address("");
    let near = Server::start(move |asked| match asked.headers.get("authorization") {
        None if asked.path != "/v2/" => {
            Answer::of(401).with("www-authenticate", "Basic realm=\"x\"")
        }
        _ if asked.path.starts_with("/v2/a/blobs") => {
            Answer::of(307).with("location", &format!("/moved{}", asked.path))
        }
        _ if asked.path.starts_with("/moved") => {
            let path = asked.path.trim_start_matches("/moved");
            Answer::of(302).with("location", &format!("{target}{path}"))
        }
        _ => Image::new(LAYER).serve(&asked.path),
    });
    let client = with_password(&near, "bmFtZTp3b3Jk");
    assert_eq!(fetch(&client, &near, &Image::new(LAYER).layer_descriptor()).unwrap(), LAYER);
    assert_eq!(far.asked().len(), 1);
    let moved: Vec<Asked> =
        near.asked().into_iter().filter(|asked| asked.path.starts_with("/moved")).collect();
    assert!(
        moved.iter().all(|asked| asked.headers.contains_key("authorization")) && moved.len() == 1
    );
}

#[test]
fn endless_redirects_end() {
    let server = Server::start(|asked| Answer::of(302).with("location", &asked.path));
    let error = client().resolve(&server.image("a"), &amd64(), &Quiet).unwrap_err();
    assert!(error.to_string().contains("more than 10 redirects"), "{error}");
}
