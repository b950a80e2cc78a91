//! What ShellCheck finds in the scripts of RUN, at its places in the Dockerfile.
//!
//! ```text
//! [Script] --a file each, in a folder for them alone--> one process --JSON--> (file, line, column) --Word--> Span
//! ```
//!
//! It is another program, written by others: what it says is taken as data, its time is bounded, and what goes wrong with
//! it is no error of the check.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use compiler::lint::{Finding, Level, Script};
use grammar::{Code, Diagnostic, Severity};
use serde_json::Value;

use crate::env::Env;

/// How long it may take for the scripts of one Dockerfile.
const LIMIT: Duration = Duration::from_secs(30);
/// How much of its answer is read, in bytes.
const MAX_ANSWER: u64 = 16 << 20;
/// More scripts of one file are not looked at.
const MAX_SCRIPTS: usize = 1000;
/// Codes that make no sense here: about files that are sourced, about `#!` lines, which are ours, and about variables that
/// are not set, which the base image may do.
const SENSELESS: &[u64] = &[1008, 1090, 1091, 1128, 2148, 2153, 2154, 2187, 2239];

/// The program, where it is installed.
pub(super) fn find(env: &Env) -> Option<PathBuf> {
    let path = env.var("PATH")?;
    std::env::split_paths(path).map(|folder| folder.join("shellcheck")).find(|it| it.is_file())
}

/// What it finds, each as bad as `level` has it; `None` if it gave no answer.
pub(super) fn findings(
    program: &Path,
    scripts: &[Script],
    level: &dyn Fn(&str) -> Level,
) -> Option<Vec<Finding>> {
    let scripts = &scripts[..scripts.len().min(MAX_SCRIPTS)];
    if scripts.is_empty() {
        return Some(Vec::new());
    }
    let folder = tempfile::Builder::new().prefix("dfc-shellcheck-").tempdir().ok()?;
    let mut names = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let name = index.to_string();
        fs::write(folder.path().join(&name), text(script)).ok()?;
        names.push(name);
    }
    let answer = run(program, folder.path(), &names)?;
    let answer: Value = serde_json::from_slice(&answer).ok()?;
    let comments = answer["comments"].as_array()?;
    let found = comments.iter().filter_map(|comment| {
        let index: usize = comment["file"].as_str()?.parse().ok()?;
        finding(scripts.get(index)?, comment, level)
    });
    let mut found: Vec<Finding> = found.collect();
    found.sort_by_key(|it| it.diagnostic.span().map(|span| span.start));
    Some(found)
}

/// A script as a file: two lines of ours, and its text.
fn text(script: &Script) -> String {
    let shell = if script.is_bash { "bash" } else { "sh" };
    let mut text = format!("#!/bin/{shell}\n");
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    // Otherwise it misses them, or takes them for misspelled.
    text.push_str("export PATH");
    for name in script.variables.iter().filter(|name| is_name(name)) {
        let _ = write!(text, " {name}=\"$RANDOM\"");
    }
    text.push('\n');
    text.push_str(&script.text.text);
    text.push('\n');
    text
}

/// The lines of ours.
const LINES_BEFORE: u64 = 2;

fn run(program: &Path, folder: &Path, names: &[String]) -> Option<Vec<u8>> {
    let mut child = Command::new(program)
        .args(["--norc", "--format=json1", "--"])
        .args(names)
        .current_dir(folder)
        .env_remove("SHELLCHECK_OPTS")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let pipe = child.stdout.take()?;
    let reader = thread::spawn(move || {
        let mut answer = Vec::new();
        pipe.take(MAX_ANSWER).read_to_end(&mut answer).map(|_| answer)
    });
    let end = Instant::now() + LIMIT;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < end => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Ok(None) | Err(_) => break None,
        }
    };
    if status.is_none() {
        // It may be gone by now; either way it is waited for.
        let _ = child.kill();
        let _ = child.wait();
    }
    let answer = reader.join().ok()?.ok()?;
    // 1 says that there are findings.
    matches!(status?.code(), Some(0 | 1)).then_some(answer)
}

fn finding(script: &Script, comment: &Value, level: &dyn Fn(&str) -> Level) -> Option<Finding> {
    let number = comment["code"].as_u64()?;
    let code = code(number)?;
    // What POSIX does not have, dash alone does not have.
    let is_portability = (3000..4000).contains(&number) && !script.is_dash;
    if SENSELESS.contains(&number) || is_portability || script.leaves_out(code) {
        return None;
    }
    let severity = match comment["level"].as_str()? {
        "error" | "warning" => Severity::Warning,
        _ => Severity::Note,
    };
    let severity = match level(code) {
        Level::Off => return None,
        Level::Default => severity,
        Level::On(severity) => severity,
    };
    let at = |line: &str, column: &str| {
        let line = comment[line].as_u64()?.checked_sub(LINES_BEFORE + 1)?;
        offset(&script.text.text, line, comment[column].as_u64()?)
    };
    let start = at("line", "column")?;
    let end = at("endLine", "endColumn").unwrap_or(start).max(start);
    let next = script.text.text[start..].chars().next().map_or(0, char::len_utf8);
    let span = script.span(start, end.max(start + next));
    let mut diagnostic = Diagnostic::warning(code, comment["message"].as_str()?, span)
        .help(format!("https://www.shellcheck.net/wiki/{code}"));
    diagnostic.severity = severity;
    Some(script.finding(diagnostic))
}

/// The offset of a line, from 0, and a column, from 1, that counts characters.
fn offset(text: &str, line: u64, column: u64) -> Option<usize> {
    let line = usize::try_from(line).ok()?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let start = match line {
        0 => 0,
        _ => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let rest = text[start..].split('\n').next().unwrap_or_default();
    let within = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    Some(start + within)
}

/// `SC2086`, made once: there are few of them.
fn code(number: u64) -> Option<Code> {
    static CODES: Mutex<BTreeSet<Code>> = Mutex::new(BTreeSet::new());
    if !(1000..10_000).contains(&number) {
        return None;
    }
    let name = format!("SC{number}");
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(name.as_str()) {
        return Some(known);
    }
    let made: Code = Box::leak(name.into_boxed_str());
    codes.insert(made);
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_found() {
        let text = "a \u{1f40b}b\nc\n";
        let at = |line, column| offset(text, line, column);
        assert_eq!((at(0, 1), at(0, 4), at(1, 1), at(1, 9)), (Some(0), Some(6), Some(8), Some(9)));
        assert_eq!((at(5, 1), at(0, 0)), (None, None));
        assert_eq!((code(2086), code(7)), (Some("SC2086"), None));
    }
}
