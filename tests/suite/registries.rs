//! Images that come from and go to registries: a `docker-registry` on this machine, filled by skopeo, and servers of these
//! suites that tell lies.

use std::process::Command;

use libtest_mimic::Trial;

use crate::Outcome;
use crate::dfc::{Dfc, Done};
use crate::need::{Need, trial};
use crate::project::Project;

mod caches;
mod conf;
mod cutting;
mod downloads;
mod engines;
mod hostile;
mod image;
mod login;
mod offline;
mod progress;
mod pushing;
mod server;
mod tls;
mod tokens;
mod transfer;
mod user;
mod web;

use server::Registry;

const NEEDS: &[Need] = &[
    Need::Sandbox,
    Need::StaticBusybox,
    Need::Program("docker-registry"),
    Need::Program("skopeo"),
];

/// All trials with a registry.
pub(crate) fn trials() -> Vec<Trial> {
    let own = vec![
        trial("registries::pull", NEEDS, pull),
        trial("registries::build_on_a_pulled_base", NEEDS, build),
        trial("registries::build_without_the_registry", NEEDS, build_without_registry),
        trial("registries::push", NEEDS, push),
        trial("registries::build_and_push", NEEDS, build_and_push),
        trial("registries::unknown_name", NEEDS, unknown_name),
    ];
    let others = [
        caches::trials,
        conf::trials,
        downloads::trials,
        engines::trials,
        hostile::trials,
        login::trials,
        offline::trials,
        progress::trials,
        pushing::trials,
        tls::trials,
        tokens::trials,
        transfer::trials,
    ];
    own.into_iter().chain(others.iter().flat_map(|trials| trials())).collect()
}

fn pull() -> Outcome {
    let registry = Registry::start()?;
    let dfc = Dfc::new()?;
    let name = registry.name("base:1");
    dfc.run(["pull", &name])?.expect(0)?;
    let done = dfc.run(["run", "--rm", &name, "echo", "here"])?.expect(0)?;
    if done.stdout == "here\n" { Ok(()) } else { Err(done.stdout.into()) }
}

fn build() -> Outcome {
    let registry = Registry::start()?;
    let base = registry.name("base:1");
    let project = Project::new(&format!("FROM {base}\nRUN echo built > /built\n"))?;
    let built = project.build(&[])?;
    let tree = built.image.tree()?;
    if tree.text("/built") != Some("built\n") || !tree.contains("/bin/busybox") {
        return Err("the image lacks its base or its file".into());
    }
    let again = project.build(&[])?;
    if again.image.digest()? == built.image.digest()? {
        Ok(())
    } else {
        Err("another image".into())
    }
}

/// What was pulled is built on without the registry.
fn build_without_registry() -> Outcome {
    let registry = Registry::start()?;
    let base = registry.name("base:1");
    let project = Project::new(&format!("FROM {base}\nRUN echo built > /built\n"))?;
    project.dfc.run(["pull", &base])?.expect(0)?;
    drop(registry);
    project.build(&[]).map(|_| ())
}

/// What is pushed is the image of the store, byte for byte.
fn push() -> Outcome {
    let registry = Registry::start()?;
    let name = registry.name("pushed:1");
    let project = Project::new("FROM busybox\nRUN echo pushed > /pushed\n")?;
    project.try_build(&["-t", &name])?.expect(0)?;
    project.dfc.run(["push", &name])?.expect(0)?;
    let other = Dfc::new()?;
    let done = other.run(["run", "--rm", &name, "cat", "/pushed"])?.expect(0)?;
    if done.stdout == "pushed\n" { Ok(()) } else { Err(done.stdout.into()) }
}

/// Somebody else's program reads what `--push` sent.
fn build_and_push() -> Outcome {
    let registry = Registry::start()?;
    let name = registry.name("pushed:2");
    let project = Project::new("FROM busybox\nENV A=1\n")?;
    project.try_build(&["-t", &name, "--push"])?.expect(0)?;
    let place = format!("docker://{name}");
    let inspect = ["inspect", "--tls-verify=false", "--no-creds", &place];
    let done = Done::from(Command::new("skopeo").args(inspect).output()?).expect(0)?;
    if done.stdout.contains("A=1") { Ok(()) } else { Err(done.stdout.into()) }
}

fn unknown_name() -> Outcome {
    let registry = Registry::start()?;
    let done = Dfc::new()?.run(["pull", &registry.name("nothing:1")])?.expect(1)?;
    let named = done.stderr.contains("nothing:1");
    if named { Ok(()) } else { Err(format!("it does not name the image:\n{}", done.stderr).into()) }
}
