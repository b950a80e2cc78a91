//! What looks like a secret: by its form, or by what a command does with it.

use std::ops::Range;

use crate::shell::{Command, ShellWord};

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// What it is, without itself.
    pub(super) what: String,
    /// Where it is in the text.
    pub(super) range: Range<usize>,
}

/// A form of tokens: how they begin, how many characters follow at least, which other than letters and digits may, and what
/// they are.
type Form = (&'static str, usize, &'static str, &'static str);

const FORMS: &[Form] = &[
    ("AKIA", 16, "", "an access key of AWS"),
    ("ASIA", 16, "", "an access key of AWS"),
    ("ghp_", 36, "", "a token of GitHub"),
    ("gho_", 36, "", "a token of GitHub"),
    ("ghu_", 36, "", "a token of GitHub"),
    ("ghs_", 36, "", "a token of GitHub"),
    ("ghr_", 36, "", "a token of GitHub"),
    ("github_pat_", 60, "_", "a token of GitHub"),
    ("glpat-", 20, "-_", "a token of GitLab"),
    ("xoxb-", 24, "-", "a token of Slack"),
    ("xoxp-", 24, "-", "a token of Slack"),
    ("xoxa-", 24, "-", "a token of Slack"),
    ("npm_", 36, "", "a token of npm"),
    ("pypi-AgEIcHlwaS5vcmc", 40, "-_", "a token of PyPI"),
    ("dckr_pat_", 24, "-_", "a token of Docker Hub"),
    ("sk_live_", 24, "", "a key of Stripe"),
    ("rk_live_", 24, "", "a key of Stripe"),
    ("AIza", 35, "-_", "a key of Google"),
    ("hf_", 34, "", "a token of Hugging Face"),
    ("sk-ant-", 40, "-_", "a key of Anthropic"),
    ("sk-proj-", 40, "-_", "a key of OpenAI"),
    ("SG.", 60, "-_.", "a key of SendGrid"),
];

/// The shortest of them, in bytes.
const MIN_TOKEN: usize = 20;

/// Secrets that can be told by their form.
pub(super) fn of_known_form(text: &str) -> Vec<Found> {
    let mut all = Vec::new();
    let mut at = 0;
    // One pass: a token is a word of its own.
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    for word in text.split(|c: char| !is_word(c)) {
        let start = at;
        at += word.len() + text[at + word.len()..].chars().next().map_or(0, char::len_utf8);
        if word.len() < MIN_TOKEN {
            continue;
        }
        for (prefix, least, others, what) in FORMS {
            let Some(rest) = word.strip_prefix(prefix) else { continue };
            let fits = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
            let length = rest.find(|c: char| !fits(c)).unwrap_or(rest.len());
            let token = &rest[..length];
            // Keys of AWS are of one length, in capitals.
            let is_key = !prefix.ends_with("IA")
                || length == 16 && !token.bytes().any(|byte| byte.is_ascii_lowercase());
            let has_digit = token.bytes().any(|byte| byte.is_ascii_digit());
            if *least <= length && is_key && has_digit && !is_example(token) {
                let range = start..start + prefix.len() + length;
                all.push(Found { what: (*what).to_owned(), range });
            }
        }
    }
    const BEGIN: &str = "-----BEGIN ";
    for (at, _) in text.match_indices(BEGIN) {
        let line = text[at..].lines().next().unwrap_or_default();
        let end = text[at..].find("-----END ").map_or(line.len(), |end| end);
        let body = text.get(at + line.len()..at + end).unwrap_or_default();
        let is_long = body.chars().filter(char::is_ascii_alphanumeric).count() > 60;
        if line.contains("PRIVATE KEY-----") && is_long && !body.contains('$') {
            all.push(Found { what: "a private key".to_owned(), range: at..at + end });
        }
    }
    all
}

/// Secrets by what a command does with them.
pub(super) fn in_command(command: &Command) -> Vec<Found> {
    let mut all = Vec::new();
    let words = command.words.iter().chain(command.assignments.iter().map(|it| &it.1));
    for word in words {
        all.extend(password_in_url(word));
    }
    for (name, value) in &command.assignments {
        let is_named = name.split('_').any(|part| {
            ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY"]
                .iter()
                .any(|secret| part.eq_ignore_ascii_case(secret))
        });
        if is_named && is_random(value) {
            all.push(found(&format!("the value of {name}"), value));
        }
    }
    all.extend(in_header(command));
    all.extend(in_flag(command));
    all.extend(for_chpasswd(command));
    all
}

fn found(what: &str, word: &ShellWord) -> Found {
    Found { what: what.to_owned(), range: word.range.clone() }
}

/// `scheme://user:password@host`
fn password_in_url(word: &ShellWord) -> Option<Found> {
    let text = word.text.as_str();
    let at = text.find("://")? + 3;
    let authority = text[at..].split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@')?;
    let (name, password) = user.split_once(':')?;
    let host = host.split(':').next().unwrap_or(host);
    let is_here = ["localhost", "127.0.0.1", "0.0.0.0", "db", "host", "postgres", "mysql", "redis"];
    let is_example =
        is_here.contains(&host) || host.contains("example.") && host != "git.example.net";
    let is_open = !password.contains(['$', '{', '`', '%', '<']);
    let fits = is_open && 4 <= password.len() && password != name && !is_placeholder(password);
    (fits && !is_example).then(|| found("the password in a URL", word))
}

/// `Authorization: Bearer …` and its like.
fn in_header(command: &Command) -> Option<Found> {
    const HEADERS: [&str; 5] =
        ["authorization:", "private-token:", "x-api-key:", "job-token:", "x-auth-token:"];
    if !matches!(command.program(), "curl" | "wget" | "http" | "git") {
        return None;
    }
    command.args().iter().find_map(|word| {
        let text = word.text.trim_start_matches("--header=").trim_start_matches("-H");
        let text = text.trim_start();
        let lower = text.to_ascii_lowercase();
        let name = HEADERS.iter().find(|name| lower.starts_with(**name))?;
        let value = text.get(name.len()..)?.split_whitespace().last()?;
        let fits = word.is_static && 8 <= value.len() && !is_placeholder(value);
        fits.then(|| found("the value of a header", word))
    })
}

/// `--password …`, `-u user:password` and their like.
fn in_flag(command: &Command) -> Option<Found> {
    const LONG: [&str; 8] = [
        "--password",
        "--http-password",
        "--ftp-password",
        "--proxy-password",
        "--token",
        "--api-key",
        "--auth-token",
        "--access-token",
    ];
    let args = command.args();
    // Their passwords are hashes, or of test data.
    if matches!(
        command.program(),
        "useradd" | "usermod" | "adduser" | "echo" | "printf" | "htpasswd"
    ) {
        return None;
    }
    let is_value = |text: &str| {
        4 <= text.len() && !text.starts_with(['-', '/', '@', '.']) && !is_placeholder(text)
    };
    for (index, word) in args.iter().enumerate() {
        let text = word.text.as_str();
        let next = args.get(index + 1).filter(|next| next.is_static && is_value(&next.text));
        if let Some((name, value)) = text.split_once('=')
            && LONG.contains(&name)
            && word.is_static
            && is_value(value)
        {
            return Some(found(&format!("the value of {name}"), word));
        }
        if let (true, Some(next)) = (LONG.contains(&text), next) {
            return Some(found(&format!("the value of {text}"), next));
        }
        let found_here = match (command.program(), text) {
            ("curl", "-u" | "--user" | "--proxy-user") => next.filter(|next| {
                next.text.split_once(':').is_some_and(|(_, password)| is_value(password))
            }),
            ("sshpass" | "docker" | "podman" | "az", "-p") => next,
            _ => None,
        };
        if let Some(next) = found_here {
            return Some(found(&format!("the password behind {text}"), next));
        }
    }
    None
}

/// `echo user:password | chpasswd`
fn for_chpasswd(command: &Command) -> Option<Found> {
    if !command.feeds_chpasswd {
        return None;
    }
    command.args().iter().find_map(|word| {
        let (user, password) = word.text.split_once(':')?;
        let is_name = !user.is_empty() && !user.contains(char::is_whitespace);
        let fits = word.is_static && is_name && !password.is_empty() && !password.contains("$6$");
        fits.then(|| found("the password of a user", word))
    })
}

/// Whether a value looks as if nobody had thought it up.
fn is_random(value: &ShellWord) -> bool {
    let text = value.text.as_str();
    let has = |test: fn(&u8) -> bool| text.bytes().any(|byte| test(&byte));
    value.is_static
        && 12 <= text.len()
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && !text.contains(['/', ' ', '.'])
        && !is_placeholder(text)
}

/// Whether a value stands for one that somebody is to put there.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    const WORDS: [&str; 14] = [
        "example",
        "dummy",
        "placeholder",
        "changeme",
        "change_me",
        "change-me",
        "your",
        "xxx",
        "***",
        "...",
        "replace",
        "insert",
        "fake",
        "todo",
    ];
    text.contains(['$', '<', '>', '{', '}', '%', '`'])
        || WORDS.iter().any(|word| lower.contains(word))
        || ["password", "passwd", "secret", "token", "pass", "user", "test"]
            .contains(&lower.as_str())
}

fn is_example(token: &str) -> bool {
    is_placeholder(token) || token.to_ascii_uppercase().contains("EXAMPLE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_words_of_their_own() {
        let found = |text: &str| {
            let found = of_known_form(text);
            found.iter().map(|it| text[it.range.clone()].to_owned()).collect::<Vec<_>>()
        };
        let key = "AKIAQ3EGRT7ZKPLDM2XW";
        assert_eq!(found(&format!("\u{1f40b} A={key} \"{key}\";x{key} {key}X")), [key, key]);
        let token = format!("ghp_{}", "a1B2".repeat(9));
        assert_eq!(found(&format!("https://{token}@github.com")), [token]);
        assert_eq!(found("AKIAIOSFODNN7EXAMPLE ghp_short glpat-xxxxxxxxxxxxxxxxxxxx1"), [""; 0]);
    }
}
