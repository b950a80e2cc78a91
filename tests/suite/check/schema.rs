//! Forms of `dfc check` against what reads them: SARIF's schema, and what GitLab and GitHub ask for.
//!
//! `fixtures/schemas/sarif-2.1.0.json` is the schema of OASIS' standard without its descriptions, from the package
//! `@microsoft/jest-sarif` 1.0.0-beta.0 (MIT).

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use serde_json::Value;

use super::{BROKEN, Files, WARNED, same};
use crate::Outcome;
use crate::cases::workspace;

/// Rules of many kinds: notes, warnings, errors, related places, fixes, several lines, heredocs.
const MANY: &str = "FROM debian as \u{e4}\u{1f40b}\nCOPY x.deb /tmp/\nRUN apt update && \\\n\n    apt install -y /tmp/x.deb && \\\n    rm /tmp/x.deb\n\
    RUN <<EOF\ncurl -k https://me:s3cr3t4you@git.corp.io/x\nEOF\nCMD echo\nENTRYPOINT echo\nEXPOSE 99999\n";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("check::sarif_fits_its_schema", sarif),
        Trial::test("check::gitlab_gets_what_it_asks_for", gitlab),
        Trial::test("check::github_gets_one_line_each", github),
    ]
}

fn files() -> Result<Files, libtest_mimic::Failed> {
    Files::new(&[("a b/Dockerfile", MANY), ("c/Dockerfile", BROKEN), ("d/Dockerfile", WARNED)])
}

fn sarif() -> Outcome {
    let path = workspace().join("fixtures/schemas/sarif-2.1.0.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    // The schema itself is heeded.
    let wrong = serde_json::json!({ "version": "2.1.0", "runs": [{ "tool": {}, "results": [{ "level": "bad" }] }] });
    same(mistakes(&schema, &wrong).len() > 2, true)?;
    for flags in [&["--select", "all"][..], &["--ignore", "all"], &["nothing-there"]] {
        let done = files()?.check(&[&["--format", "sarif"], flags].concat())?;
        let log: Value = serde_json::from_str(&done.stdout)?;
        same(mistakes(&schema, &log), Vec::new())?;
    }
    Ok(())
}

fn gitlab() -> Outcome {
    let done = files()?.check(&["--format", "gitlab", "--select", "all"])?;
    let report: Value = serde_json::from_str(&done.stdout)?;
    let entries = report.as_array().ok_or("the report is a list")?;
    let mut prints = BTreeSet::new();
    for entry in entries {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let severities = ["info", "minor", "major", "critical", "blocker"];
        same(severities.contains(&text("severity").as_str()), true)?;
        same(text("description").is_empty() || text("check_name").is_empty(), false)?;
        let path = entry["location"]["path"].as_str().ok_or("a path")?;
        same(path.starts_with(['/', '.']), false)?;
        let lines = &entry["location"]["lines"];
        let (begin, end) = (lines["begin"].as_u64(), lines["end"].as_u64());
        same(begin >= Some(1) && begin <= end, true)?;
        same(prints.insert(text("fingerprint")), true)?;
    }
    same(entries.len() > 10, true)
}

fn github() -> Outcome {
    let done = files()?.check(&["--format", "github", "--select", "all"])?;
    for line in done.stdout.lines() {
        let rest = line.strip_prefix("::").ok_or_else(|| format!("no command: {line}"))?;
        let (command, message) = rest.split_once("::").ok_or("no message")?;
        let (name, properties) = command.split_once(' ').ok_or("no properties")?;
        same(["error", "warning", "notice"].contains(&name) && !message.is_empty(), true)?;
        let known = ["file", "line", "endLine", "col", "endColumn", "title"];
        for property in properties.split(',') {
            let (key, value) = property.split_once('=').ok_or("no value")?;
            same((known.contains(&key), value.contains(':')), (true, false))?;
        }
    }
    same(done.stdout.contains("s3cr3t4you"), false)
}

/// What is wrong with a value by a JSON schema (draft 4, as far as SARIF's uses it; patterns and formats are not looked at).
fn mistakes(schema: &Value, value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    look(schema, schema, value, "", &mut all);
    all
}

fn look(root: &Value, schema: &Value, value: &Value, at: &str, all: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let found = root.pointer(name.trim_start_matches('#'));
        return look(root, found.expect("references are within the schema"), value, at, all);
    }
    let mut say = |what: &str| all.push(format!("{at}: {what}"));
    if let Some(name) = schema["type"].as_str()
        && !is_a(name, value)
    {
        return say(&format!("is no {name}"));
    }
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(value)
    {
        say(&format!("{value} is none of {known:?}"));
    }
    for (key, is_wrong) in [
        ("minimum", value.as_f64().is_some_and(|it| Some(it) < schema["minimum"].as_f64())),
        ("maximum", schema["maximum"].as_f64().is_some_and(|most| value.as_f64() > Some(most))),
    ] {
        if is_wrong {
            say(key);
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.is_object() && value.get(name.as_str().unwrap_or_default()).is_none() {
            say(&format!("lacks {name}"));
        }
    }
    let fits = |schemas: &Value| {
        schemas.as_array().is_none_or(|them| {
            let mut fits = them.iter().map(|it| {
                let mut found = Vec::new();
                look(root, it, value, at, &mut found);
                found.is_empty()
            });
            fits.any(|fits| fits)
        })
    };
    if !fits(&schema["anyOf"]) || !fits(&schema["oneOf"]) {
        say("fits none of several");
    }
    if let Some(items) = value.as_array() {
        if items.len() < schema["minItems"].as_u64().unwrap_or(0) as usize {
            say("has too few items");
        }
        let repeats = items.iter().enumerate().any(|(index, it)| items[..index].contains(it));
        if schema["uniqueItems"] == true && repeats {
            say("has an item twice");
        }
        for (index, item) in items.iter().enumerate().filter(|_| schema["items"].is_object()) {
            look(root, &schema["items"], item, &format!("{at}/{index}"), all);
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        match schema["properties"].get(name) {
            Some(known) => look(root, known, inner, &at, all),
            None if schema["additionalProperties"] == false => {
                all.push(format!("{at}: is unknown"));
            }
            None if schema["additionalProperties"].is_object() => {
                look(root, &schema["additionalProperties"], inner, &at, all);
            }
            None => {}
        }
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => true,
    }
}
