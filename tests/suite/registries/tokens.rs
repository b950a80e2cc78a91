//! Registries that want a token: a token server of these suites signs them for `docker-registry`, and one hands out
//! tokens that soon expire.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::image::Image;
use super::server::Registry;
use super::user::{User, says};
use super::web::{Answer, Asked, Web};
use crate::Outcome;
use crate::dfc::Done;
use crate::need::{Need, trial};
use crate::scratch;

const NEEDS: &[Need] = &[
    Need::StaticBusybox,
    Need::Program("docker-registry"),
    Need::Program("skopeo"),
    Need::Program("openssl"),
];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::tokens::signed_for_scopes", NEEDS, signed_for_scopes),
        trial("registries::tokens::expire_and_are_renewed", &[], expire_and_are_renewed),
        trial("registries::tokens::identity_tokens_are_traded", &[], identity_tokens),
    ]
}

/// Signs tokens that a `docker-registry` believes.
struct Signer {
    folder: TempDir,
    certificate: String,
}

impl Signer {
    fn new() -> Result<Signer, Failed> {
        let folder = scratch::fresh("signer-")?;
        let script = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -keyout ca.key -out ca.pem";
        let made = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output()?;
        Done::from(made).expect(0)?;
        let pem = fs::read_to_string(folder.path().join("ca.pem"))?;
        let certificate = pem.lines().filter(|line| !line.starts_with("---")).collect();
        Ok(Signer { folder, certificate })
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A token for these scopes (`repository:NAME:ACTIONS`).
    fn token(&self, scopes: &[String], number: usize) -> Result<String, Failed> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let access: Vec<Value> = scopes
            .iter()
            .filter_map(|scope| {
                let (rest, actions) = scope.rsplit_once(':')?;
                let (kind, name) = rest.split_once(':')?;
                let actions: Vec<&str> = actions.split(',').collect();
                Some(json!({ "type": kind, "name": name, "actions": actions }))
            })
            .collect();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [self.certificate] });
        let claims = json!({
            "iss": "tests", "sub": "", "aud": "tests", "exp": now + 300, "nbf": now - 10, "iat": now,
            "jti": number.to_string(), "access": access,
        });
        let text = format!(
            "{}.{}",
            base64_url(header.to_string().as_bytes()),
            base64_url(claims.to_string().as_bytes())
        );
        let file: PathBuf = self.folder().join(format!("to-sign-{number}"));
        fs::write(&file, &text)?;
        let signed = Command::new("openssl")
            .args(["dgst", "-sha256", "-sign", "ca.key"])
            .arg(&file)
            .current_dir(self.folder())
            .output()?;
        Ok(format!("{text}.{}", base64_url(&signed.stdout)))
    }
}

fn base64_url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = 0_u32;
        for position in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(position).copied().unwrap_or(0));
        }
        for position in 0..=chunk.len() {
            let index = bits >> (18 - 6 * position) & 63;
            text.push(char::from(LETTERS[index as usize]));
        }
    }
    text
}

/// The values of `scope` in a query.
fn scopes(query: &str) -> Vec<String> {
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    values.map(|value| value.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",")).collect()
}

/// `u` with the password `secret`; everybody may read, who has it may write.
fn signed_for_scopes() -> Outcome {
    let signer = Arc::new(Signer::new()?);
    let (own, count) = (signer.clone(), AtomicUsize::new(0));
    let tokens = Web::start(move |asked| {
        let is_known = asked.header("authorization") == Some("Basic dTpzZWNyZXQ=");
        if asked.header("authorization").is_some() && !is_known {
            return Answer::of(401);
        }
        let wanted = scopes(&asked.query).into_iter().map(|scope| match is_known {
            true => scope,
            false => scope.replace("pull,push", "pull"),
        });
        let number = count.fetch_add(1, Ordering::Relaxed);
        match own.token(&wanted.collect::<Vec<_>>(), number) {
            Ok(token) => {
                Answer::ok(json!({ "token": token, "expires_in": 300 }).to_string().as_bytes())
            }
            Err(_) => Answer::of(500),
        }
    })?;
    let registry = Registry::with_tokens(&tokens.address("/token"), signer.folder())?;
    registry.fill("base:1", &["--dest-creds", "u:secret"])?;
    let user = User::new()?;
    let (name, copy) = (registry.name("base:1"), registry.name("copy:1"));
    user.run(&["pull", &name])?.expect(0)?;
    user.run(&["tag", &name, &copy])?.expect(0)?;
    let refused = user.run(&["push", &copy])?.expect(1)?;
    says(&refused.stderr, &["refused access", "dfc login"])?;
    let login = ["login", "-u", "u", "--password-stdin", &registry.host()];
    user.run_with(&login, "wrong")?.expect(1)?;
    user.run_with(&login, "secret")?.expect(0)?;
    let before = tokens.asked().len();
    let pushed = user.run(&["push", &copy])?.expect(0)?;
    says(&pushed.stderr, &["is there already"])?;
    let asked: Vec<Asked> = tokens.asked().split_off(before);
    // One token to push, one to take a blob from where it is; not one for each request.
    if asked.len() > 6 || !asked.iter().any(|it| scopes(&it.query).len() == 2) {
        let queries: Vec<String> = asked.into_iter().map(|it| it.query).collect();
        return Err(format!("{queries:?}").into());
    }
    user.run(&["pull", "-a", &registry.name("copy")])?.expect(0).map(drop)
}

/// Each token is good for two requests; then there must be another.
fn expire_and_are_renewed() -> Outcome {
    let (issued, used) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let counter = issued.clone();
    let host: Arc<OnceLock<String>> = Arc::default();
    let own = host.clone();
    let web = Image::new(100_000)?.start(move |asked, _| {
        if asked.path == "/token" {
            used.store(0, Ordering::Relaxed);
            let number = issued.fetch_add(1, Ordering::Relaxed) + 1;
            let answer = json!({ "access_token": format!("t{number}"), "expires_in": 600 });
            return Some(Answer::ok(answer.to_string().as_bytes()));
        }
        let current = format!("Bearer t{}", issued.load(Ordering::Relaxed));
        let is_good = asked.header("authorization") == Some(&current)
            && used.fetch_add(1, Ordering::Relaxed) < 2;
        let realm = format!("http://{}/token", own.get().map_or("", String::as_str));
        let challenge = format!(
            "Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:a:pull\",error=\"invalid_token\""
        );
        (!is_good && asked.path != "/v2/")
            .then(|| Answer::of(401).with("www-authenticate", &challenge))
    })?;
    host.set(web.host()).map_err(|_| "set twice")?;
    let user = User::new()?;
    let name = format!("{}/a", web.host());
    user.run(&["pull", "--max-concurrent-downloads", "1", &name])?.expect(0)?;
    let count = counter.load(Ordering::Relaxed);
    if count == 2 { Ok(()) } else { Err(format!("{count} tokens").into()) }
}

/// What a helper of a cloud keeps: a long-lived token that is traded for short ones.
fn identity_tokens() -> Outcome {
    let web = Image::new(1000)?.start(|asked, _| {
        if asked.path == "/token" {
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            let is_good = asked.method == "POST" && body.contains("refresh_token=long%2Flived");
            return Some(match is_good {
                true => Answer::ok(b"{\"access_token\":\"short\"}"),
                false => Answer::of(400),
            });
        }
        let host = asked.header("host").unwrap_or_default();
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        (asked.header("authorization") != Some("Bearer short") && asked.path != "/v2/")
            .then(|| Answer::of(401).with("www-authenticate", &challenge))
    })?;
    let user = User::new()?;
    let entry = json!({ "identitytoken": "long/lived" });
    let auths = json!({ "auths": { web.host(): entry } });
    user.file(".docker/config.json", &auths.to_string())?;
    user.run(&["pull", &format!("{}/a", web.host())])?.expect(0).map(drop)
}
