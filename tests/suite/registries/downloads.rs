//! Downloads of ADD and contexts that break off.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Failed, Trial};

use super::user::{User, says};
use super::web::{Answer, Asked, Body, Web};
use crate::Outcome;
use crate::dfc::Done;
use crate::need::trial;

const TAG: &str = "\"one\"";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::downloads::go_on_where_they_broke_off", &[], go_on),
        trial("registries::downloads::from_a_server_without_ranges", &[], without_ranges),
        trial("registries::downloads::that_change_meanwhile", &[], that_change),
        trial("registries::downloads::that_nobody_can_tell_apart", &[], that_nobody_can_tell_apart),
        trial("registries::downloads::that_fall_silent", &[], that_fall_silent),
    ]
}

fn content() -> Vec<u8> {
    (0..300_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

/// Where a request wants the answer to begin.
fn start_of(asked: &Asked) -> Option<usize> {
    asked.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// What is left of the content.
fn part(content: &[u8], start: usize) -> Answer {
    let last = content.len() - 1;
    let range = format!("bytes {start}-{last}/{}", content.len());
    Answer::of(206).with("content-range", &range)
}

/// Adds the file of the server to an image and looks at it.
fn add(user: &User, web: &Web) -> Result<Done, Failed> {
    user.config("[transfer]\ntimeout = 1\nattempts = 3\n")?;
    let dockerfile = format!("FROM scratch\nADD {} /file\n", web.address("/file"));
    user.file("context/Dockerfile", &dockerfile)?;
    let (context, out) = (user.path("context"), user.path("out"));
    user.run(&["build", "-o", &out.display().to_string(), &context.display().to_string()])
}

fn expect_content(user: &User) -> Outcome {
    match fs::read(user.path("out/file"))? == content() {
        true => Ok(()),
        false => Err("another content".into()),
    }
}

/// Breaks off twice, and answers ranges.
fn go_on() -> Outcome {
    let (content, count) = (content(), AtomicUsize::new(0));
    let web = Web::start(move |asked| {
        let start = start_of(asked);
        let rest = content[start.unwrap_or(0)..].to_vec();
        let answer = start.map_or(Answer::of(200), |start| part(&content, start));
        let body = match count.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Body::Cut(rest, 500_000),
            _ => Body::Whole(rest),
        };
        answer.with("etag", TAG).sending(body)
    })?;
    let user = User::new()?;
    add(&user, &web)?.expect(0)?;
    expect_content(&user)?;
    let asked = web.asked();
    let ranges: Vec<_> =
        asked.iter().map(|asked| (asked.header("range"), asked.header("if-range"))).collect();
    let rest = |range| (Some(range), Some(TAG));
    match ranges == [(None, None), rest("bytes=500000-"), rest("bytes=1000000-")] {
        true => Ok(()),
        false => Err(format!("{ranges:?}").into()),
    }
}

/// It sends all again, and what is here already is left out.
fn without_ranges() -> Outcome {
    let (content, count) = (content(), AtomicUsize::new(0));
    let web = Web::start(move |_| {
        let time = "Tue, 14 Nov 2023 22:13:20 GMT";
        let answer = Answer::of(200).with("last-modified", time);
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => answer.sending(Body::Cut(content.clone(), 700_000)),
            _ => answer.sending(Body::Whole(content.clone())),
        }
    })?;
    let user = User::new()?;
    add(&user, &web)?.expect(0)?;
    expect_content(&user)
}

/// Halves of two files are no file.
fn that_change() -> Outcome {
    let (content, count) = (content(), AtomicUsize::new(0));
    let web = Web::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::of(200).with("etag", TAG).sending(Body::Cut(content.clone(), 700_000)),
        _ => Answer::ok(&vec![b'x'; content.len()]).with("etag", "\"two\""),
    })?;
    let failed = add(&User::new()?, &web)?.expect(1)?;
    says(&failed.stderr, &["it changed while it was downloaded", &web.address("/file")])
}

/// Without a word of which content it is, the rest may be that of another.
fn that_nobody_can_tell_apart() -> Outcome {
    let content = content();
    let web = Web::start(move |_| Answer::of(200).sending(Body::Cut(content.clone(), 700_000)))?;
    let failed = add(&User::new()?, &web)?.expect(1)?;
    says(&failed.stderr, &["cannot reach", "the connection broke"])?;
    match web.asked().len() {
        1 => Ok(()),
        count => Err(format!("it was asked {count} times").into()),
    }
}

fn that_fall_silent() -> Outcome {
    let content = content();
    let web = Web::start(move |asked| {
        let start = start_of(asked);
        let rest = content[start.unwrap_or(0)..].to_vec();
        let answer = start.map_or(Answer::of(200), |start| part(&content, start));
        answer.with("etag", TAG).sending(Body::Silent(rest, 10))
    })?;
    let failed = add(&User::new()?, &web)?.expect(1)?;
    says(&failed.stderr, &["cannot reach", "it fell silent"])
}
