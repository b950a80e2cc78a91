//! Uploads.

use std::fs::File;

use super::*;
use crate::client::push::BlobSource;

/// How a registry takes blobs.
#[derive(Clone, Copy, PartialEq)]
enum Taking {
    Whole,
    Pieces,
    FailsOnce,
    Mounts,
    HasIt,
}

fn registry(taking: Taking) -> Server {
    Server::start(move |asked| {
        let target = (asked.method.as_str(), asked.path.as_str());
        match target {
            ("GET", "/v2/") => Answer::ok(b""),
            ("HEAD", _) if taking == Taking::HasIt => Answer::of(200),
            ("HEAD", _) => Answer::of(404),
            ("POST", "/v2/a/blobs/uploads/") if taking == Taking::Mounts => Answer::of(201),
            ("POST", "/v2/a/blobs/uploads/") => Answer::of(202)
                .with("location", &format!("/v2/a/blobs/uploads/{}?state=x", asked.earlier)),
            ("PUT", path) if path.contains("/blobs/uploads/") => match taking {
                Taking::Pieces if !asked.body.is_empty() => Answer::of(413),
                Taking::FailsOnce if path.ends_with('0') => Answer::of(502),
                Taking::Whole
                | Taking::Pieces
                | Taking::FailsOnce
                | Taking::Mounts
                | Taking::HasIt => Answer::of(201),
            },
            ("PATCH", path) => Answer::of(202).with("location", path),
            ("PUT", _) => {
                let digest = Digest::of(&asked.body).to_string();
                Answer::of(201).with("docker-content-digest", &digest)
            }
            _ => Answer::of(404),
        }
    })
}

fn push(server: &Server, bytes: &[u8]) -> Result<(), RegistryError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blob");
    std::fs::write(&path, bytes).unwrap();
    let from = [server.image("a"), Reference::parse("elsewhere.lan/b").unwrap(), server.image("b")];
    let source = BlobSource { mount_from: &from, bring: &|_| Ok(()), open: &|| File::open(&path) };
    client().push_blob(&server.image("a"), &descriptor("x", bytes), source, &Quiet)
}

fn steps(server: &Server) -> Vec<String> {
    let asked = server.asked();
    asked
        .iter()
        .map(|asked| format!("{} {} {}", asked.method, asked.query, asked.body.len()))
        .collect()
}

#[test]
fn a_blob_is_sent_whole() {
    let server = registry(Taking::Whole);
    push(&server, b"12345").unwrap();
    let digest = format!("sha256%3A{}", Digest::of(b"12345").hex());
    let expected = [
        "HEAD  0".to_owned(),
        format!("POST mount={digest}&from=b 0"),
        format!("PUT state=x&digest={digest} 5"),
    ];
    assert_eq!(steps(&server), expected);
    assert_eq!(server.asked()[2].body, b"12345");
}

#[test]
fn a_blob_is_sent_in_pieces_if_need_be() {
    let server = registry(Taking::Pieces);
    let bytes: Vec<u8> = (0..(17 << 20)).map(|number: u32| (number % 253) as u8).collect();
    push(&server, &bytes).unwrap();
    let asked = server.asked();
    let patches: Vec<&Asked> = asked.iter().filter(|asked| asked.method == "PATCH").collect();
    let ranges: Vec<&str> =
        patches.iter().map(|asked| asked.headers["content-range"].as_str()).collect();
    assert_eq!(ranges, ["0-16777215", "16777216-17825791"]);
    assert_eq!(patches.iter().flat_map(|asked| asked.body.clone()).collect::<Vec<u8>>(), bytes);
    assert!(asked.last().unwrap().query.starts_with("digest=sha256"));
}

#[test]
fn a_failed_upload_begins_anew() {
    let server = registry(Taking::FailsOnce);
    push(&server, b"12345").unwrap();
    let asked = server.asked();
    let puts: Vec<&str> = asked
        .iter()
        .filter(|asked| asked.method == "PUT")
        .map(|asked| asked.path.as_str())
        .collect();
    assert_eq!(puts, ["/v2/a/blobs/uploads/0", "/v2/a/blobs/uploads/1"]);
}

#[test]
fn what_is_there_stays() {
    for (taking, count) in [(Taking::HasIt, 1), (Taking::Mounts, 2)] {
        let server = registry(taking);
        push(&server, b"12345").unwrap();
        assert_eq!(server.asked().len(), count);
    }
}

#[test]
fn manifests_are_put_under_tag_or_digest() {
    let server = registry(Taking::Whole);
    let bytes = Image::new(LAYER).manifest;
    let digest = Digest::of(&bytes);
    let (tagged, pinned) = (server.image("a"), server.image("a").with_digest(digest));
    for reference in [tagged, pinned] {
        let pushed = client().push_manifest(&reference, media_type::OCI_MANIFEST, &bytes, &Quiet);
        assert_eq!(pushed.unwrap(), digest);
    }
    let asked = server.asked();
    assert_eq!(asked[0].path, "/v2/a/manifests/latest");
    assert_eq!(asked[1].path, format!("/v2/a/manifests/{digest}"));
    assert!(
        asked.iter().all(|asked| asked.headers["content-type"] == media_type::OCI_MANIFEST
            && asked.body == bytes)
    );
}
