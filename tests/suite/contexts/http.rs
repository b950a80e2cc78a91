//! Downloads as contexts and in ADD, from servers that are honest, and from others.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use sha2::{Digest as _, Sha256};
use tar::EntryType;

use super::server::{Server, answer, file};
use super::stdin::packed;
use super::{Here, says};
use crate::Outcome;
use crate::dfc::Done;
use crate::image::text;
use crate::need::{Need, trial};

const NEEDS: &[Need] = &[Need::Sandbox];
const GIT: &[Need] = &[Need::Sandbox, Need::Program("git")];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("contexts::http::archive", NEEDS, archive),
        trial("contexts::http::dockerfile", NEEDS, dockerfile),
        trial("contexts::http::epoch", NEEDS, epoch),
        trial("contexts::http::dishonest_servers", NEEDS, dishonest_servers),
        trial("contexts::http::silent_server", GIT, silent_server),
        trial("contexts::http::passwords", NEEDS, passwords),
        trial("contexts::http::add", NEEDS, add),
        trial("contexts::http::add_once", NEEDS, add_once),
    ]
}

/// A context that says what is in it.
fn context(text: &str) -> Result<Vec<u8>, Failed> {
    packed(&[
        ("Dockerfile", EntryType::Regular, "FROM scratch\nCOPY . /all/\n"),
        ("text", EntryType::Regular, text),
    ])
}

fn archive() -> Outcome {
    let bytes = context("one\n")?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes)?;
    let gzip = gzip.finish()?;
    let server = Server::start(move |asked, to| match asked.path.as_str() {
        "/context.tar" => file(asked, to, &bytes),
        "/context" => file(asked, to, &gzip),
        _ => answer(to, 404, &[], b""),
    })?;
    for path in ["/context.tar", "/context"] {
        let here = Here::new()?;
        here.build(&[&server.url(path)])?.expect(0)?;
        here.holds(&[("/all/text", "one\n")])?;
        server.asked();
        here.build(&[&server.url(path)])?.expect(0)?;
        let asked = server.asked();
        if asked.len() != 1 || asked[0].header("if-none-match").is_none() {
            return Err(format!("asked the second time: {asked:?}").into());
        }
        here.nothing_left()?;
    }
    Ok(())
}

/// What is no archive is a Dockerfile, and the context is that file.
fn dockerfile() -> Outcome {
    let server = Server::start(|asked, to| file(asked, to, b"FROM scratch\nCOPY context /x\n"))?;
    let here = Here::new()?;
    here.build(&[&server.url("/any/name.txt?x=y")])?.expect(0)?;
    here.holds(&[("/x", "FROM scratch\nCOPY context /x\n")])?;
    // One for a folder.
    fs::write(here.path("context"), "of the folder\n")?;
    let folder = here.folder.path().to_string_lossy().into_owned();
    here.build(&["-f", &server.url("/any/name.txt"), &folder])?.expect(0)?;
    here.holds(&[("/x", "of the folder\n")])?;
    let page = Server::start(|asked, to| file(asked, to, b"<!DOCTYPE html>\n<html>\n"))?;
    let done = here.build(&[&page.url("/team/app")])?.expect(1)?;
    says(&done, &["a web page", "ends in `.git`"])
}

fn epoch() -> Outcome {
    let bytes = context("one\n")?;
    let server = Server::start(move |asked, to| match asked.path.as_str() {
        "/with" => file(asked, to, &bytes),
        _ => answer(to, 200, &[], &bytes),
    })?;
    let here = Here::new()?;
    for (path, want) in [("/with", "2023-11-14T22:13:20Z"), ("/without", "2020-09-13T12:26:40Z")] {
        let url = server.url(path);
        here.build(&["--build-arg", "SOURCE_DATE_EPOCH=context", &url])?.expect(0)?;
        let created = text(&here.image()?.config()?["created"]);
        if created != want {
            return Err(format!("{path}: made at {created}, not {want}").into());
        }
    }
    Ok(())
}

fn dishonest_servers() -> Outcome {
    let bytes = context("one\n")?;
    let elsewhere = Server::start(|_, to| answer(to, 404, &[], b""))?;
    let away = elsewhere.url("/gone");
    let server = Server::start(move |asked, to| match asked.path.as_str() {
        "/short" => {
            write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len() + 1)?;
            to.write_all(&bytes)
        }
        "/broken" => {
            to.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nFROM")
        }
        "/huge" => write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 50),
        "/nonsense" => to.write_all(b"SSH-2.0-server\r\n"),
        "/loop" => answer(to, 302, &[("Location", "/loop")], b""),
        "/file" => answer(to, 302, &[("Location", "file:///etc/passwd")], b""),
        "/away" => answer(to, 302, &[("Location", &away)], b""),
        "/not-modified" => answer(to, 304, &[], b""),
        _ => answer(to, 404, &[], b""),
    })?;
    let here = Here::new()?;
    for (path, words) in [
        ("/nothing", "answered 404"),
        ("/short", "127.0.0.1"),
        ("/broken", "127.0.0.1"),
        ("/huge", "more than"),
        ("/nonsense", "127.0.0.1"),
        ("/loop", "redirects"),
        ("/file", "leads nowhere"),
        ("/away", "answered 404"),
        ("/not-modified", "answered 304"),
    ] {
        let done = here.build(&[&server.url(path)])?.expect(1)?;
        says(&done, &[words])?;
        here.nothing_left()?;
    }
    Ok(())
}

/// A server that falls silent in the middle; Ctrl-C ends the build nevertheless, and nothing is left.
fn silent_server() -> Outcome {
    let server = Server::start(|asked, to| {
        if asked.path == "/middle" {
            to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nFROM scratch")?;
        }
        thread::sleep(Duration::from_secs(30));
        Ok(())
    })?;
    for path in ["/middle", "/beginning", "/repo.git"] {
        let here = Here::new()?;
        let mut command = here.command(&[&server.url(path)])?;
        let mut build = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while server.asked().is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        Command::new("kill").args(["-INT", &build.id().to_string()]).status()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = build.try_wait()? {
                break status;
            }
            if deadline < Instant::now() {
                build.kill()?;
                return Err(format!("{path}: still there").into());
            }
            thread::sleep(Duration::from_millis(20));
        };
        if status.code() != Some(130) {
            return Err(format!("{path}: ended with {status}").into());
        }
        here.nothing_left()?;
    }
    Ok(())
}

/// Passwords and tokens go to the host that they are for, and into nothing else.
fn passwords() -> Outcome {
    let elsewhere = Server::start(|asked, to| match asked.header("authorization") {
        None => answer(to, 200, &[], b"FROM scratch\nLABEL a=b\n"),
        Some(_) => answer(to, 400, &[], b""),
    })?;
    let away = elsewhere.url("/");
    let known = ["Bearer sesame", "Custom sesame", "basic bWU6c2VzYW1l"];
    let server = Server::start(move |asked, to| match asked.header("authorization") {
        Some(header) if known.contains(&header) => answer(to, 302, &[("Location", &away)], b""),
        Some(_) | None => answer(to, 401, &[], b""),
    })?;
    let here = Here::new()?;
    let done = here.build(&[&server.url("/")])?.expect(1)?;
    says(
        &done,
        &["answered 401", "help: give a token with --secret id=HTTP_AUTH_TOKEN_127.0.0.1"],
    )?;
    for (id, value, url) in [
        ("HTTP_AUTH_TOKEN_127.0.0.1", "sesame", server.url("/")),
        ("HTTP_AUTH_HEADER_127.0.0.1", "Custom sesame", server.url("/")),
        ("other", "x", server.url_of("me:sesame", "/")),
    ] {
        let here = Here::new()?;
        let mut command = here.command(&["--secret", &format!("id={id},env=TOKEN"), &url])?;
        let done = Done::from(command.env("TOKEN", value).output()?).expect(0)?;
        if done.stderr.contains("sesame") {
            return Err(format!("it says the password:\n{}", done.stderr).into());
        }
        here.has_not("sesame")?;
    }
    // ADD knows the same secrets, and its line in the history has no password.
    let here = Here::new()?;
    let url = server.url_of("me:sesame", "/f");
    fs::write(here.path("Dockerfile"), format!("FROM scratch\nADD {url} /f\n"))?;
    let folder = here.folder.path().to_string_lossy().into_owned();
    here.build(&[&folder])?.expect(0)?;
    here.holds(&[("/f", "FROM scratch\nLABEL a=b\n")])?;
    here.has_not("sesame")
}

fn add() -> Outcome {
    let bytes = context("one\n")?;
    let server = Server::start(move |asked, to| {
        let name = ("Content-Disposition", "attachment; filename=\"../../other\"");
        match asked.path.as_str() {
            "/named" => answer(to, 200, &[name], &bytes),
            _ => file(asked, to, &bytes),
        }
    })?;
    let here = Here::new()?;
    let folder = here.folder.path().to_string_lossy().into_owned();
    let build = |text: String| -> Result<Done, Failed> {
        fs::write(here.path("Dockerfile"), text)?;
        here.build(&[&folder])
    };
    let [plain, named] = ["/a.tar", "/named"].map(|path| server.url(path));
    build(format!(
        "FROM scratch\nADD {plain} /files/\nADD {named} /files/\nADD --unpack {plain} /tree/\n\
         ADD --chmod=644 --chown=7 {plain} /b\n"
    ))?
    .expect(0)?;
    here.holds(&[("/tree/text", "one\n")])?;
    let tree = here.image()?.tree()?;
    for path in ["/files/a.tar", "/files/named", "/b"] {
        if !tree.contains(path) {
            return Err(format!("there is no `{path}`").into());
        }
    }
    let wrong = "0".repeat(64);
    let done =
        build(format!("FROM scratch\nADD --checksum=sha256:{wrong} {plain} /\n"))?.expect(1)?;
    says(&done, &["digest mismatch sha256:"])
}

/// The server is asked with what is known; with a checksum it is not asked at all, not even by another project.
fn add_once() -> Outcome {
    let bytes = context("one\n")?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let server = Server::start(move |asked, to| file(asked, to, &bytes))?;
    let here = Here::new()?;
    let url = server.url("/a.tar");
    for (project, text, want) in [
        ("one", format!("FROM scratch\nADD {url} /\n"), vec![false]),
        ("one", format!("FROM scratch\nADD {url} /\n"), vec![true]),
        ("two", format!("FROM scratch\nADD {url} /\n"), vec![true]),
        ("one", format!("FROM scratch\nADD --checksum=sha256:{digest} {url} /\n"), vec![false]),
        ("two", format!("FROM scratch\nADD --checksum=sha256:{digest} {url} /\n"), vec![]),
    ] {
        let folder = here.path(project);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("Dockerfile"), &text)?;
        here.build(&[&folder.to_string_lossy()])?.expect(0)?;
        let asked = server.asked();
        let found: Vec<bool> =
            asked.iter().map(|asked| asked.header("if-none-match").is_some()).collect();
        if found != want {
            return Err(format!("{project}, {text}: {found:?}, not {want:?}").into());
        }
    }
    Ok(())
}
