//! What hover, completion, code actions and the settings of a project give, one table each.

use std::fs;

use serde_json::{Value, json};

use super::checks::edited;
use super::client::Client;
use super::holds;
use crate::Outcome;

/// A client that can do what editors can.
fn able() -> Result<Client, libtest_mimic::Failed> {
    Client::with(&json!({
        "general": { "positionEncodings": ["utf-8"] },
        "textDocument": { "completion": { "completionItem": { "snippetSupport": true, "insertReplaceSupport": true } } },
        "workspace": {
            "workspaceEdit": { "documentChanges": true, "resourceOperations": ["create"] },
            "didChangeWatchedFiles": { "dynamicRegistration": true },
        },
    }))
}

/// A text, in which `|` is the place, and where that is.
fn place(text: &str) -> (String, usize, usize) {
    let at = text.find('|').unwrap_or(text.len());
    let line = text[..at].matches('\n').count();
    let column = at - text[..at].rfind('\n').map_or(0, |end| end + 1);
    (text.replacen('|', "", 1), line, column)
}

const HOVERS: &[(&str, &[&str])] = &[
    ("# ch|eck=skip=UndefinedVar\nFROM scratch\n", &["`# check=`", "Leaves lint rules out"]),
    ("# check=skip=Undefined|Var\nFROM scratch\n", &["# UndefinedVar", "## Why is this bad"]),
    (
        "FROM scratch\n# hadolint ignore=DL30|07\nRUN a\n",
        &["`DL3007` of hadolint is `FloatingTag`"],
    ),
    (
        "CO|PY a /\n",
        &["COPY [FLAGS]", "`--parents`", "https://docs.docker.com/reference/dockerfile/#copy"],
    ),
    ("FROM scratch\nONBUILD RU|N a\n", &["RUN [FLAGS] COMMAND"]),
    ("FROM scratch\nONBUILD COPY --li|nk a /\n", &["`--link`"]),
    ("FROM scratch\nCOPY --li|nk a /\n", &["`--link`", "stays cached"]),
    (
        "FROM scratch\nRUN --mount=type=ca|che,target=/c x\n",
        &["mount of type `cache`", "`sharing`"],
    ),
    (
        "FROM scratch\nRUN --mount=type=cache,shar|ing=locked,target=/c x\n",
        &["`sharing`", "of mounts of type cache"],
    ),
    ("FROM scratch\nRUN --mount=type=cache,ds|t=/c x\n", &["`target`", "also `dst`"]),
    (
        "ARG V=1\nFROM scratch\nARG V\nWORKDIR /a/$|V\n",
        &["`V` = `1`", "ARG, line 3, which takes it from ARG, line 1", "becomes `/a/1`"],
    ),
    ("FROM scratch\nENV A=b\nWORKDIR /|x/${A}\n", &["`/x/${A}` becomes `/x/b`"]),
    ("FROM scratch\nENV A=b\nUSER ${A:-x|}\n", &["becomes `b`"]),
    ("FROM scratch\nARG GIVEN\nUSER $GI|VEN\n", &["`GIVEN` = `by the file`", "set by `dfc.toml`"]),
    ("FROM scratch AS a\nUSER 1\nFROM a AS b\nCOPY --from=|b / /\n", &[]),
    (
        "FROM scratch AS a\nUSER 1\nFROM |a AS b\nCOPY --from=a / /\n",
        &["stage `a`, line 1", "USER 1", "used in lines 3, 4"],
    ),
    ("FROM sc|ratch\n", &["nothing at all"]),
    ("FROM alpine:|3\n", &["image `alpine:3`", "dfc pull alpine:3"]),
    ("FROM scratch\nCOPY s|rc /\n", &["2 files", "`src/a.rs`", "1 more are left out"]),
    ("FROM scratch\nCOPY src/*.|rs /\n", &["1 file, 3 bytes"]),
    ("FROM scratch\nADD https://exam|ple.org/a /\n", &["downloaded"]),
];

/// Hover says what it should.
pub(super) fn hover() -> Outcome {
    let mut client = able()?;
    context(&client)?;
    for (text, wanted) in HOVERS {
        let (text, line, column) = place(text);
        client.open("Dockerfile", &text)?;
        let told = client.at("hover", line, column)?;
        let value = told["contents"]["value"].as_str().unwrap_or_default();
        for want in *wanted {
            holds(value.contains(want), &json!([text, want, told]))?;
        }
    }
    client.stop()
}

/// What is in the client's folder.
fn context(client: &Client) -> Outcome {
    fs::create_dir_all(client.path(".git"))?;
    fs::create_dir_all(client.path("src/old"))?;
    fs::write(client.path("src/a.rs"), "fn\n")?;
    fs::write(client.path("src/b.txt"), "")?;
    fs::write(client.path("src/old/c"), "")?;
    fs::write(client.path(".dockerignore"), "src/old\n")?;
    Ok(fs::write(client.path("dfc.toml"), "[build]\nargs = { GIVEN = \"by the file\" }\n")?)
}

/// A place, a label, and the text once the label is chosen; places to fill in are as the protocol has them.
const COMPLETIONS: &[(&str, &str, &str)] = &[
    ("FR|", "FROM", "FROM ${1:image}"),
    ("fr|", "from", "from ${1:image}"),
    ("FROM a\nCO|YP b /", "COPY", "FROM a\nCOPY b /"),
    ("FROM a\nONBUILD W|", "WORKDIR", "FROM a\nONBUILD WORKDIR ${1:/path}"),
    ("FROM a\nHEALTHCHECK --timeout=3s N|", "NONE", "FROM a\nHEALTHCHECK --timeout=3s NONE"),
    ("FROM scr|", "scratch", "FROM scratch"),
    ("FROM --platform=|", "linux/arm64", "FROM --platform=linux/arm64"),
    ("FROM a AS one\nFROM o|", "one", "FROM a AS one\nFROM one"),
    ("FROM a AS one\nFROM b\nCOPY --from=|", "one", "FROM a AS one\nFROM b\nCOPY --from=one"),
    ("FROM a\nFROM b\nCOPY --from=|", "0", "FROM a\nFROM b\nCOPY --from=0"),
    ("FROM a\nCOPY --ch|", "--chown", "FROM a\nCOPY --chown="),
    ("FROM a\nADD --link --c|", "--checksum", "FROM a\nADD --link --checksum="),
    ("FROM a\nRUN --mount=|", "type=secret", "FROM a\nRUN --mount=type=secret"),
    (
        "FROM a\nRUN --mount=type=cache,\\\nsh|",
        "sharing",
        "FROM a\nRUN --mount=type=cache,\\\nsharing=",
    ),
    (
        "FROM a\nRUN --mount=type=cache,sharing=|",
        "locked",
        "FROM a\nRUN --mount=type=cache,sharing=locked",
    ),
    ("FROM a\nRUN --mount=type=bind,src=sr|", "src/", "FROM a\nRUN --mount=type=bind,src=src/"),
    (
        "FROM a\nRUN --mount=type=secret,id=s x\nRUN --mount=type=secret,id=|",
        "s",
        "FROM a\nRUN --mount=type=secret,id=s x\nRUN --mount=type=secret,id=s",
    ),
    ("FROM a\nRUN --network=|", "none", "FROM a\nRUN --network=none"),
    (
        "FROM a\nENV AB=1\nRUN echo \\\n  # c\n  ${A|",
        "AB",
        "FROM a\nENV AB=1\nRUN echo \\\n  # c\n  ${AB}",
    ),
    ("FROM a\nENV AB=1\nRUN echo ${A|}", "AB", "FROM a\nENV AB=1\nRUN echo ${AB}"),
    ("FROM a\nENV AB=1\nUSER ${AB:|", "AB:-WORD", "FROM a\nENV AB=1\nUSER ${AB:-${1:word}\\}"),
    ("FROM a\nENV AB=1\nRUN <<E\necho $A|\nE\n", "AB", "FROM a\nENV AB=1\nRUN <<E\necho $AB\nE\n"),
    ("ARG TARGETAR|", "TARGETARCH", "ARG TARGETARCH"),
    ("FROM a\nCOPY sr|", "src/", "FROM a\nCOPY src/"),
    ("FROM a\nCOPY [\"src/a|", "a.rs", "FROM a\nCOPY [\"src/a.rs"),
    ("FROM a\nRUM x\nCOPY src/|\nRUN y \\\n", "b.txt", "FROM a\nRUM x\nCOPY src/b.txt\nRUN y \\\n"),
    ("FROM a\nSTOPSIGNAL |", "SIGINT", "FROM a\nSTOPSIGNAL SIGINT"),
    ("FROM a\nEXPOSE 80/|", "80/udp", "FROM a\nEXPOSE 80/udp"),
    (
        "FROM a\nLABEL org|",
        "org.opencontainers.image.source",
        "FROM a\nLABEL org.opencontainers.image.source=\"$1\"",
    ),
    ("# es|", "escape", "# escape=`"),
    ("# check=skip=Undefined|", "UndefinedVar", "# check=skip=UndefinedVar"),
    (
        "FROM a\n# check=skip=StageNameCasing,Un|\nRUN x\n",
        "UndefinedVar",
        "FROM a\n# check=skip=StageNameCasing,UndefinedVar\nRUN x\n",
    ),
    (
        "FROM a\n# hadolint ignore=DL300|\nRUN x\n",
        "DL3007",
        "FROM a\n# hadolint ignore=DL3007\nRUN x\n",
    ),
];

/// Completion offers what it should, and puts it where it should.
pub(super) fn completion() -> Outcome {
    let mut client = able()?;
    context(&client)?;
    for (text, label, wanted) in COMPLETIONS {
        let (text, line, column) = place(text);
        client.open("Dockerfile", &text)?;
        let found = client.at("completion", line, column)?;
        let item = found.as_array().into_iter().flatten().find(|it| it["label"] == *label);
        let Some(item) = item else { return holds(false, &json!([text, label, found])) };
        let edit = &item["textEdit"];
        let edits = json!([{ "range": edit["replace"], "newText": edit["newText"] }]);
        let after = edited(&text, &edits)?;
        holds(after == *wanted, &json!([text, label, after, wanted]))?;
    }
    client.open("Dockerfile", "FROM a\nCOPY src/")?;
    let found = client.at("completion", 1, 9)?;
    let old = found.as_array().into_iter().flatten().find(|it| it["label"] == "old/");
    holds(old.is_some_and(|it| it["tags"] == json!([1])), &found)?;
    client.open(".dockerignore", "!sr")?;
    let found = client.at("completion", 0, 3)?;
    holds(found.to_string().contains("\"src/\""), &found)?;
    client.stop()
}

/// A file, what to do about its first line, and what is in the file then.
const SKIPS: &[(&str, usize, &str, &str)] = &[
    (
        "FROM scratch as b\n",
        0,
        "Skip FromAsCasing here",
        "\n# check=skip=FromAsCasing\nFROM scratch as b\n",
    ),
    (
        "#\nFROM scratch as b\n",
        1,
        "Skip FromAsCasing here",
        "#\n# check=skip=FromAsCasing\nFROM scratch as b\n",
    ),
    (
        "#\n# check=skip=A why\nFROM scratch as b\n",
        2,
        "Skip FromAsCasing here",
        "#\n# check=skip=A,FromAsCasing why\nFROM scratch as b\n",
    ),
    (
        "FROM scratch as b\n",
        0,
        "Skip FromAsCasing in this file",
        "# check=skip=FromAsCasing\nFROM scratch as b\n",
    ),
    (
        "# check=error=true\nFROM scratch as b\n",
        1,
        "Skip FromAsCasing in this file",
        "# check=error=true;skip=FromAsCasing\nFROM scratch as b\n",
    ),
    (
        "# escape=`\nFROM scratch as b\n",
        1,
        "Skip FromAsCasing in this file",
        "# escape=`\n# check=skip=FromAsCasing\nFROM scratch as b\n",
    ),
];

/// A file, what may be done about its last line, and what is in the file then.
const REPAIRS: &[(&str, &str, &str)] = &[
    ("FROM a\nCOPY --x=y a b", "Write `--chmod`", "FROM a\nCOPY --chmod=y a b"),
    ("# escape=x", "Write a backtick", "# escape=`"),
    ("FROM a A b", "Write `AS`", "FROM a AS b"),
    ("FROM a\nSTOPSIGNAL 9 10", "Take out what follows `9`", "FROM a\nSTOPSIGNAL 9"),
    ("FROM a\nRUM x", "Replace by `RUN`", "FROM a\nRUN x"),
];

/// What may be meant by an error is offered.
pub(super) fn repairs() -> Outcome {
    let mut client = able()?;
    for (text, title, wanted) in REPAIRS {
        client.open("Dockerfile", text)?;
        let actions = actions(&mut client, text.matches('\n').count())?;
        let Some(action) =
            actions.as_array().into_iter().flatten().find(|it| it["title"] == *title)
        else {
            return holds(false, &json!([text, title, actions]));
        };
        let edits = action["edit"]["changes"].as_object().and_then(|it| it.values().next());
        let after = edited(text, edits.unwrap_or(&Value::Null))?;
        holds(after == *wanted, &json!([text, title, after]))?;
    }
    client.stop()
}

/// Rules are left out where it was asked for, and the finding is gone then.
pub(super) fn skips() -> Outcome {
    let mut client = able()?;
    fs::create_dir_all(client.path(".git"))?;
    for (text, line, title, wanted) in SKIPS {
        client.open("Dockerfile", text)?;
        let actions = actions(&mut client, *line)?;
        let Some(action) =
            actions.as_array().into_iter().flatten().find(|it| it["title"] == *title)
        else {
            return holds(false, &json!([text, title, actions]));
        };
        let edits = action["edit"]["changes"].as_object().and_then(|it| it.values().next());
        let after = edited(text, edits.unwrap_or(&Value::Null))?;
        holds(after == *wanted, &json!([text, title, after]))?;
        client.open("Dockerfile", &after)?;
        let report = client.ask("diagnostic", json!({}))?;
        holds(!report.to_string().contains("FromAsCasing"), &json!([after, report]))?;
    }
    client.open("Dockerfile", "FROM scratch as b\n")?;
    let found = actions(&mut client, 0)?;
    let found = found.as_array().into_iter().flatten();
    let never = found.into_iter().find(|it| it["title"] == "Never show FromAsCasing (dfc.toml)");
    let never = never.cloned().unwrap_or_default();
    let changes = &never["edit"]["documentChanges"];
    holds(changes[0]["kind"] == "create", &never)?;
    let text = changes[1]["edits"][0]["newText"].as_str().unwrap_or_default();
    fs::write(client.path("dfc.toml"), text)?;
    client.save("dfc.toml")?;
    let report = client.ask("diagnostic", json!({}))?;
    holds(!report.to_string().contains("FromAsCasing"), &report)?;
    client.open(".dockerignore", "nothing\n[a\n")?;
    let found = actions(&mut client, 0)?;
    holds(found.to_string().contains("Remove the line"), &found)?;
    client.stop()
}

fn actions(client: &mut Client, line: usize) -> Result<Value, libtest_mimic::Failed> {
    let range = json!({ "start": { "line": line, "character": 0 }, "end": { "line": line, "character": 999 } });
    client.ask("codeAction", json!({ "range": range, "context": { "diagnostics": [] } }))
}

/// The settings of the project and the files around count, as soon as they change.
pub(super) fn surroundings() -> Outcome {
    let mut client = able()?;
    fs::create_dir_all(client.path(".git"))?;
    fs::write(client.path("notes.log"), "")?;
    let text = "FROM scratch AS base\nMAINTAINER me\nCOPY notes.log missing /\n";
    client.open("Dockerfile", text)?;
    let found = client.diagnostics()?;
    let code = |found: &Value, code: &str| {
        found.as_array().into_iter().flatten().find(|it| it["code"] == code).cloned()
    };
    holds(code(&found, "MissingSource").is_some(), &found)?;
    let deprecated = code(&found, "MaintainerDeprecated").unwrap_or_default();
    holds(deprecated["severity"] == 2 && deprecated["tags"] == json!([2]), &found)?;
    holds(deprecated["codeDescription"]["href"].is_string(), &found)?;
    fs::write(client.path("missing"), "")?;
    fs::write(client.path("dfc.toml"), "[check.rules]\nMaintainerDeprecated = \"error\"\n")?;
    client.watched("dfc.toml")?;
    let found = client.diagnostics()?;
    holds(code(&found, "MissingSource").is_none(), &found)?;
    holds(code(&found, "MaintainerDeprecated").is_some_and(|it| it["severity"] == 1), &found)?;
    // What is typed into the .dockerignore counts before it is saved, and is where the finding leads.
    client.open(".dockerignore", "# all\n*.log\n")?;
    client.back_to("Dockerfile");
    let found = client.diagnostics()?;
    let ignored = code(&found, "CopyIgnoredFile").unwrap_or_default();
    let related = &ignored["relatedInformation"][0]["location"];
    let is_there = related["uri"].as_str().is_some_and(|it| it.ends_with("/.dockerignore"));
    holds(is_there && related["range"]["start"]["line"] == 1, &found)?;
    fs::write(client.path("dfc.toml"), "[chekc]\n")?;
    client.save("dfc.toml")?;
    let found = client.diagnostics()?;
    holds(code(&found, "unknown-setting").is_some(), &found)?;
    client.stop()
}
