//! Builds on images that an earlier build found, when their registry cannot be reached.

use libtest_mimic::Trial;

use super::image::Image;
use super::server::Registry;
use super::user::{User, says};
use super::web::{Answer, Web};
use crate::Outcome;
use crate::need::{Need, trial};

const NEEDS: &[Need] = &[
    Need::Sandbox,
    Need::StaticBusybox,
    Need::Program("docker-registry"),
    Need::Program("skopeo"),
];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::offline::an_earlier_base_is_taken", NEEDS, an_earlier_base_is_taken),
        trial("registries::offline::what_was_never_there", NEEDS, what_was_never_there),
        trial("registries::offline::nobody_is_asked", &[], nobody_is_asked),
        trial("registries::offline::what_is_missing_is_named", &[], what_is_missing_is_named),
        trial("registries::offline::what_cannot_be", &[], what_cannot_be),
    ]
}

fn an_earlier_base_is_taken() -> Outcome {
    let registry = Registry::start()?;
    let user = User::new()?;
    let name = registry.name("base:1");
    user.file("context/Dockerfile", &format!("FROM {name}\nRUN echo one > /one\n"))?;
    let context = user.path("context").display().to_string();
    user.run(&["build", "-t", "first", &context])?.expect(0)?;
    drop(registry);
    user.file("context/Dockerfile", &format!("FROM {name}\nRUN echo two > /two\n"))?;
    let done = user.run(&["build", "-t", "second", &context])?.expect(0)?;
    says(&done.stderr, &["warning", &name, "sha256:", "cannot reach"])?;
    let ran = user.run(&["run", "--rm", "second", "cat", "/two"])?.expect(0)?;
    if ran.stdout != "two\n" {
        return Err(ran.stdout.into());
    }
    let explained = user.run(&["explain", &context])?.expect(0)?;
    says(&explained.stderr, &["warning: building on", &name, "sha256:"])?;
    // Who asks for what is new wants no old one.
    let pull = user.run(&["build", "--pull", "-t", "third", &context])?.expect(1)?;
    says(&pull.stderr, &["cannot reach"])
}

fn what_was_never_there() -> Outcome {
    let user = User::new()?;
    user.file("context/Dockerfile", "FROM localhost:1/never\n")?;
    let context = user.path("context").display().to_string();
    let done = user.run(&["build", &context])?.expect(1)?;
    says(&done.stderr, &["cannot reach localhost:1"])
}

/// With `--offline` servers hear nothing, though they are there.
fn nobody_is_asked() -> Outcome {
    let registry = Image::new(1000)?.start(|_, _| None)?;
    let files = Web::start(|_| Answer::ok(b"file").with("etag", "\"1\""))?;
    let user = User::new()?;
    let context = user.path("context").display().to_string();
    let dockerfile = |env: &str| {
        let (base, url) = (registry.host(), files.address("/file"));
        user.file("context/Dockerfile", &format!("FROM {base}/a\nENV A={env}\nADD {url} /file\n"))
    };
    dockerfile("one")?;
    user.run(&["build", "-t", "first", &context])?.expect(0)?;
    let counts = || (registry.asked().len(), files.asked().len());
    let before = counts();
    dockerfile("two")?;
    let cache = format!("{}/cache", registry.host());
    let offline = ["--offline", "--cache-from", &cache];
    let done = user.run(&[&["build", "-t", "second"], &offline[..], &[&context]].concat())?;
    let done = done.expect(0)?;
    let (base, url) = (format!("{}/a", registry.host()), files.address("/file"));
    says(
        &done.stderr,
        &[&format!("warning: building on {base}"), &format!("no cache from {cache}")],
    )?;
    says(&done.stderr, &[&format!("warning: {url} as it was last")])?;
    let explained = user.run(&[&["explain"], &offline[..], &[&context]].concat())?.expect(0)?;
    says(&explained.stderr, &[&format!("warning: building on {base}"), "no cache from"])?;
    if counts() == before { Ok(()) } else { Err("somebody was asked".into()) }
}

fn what_is_missing_is_named() -> Outcome {
    let user = User::new()?;
    let context = user.path("context").display().to_string();
    let fails = |dockerfile: &str, parts: &[&str]| -> Outcome {
        user.file("context/Dockerfile", dockerfile)?;
        let done = user.run(&["build", "--offline", &context])?.expect(1)?;
        says(&done.stderr, &[parts, &["--offline"]].concat())
    };
    fails("FROM localhost:1/never\n", &["localhost:1/never", "not in the store", "dfc pull"])?;
    fails("FROM scratch\nADD http://localhost:1/f /f\n", &["http://localhost:1/f is not in"])?;
    fails(
        "FROM scratch\nADD https://localhost:1/x.git#main /f\n",
        &["https://localhost:1/x.git is not in"],
    )?;
    let done = user.run(&["build", "--offline", "http://localhost:1/x.tar"])?.expect(1)?;
    says(&done.stderr, &["http://localhost:1/x.tar", "not in the store", "--offline"])?;
    // The name is known, the layer is not here.
    let registry = Image::new(1000)?.start(|_, _| None)?;
    let base = format!("{}/a", registry.host());
    user.file("context/Dockerfile", &format!("FROM {base}\n"))?;
    user.run(&["explain", &context])?.expect(0)?;
    fails(&format!("FROM {base}\n"), &["layer", &base, "not in the store"])
}

fn what_cannot_be() -> Outcome {
    let user = User::new()?;
    user.file("context/Dockerfile", "FROM scratch\nENV A=1\n")?;
    let context = user.path("context").display().to_string();
    let refused = |args: &[&str]| -> Outcome {
        let all = [&["build", "--offline"], args, &[&context]].concat();
        says(&user.run(&all)?.expect(2)?.stderr, &["--offline"])
    };
    refused(&["--pull"])?;
    refused(&["-t", "localhost:1/a", "--push"])?;
    refused(&["--cache-to", "type=registry,ref=localhost:1/a"])?;
    user.run(&["build", "--offline", "-t", "a", &context])?.expect(0).map(drop)
}
