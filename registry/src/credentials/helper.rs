//! Credential helpers: programs that keep secrets (docker-credential-helpers' protocol: a verb, the host on stdin, JSON out).

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use super::{Credential, CredentialError};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// The name under which helpers keep identity tokens.
const TOKEN_NAME: &str = "<token>";

type Environment<'a> = Option<&'a [(OsString, OsString)]>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// What a helper has for a key.
pub(super) fn get(
    helper: &str,
    key: &str,
    environment: Environment<'_>,
) -> Result<Option<Credential>, CredentialError> {
    let Some(output) = run(helper, "get", key, key, environment)? else { return Ok(None) };
    let answer: Answer = serde_json::from_slice(&output)
        .map_err(|_| failure(helper, key, "it answered no JSON".to_owned()))?;
    Ok(Some(match answer.username.as_str() {
        TOKEN_NAME => Credential::IdentityToken(answer.secret),
        _ => Credential::Password { name: answer.username, password: answer.secret },
    }))
}

/// Gives a helper a credential to keep.
pub(super) fn store(
    helper: &str,
    key: &str,
    credential: &Credential,
    environment: Environment<'_>,
) -> Result<(), CredentialError> {
    let (name, secret) = match credential {
        Credential::Password { name, password } => (name.as_str(), password),
        Credential::IdentityToken(token) | Credential::RegistryToken(token) => (TOKEN_NAME, token),
    };
    let input = json!({ "ServerURL": key, "Username": name, "Secret": secret }).to_string();
    run(helper, "store", key, &input, environment).map(|_| ())
}

/// Makes a helper forget.
pub(super) fn erase(
    helper: &str,
    key: &str,
    environment: Environment<'_>,
) -> Result<(), CredentialError> {
    run(helper, "erase", key, key, environment).map(|_| ())
}

/// `None` if the helper has nothing for the key.
fn run(
    helper: &str,
    verb: &str,
    key: &str,
    input: &str,
    environment: Environment<'_>,
) -> Result<Option<Vec<u8>>, CredentialError> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !helper.chars().all(is_name) {
        return Err(failure(helper, key, "that is no name of a program".to_owned()));
    }
    let mut command = Command::new(format!("docker-credential-{helper}"));
    command.arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(variables) = environment {
        command.env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
    }
    let failed = |error: std::io::Error| failure(helper, key, error.to_string());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not listen says why when it ends.
        let _ = stdin.write_all(input.as_bytes());
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_ANSWER).read_to_end(&mut output).map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        return Ok(Some(output));
    }
    // By the protocol, errors come on stdout; none of them has the secret in it.
    let text = String::from_utf8_lossy(&output).trim().chars().take(300).collect::<String>();
    match text.contains("credentials not found") || text.contains("no credentials server URL") {
        true => Ok(None),
        false if text.is_empty() => Err(failure(helper, key, status.to_string())),
        false => Err(failure(helper, key, text)),
    }
}

fn failure(helper: &str, key: &str, detail: String) -> CredentialError {
    let program = format!("docker-credential-{helper}");
    CredentialError::Helper { program, host: super::host_of(key).to_owned(), detail }
}
