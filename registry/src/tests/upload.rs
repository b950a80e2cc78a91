//! Uploads that break off, to registries that know how far they got, and to such as do not.

use std::fs::File;
use std::sync::{Arc, Mutex};

use super::*;
use crate::client::push::BlobSource;

/// What a registry says when it is asked how far an upload got.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Status {
    /// How far it is.
    True,
    /// The same, without a place.
    Placeless,
    /// More than it was sent.
    Beyond,
    /// Less than it has.
    Less,
    /// Nothing that makes sense.
    Says(&'static str),
    /// Nothing at all.
    Unknown,
}

/// How an upload is broken off.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Break {
    Reset,
    Refusal,
    /// A byte is not what it was.
    Garbling,
    /// Pieces are not taken at all.
    NoPieces,
}

/// The uploads of a registry.
#[derive(Default)]
struct Uploads {
    /// What the upload has that is under way.
    kept: Vec<u8>,
    /// What was taken in the end.
    whole: Vec<u8>,
    /// After how many bytes the next ones break off.
    breaks: Vec<usize>,
}

/// A registry whose uploads break off, one after the other, after so many bytes.
fn registry(status: Status, how: Break, breaks: &[usize]) -> (Server, Arc<Mutex<Uploads>>) {
    let mut breaks = breaks.to_vec();
    breaks.reverse();
    let state = Arc::new(Mutex::new(Uploads { breaks, ..Uploads::default() }));
    let (cutting, answering) = (state.clone(), state.clone());
    let takes = move |asked: &Asked| {
        let has_body = asked.headers.get("content-length").is_some_and(|length| length != "0");
        let is_upload = asked.path.contains("/uploads/") && has_body;
        is_upload.then(|| cutting.lock().unwrap().breaks.pop()).flatten()
    };
    let server = Server::taking(takes, move |asked| {
        let mut uploads = answering.lock().unwrap();
        let have = uploads.kept.len();
        match asked.method.as_str() {
            "POST" => {
                uploads.kept.clear();
                Answer::of(202).with("location", "/v2/a/blobs/uploads/1?at=0")
            }
            "GET" if asked.path.contains("/uploads/") => {
                let range = match status {
                    Status::True | Status::Placeless => format!("0-{}", have.saturating_sub(1)),
                    Status::Beyond => "0-999999999".to_owned(),
                    Status::Less => format!("0-{}", have / 2),
                    Status::Says(what) => what.to_owned(),
                    Status::Unknown => return Answer::of(404),
                };
                let answer = Answer::of(204).with("range", &range);
                match status {
                    Status::Placeless => answer,
                    _ => answer.with("location", &format!("/v2/a/blobs/uploads/1?at={have}")),
                }
            }
            "PUT" | "PATCH" => take(&mut uploads, asked, how),
            _ => Answer::of(404),
        }
    });
    (server, state)
}

fn take(uploads: &mut Uploads, asked: &Asked, how: Break) -> Answer {
    let have = uploads.kept.len();
    let range = asked.headers.get("content-range");
    let start = range.map(|range| range.split('-').next().unwrap().parse::<usize>().unwrap());
    if start.is_some_and(|start| start != have) {
        return Answer::of(416);
    }
    if asked.method == "PATCH" && how == Break::NoPieces {
        return Answer::of(500);
    }
    uploads.kept.extend(&asked.body);
    let length: usize = asked.headers["content-length"].parse().unwrap();
    if length != asked.body.len() {
        return match how {
            Break::Reset | Break::NoPieces => Answer::of(0),
            Break::Garbling => {
                uploads.kept[7] ^= 1;
                Answer::of(0)
            }
            Break::Refusal => Answer::of(502),
        };
    }
    let next = format!("/v2/a/blobs/uploads/1?at={}", uploads.kept.len());
    if asked.method == "PATCH" {
        return Answer::of(202).with("location", &next);
    }
    let digest = format!("digest=sha256%3A{}", Digest::of(&uploads.kept).hex());
    match asked.query.ends_with(&digest) {
        true => {
            uploads.whole = std::mem::take(&mut uploads.kept);
            Answer::of(201)
        }
        false => Answer::of(400),
    }
}

fn push(server: &Server, bytes: &[u8]) -> Result<(), RegistryError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blob");
    std::fs::write(&path, bytes).unwrap();
    let source = BlobSource { mount_from: &[], bring: &|_| Ok(()), open: &|| File::open(&path) };
    // A machine with much to do is no silent registry.
    let limits = Limits { stall: Duration::from_secs(30), ..config().limits };
    let client = Client::new(Config { limits, ..config() }).unwrap();
    client.push_blob(&server.image("a"), &descriptor("x", bytes), source, &Quiet)
}

fn bytes(count: u32) -> Vec<u8> {
    (0..count).map(|number| (number % 251) as u8).collect()
}

/// How many bytes of bodies the registry took, all in all.
fn taken(server: &Server) -> usize {
    server.asked().iter().map(|asked| asked.body.len()).sum()
}

fn count(server: &Server, method: &str) -> usize {
    server.asked().iter().filter(|asked| asked.method == method).count()
}

#[test]
fn an_upload_goes_on_where_it_broke_off() {
    let bytes = bytes(3 << 20);
    for how in [Break::Reset, Break::Refusal] {
        for status in [Status::True, Status::Placeless] {
            let (server, state) = registry(status, how, &[1_000_000]);
            push(&server, &bytes).unwrap();
            assert_eq!(state.lock().unwrap().whole, bytes);
            assert_eq!(taken(&server), bytes.len(), "{how:?} {status:?}");
            assert_eq!(count(&server, "POST"), 1);
            let asked = server.asked();
            let patch = asked.iter().find(|asked| asked.method == "PATCH").unwrap();
            assert_eq!(patch.headers["content-range"], "1000000-3145727");
            let at = if status == Status::True { "at=1000000" } else { "at=0" };
            assert_eq!(patch.query, at);
        }
    }
}

/// With headway each time, it may break off more often than anything is tried.
#[test]
fn an_upload_goes_on_again_and_again() {
    let bytes = bytes(20 << 20);
    let breaks = [900_000; 9];
    let (server, state) = registry(Status::True, Break::Reset, &breaks);
    push(&server, &bytes).unwrap();
    assert_eq!(state.lock().unwrap().whole, bytes);
    assert_eq!(taken(&server), bytes.len());
    assert_eq!((count(&server, "POST"), count(&server, "GET")), (1, 9));
}

#[test]
fn without_headway_it_ends() {
    let bytes = bytes(3 << 20);
    let (server, _) = registry(Status::True, Break::Reset, &[100_000, 10, 10, 10, 10, 10]);
    let error = push(&server, &bytes).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    // The first was a try of its own, for it got far.
    assert_eq!(taken(&server), 100_040);
}

#[test]
fn an_upload_begins_anew_where_the_registry_does_not_know() {
    let bytes = bytes(3 << 20);
    for status in [
        Status::Unknown,
        Status::Beyond,
        Status::Says("0-0"),
        Status::Says("bytes 0-99/*"),
        Status::Says("0--5"),
        Status::Says("1000-2000"),
        Status::Says("0-18446744073709551615"),
    ] {
        let (server, state) = registry(status, Break::Reset, &[1_000_000]);
        push(&server, &bytes).unwrap();
        assert_eq!(state.lock().unwrap().whole, bytes);
        assert_eq!(taken(&server), 1_000_000 + bytes.len(), "{status:?}");
        assert_eq!((count(&server, "POST"), count(&server, "PATCH")), (2, 0), "{status:?}");
    }
}

/// A lie that cannot be seen through costs one try, and is believed no more.
#[test]
fn an_upload_begins_anew_after_a_lie() {
    let bytes = bytes(3 << 20);
    for (status, how, refused) in [
        // The registry does not take what it asked for.
        (Status::Less, Break::Reset, 1),
        // It has as much as it says, but something else, as the digest tells.
        (Status::True, Break::Garbling, 1),
        // It has nothing but errors for what goes on.
        (Status::True, Break::NoPieces, 2),
    ] {
        let (server, state) = registry(status, how, &[1_000_000]);
        push(&server, &bytes).unwrap();
        assert_eq!(state.lock().unwrap().whole, bytes);
        assert_eq!((count(&server, "POST"), count(&server, "PATCH")), (2, refused), "{how:?}");
    }
}

/// A registry that fails at the end has got it all the same, or all but the end.
#[test]
fn an_answer_that_is_lost_costs_no_second_upload() {
    let bytes = bytes(100_000);
    let whole = Digest::of(&bytes).to_string();
    let server = Server::start(move |asked| match asked.method.as_str() {
        "HEAD" if asked.earlier > 0 && asked.path.ends_with(&whole) => Answer::of(200),
        "POST" => Answer::of(202).with("location", "/v2/a/blobs/uploads/1"),
        "PUT" => Answer::of(504),
        _ => Answer::of(404),
    });
    push(&server, &bytes).unwrap();
    assert_eq!(taken(&server), bytes.len());
}
