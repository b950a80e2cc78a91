//! Registries that lie, stall, break off, flood and lead astray: each gives a clear error in time, and nothing of it stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::json;

use super::image::{self, INDEX, Image, MANIFEST, digest};
use super::user::{User, says};
use super::web::{Answer, Asked, Body, Web};
use crate::Outcome;
use crate::need::trial;

/// A second of silence is enough, and so are two tries.
const IMPATIENT: &str = "[transfer]\ntimeout = 1\nattempts = 2\n";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::hostile::wrong_bytes", &[], wrong_bytes),
        trial("registries::hostile::wrong_sizes", &[], wrong_sizes),
        trial("registries::hostile::endless_bodies", &[], endless_bodies),
        trial("registries::hostile::silence", &[], silence),
        trial("registries::hostile::drops_of_bytes", &[], drops_of_bytes),
        trial("registries::hostile::always_breaking_off", &[], always_breaking_off),
        trial("registries::hostile::breaking_off_twice", &[], breaking_off_twice),
        trial("registries::hostile::big_documents", &[], big_documents),
        trial("registries::hostile::more_than_the_disk_has", &[], more_than_the_disk_has),
        trial("registries::hostile::indexes", &[], indexes),
        trial("registries::hostile::wrong_types", &[], wrong_types),
        trial("registries::hostile::packed_bodies", &[], packed_bodies),
        trial("registries::hostile::redirects", &[], redirects),
        trial("registries::hostile::logins_that_never_end", &[], logins_that_never_end),
        trial("registries::hostile::strange_token_servers", &[], strange_token_servers),
        trial("registries::hostile::uploads_to_elsewhere", &[], uploads_to_elsewhere),
        trial("registries::hostile::other_contents", &[], other_contents),
        trial("registries::hostile::bombs", &[], bombs),
        trial("registries::hostile::schema_1", &[], schema_1),
    ]
}

/// A pull from the server fails, says all this, and leaves nothing.
fn refused(web: &Web, args: &[&str], parts: &[&str]) -> Outcome {
    let user = User::new()?;
    user.config(IMPATIENT)?;
    refused_to(&user, web, args, parts)
}

fn refused_to(user: &User, web: &Web, args: &[&str], parts: &[&str]) -> Outcome {
    let name = format!("{}/a", web.host());
    let done = user.run(&[&["pull", &name], args].concat())?.expect(1)?;
    says(&done.stderr, &[&["cannot pull", &name], parts].concat())?;
    user.has_nothing()
}

fn is_blob(asked: &Asked, digest: &str) -> bool {
    asked.path.ends_with(&format!("/blobs/{digest}"))
}

fn wrong_bytes() -> Outcome {
    for part in ["layer", "config", "manifest"] {
        let web = Image::new(200_000)?.start(move |asked, image| {
            let flipped = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                let last = bytes.len() - 10;
                bytes[last] ^= 1;
                Some(Answer::ok(&bytes).with("content-type", MANIFEST))
            };
            match part {
                "layer" if is_blob(asked, &image.layer) => flipped(&image.blobs[&image.layer]),
                "config" if is_blob(asked, &image.config) => flipped(&image.blobs[&image.config]),
                "manifest" if asked.path.contains("manifests") => {
                    let honest = image.manifest.to_string();
                    flipped(honest.as_bytes())
                        .map(|it| it.with("docker-content-digest", &digest(honest.as_bytes())))
                }
                _ => None,
            }
        })?;
        refused(&web, &[], &["wrong bytes", "expected sha256:"])?;
    }
    Ok(())
}

fn wrong_sizes() -> Outcome {
    let longer = Image::new(100_000)?.start(|asked, image| {
        let mut bytes = image.blobs[&image.layer].clone();
        bytes.push(0);
        is_blob(asked, &image.layer).then(|| Answer::ok(&bytes))
    })?;
    refused(&longer, &[], &["bytes for `blob", "were expected"])?;
    let unannounced = Image::new(100_000)?.start(|asked, image| {
        let mut bytes = image.blobs[&image.layer].clone();
        bytes.extend([0; 1000]);
        is_blob(asked, &image.layer).then(|| Answer::of(200).sending(Body::Unannounced(bytes)))
    })?;
    refused(&unannounced, &[], &["bytes for `blob", "were expected"])?;
    let shorter = Image::new(100_000)?.start(|asked, image| {
        let bytes = &image.blobs[&image.layer];
        is_blob(asked, &image.layer).then(|| Answer::ok(&bytes[1..]))
    })?;
    refused(&shorter, &[], &["bytes for `blob", "were expected"])
}

fn endless_bodies() -> Outcome {
    for part in ["/manifests/", "/blobs/"] {
        let web = Image::new(1000)?.start(move |asked, _| {
            let endless = || Answer::of(200).with("content-type", MANIFEST).sending(Body::Endless);
            asked.path.contains(part).then(endless)
        })?;
        refused(&web, &[], &["bytes"])?;
    }
    Ok(())
}

/// Nothing comes: neither the beginning of an answer, nor the rest of it.
fn silence() -> Outcome {
    for part in ["/manifests/", "/blobs/"] {
        let web = Image::new(300_000)?.start(move |asked, image| {
            let name = asked.path.rsplit('/').next().unwrap_or_default();
            let bytes = match part {
                "/blobs/" if is_blob(asked, &image.layer) => image.blobs.get(name)?.clone(),
                "/manifests/" => image.documents.get(name)?.1.clone(),
                _ => return None,
            };
            let after = bytes.len() / 2;
            let kind = ("content-type", MANIFEST);
            Some(Answer::of(200).with(kind.0, kind.1).sending(Body::Silent(bytes, after)))
        })?;
        refused(&web, &[], &["cannot reach", "it fell silent for 1 seconds"])?;
    }
    let mute = Web::start(|_| {
        std::thread::sleep(Duration::from_secs(4));
        Answer::of(200)
    })?;
    refused(&mute, &[], &["cannot reach", "for 1 seconds"])
}

/// Each byte comes in time; all of them would take days.
fn drops_of_bytes() -> Outcome {
    for part in ["/manifests/", "/blobs/"] {
        let web = Image::new(300_000)?.start(move |asked, image| {
            let name = asked.path.rsplit('/').next().unwrap_or_default();
            let bytes = match part {
                "/blobs/" if is_blob(asked, &image.layer) => image.blobs.get(name)?.clone(),
                "/manifests/" => image.documents.get(name)?.1.clone(),
                _ => return None,
            };
            let dripping = Body::Dripping(bytes, Duration::from_millis(200));
            Some(Answer::of(200).with("content-type", MANIFEST).sending(dripping))
        })?;
        refused(&web, &[], &["cannot reach"])?;
    }
    Ok(())
}

fn always_breaking_off() -> Outcome {
    let web = Image::new(300_000)?.start(|asked, image| {
        let bytes = image.blobs[&image.layer].clone();
        is_blob(asked, &image.layer).then(|| Answer::of(200).sending(Body::Cut(bytes, 1000)))
    })?;
    refused(&web, &[], &["cannot reach", "the connection broke"])?;
    let asked = web.asked();
    let tries = asked.iter().filter(|asked| asked.header("range").is_some()).count();
    if tries == 1 { Ok(()) } else { Err(format!("{tries} further tries").into()) }
}

/// A download goes on where it broke off.
fn breaking_off_twice() -> Outcome {
    let count = AtomicUsize::new(0);
    let web = Image::new(1_000_000)?.start(move |asked, image| {
        if !is_blob(asked, &image.layer) {
            return None;
        }
        let bytes = image.blobs[&image.layer].clone();
        let start = asked
            .header("range")
            .and_then(|text| text.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        let last = bytes.len() - 1;
        let rest = bytes[start.unwrap_or(0)..].to_vec();
        let answer = match start {
            Some(start) => Answer::of(206)
                .with("content-range", &format!("bytes {start}-{last}/{}", bytes.len())),
            None => Answer::of(200),
        };
        Some(match count.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => answer.sending(Body::Cut(rest, 300_000)),
            _ => answer.sending(Body::Whole(rest)),
        })
    })?;
    let user = User::new()?;
    let name = format!("{}/a", web.host());
    let done = user.run(&["pull", &name])?.expect(0)?;
    says(&done.stderr, &["the connection broke; once more"])?;
    let asked = web.asked();
    let ranges: Vec<&str> = asked.iter().filter_map(|asked| asked.header("range")).collect();
    let expected = ["bytes=300000-", "bytes=600000-"];
    if ranges == expected { Ok(()) } else { Err(format!("{ranges:?}").into()) }
}

fn big_documents() -> Outcome {
    let web = Image::new(1000)?.start(|asked, _| {
        let big = vec![b' '; 5 << 20];
        asked.path.contains("/manifests/").then(|| Answer::ok(&big).with("content-type", MANIFEST))
    })?;
    refused(&web, &[], &["more than 4194304 bytes"])?;
    let mut image = Image::new(1000)?;
    let mut manifest = image.manifest.clone();
    manifest["config"]["size"] = json!(1_u64 << 40);
    image.set_manifest(manifest);
    let web = image.start(|asked, image| {
        is_blob(asked, &image.config).then(|| Answer::of(200).sending(Body::Endless))
    })?;
    refused(&web, &[], &["more than 8388608 bytes"])?;
    refused(&web, &["--all-platforms"], &["more than 8388608 bytes"])
}

fn more_than_the_disk_has() -> Outcome {
    let mut image = Image::new(1000)?;
    let mut manifest = image.manifest.clone();
    manifest["layers"][0]["size"] = json!(1_u64 << 60);
    image.set_manifest(manifest);
    let web = image.start(|_, _| None)?;
    refused(&web, &[], &["are free on the disk of the store", "dfc prune"])
}

fn indexes() -> Outcome {
    let member = |digest: &str, size: usize, kind: &str| {
        json!({ "mediaType": kind, "digest": digest, "size": size,
                "platform": { "os": "linux", "architecture": "amd64" } })
    };
    let index = |members: Vec<serde_json::Value>| {
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": members }).to_string()
    };
    // More images than anyone means.
    let mut image = Image::new(1000)?;
    let mut members = Vec::new();
    for number in 0..300 {
        let mut manifest = image.manifest.clone();
        manifest["annotations"] = json!({ "number": number.to_string() });
        let bytes = manifest.to_string();
        image.add("another", MANIFEST, bytes.as_bytes());
        members.push(member(&digest(bytes.as_bytes()), bytes.len(), MANIFEST));
    }
    image.add("latest", INDEX, index(members).as_bytes());
    refused(&image.start(|_, _| None)?, &["--all-platforms"], &["more than 256 images"])?;
    // Indexes in indexes.
    let mut image = Image::new(1000)?;
    for _ in 0..6 {
        let inner = image.documents["latest"].clone();
        let outer = index(vec![member(&digest(&inner.1), inner.1.len(), &inner.0)]);
        image.add("latest", INDEX, outer.as_bytes());
    }
    let web = image.start(|_, _| None)?;
    for args in [&[][..], &["--all-platforms"]] {
        refused(&web, args, &["indexes in indexes"])?;
    }
    // An index that says that it holds itself: its digest cannot be right.
    let mut image = Image::new(1000)?;
    let own = index(vec![member(&format!("sha256:{}", "0".repeat(64)), 1000, INDEX)]);
    image.add("latest", INDEX, own.as_bytes());
    image.add(&format!("sha256:{}", "0".repeat(64)), INDEX, own.as_bytes());
    let web = image.start(|_, _| None)?;
    for args in [&[][..], &["--all-platforms"]] {
        refused(&web, args, &["wrong bytes"])?;
    }
    Ok(())
}

fn wrong_types() -> Outcome {
    let html = Image::new(1000)?.start(|asked, _| {
        let page = Answer::ok(b"<html>sign in</html>").with("content-type", "text/html");
        asked.path.contains("/manifests/").then_some(page)
    })?;
    refused(&html, &[], &["a:latest"])?;
    let mut image = Image::new(1000)?;
    let mut manifest = image.manifest.clone();
    manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    image.set_manifest(manifest);
    refused(&image.start(|_, _| None)?, &[], &["it is no image", "helm"])?;
    let both = Image::new(1000)?.start(|asked, image| {
        let bytes = image.manifest.to_string();
        let lie = Answer::ok(bytes.as_bytes()).with("content-type", INDEX);
        asked.path.contains("/manifests/").then_some(lie)
    })?;
    refused(&both, &[], &["ambiguous"])
}

/// Bytes that were packed on the way are not those that the digest is of.
fn packed_bodies() -> Outcome {
    for part in ["/manifests/", "/blobs/"] {
        let web = Image::new(1000)?.start(move |asked, image| {
            let packed = image.serve(asked).with("content-encoding", "gzip");
            asked.path.contains(part).then_some(packed)
        })?;
        refused(&web, &[], &["packed as `gzip`"])?;
        let asked = web.asked();
        if asked.iter().any(|asked| asked.header("accept-encoding") != Some("identity")) {
            return Err("it asks for packed bodies".into());
        }
    }
    Ok(())
}

fn redirects() -> Outcome {
    let turning = Image::new(1000)?.start(|asked, _| {
        asked.path.contains("/blobs/").then(|| Answer::of(307).with("location", &asked.path))
    })?;
    refused(&turning, &[], &["more than 10 redirects"])?;
    let away = Image::new(1000)?.start(|asked, _| {
        asked
            .path
            .contains("/blobs/")
            .then(|| Answer::of(302).with("location", "file:///etc/passwd"))
    })?;
    refused(&away, &[], &["a redirect leads nowhere"])?;
    // Another host serves the blobs, and learns nothing of the password.
    let image = Image::new(1000)?;
    let far = image.clone().start(|_, _| None)?;
    let target = far.address("");
    let near = image.start(move |asked, _| match asked.header("authorization") {
        None => Some(Answer::of(401).with("www-authenticate", "Basic realm=\"x\"")),
        Some(_) if asked.path.contains("/blobs/") => {
            Some(Answer::of(307).with("location", &format!("{target}{}", asked.path)))
        }
        Some(_) => None,
    })?;
    let user = with_password(&near)?;
    user.run(&["pull", &format!("{}/a", near.host())])?.expect(0)?;
    let asked = far.asked();
    if asked.len() != 2 || asked.iter().any(|asked| asked.headers.contains_key("authorization")) {
        return Err(format!("the other host was asked {asked:?}").into());
    }
    Ok(())
}

/// Somebody who is `u`, `secret` at the server.
fn with_password(web: &Web) -> Result<User, libtest_mimic::Failed> {
    let user = User::new()?;
    user.config(IMPATIENT)?;
    let auths = json!({ "auths": { web.host(): { "username": "u", "password": "secret" } } });
    user.file(".docker/config.json", &auths.to_string())?;
    Ok(user)
}

fn logins_that_never_end() -> Outcome {
    let image = Image::new(1000)?;
    let basic = Web::start(|_| Answer::of(401).with("www-authenticate", "Basic realm=\"again\""))?;
    let user = with_password(&basic)?;
    refused_to(&user, &basic, &[], &["refused access"])?;
    let counted = Arc::new(AtomicUsize::new(0));
    let seen = counted.clone();
    let bearer = Web::start(move |asked| match asked.path.as_str() {
        "/token" => {
            seen.fetch_add(1, Ordering::Relaxed);
            Answer::ok(b"{\"token\":\"never-good\"}")
        }
        "/v2/" => image.serve(asked),
        _ => {
            let host = asked.header("host").unwrap_or_default();
            let realm = format!("Bearer realm=\"http://{host}/token\",service=\"x\"");
            Answer::of(401).with("www-authenticate", &realm)
        }
    })?;
    refused(&bearer, &[], &["refused access"])?;
    let tokens = counted.load(Ordering::Relaxed);
    if tokens <= 2 { Ok(()) } else { Err(format!("{tokens} tokens").into()) }
}

/// Token servers that are files, mute, endless or elsewhere over plain HTTP get no password.
fn strange_token_servers() -> Outcome {
    for realm in ["file:///etc/passwd", "ftp://localhost/x", "http://192.0.2.1/token", "", "x y"] {
        let web = Image::new(1000)?.start(move |asked, _| {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
            let refusal = Answer::of(401).with("www-authenticate", &challenge);
            (asked.path != "/v2/").then_some(refusal)
        })?;
        refused_to(&with_password(&web)?, &web, &[], &["a token from"])?;
    }
    for body in
        [Body::Endless, Body::Whole(b"{}".to_vec()), Body::Whole(b"{\"token\":\"a\\nb\"}".to_vec())]
    {
        let tokens = Web::start(move |_| Answer::of(200).sending(body.clone()))?;
        let realm = tokens.address("/token");
        let web = Image::new(1000)?.start(move |asked, _| {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
            let refusal = Answer::of(401).with("www-authenticate", &challenge);
            (asked.path != "/v2/").then_some(refusal)
        })?;
        refused(&web, &[], &["token server sent no token"])?;
    }
    Ok(())
}

/// An upload that is to go to another host shows no password there.
fn uploads_to_elsewhere() -> Outcome {
    let far = Web::start(|_| Answer::of(201))?;
    let target = far.address("/upload/1");
    let near =
        Web::start(move |asked| match (asked.method.as_str(), asked.header("authorization")) {
            (_, None) => Answer::of(401).with("www-authenticate", "Basic realm=\"x\""),
            ("HEAD", _) => Answer::of(404),
            ("POST", _) => Answer::of(202).with("location", &target),
            _ => Answer::of(201),
        })?;
    let source = Image::new(1000)?.start(|_, _| None)?;
    let user = with_password(&near)?;
    let (from, to) = (format!("{}/a", source.host()), format!("{}/b", near.host()));
    user.run(&["pull", &from])?.expect(0)?;
    user.run(&["tag", &from, &to])?.expect(0)?;
    user.run(&["push", &to])?.expect(0)?;
    let asked = far.asked();
    if asked.len() != 2 || asked.iter().any(|asked| asked.headers.contains_key("authorization")) {
        return Err(format!("the other host was asked {asked:?}").into());
    }
    Ok(())
}

/// A layer that unpacks to something else than its config says is found out when it is unpacked.
fn other_contents() -> Outcome {
    let zeros = vec![0; 64 << 20];
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(zeros.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "zeros", &*zeros)?;
    let honest = Image::of_tar(&tar.into_inner()?)?;
    let layer = honest.blobs[&honest.layer].clone();
    let image = Image::of_layer(&layer, &digest(b"something else"));
    let web = image.start(|_, _| None)?;
    let user = User::new()?;
    let name = format!("{}/a", web.host());
    let done = user.run(&["run", "--rm", &name, "true"])?;
    if done.status == Some(0) {
        return Err("it ran".into());
    }
    says(&done.stderr, &["the tar in blob sha256:", "was expected"])
}

/// A few bytes that say that they are a file of 20 GiB, and would go on for long: nothing of it is unpacked.
fn bombs() -> Outcome {
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb")?;
    header.set_size(20 << 30);
    header.set_mode(0o644);
    header.set_cksum();
    let head = header.as_bytes().as_slice();
    let gzip = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut gzip, &[head, &vec![0; 32 << 20]].concat())?;
        gzip.finish()?
    };
    for (kind, layer) in
        [(image::LAYER, gzip), ("application/vnd.oci.image.layer.v1.tar+zstd", zstd_bomb(head))]
    {
        let mut image = Image::of_layer(&layer, &digest(b"whatever"));
        let mut manifest = image.manifest.clone();
        manifest["layers"][0]["mediaType"] = json!(kind);
        image.set_manifest(manifest);
        let name = image.layer.clone();
        let web = image.start(|_, _| None)?;
        let user = User::new()?;
        let base = format!("{}/a", web.host());
        let parts = [name.as_str(), "unpacks to more than 17179869184 bytes"];
        let ran = user.run(&["run", "--rm", &base, "true"])?;
        if ran.status == Some(0) {
            return Err("it ran".into());
        }
        says(&ran.stderr, &parts)?;
        user.file("context/Dockerfile", &format!("FROM {base}\nCOPY Dockerfile /x/y\n"))?;
        let context = user.path("context").display().to_string();
        let built = user.run(&["build", &context])?.expect(1)?;
        says(&built.stderr, &[&parts[..], &["COPY Dockerfile /x/y"]].concat())?;
    }
    Ok(())
}

/// A frame of zstd: `head` as it is, and then 32 MiB of zeros, four bytes for each 128 KiB.
fn zstd_bomb(head: &[u8]) -> Vec<u8> {
    let block = |kind: u32, size: u32| -> [u8; 3] {
        let [first, second, third, _] = (size << 3 | kind << 1).to_le_bytes();
        [first, second, third]
    };
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x50];
    frame.extend(block(0, head.len() as u32));
    frame.extend(head);
    for _ in 0..256 {
        frame.extend(block(1, 128 << 10));
        frame.push(0);
    }
    frame.extend([1, 0, 0]);
    frame
}

fn schema_1() -> Outcome {
    let web = Image::new(1000)?.start(|asked, _| {
        let kind = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        let old = br#"{"schemaVersion":1,"name":"a","fsLayers":[],"history":[]}"#;
        asked.path.contains("/manifests/").then(|| Answer::ok(old).with("content-type", kind))
    })?;
    refused(&web, &[], &["schema 1"])
}
