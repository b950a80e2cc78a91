//! Tokens of small files: below each line, what its words are.

use serde_json::json;

use super::Kind;
use crate::position::Encoding;
use crate::testing::{Outside, Talk};

/// Each token as `kind:text`, with `!` behind a declaration.
fn told(talk: &mut Talk, method: &str, params: serde_json::Value) -> Vec<String> {
    let got = talk.ask(method, params);
    let data: Vec<u32> = serde_json::from_value(got["data"].clone()).unwrap();
    let (mut line, mut column) = (0, 0);
    let tokens = data.chunks(5).map(|token| {
        if token[0] > 0 {
            (line, column) = (line + token[0], 0);
        }
        column += token[1];
        let range = json!({
            "start": { "line": line, "character": column },
            "end": { "line": line, "character": column + token[2] },
        });
        let mark = if token[4] & 1 == 1 { "!" } else { "" };
        format!("{}{mark}:{}", Kind::ALL[token[3] as usize].name(), talk.slice(&range))
    });
    tokens.collect()
}

fn check(text: &str, want: &[&str]) {
    for (name, encoding) in [("utf-16", Encoding::Utf16), ("utf-8", Encoding::Utf8)] {
        let mut talk = Talk::counting(name, encoding, Outside::default());
        talk.open("Dockerfile", text);
        assert_eq!(told(&mut talk, "semanticTokens/full", json!({})), want, "{text}");
    }
}

#[test]
fn stages_images_directives() {
    check(
        "# syntax = docker/dockerfile:1\n# 𝄞\nFROM --platform=linux/amd64 a:1 as b\nFROM b\nFROM scratch\nCOPY --from=0 x /y\n",
        &[
            "comment:# ",
            "macro:syntax",
            "operator:=",
            "string:docker/dockerfile:1",
            "comment:# 𝄞",
            "keyword:FROM",
            "parameter:--platform",
            "operator:=",
            "enumMember:linux/amd64",
            "type:a:1",
            "keyword:as",
            "namespace!:b",
            "keyword:FROM",
            "namespace:b",
            "keyword:FROM",
            "type:scratch",
            "keyword:COPY",
            "parameter:--from",
            "operator:=",
            "namespace:0",
            "string:x",
            "string:/y",
        ],
    );
}

#[test]
fn variables_and_values() {
    check(
        "FROM a\r\nARG N=3 M\r\nENV K=\"v-${N}-𝄞$M\" \\\r\n  # why\r\n  L=${N:-1}\r\nLABEL x.y=z\r\nEXPOSE 80/tcp $N\r\n",
        &[
            "keyword:FROM",
            "type:a",
            "keyword:ARG",
            "variable!:N",
            "operator:=",
            "number:3",
            "variable!:M",
            "keyword:ENV",
            "variable!:K",
            "operator:=",
            "string:\"v-",
            "variable:${N}",
            "string:-𝄞",
            "variable:$M",
            "string:\"",
            "operator:\\",
            "comment:# why",
            "variable!:L",
            "operator:=",
            "variable:${N",
            "string::-1}",
            "keyword:LABEL",
            "property!:x.y",
            "operator:=",
            "string:z",
            "keyword:EXPOSE",
            "number:80",
            "operator:/",
            "enumMember:tcp",
            "variable:$N",
        ],
    );
}

#[test]
fn commands_and_heredocs() {
    check(
        "FROM a\nRUN --mount=type=cache,target=/c a 'b' && \\\n  c \"$D\" # e\nCMD [\"a\", \"b\"]\nCOPY <<\"E\" /x\n$a\nE\nHEALTHCHECK --retries=3 CMD x | y\n",
        &[
            "keyword:FROM",
            "type:a",
            "keyword:RUN",
            "parameter:--mount",
            "operator:=",
            "property:type",
            "operator:=",
            "enumMember:cache",
            "operator:,",
            "property:target",
            "operator:=",
            "string:/c",
            "string:'b'",
            "operator:&&",
            "operator:\\",
            "string:\"",
            "variable:$D",
            "string:\"",
            "comment:# e",
            "keyword:CMD",
            "string:\"a\"",
            "string:\"b\"",
            "keyword:COPY",
            "operator:<<",
            "label!:\"E\"",
            "string:/x",
            "label:E",
            "keyword:HEALTHCHECK",
            "parameter:--retries",
            "operator:=",
            "number:3",
            "keyword:CMD",
            "operator:|",
        ],
    );
}

#[test]
fn what_is_broken_keeps_what_is_whole() {
    check("", &[]);
    check("\u{feff}# a\nFRO", &["comment:# a"]);
    check("FROM", &["keyword:FROM"]);
    check(
        "FROM a\nCOPY --from=b",
        &["keyword:FROM", "type:a", "keyword:COPY", "parameter:--from", "operator:=", "type:b"],
    );
    check(
        "FROM a\nRUN 'é\\",
        &["keyword:FROM", "type:a", "keyword:RUN", "string:'é", "operator:\\"],
    );
    check(
        "FROM a\nRUN <<E\n# x\n",
        &["keyword:FROM", "type:a", "keyword:RUN", "operator:<<", "comment:# x"],
    );
}

#[test]
fn a_range_and_a_difference() {
    let mut talk = Talk::start(Outside::default());
    talk.open("Dockerfile", "FROM a\nRUN b | c\nUSER d\n");
    let range = talk.range(7, 17);
    let some = told(&mut talk, "semanticTokens/range", json!({ "range": range }));
    assert_eq!(some, ["keyword:RUN", "operator:|"]);
    let full = talk.ask("semanticTokens/full", json!({}));
    talk.edit(17, 17, "ENV x=1\n");
    let last = json!({ "previousResultId": full["resultId"] });
    let delta = talk.ask("semanticTokens/full/delta", last.clone());
    let edits = delta["edits"].as_array().unwrap();
    assert_eq!(edits.len(), 1, "{delta}");
    assert_eq!(edits[0]["start"], json!(20), "{delta}");
    // What was told before the last time is forgotten.
    let whole = talk.ask("semanticTokens/full/delta", last);
    let now = talk.ask("semanticTokens/full", json!({}));
    assert_eq!(whole["data"], now["data"]);
    talk.edit(0, 0, "");
    let same = json!({ "previousResultId": now["resultId"] });
    assert_eq!(talk.ask("semanticTokens/full/delta", same)["edits"], json!([]));
}
