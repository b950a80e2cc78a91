//! What is seen while layers come: in lines, and on a terminal.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use super::image::{Image, MANIFEST};
use super::user::{User, says};
use super::web::{Answer, Body, Web};
use crate::Outcome;
use crate::dfc::binary;
use crate::need::{Need, trial};

/// A terminal that shows nothing in this time shows nothing at all.
const LONGEST: Duration = Duration::from_secs(60);

pub(super) fn trials() -> Vec<Trial> {
    const TERMINAL: &[Need] = &[Need::Program("script")];
    vec![
        trial("registries::progress::bases_that_come", &[], bases_that_come),
        trial("registries::progress::numbers_go_on", &[], numbers_go_on),
        trial("registries::progress::on_a_terminal", TERMINAL, on_a_terminal),
        trial("registries::progress::ctrl_c_beside_silence", &[], ctrl_c_beside_silence),
    ]
}

/// Layers of a base have a line of their own, though the step is over that names it.
fn bases_that_come() -> Outcome {
    let web = Image::new(300_000)?.start(|_, _| None)?;
    let user = User::new()?;
    user.file("context/Dockerfile", &format!("FROM {}/a\nENV A=1\n", web.host()))?;
    let context = user.path("context").display().to_string();
    let done = user.run(&["build", "--progress", "plain", &context])?.expect(0)?;
    says(&done.stderr, &[&format!("fetching layers of {}/a", web.host()), "316kB done"])
}

/// A context that is fetched, and the build in it, are one list of steps.
fn numbers_go_on() -> Outcome {
    let web = Web::start(|_| Answer::ok(b"FROM scratch\nWORKDIR /x\nWORKDIR /y\n"))?;
    let user = User::new()?;
    let done = user.run(&["build", "--progress", "plain", &web.address("/Dockerfile")])?;
    let text = done.expect(0)?.stderr;
    let mut names = std::collections::BTreeMap::new();
    for line in text.lines() {
        let Some((number, rest)) = line.split_once(' ') else { continue };
        let is_name = rest.starts_with('[') || rest.starts_with("exporting to");
        if !(number.starts_with('#') && is_name) {
            continue;
        }
        if names.insert(number, rest).is_some_and(|other| other != rest) {
            return Err(format!("two are called {number}:\n{text}").into());
        }
    }
    if names.len() > 3 { Ok(()) } else { Err(text.into()) }
}

/// A door that stays shut until somebody opens it.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let is_open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _open = self.0.1.wait_timeout_while(is_open, LONGEST, |is_open| !*is_open);
    }
}

/// The layer does not come before the terminal has said that it is waited for.
fn on_a_terminal() -> Outcome {
    let door = Door::default();
    let inside = door.clone();
    let web = Image::new(300_000)?.start(move |asked, image| {
        if asked.path.ends_with(&image.layer) {
            inside.pass();
        }
        None
    })?;
    let user = User::new()?;
    let command = format!("{} pull {}/a", binary()?.display(), web.host());
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("DFC_HOME", user.dfc.home())
        .env("HOME", user.path(""))
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = child.stdout.take().ok_or("no output")?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reader = thread::spawn({
        let seen = Arc::clone(&seen);
        move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.extend_from_slice(&piece[..count]);
            }
        }
    });
    let text = || -> String {
        String::from_utf8_lossy(&seen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    };
    let waited = wait_for(|| text().contains("[+] Pulling"));
    door.open();
    let status = child.wait()?;
    let _ = reader.join();
    waited.map_err(|error| Failed::from(format!("{error}:\n{}", text())))?;
    if !status.success() {
        return Err(format!("it ended with {status}:\n{}", text()).into());
    }
    // What stays says how much has come; nobody calls it a build.
    says(&text(), &["pulling", "316kB", "Status: Downloaded newer image"])?;
    if text().contains("Building") { Err(text().into()) } else { Ok(()) }
}

/// Ctrl-C ends what waits for a host that would be waited for an hour.
fn ctrl_c_beside_silence() -> Outcome {
    for (part, command) in [("/manifests/", "build"), ("/manifests/", "pull"), ("/blobs/", "pull")]
    {
        let web = Image::new(300_000)?.start(move |asked, image| {
            let name = asked.path.rsplit('/').next().unwrap_or_default();
            let bytes = match part {
                "/blobs/" if name == image.layer => image.blobs.get(name)?.clone(),
                "/manifests/" => image.documents.get(name)?.1.clone(),
                _ => return None,
            };
            let after = bytes.len() / 2;
            Some(Answer::of(200).with("content-type", MANIFEST).sending(Body::Silent(bytes, after)))
        })?;
        let user = User::new()?;
        user.config("[transfer]\ntimeout = 3600\n")?;
        let name = format!("{}/a", web.host());
        user.file("context/Dockerfile", &format!("FROM {name}\n"))?;
        let context = user.path("context").display().to_string();
        let what = if command == "build" { &context } else { &name };
        let mut command = user.command(&[command, what])?;
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let waited = wait_for(|| web.asked().iter().any(|asked| asked.path.contains(part)));
        let pid = child.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status()?;
        let mut status = None;
        let ended = wait_for_mut(|| {
            status = child.try_wait().ok().flatten();
            status.is_some()
        });
        if ended.is_err() {
            child.kill()?;
        }
        let mut text = String::new();
        child.stderr.take().ok_or("no messages")?.read_to_string(&mut text)?;
        waited.and(ended).map_err(|error| Failed::from(format!("{what}: {error}:\n{text}")))?;
        if status.and_then(|it| it.code()) != Some(130) || text.contains("error") {
            return Err(format!("{what}: it ended with {status:?}:\n{text}").into());
        }
    }
    Ok(())
}

fn wait_for(is_so: impl Fn() -> bool) -> Result<(), &'static str> {
    wait_for_mut(is_so)
}

fn wait_for_mut(mut is_so: impl FnMut() -> bool) -> Result<(), &'static str> {
    let end = Instant::now() + LONGEST;
    while !is_so() {
        if end < Instant::now() {
            return Err("nothing happens");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
