//! Links, and the places of files.

use serde_json::json;

use crate::testing::{Outside, Talk};

const FILES: &[(&str, &str)] = &[("a.txt", "a"), ("dir/b", "b"), (".dockerignore", "c\n")];

#[test]
fn links_lead_to_files_pages_and_downloads() {
    let mut talk = Talk::start(Outside::of(FILES));
    talk.open(
        "Dockerfile",
        "# syntax=docker/dockerfile:1\r\nARG D=dir\r\nFROM alpine AS one\r\nFROM ghcr.io/a/b\r\nARG D\r\n\
         # 𝄞\r\nCOPY a.txt none dir /x/\r\nCOPY \"$D/b\" /x\r\nCOPY --from=one a.txt /\r\nCOPY --from=busybox:1 a.txt /\r\n\
         ADD https://u:secret@example.com/z.git#main:x https://$HOST/ /\r\n\
         RUN --mount=type=bind,source=a.txt,target=/a --mount=from=one,source=a.txt,target=/b true\r\nONBUILD COPY a.txt /\r\nCOPY ../a.txt",
    );
    let got = talk.ask("documentLink", json!({}));
    let links = got.as_array().unwrap().iter();
    let links: Vec<_> = links
        .map(|link| (talk.slice(&link["range"]).to_owned(), link["target"].as_str().unwrap()))
        .collect();
    let file = "file:///p/a.txt";
    let want = [
        ("docker/dockerfile:1", "https://hub.docker.com/r/docker/dockerfile"),
        ("alpine", "https://hub.docker.com/_/alpine"),
        ("a.txt", file),
        ("\"$D/b\"", "file:///p/dir/b"),
        ("busybox:1", "https://hub.docker.com/_/busybox"),
        ("https://u:secret@example.com/z.git#main:x", "https://example.com/z.git"),
        ("a.txt", file),
        ("a.txt", file),
    ];
    let links: Vec<_> = links.iter().map(|(text, target)| (text.as_str(), *target)).collect();
    assert_eq!(links, want);
}

#[test]
fn a_file_has_places_and_no_name() {
    let mut talk = Talk::start(Outside::of(FILES));
    let text = "FROM a\nCOPY ./a.txt /x\nADD a.txt b /y\nCOPY --from=0 a.txt /z\n";
    talk.open("Dockerfile", text);
    let at = text.find("a.txt").unwrap();
    let places = talk.at("documentHighlight", at, json!({}));
    let places: Vec<_> =
        places.as_array().unwrap().iter().map(|it| talk.slice(&it["range"])).collect();
    assert_eq!(places, ["./a.txt", "a.txt"]);
    let context = json!({ "context": { "includeDeclaration": true } });
    assert_eq!(talk.at("references", at, context).as_array().unwrap().len(), 2);
    let definition = talk.at("definition", at, json!({}));
    assert_eq!(definition[0]["uri"], json!("file:///p/a.txt"));
    assert!(talk.at("prepareRename", at, json!({})).is_null());
    let renamed = talk.at("rename", at, json!({ "newName": "x" }));
    assert!(renamed["message"].as_str().unwrap().contains("a.txt"), "{renamed}");
}

#[test]
fn a_heredoc_is_renamed() {
    let mut talk = Talk::start(Outside::default());
    let text = "FROM a\r\nRUN <<-\"END\"\r\n𝄞\r\n\tEND\r\n";
    talk.open("Dockerfile", text);
    for at in [text.find("END").unwrap(), text.rfind("END").unwrap()] {
        let renamed = talk.at("rename", at, json!({ "newName": "EOF" }));
        let edits = &renamed["changes"]["file:///p/Dockerfile"];
        assert_eq!(talk.edited(edits), text.replace("END", "EOF"), "{renamed}");
    }
}
