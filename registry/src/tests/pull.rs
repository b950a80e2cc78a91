//! Manifests and blobs, and what can be wrong with them.

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::progress::Progress;

fn resolve(server: &Server) -> Result<crate::RemoteImage, RegistryError> {
    client().resolve(&server.image("a"), &amd64(), &Quiet)
}

/// Answers faults, else the image.
fn faulty(fault: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> (Server, Image) {
    let server = Server::start(move |asked| {
        fault(asked).unwrap_or_else(|| Image::new(LAYER).serve(&asked.path))
    });
    (server, Image::new(LAYER))
}

#[test]
fn images_are_found_by_tag_and_by_digest() {
    let (server, image) = faulty(|_| None);
    let found = resolve(&server).unwrap();
    assert_eq!(found.manifest_bytes, image.manifest);
    assert_eq!(
        (found.digest, found.root, found.index),
        (Digest::of(&image.manifest), Digest::of(&image.manifest), None)
    );
    assert_eq!(found.config.architecture, "amd64");
    let pinned = server.image("a").with_digest(found.digest);
    assert_eq!(client().resolve(&pinned, &amd64(), &Quiet).unwrap().digest, found.digest);
    let head = client().head(&server.image("a"), &Quiet).unwrap();
    assert_eq!((head.digest, head.size), (found.digest, image.manifest.len() as u64));
    let accept = &server.asked()[0].headers["accept"];
    assert!(accept.contains(media_type::DOCKER_LIST) && accept.contains(media_type::OCI_INDEX));
}

#[test]
fn the_platform_is_chosen_from_an_index() {
    let image = Image::new(LAYER);
    let mut members = Vec::new();
    for platform in ["linux/arm64", "linux/amd64"] {
        let member = descriptor(media_type::OCI_MANIFEST, &image.manifest);
        members.push(Descriptor { platform: Some(Platform::parse(platform).unwrap()), ..member });
    }
    members[0].digest = Digest::of(b"other");
    let index = ImageIndex::oci(members).to_json();
    let sent = index.clone();
    let (server, _) = faulty(move |asked| {
        (asked.path == "/v2/a/manifests/latest")
            .then(|| Answer::ok(&sent).with("content-type", media_type::OCI_INDEX))
    });
    let found = resolve(&server).unwrap();
    assert_eq!((found.digest, found.root), (Digest::of(&image.manifest), Digest::of(&index)));
    assert_eq!(found.index, Some(index));
    let missing = client().resolve(&server.image("a"), &Platform::linux("s390x"), &Quiet);
    let error = missing.unwrap_err().to_string();
    assert!(
        error.ends_with("has no image for linux/s390x; there are linux/arm64, linux/amd64"),
        "{error}"
    );
}

#[test]
fn what_is_not_there_is_named() {
    let (server, _) = faulty(|_| None);
    let error = client().resolve(&server.image("nope"), &amd64(), &Quiet).unwrap_err();
    let expected = format!(
        "`{0}/nope:latest` was not found on {0}; check the name and the tag",
        server.host()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn passing_failures_are_tried_again() {
    let (server, image) = faulty(|asked| match asked.earlier {
        0 if asked.path != "/v2/" => Some(Answer::of(429).with("retry-after", "0")),
        1 if asked.path != "/v2/" => Some(Answer::of(503)),
        2 if asked.path != "/v2/" => Some(Answer::of(500)),
        _ => None,
    });
    assert_eq!(resolve(&server).unwrap().manifest_bytes, image.manifest);
    assert_eq!(server.asked().len(), 8);
}

#[test]
fn lasting_failures_end() {
    let (server, _) = faulty(|asked| {
        (asked.path != "/v2/")
            .then(|| Answer::of(500).saying("{\"errors\":[{\"message\":\"disk\\nfull\"}]}"))
    });
    let error = resolve(&server).unwrap_err().to_string();
    assert!(error.contains("answered 500") && error.contains("(disk full)"), "{error}");
    assert_eq!(server.asked().len(), 4);
    let (server, _) = faulty(|_| Some(Answer::of(429).with("retry-after", "3600")));
    let error = resolve(&server).unwrap_err();
    assert!(matches!(error, RegistryError::RateLimited { seconds: 3600, .. }), "{error}");
    let (server, _) = faulty(|asked| (asked.path != "/v2/").then(|| Answer::of(418)));
    assert!(matches!(resolve(&server).unwrap_err(), RegistryError::Status { status: 418, .. }));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn lies_are_found_out() {
    for part in ["manifests", "blobs"] {
        let (server, image) = faulty(move |asked| {
            asked.path.contains(part).then(|| {
                let kind = media_type::OCI_MANIFEST;
                let mut bytes = Image::new(LAYER).serve(&asked.path);
                if asked.method == "GET" {
                    bytes = bytes.replaced(b'a', b'b');
                }
                bytes.with("content-type", kind)
            })
        });
        let pinned = server.image("a").with_digest(Digest::of(&image.manifest));
        let error = client().resolve(&pinned, &amd64(), &Quiet).unwrap_err();
        assert!(matches!(error, RegistryError::WrongDigest { .. }), "{part}: {error}");
    }
    let (server, image) =
        faulty(|asked| asked.path.contains("blobs").then(|| Answer::ok(&vec![b'x'; LAYER.len()])));
    let error = fetch(&client(), &server, &image.layer_descriptor()).unwrap_err();
    assert!(matches!(error, RegistryError::WrongDigest { .. }), "{error}");
    let (server, image) = faulty(|asked| {
        asked.path.contains("blobs").then(|| Answer::ok(&vec![b'x'; LAYER.len() + 1]))
    });
    let error = fetch(&client(), &server, &image.layer_descriptor()).unwrap_err();
    assert!(matches!(error, RegistryError::WrongSize { .. }), "{error}");
    let told = Digest::of(b"other").to_string();
    let (server, _) = faulty(move |asked| {
        asked
            .path
            .contains("manifests")
            .then(|| Image::new(LAYER).serve(&asked.path).with("docker-content-digest", &told))
    });
    assert!(matches!(resolve(&server).unwrap_err(), RegistryError::WrongDigest { .. }));
}

#[test]
fn oversized_documents_are_not_read() {
    for announced in [true, false] {
        let (server, _) = faulty(move |asked| {
            let body = vec![b' '; oci::MAX_MANIFEST as usize + 1];
            let answer = Answer::ok(&body);
            let answer = if announced { answer } else { answer.unannounced() };
            (asked.path != "/v2/").then_some(answer)
        });
        let error = resolve(&server).unwrap_err();
        assert!(matches!(error, RegistryError::TooBig { limit: oci::MAX_MANIFEST, .. }), "{error}");
    }
}

#[test]
fn other_things_are_no_images() {
    for (kind, body, part) in [
        ("text/html", "<html>", "cannot be read"),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "{\"schemaVersion\":1}",
            "schema 1",
        ),
        (
            media_type::OCI_MANIFEST,
            r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.helm","size":2,
            "digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"layers":[]}"#,
            "it is no image, but a `application/vnd.helm`",
        ),
    ] {
        let (server, _) = faulty(move |asked| {
            (asked.path != "/v2/").then(|| Answer::ok(body.as_bytes()).with("content-type", kind))
        });
        let error = resolve(&server).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// A blob that takes several breaks, served in pieces.
fn in_pieces(with_ranges: bool) -> (Vec<u8>, Server) {
    let blob: Vec<u8> = (0..500_000_u32).map(|number| (number % 251) as u8).collect();
    let served = blob.clone();
    let server = Server::start(move |asked| {
        if asked.path == "/v2/" {
            return Answer::ok(b"");
        }
        let range = asked.headers.get("range").filter(|_| with_ranges);
        let start: usize = range.map_or(0, |range| {
            range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
        });
        let answer = Answer::ok(&served[start..]);
        let answer = match start {
            0 => answer,
            start => answer.status(206).with(
                "content-range",
                &format!("bytes {start}-{}/{}", served.len() - 1, served.len()),
            ),
        };
        match asked.earlier {
            0 => answer.cut(100_000),
            1 => answer.stalling(150_000, Duration::from_secs(2)),
            2 => answer.cut(10),
            _ => answer,
        }
    });
    (blob, server)
}

#[test]
fn broken_downloads_go_on_where_they_stopped() {
    let (blob, server) = in_pieces(true);
    assert_eq!(fetch(&client(), &server, &descriptor("x", &blob)).unwrap(), blob);
    let asked = server.asked();
    let ranges: Vec<Option<&str>> =
        asked.iter().map(|asked| asked.headers.get("range").map(String::as_str)).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-"), Some("bytes=250000-"), Some("bytes=250010-")]);
}

#[test]
fn servers_without_ranges_are_borne() {
    let (blob, server) = in_pieces(false);
    assert_eq!(fetch(&client(), &server, &descriptor("x", &blob)).unwrap(), blob);
}

#[test]
fn endless_breaks_end() {
    let (server, image) =
        faulty(|asked| asked.path.contains("blobs").then(|| Answer::ok(LAYER).cut(1)));
    let error = fetch(&client(), &server, &image.layer_descriptor()).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot reach {}: the connection broke", server.host())),
        "{error}"
    );
    assert_eq!(server.asked().len(), 4);
    let (server, image) = faulty(|asked| {
        asked.path.contains("blobs").then(|| Answer::ok(LAYER).stalling(1, Duration::from_secs(1)))
    });
    let error = fetch(&client(), &server, &image.layer_descriptor()).unwrap_err().to_string();
    assert!(error.contains("fell silent"), "{error}");
}

#[test]
fn hosts_that_are_not_there_are_named() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let reference = Reference::parse(&format!("127.0.0.1:{port}/a")).unwrap();
    let error = client().resolve(&reference, &amd64(), &Quiet).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot reach 127.0.0.1:{port}: the connection was refused")),
        "{error}"
    );
    let reference = Reference::parse("no-such-host.invalid/a").unwrap();
    let error = client().resolve(&reference, &amd64(), &Quiet).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
}

#[test]
fn mirrors_are_asked_first_and_may_fail() {
    let (upstream, image) = faulty(|_| None);
    let (lying, _) =
        faulty(|asked| asked.path.contains("blobs").then(|| Answer::ok(&vec![b'x'; LAYER.len()])));
    let settings = HostSettings {
        mirrors: vec![lying.host(), "127.0.0.1:1".to_owned()],
        ..HostSettings::default()
    };
    let hosts = [(upstream.host(), settings)].into();
    let client = Client::new(Config { hosts, ..config() }).unwrap();
    let found = client.resolve(&upstream.image("a"), &amd64(), &Quiet).unwrap();
    assert_eq!(found.digest, Digest::of(&image.manifest));
    assert_eq!(fetch(&client, &upstream, &image.layer_descriptor()).unwrap(), LAYER);
    assert_eq!(lying.asked().len(), 3);
}

#[test]
fn an_unverified_host_may_speak_plain_http() {
    let (server, image) = faulty(|_| None);
    let settings = HostSettings { insecure: true, ..HostSettings::default() };
    let hosts = [(server.host(), settings)].into();
    let client = Client::new(Config { hosts, ..config() }).unwrap();
    assert_eq!(fetch(&client, &server, &image.layer_descriptor()).unwrap(), LAYER);
}

#[test]
fn a_secure_host_is_not_asked_over_plain_http() {
    let (server, _) = faulty(|_| None);
    let settings = HostSettings {
        mirrors: vec![format!("https://{}", server.host())],
        ..HostSettings::default()
    };
    let hosts = [("r.invalid".to_owned(), settings)].into();
    let client = Client::new(Config { hosts, ..config() }).unwrap();
    let reference = Reference::parse("r.invalid/a").unwrap();
    assert!(client.resolve(&reference, &amd64(), &Quiet).is_err());
    assert!(server.asked().is_empty());
}

#[test]
fn one_failure_of_many_stops_the_others() {
    #[derive(Default)]
    struct Counting(Mutex<usize>);
    impl Progress for Counting {
        fn started(&self, _digest: &Digest, _size: u64) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let blobs: Vec<Descriptor> = (0..50_u8).map(|number| descriptor("x", &[number])).collect();
    let progress = Counting::default();
    let outcome = client().in_parallel(&blobs, 3, &progress, |blob, progress| {
        progress.started(&blob.digest, blob.size);
        std::thread::sleep(Duration::from_millis(2));
        match blob.digest == blobs[3].digest {
            true => Err(RegistryError::Address("x".to_owned())),
            false => Ok(()),
        }
    });
    assert!(matches!(outcome, Err(RegistryError::Address(_))));
    assert!(*progress.0.lock().unwrap() < 15);
}

#[test]
fn transfers_can_be_cancelled() {
    struct Cancel(AtomicBool);
    impl Progress for Cancel {
        fn retrying(&self, _what: &str, _why: &str) {
            self.0.store(true, Ordering::Relaxed);
        }
        fn is_cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }
    let (server, _) =
        faulty(|asked| (asked.path != "/v2/").then(|| Answer::of(503).with("retry-after", "2")));
    let outcome = client().resolve(&server.image("a"), &amd64(), &Cancel(AtomicBool::new(false)));
    assert!(matches!(outcome, Err(RegistryError::Cancelled)));
}
