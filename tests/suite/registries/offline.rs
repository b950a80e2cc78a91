//! Builds on images that an earlier build found, when their registry cannot be reached.

use libtest_mimic::Trial;

use super::server::Registry;
use super::user::{User, says};
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
    user.run(&["explain", &context])?.expect(0)?;
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
