//! How a file looks: formatting, colors, links, hints, signatures, the graph of the stages.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::client::Client;
use super::holds;
use crate::Outcome;

/// How long a thread of the server may take to read the store, on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(60);

const FILE: &str = "# 𝄞\r\nARG TAG=3\r\nFROM alpine:$TAG AS base\r\nFROM base\r\nCOPY --from=0 /a /b\r\nCOPY data.txt /\r\n";

/// A trial for each question.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("lsp::formats_as_fmt_does", formatting),
        Trial::test("lsp::formats_what_is_selected_or_typed", selections),
        Trial::test("lsp::semantic_tokens", tokens),
        Trial::test("lsp::links", links),
        Trial::test("lsp::signatures", signatures),
        Trial::test("lsp::hints_of_values", values),
        Trial::test("lsp::hints_of_steps_that_have_run", steps),
        Trial::test("lsp::stages_are_a_graph", graph),
    ]
}

fn options() -> Value {
    json!({ "options": { "tabSize": 8, "insertSpaces": false } })
}

/// A text of ASCII with edits made to it.
fn edited(text: &str, edits: &Value) -> Result<String, Failed> {
    let offset = |place: &Value| -> Result<usize, Failed> {
        let number = |name: &str| place[name].as_u64().and_then(|it| usize::try_from(it).ok());
        let line = number("line").ok_or("no line")?;
        let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        Ok(before + number("character").ok_or("no character")?)
    };
    let mut new = text.to_owned();
    let edits = edits.as_array().ok_or_else(|| edits.to_string())?;
    for edit in edits.iter().rev() {
        let (start, end) = (offset(&edit["range"]["start"])?, offset(&edit["range"]["end"])?);
        new.replace_range(start..end, edit["newText"].as_str().unwrap_or_default());
    }
    Ok(new)
}

fn formatting() -> Outcome {
    let text = "from scratch\n\n\n\nenv A=1 \\\n      B=2\nrun  x\nlabel a b\n";
    let mut client = Client::start(&["utf-16"])?;
    fs::write(client.path("dfc.toml"), "[fmt]\nindent = 3\n")?;
    let file = client.path("Dockerfile");
    fs::write(&file, text)?;
    client.open("Dockerfile", text)?;
    let edits = client.ask("formatting", options())?;
    let path = file.to_str().ok_or("the folder has no name")?;
    let done = client.dfc().run(["fmt", path])?;
    let want = fs::read_to_string(&file)?;
    holds(want != text && edited(text, &edits)? == want, &json!([edits, want, done.stderr]))?;
    // An edit for each place, not the file as a whole.
    holds(edits.as_array().is_some_and(|it| it.len() > 2), &edits)?;
    client.open("Dockerfile", &want)?;
    let edits = client.ask("formatting", options())?;
    holds(edits == json!([]), &edits)?;
    client.open("Dockerfile", "from scratch\nCOPY x")?;
    let edits = client.ask("formatting", options())?;
    holds(edits == json!([]), &edits)?;
    client.stop()
}

fn selections() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    let text = "from scratch\nuser  a\nuser  b\n";
    client.open("Dockerfile", text)?;
    let mut params = options();
    params["range"] =
        json!({ "start": { "line": 1, "character": 2 }, "end": { "line": 2, "character": 0 } });
    let edits = client.ask("rangeFormatting", params)?;
    holds(edited(text, &edits)? == "from scratch\nUSER a\nuser  b\n", &edits)?;
    let text = "FROM scratch\nrun a \\\n\n";
    client.open("Dockerfile", text)?;
    let mut params = options();
    params["ch"] = json!("\n");
    let edits = client.ask_at("onTypeFormatting", 2, 0, params)?;
    holds(edited(text, &edits)? == "FROM scratch\nRUN a \\\n    \n", &edits)?;
    client.stop()
}

fn tokens() -> Outcome {
    // The second line is an image behind a character that takes two units of UTF-16 and four bytes.
    let text = "FROM a\nLABEL 𝄞=1\n";
    for (encoding, width) in [("utf-16", 2), ("utf-8", 4), ("utf-32", 1)] {
        let mut client = Client::start(&[encoding])?;
        client.open("Dockerfile", text)?;
        let got = client.ask("semanticTokens/full", json!({}))?;
        // Line, column, width, kind, modifiers; each counted from the one before.
        let want = json!([
            0, 0, 4, 0, 0, 0, 5, 1, 6, 0, 1, 0, 5, 0, 0, 0, 6, width, 8, 1, 0, width, 1, 11, 0, 0,
            1, 1, 10, 0,
        ]);
        holds(got["data"] == want, &got)?;
        let start = json!({ "line": 2, "character": 0 });
        let edit = json!({ "range": { "start": start, "end": start }, "text": "USER b\n" });
        client.change("Dockerfile", &json!([edit]))?;
        let last = json!({ "previousResultId": got["resultId"] });
        let got = client.ask("semanticTokens/full/delta", last)?;
        let want =
            json!([{ "start": 30, "deleteCount": 0, "data": [1, 0, 4, 0, 0, 0, 5, 1, 9, 0] }]);
        holds(got["edits"] == want, &got)?;
        let range = json!({ "range": { "start": start, "end": { "line": 3, "character": 0 } } });
        let got = client.ask("semanticTokens/range", range)?;
        holds(got["data"] == json!([2, 0, 4, 0, 0, 0, 5, 1, 9, 0]), &got)?;
        client.stop()?;
    }
    Ok(())
}

fn links() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    client.open("Dockerfile", FILE)?;
    let got = client.ask("documentLink", json!({}))?;
    let targets: Vec<_> =
        got.as_array().into_iter().flatten().map(|it| it["target"].as_str()).collect();
    let file = format!("file://{}", client.path("data.txt").display());
    holds(targets == [Some("https://hub.docker.com/_/alpine"), Some(file.as_str())], &got)?;
    client.stop()
}

fn signatures() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    for (text, label, part) in [
        ("FROM 𝄞 ", "FROM [--platform=PLATFORM] IMAGE [AS NAME]", 2),
        ("FROM a\r\nCOPY --chown=", "--chown=USER[:GROUP]", 0),
        ("FROM a\nRUN --mount=type=secret,env=", "--mount=type=secret", 3),
    ] {
        client.open("Dockerfile", text)?;
        let line = text.matches('\n').count();
        let got = client.at("signatureHelp", line, 999)?;
        let said = got["signatures"][0]["label"].as_str().unwrap_or_default();
        let active = &got["signatures"][0]["parameters"][part]["label"];
        holds(said.starts_with(label) && got["activeParameter"] == json!(part), &got)?;
        holds(active.as_str().is_some_and(|active| said.contains(active)), &got)?;
    }
    client.stop()
}

/// The labels of all hints of the open file.
fn hints(client: &mut Client) -> Result<Vec<String>, Failed> {
    let range =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 999, "character": 0 } });
    let got = client.ask("inlayHint", json!({ "range": range }))?;
    let labels = got.as_array().ok_or_else(|| got.to_string())?.iter();
    Ok(labels.map(|hint| hint["label"].as_str().unwrap_or_default().to_owned()).collect())
}

fn values() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    fs::write(client.path("dfc.toml"), "[build.args]\nTAG = \"4\"\n")?;
    client.open("Dockerfile", FILE)?;
    let got = hints(&mut client)?;
    holds(got == ["= 4", "= 4", "= base"], &json!(got))?;
    client.stop()
}

fn steps() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    let text = "FROM scratch AS one\nCOPY data.txt /\nFROM one\nCOPY data.txt /again/\n";
    fs::write(client.path("Dockerfile"), text)?;
    client.open("Dockerfile", text)?;
    let got = hints(&mut client)?;
    holds(got.is_empty(), &json!(got))?;
    let folder = client.path("");
    let folder = folder.to_str().ok_or("the folder has no name")?;
    let done = client.dfc().run(["build", folder])?;
    holds(done.status == Some(0), &json!(done.stderr))?;
    client.save("Dockerfile")?;
    let began = Instant::now();
    let mut got = hints(&mut client)?;
    while got.len() < 2 && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(100));
        got = hints(&mut client)?;
    }
    holds(got.len() == 2 && got.iter().all(|it| it.ends_with("s, 5 B")), &json!(got))?;
    // What the instruction did before is nothing to it now.
    client.open("Dockerfile", &text.replace("/again/", "/other/"))?;
    let got = hints(&mut client)?;
    holds(got.len() == 1, &json!(got))?;
    client.stop()
}

fn graph() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    client.open("Dockerfile", FILE)?;
    let stage = client.at("prepareCallHierarchy", 2, 22)?;
    holds(stage[0]["name"] == json!("base"), &stage)?;
    let item = json!({ "item": stage[0] });
    let got = client.request("callHierarchy/incomingCalls", &item)?;
    let ranges = got[0]["fromRanges"].as_array().map(Vec::len);
    holds(got[0]["from"]["name"] == json!("stage 1") && ranges == Some(2), &got)?;
    let got = client.request("callHierarchy/outgoingCalls", &item)?;
    holds(got[0]["to"]["name"] == json!("alpine:3"), &got)?;
    let got = client.request("workspace/symbol", &json!({ "query": "ba" }))?;
    holds(got[0]["name"] == json!("base"), &got)?;
    client.stop()
}
