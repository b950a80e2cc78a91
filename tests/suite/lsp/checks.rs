//! The server says what `dfc check` says, and mends what `dfc check --fix` mends.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::client::Client;
use crate::Outcome;
use crate::cases::workspace;

/// Something that was said: line from 1, code, severity, message.
type Said = BTreeSet<(u64, String, String, String)>;

/// What a folder has beside the Dockerfiles, so that some of what they copy is there.
const FILES: &[(&str, &str)] = &[
    (".dockerignore", "*.log\nlog\n"),
    (
        "dfc.toml",
        "[check.rules]\nFloatingTag = \"error\"\nMaintainerDeprecated = \"off\"\n\n[build]\nargs = { VERSION = \"7\" }\n",
    ),
    ("package.json", "{}"),
    ("app.py", ""),
    ("src/main.rs", ""),
    ("log/a.log", ""),
];

/// Every Dockerfile of the fixtures, in the folder of a client.
fn files(client: &Client) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for (name, text) in FILES {
        let path = client.path(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(path, text)?;
    }
    fs::create_dir(client.path(".git"))?;
    let mut folders = vec![workspace().join("fixtures")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder)?.flatten().map(|it| it.path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_dockerfile = path.to_string_lossy().to_lowercase().ends_with("dockerfile");
            let Some(text) = fs::read(&path).ok().and_then(|it| String::from_utf8(it).ok()) else {
                continue;
            };
            // An editor counts a lone carriage return as the end of a line; it has no bytes that are no UTF-8.
            let is_odd = text.replace("\r\n", "").contains('\r') || text.len() > 100_000;
            if is_dockerfile && !is_odd {
                let name = format!("{}.Dockerfile", names.len());
                fs::write(client.path(&name), text)?;
                names.push(name);
            }
        }
    }
    if names.len() < 300 {
        return Err(format!("there are but {} files", names.len()).into());
    }
    Ok(names)
}

/// What the command says, a file each.
fn checked(client: &Client, names: &[String]) -> Result<Vec<Said>, Failed> {
    let mut command = client.dfc().command(["check", "--format", "json"])?;
    // ShellCheck is asked by the command alone, where it is installed.
    command.env("PATH", client.path("no-programs"));
    let done = command.args(names).current_dir(client.path(".")).output()?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let mut all = Vec::new();
    for line in text.lines() {
        let report: Value = serde_json::from_str(line)?;
        let found = ["errors", "warnings"].into_iter().filter_map(|it| report[it].as_array());
        let said = found.flatten().map(|it| {
            let place = if it["place"].is_object() { &it["place"] } else { it };
            let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
            (place["line"].as_u64().unwrap_or(1), text("code"), text("severity"), text("message"))
        });
        all.push(said.collect());
    }
    if all.len() != names.len() {
        return Err(format!("{} of {} files: {:?}", all.len(), names.len(), done.stderr).into());
    }
    Ok(all)
}

/// The same of what the server says.
fn shown(diagnostics: &Value, checked: &Said) -> Said {
    let one = |it: &Value| {
        let line = it["range"]["start"]["line"].as_u64().unwrap_or_default() + 1;
        let code = it["code"].as_str().unwrap_or_default().to_owned();
        let names = ["", "error", "warning", "note"];
        let severity = it["severity"].as_u64().unwrap_or_default() as usize;
        let severity = names.get(severity).copied().unwrap_or_default().to_owned();
        let message = it["message"].as_str().unwrap_or_default();
        // Remarks and help stand behind the message.
        let same = checked.iter().filter(|known| known.0 == line && known.1 == code);
        let same = same.map(|known| known.3.as_str()).filter(|known| message.starts_with(known));
        let known = same.max_by_key(|known| known.len()).unwrap_or(message);
        (line, code, severity, known.to_owned())
    };
    diagnostics.as_array().into_iter().flatten().map(one).collect()
}

/// Holds the server against the command, over all fixtures.
pub(super) fn same_findings() -> Outcome {
    let mut client = Client::start(&["utf-32"])?;
    let names = files(&client)?;
    let mut differing = Vec::new();
    let mut count = 0;
    for (name, checked) in names.iter().zip(checked(&client, &names)?) {
        let text = fs::read_to_string(client.path(name))?;
        client.open(name, &text)?;
        let shown = shown(&client.diagnostics()?, &checked);
        client.close()?;
        count += shown.len();
        if shown != checked {
            let only = |a: &Said, b: &Said| format!("{:?}", a.difference(b).collect::<Vec<_>>());
            differing.push(format!(
                "{name}:\n{text}\n  check alone: {}\n  server alone: {}",
                only(&checked, &shown),
                only(&shown, &checked)
            ));
        }
    }
    client.stop()?;
    if count < 300 {
        return Err(format!("but {count} things are said").into());
    }
    match differing.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} files differ, such as {first}", differing.len()).into()),
    }
}

/// Mends all fixtures in both ways.
pub(super) fn same_fixes() -> Outcome {
    let mut client = Client::start(&["utf-8"])?;
    let names = files(&client)?;
    let mut mended = Vec::new();
    for name in &names {
        let text = fs::read_to_string(client.path(name))?;
        client.open(name, &text)?;
        let whole = json!({
            "start": { "line": 0, "character": 0 }, "end": { "line": 999_999, "character": 0 },
        });
        let context = json!({ "diagnostics": [], "only": ["source.fixAll"] });
        let actions = client.ask("codeAction", json!({ "range": whole, "context": context }))?;
        let edits = actions[0]["edit"]["changes"].as_object().and_then(|it| it.values().next());
        let after = edits.map_or(Ok(text.clone()), |edits| edited(&text, edits))?;
        mended.push((text, after));
        client.close()?;
    }
    let mut command = client.dfc().command(["check", "--fix", "--format", "json"])?;
    command.env("PATH", client.path("no-programs"));
    command.args(&names).current_dir(client.path(".")).output()?;
    let mut changed = 0;
    for (name, (before, ours)) in names.iter().zip(mended) {
        let theirs = fs::read_to_string(client.path(name))?;
        if theirs != ours {
            return Err(format!("{name}: the command makes\n{theirs}\nthe server\n{ours}").into());
        }
        changed += usize::from(before != theirs);
    }
    client.stop()?;
    if changed < 30 { Err(format!("but {changed} files are mended").into()) } else { Ok(()) }
}

/// A text with edits done, whose columns count bytes.
pub(super) fn edited(text: &str, edits: &Value) -> Result<String, Failed> {
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let offset = |position: &Value| -> Option<usize> {
        let line = usize::try_from(position["line"].as_u64()?).ok()?;
        let column = usize::try_from(position["character"].as_u64()?).ok()?;
        Some((starts.get(line).copied().unwrap_or(text.len()) + column).min(text.len()))
    };
    let mut all = Vec::new();
    for edit in edits.as_array().into_iter().flatten() {
        let range = &edit["range"];
        let (Some(start), Some(end)) = (offset(&range["start"]), offset(&range["end"])) else {
            return Err(format!("no range in {edit}").into());
        };
        all.push((start, end, edit["newText"].as_str().unwrap_or_default()));
    }
    all.sort_unstable();
    let mut result = text.to_owned();
    for (start, end, new) in all.into_iter().rev() {
        result.replace_range(start..end, new);
    }
    Ok(result)
}
