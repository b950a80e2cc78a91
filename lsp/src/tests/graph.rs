//! The graph of the stages: call hierarchy and symbols of the workspace.

use serde_json::{Value, json};

use crate::testing::{Outside, Talk};

const TEXT: &str = "ARG B=alpine\r\n# 𝄞\r\nFROM $B AS one\r\nFROM one AS two\r\nCOPY --from=one /a /\r\n\
                    FROM two\r\nRUN --mount=from=one,target=/a --mount=from=busybox,target=/b x\r\nCOPY --from=1 /a /\r\n";

fn names(calls: &Value, end: &str) -> Vec<String> {
    let calls = calls.as_array().unwrap().iter();
    let name = |call: &Value| {
        let places = call["fromRanges"].as_array().unwrap().len();
        format!("{} {places}", call[end]["name"].as_str().unwrap())
    };
    calls.map(name).collect()
}

#[test]
fn stages_call_stages_and_images() {
    let mut talk = Talk::start(Outside::default());
    talk.open("Dockerfile", TEXT);
    let prepare = |talk: &mut Talk, text: &str| {
        let at = TEXT.find(text).unwrap() + 1;
        talk.at("prepareCallHierarchy", at, json!({}))[0].clone()
    };
    let one = prepare(&mut talk, "one AS two");
    assert_eq!((&one["name"], &one["detail"]), (&json!("one"), &json!("FROM $B")));
    assert_eq!(talk.slice(&one["selectionRange"]), "one");
    let incoming = talk.request("callHierarchy/incomingCalls", json!({ "item": one }));
    assert_eq!(names(&incoming, "from"), ["two 2", "stage 2 1"]);
    let outgoing = talk.request("callHierarchy/outgoingCalls", json!({ "item": one }));
    assert_eq!(names(&outgoing, "to"), ["alpine 1"]);
    let last = prepare(&mut talk, "ROM two");
    assert_eq!(last["name"], json!("stage 2"));
    let outgoing = talk.request("callHierarchy/outgoingCalls", json!({ "item": last }));
    assert_eq!(names(&outgoing, "to"), ["one 1", "two 2", "busybox 1"]);
    let image = prepare(&mut talk, "busybox");
    let incoming = talk.request("callHierarchy/incomingCalls", json!({ "item": image }));
    assert_eq!(names(&incoming, "from"), ["stage 2 1"]);
    let outgoing = talk.request("callHierarchy/outgoingCalls", json!({ "item": image }));
    assert_eq!(outgoing, json!([]));
    assert!(prepare(&mut talk, "/a /").is_null());
    // What was given is found again behind an edit.
    talk.edit(0, 0, "FROM zero\r\n");
    let incoming = talk.request("callHierarchy/incomingCalls", json!({ "item": one }));
    assert_eq!(names(&incoming, "from"), ["two 2", "stage 3 2"]);
}

#[test]
fn stages_of_open_files_are_symbols() {
    let mut talk = Talk::start(Outside::default());
    talk.open("b.dockerignore", "one\n");
    talk.open("Dockerfile", TEXT);
    talk.open("a.Dockerfile", "FROM x AS tone\nFR");
    let got = talk.request("workspace/symbol", json!({ "query": "ON" }));
    let found = got.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
    assert_eq!(found.collect::<Vec<_>>(), ["one", "tone"]);
    let got = talk.request("workspace/symbol", json!({ "query": "" }));
    assert_eq!(got.as_array().unwrap().len(), 4);
}
