//! Anything at all: every request at any place of any file in the middle of any edit gets an answer that makes sense.

#![expect(clippy::disallowed_methods, reason = "the files of the fixtures are read")]

use std::fs;
use std::path::{Path, PathBuf};

use compiler::format::{self, Style};
use grammar::SourceFile;
use serde_json::{Value, json};

use crate::position::Encoding;
use crate::testing::{Outside, Talk};

/// The requests about a file or a place of one.
const REQUESTS: &[&str] = &[
    "hover",
    "completion",
    "definition",
    "references",
    "documentHighlight",
    "prepareRename",
    "rename",
    "documentSymbol",
    "foldingRange",
    "selectionRange",
    "codeAction",
    "diagnostic",
    "formatting",
    "rangeFormatting",
    "onTypeFormatting",
    "semanticTokens/full",
    "semanticTokens/full/delta",
    "semanticTokens/range",
    "documentLink",
    "signatureHelp",
    "inlayHint",
    "prepareCallHierarchy",
];

/// What people type, and what they would not.
const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    "\r",
    " ",
    "\\\n",
    "`",
    "$",
    "${",
    "}",
    "\"",
    "'",
    "<<E\n",
    "E\n",
    "# check=skip=all\n",
    "FROM ",
    " AS x",
    "COPY --from=",
    "RUN --mount=",
    ",",
    "=",
    "[\"",
    "]",
    "𝄞",
    "\u{feff}",
    "\0",
    "é",
    "ARG A=${A}\n",
    "ENV ",
    "ONBUILD ",
    "--",
    "\t",
];

/// Numbers that look like chance and are the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// An offset in a text, between two characters. No client can name the one inside of `\r\n`.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at)
            || text[..at].ends_with('\r') && text[at..].starts_with('\n')
        {
            at -= 1;
        }
        at
    }
}

#[test]
fn every_request_in_the_middle_of_any_edit() {
    let outside = Outside::of(&[("a", "x"), ("dfc.toml", "[build.args]\nA = \"1\"\n")]);
    let mut talks = [
        Talk::start(outside.clone()),
        Talk::counting("utf-8", Encoding::Utf8, outside.clone()),
        Talk::counting("utf-32", Encoding::Utf32, outside),
    ];
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut files = dockerfiles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures"));
    files.sort();
    assert!(files.len() > 100);
    for (number, file) in files.iter().step_by(11).enumerate() {
        let talk = &mut talks[number % 3];
        let bytes = fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4000)]).into_owned();
        talk.open("Dockerfile", &text);
        for round in 0..3 {
            all(talk, &mut chance, file);
            let (one, other) = (chance.place(&talk.text), chance.place(&talk.text));
            let (start, end) = (one.min(other), one.max(other));
            // Every other time nothing is taken away.
            let end = if round == 1 { start } else { end };
            talk.edit(start, end, PIECES[chance.below(PIECES.len())]);
        }
    }
}

#[test]
fn ignore_files_and_unknown_files() {
    let mut talk = Talk::start(Outside::of(&[("a", "x")]));
    let mut chance = Chance(7);
    talk.open(".dockerignore", "FROM a\r\n!𝄞\n[x\n# y");
    for _ in 0..4 {
        all(&mut talk, &mut chance, Path::new(".dockerignore"));
    }
    for method in REQUESTS {
        let file = json!({ "uri": "file:///p/unknown" });
        let mut params = parameters(&mut talk, &mut chance);
        params["textDocument"] = file;
        let got = talk.request(&format!("textDocument/{method}"), params);
        let items = if *method == "diagnostic" { &got["items"] } else { &got };
        assert!(items.is_null() || items == &json!([]), "{method}: {got}");
    }
}

fn parameters(talk: &mut Talk, chance: &mut Chance) -> Value {
    let (start, end) = (chance.place(&talk.text), chance.place(&talk.text));
    let mut range = talk.range(start.min(end), start.max(end));
    let mut position = range["start"].clone();
    match chance.below(8) {
        // Inside of a character, or behind the end.
        0 => position["character"] = json!(chance.below(300)),
        1 => position["line"] = json!(4_000_000_000_u32),
        2 => range["end"]["character"] = json!(2_147_483_647),
        3 => std::mem::swap(&mut position, &mut range["end"]),
        _ => {}
    }
    json!({
        "position": position,
        "positions": [position],
        "range": range,
        "newName": "x",
        "ch": "\n",
        "previousResultId": chance.below(9).to_string(),
        "options": { "tabSize": 4, "insertSpaces": true },
        "context": {
            "includeDeclaration": true, "diagnostics": [], "triggerKind": 1, "isRetrigger": false,
        },
    })
}

/// Asks everything and looks at the answers.
fn all(talk: &mut Talk, chance: &mut Chance, file: &Path) {
    for method in REQUESTS {
        let params = parameters(talk, chance);
        let got = talk.ask(method, params.clone());
        let what = || format!("{method} {params}\n{}: {:?}\n{got}", file.display(), talk.text);
        // That something cannot be renamed is said; else everything has an answer.
        let is_refused = got["code"] == json!(-32803) && method.ends_with("ename");
        assert!(got["code"].is_null() || is_refused, "{}", what());
        assert!(is_placed(talk, &got), "{}", what());
        if *method == "formatting" {
            let source = SourceFile::new("Dockerfile", talk.text.as_str());
            let want = format::format(&source, &grammar::parse(&source), &Style::default());
            assert_eq!(talk.edited(&got), want.unwrap_or(talk.text.clone()), "{}", what());
        }
        if *method == "semanticTokens/full" {
            are_inside(talk, &got["data"]);
        }
    }
    let params = parameters(talk, chance);
    let stage = talk.ask("prepareCallHierarchy", params);
    for item in stage.as_array().into_iter().flatten() {
        for end in ["incomingCalls", "outgoingCalls"] {
            let got = talk.request(&format!("callHierarchy/{end}"), json!({ "item": item }));
            assert!(got.is_array(), "{got}");
        }
    }
    let got = talk.request("workspace/symbol", json!({ "query": "" }));
    assert!(got.is_array(), "{got}");
}

/// Whether all places in an answer are places of the text. Some are in other files.
fn is_placed(talk: &Talk, answer: &Value) -> bool {
    match answer {
        Value::Array(items) => items.iter().all(|item| is_placed(talk, item)),
        Value::Object(fields) => {
            let elsewhere = fields.get("uri").is_some_and(|uri| *uri != talk.uri());
            let is_range = fields.get("start").is_some_and(|it| it["line"].is_number());
            if elsewhere {
                true
            } else if is_range {
                // There and back.
                let (start, end) = (&fields["start"], &fields["end"]);
                let order = |it: &Value| (it["line"].as_u64(), it["character"].as_u64());
                let text = talk.slice(answer);
                order(start) <= order(end) && (text.is_empty() == (start == end))
            } else {
                fields.values().all(|field| is_placed(talk, field))
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Whether tokens are in lines that are there.
fn are_inside(talk: &Talk, data: &Value) {
    let Ok(data) = serde_json::from_value::<Vec<u32>>(data.clone()) else { return };
    let (mut line, mut column) = (0, 0);
    for token in data.chunks(5) {
        assert!(token[0] > 0 || token[1] > 0 || line == 0, "tokens overlap");
        if token[0] > 0 {
            (line, column) = (line + token[0], 0);
        }
        column += token[1];
        assert!(token[2] > 0, "an empty token");
        let place = |character| json!({ "line": line, "character": character });
        let range = json!({ "start": place(column), "end": place(column + token[2]) });
        let text = talk.slice(&range);
        assert_eq!(talk.encoding.width(text), token[2], "{text:?} in {:?}", talk.text);
    }
}

fn dockerfiles(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
        if path.is_dir() {
            found.extend(dockerfiles(&path));
        } else if name.contains("dockerfile") {
            found.push(path);
        }
    }
    found
}
