//! Inlay hints and signature help.

use std::time::Duration;

use serde_json::{Value, json};

use crate::knowledge::StepFacts;
use crate::testing::{Outside, Talk};

/// The text with the hints in it.
fn hinted(talk: &mut Talk) -> String {
    let range = talk.range(0, talk.text.len());
    let hints = talk.ask("inlayHint", json!({ "range": range }));
    let edits: Vec<Value> = hints
        .as_array()
        .unwrap()
        .iter()
        .map(|hint| {
            let place = hint["position"].clone();
            let label = hint["label"].as_str().unwrap();
            json!({ "range": { "start": place, "end": place }, "newText": format!("«{label}»") })
        })
        .collect();
    talk.edited(&json!(edits))
}

fn check(text: &str) {
    let toml = "[build.args]\nGIVEN = \"new\"\n";
    let mut talk = Talk::start(Outside::of(&[("dfc.toml", toml)]));
    let plain: String =
        text.split('«').map(|it| it.split_once('»').map_or(it, |(_, rest)| rest)).collect();
    talk.open("Dockerfile", &plain);
    assert_eq!(hinted(&mut talk), text);
}

#[test]
fn values_at_their_places() {
    check(
        "ARG V=3\nFROM a:$V«= 3» AS x\nARG V«= 3»\nENV E=𝄞$V«= 3»\nRUN echo ${E}«= 𝄞3» $E $NONE\n",
    );
    check(
        "FROM a\r\nARG GIVEN=old«= new»\r\nUSER ${GIVEN}«= new»\r\nWORKDIR /${X:-y}«= y»/$GIVEN«= new»\r\n",
    );
    check("FROM a\nARG V=\nLABEL v=$V«= \"\"» w='$V'\nRUN ${V:-x}\n");
    check("FROM known\nRUN $FROM_IMAGE«= yes»\nRUN [\"$FROM_IMAGE\"]\n");
    check(
        "FROM a\nENV A=0123456789012345678901234567890123456789x\nUSER $A«= 0123456789012345678901234567890123456789...»\n",
    );
    check(
        "FROM a AS one\nFROM b\nFROM c\nCOPY --from=0«= one» a b\nRUN --mount=from=1«= b»,target=/x y\nCOPY --from=9 a b\n",
    );
    check("");
    check("FROM ${");
    check("FROM a\nARG V=1\nUSER ${V:-");
}

#[test]
fn a_range_has_its_own() {
    let mut talk = Talk::start(Outside::default());
    talk.open("Dockerfile", "FROM a\nARG V=1\nUSER $V\nUSER $V\n");
    let range = talk.range(15, 22);
    let hints = talk.ask("inlayHint", json!({ "range": range }));
    assert_eq!(hints.as_array().unwrap().len(), 1, "{hints}");
}

#[test]
fn steps_that_have_run() {
    let step = |stage: &str, text: &str, time, size| StepFacts {
        stage: stage.to_owned(),
        text: text.to_owned(),
        duration: Duration::from_millis(time),
        size,
    };
    let steps = vec![
        step("one", "RUN make   all", 1500, 12_000_000),
        step("1", "COPY . /x", 20, 999),
        step("one", "RUN make   all", 9, 9),
        step("two", "RUN other", 5, 5),
    ];
    let mut talk = Talk::start(Outside { steps, ..Outside::default() });
    talk.open("Dockerfile", "FROM a AS one\nRUN make \\\n  all\nRUN other\nFROM b\nCOPY . /x\n");
    assert_eq!(
        hinted(&mut talk),
        "FROM a AS one\nRUN make \\«1.5 s, 12.0 MB»\n  all\nRUN other\nFROM b\nCOPY . /x«20 ms, 999 B»\n"
    );
}

/// The signature at `|`, its active part in brackets.
fn signature(text: &str) -> String {
    let mut talk = Talk::start(Outside::default());
    let at = text.find('|').unwrap();
    talk.open("Dockerfile", &text.replacen('|', "", 1));
    let got = talk.at("signatureHelp", at, json!({}));
    if got.is_null() {
        return String::new();
    }
    let chosen = &got["signatures"][got["activeSignature"].as_u64().unwrap() as usize];
    let label = chosen["label"].as_str().unwrap();
    let part = &chosen["parameters"][got["activeParameter"].as_u64().unwrap() as usize]["label"];
    match part.as_str() {
        Some(part) => label.replacen(part, &format!("<{part}>"), 1),
        None => label.to_owned(),
    }
}

#[test]
fn parts_of_instructions() {
    for (text, want) in [
        ("FROM |", "FROM [--platform=PLATFORM] <IMAGE> [AS NAME]"),
        ("FROM a |", "FROM [--platform=PLATFORM] IMAGE <[AS NAME]>"),
        ("FROM a AS b|", "FROM [--platform=PLATFORM] IMAGE <[AS NAME]>"),
        ("FROM --|", "FROM <[--platform=PLATFORM]> IMAGE [AS NAME]"),
        ("FROM --platform=|", "--platform=<OS/ARCH[/VARIANT]>"),
        ("FROM a\nCOPY 𝄞|", "COPY [FLAGS] <SOURCE...> DESTINATION"),
        ("FROM a\nCOPY a |", "COPY [FLAGS] SOURCE... <DESTINATION>"),
        ("FROM a\nCOPY a |b c", "COPY [FLAGS] <SOURCE...> DESTINATION"),
        ("FROM a\r\nCOPY a \\\r\n  |b\r\n", "COPY [FLAGS] SOURCE... <DESTINATION>"),
        ("FROM a\nCOPY [\"a\", |", "COPY [FLAGS] [\"SOURCE\", <\"DESTINATION\">]"),
        ("FROM a\nCOPY --chown=a:|", "--chown=<USER[:GROUP]>"),
        ("FROM a\nCOPY --link=|", "--link[=<true|false>]"),
        ("FROM a\nENV A=|", "ENV NAME=<VALUE> ..."),
        ("FROM a\nENV A=1 B|", "ENV <NAME>=VALUE ..."),
        ("FROM a\nHEALTHCHECK |", "HEALTHCHECK [FLAGS] <CMD> COMMAND"),
        ("FROM a\nHEALTHCHECK CMD |", "HEALTHCHECK [FLAGS] CMD <COMMAND>"),
        ("FROM a\nHEALTHCHECK NONE|", "HEALTHCHECK <NONE>"),
        ("FROM a\nONBUILD |", "ONBUILD <INSTRUCTION>"),
        ("FROM a\nONBUILD USER a:|", "USER NAME[:<GROUP>]"),
        ("FROM a\nEXPOSE 80/|", "EXPOSE PORT[/<PROTOCOL>] ..."),
        ("FROM a\nRUN --mount=type=tmpfs,size|", "--mount=type=tmpfs,target=...,<size=...>"),
        ("FROM a\nRUN --mount=type=tmpfs,dst=|", "--mount=type=tmpfs,<target=...>,size=..."),
        ("FROM a\nRUN --mount=type=tmpfs,|", "--mount=type=tmpfs,target=...,size=..."),
        // Nothing to help with.
        ("FR|OM a", ""),
        ("FROM a\n|", ""),
        ("FROM a\nXYZ |", ""),
        ("# FROM |", ""),
        ("FROM a\nRUN <<E\nCOPY |\nE\n", ""),
        ("FROM a\nRUN a \\\n # |\n b", ""),
        ("|", ""),
    ] {
        assert_eq!(signature(text), want, "{text}");
    }
}

#[test]
fn a_typed_blank_in_a_command_is_left_alone() {
    let mut talk = Talk::start(Outside::default());
    talk.open("Dockerfile", "FROM a\nRUN b ");
    let typed =
        json!({ "context": { "triggerKind": 2, "triggerCharacter": " ", "isRetrigger": false } });
    assert!(talk.at("signatureHelp", 13, typed.clone()).is_null());
    assert!(!talk.at("signatureHelp", 11, typed).is_null());
    assert!(!talk.at("signatureHelp", 13, json!({})).is_null());
}
