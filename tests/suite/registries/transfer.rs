//! What comes and goes: tags, digests, platforms, media types, compressions; and what does not have to.

use std::fs;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use super::server::Registry;
use super::user::{User, says};
use crate::Outcome;
use crate::dfc::Done;
use crate::need::{Need, trial};

const NEEDS: &[Need] =
    &[Need::StaticBusybox, Need::Program("docker-registry"), Need::Program("skopeo")];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::transfer::tags_and_digests", NEEDS, tags_and_digests),
        trial("registries::transfer::all_tags", NEEDS, all_tags),
        trial("registries::transfer::all_platforms", NEEDS, all_platforms),
        trial("registries::transfer::docker_media_types", NEEDS, docker_media_types),
        trial("registries::transfer::compressions", NEEDS, compressions),
        trial("registries::transfer::what_is_there_stays", NEEDS, what_is_there_stays),
        trial("registries::transfer::a_few_at_a_time", NEEDS, a_few_at_a_time),
        trial("registries::transfer::a_damaged_blob_is_not_pushed", NEEDS, damaged),
        trial("registries::transfer::what_docker_says", NEEDS, what_docker_says),
    ]
}

fn skopeo(args: &[&str]) -> Result<Done, Failed> {
    Done::from(Command::new("skopeo").args(args).output()?).expect(0)
}

/// Builds a Dockerfile in a folder of the user's, with the other arguments.
fn build(user: &User, dockerfile: &str, args: &[&str]) -> Result<Done, Failed> {
    user.file("context/Dockerfile", dockerfile)?;
    user.file("context/file", "content\n")?;
    let context = user.path("context").display().to_string();
    user.run(&[&["build"], args, &[&context]].concat())?.expect(0)
}

fn tags_and_digests() -> Outcome {
    let registry = Registry::start()?;
    let user = User::new()?;
    let (tagged, bare) = (registry.name("base:1"), registry.name("base"));
    let done = user.run(&["pull", &tagged])?.expect(0)?;
    if done.stdout != format!("{tagged}\n") {
        return Err(done.stdout.into());
    }
    says(&done.stderr, &["Digest: sha256:", "Status: Downloaded newer image for"])?;
    let digest = done.stderr.lines().find_map(|line| line.strip_prefix("Digest: "));
    let pinned = format!("{bare}@{}", digest.ok_or("no digest")?);
    let again = user.run(&["pull", &tagged])?.expect(0)?;
    says(&again.stderr, &["Status: Image is up to date for"])?;
    // By its digest, it is here without the registry.
    let other = User::new()?;
    other.run(&["pull", &pinned])?.expect(0)?;
    let missing = other.run(&["pull", &bare])?.expect(1)?;
    says(
        &missing.stderr,
        &["Using default tag: latest", "base:latest` was not found on localhost"],
    )?;
    let quiet = other.run(&["pull", "-q", &tagged])?.expect(0)?;
    if !quiet.stderr.is_empty() {
        return Err(quiet.stderr.into());
    }
    drop(registry);
    other.run(&["inspect", &pinned])?.expect(0)?;
    other.run(&["inspect", &tagged])?.expect(0).map(drop)
}

fn all_tags() -> Outcome {
    let registry = Registry::start()?;
    for tag in ["base:2", "base:three"] {
        registry.fill(tag, &[])?;
    }
    let user = User::new()?;
    let done = user.run(&["pull", "-q", "-a", &registry.name("base")])?.expect(0)?;
    let names = ["base:1", "base:2", "base:three"].map(|it| registry.name(it) + "\n");
    if done.stdout != names.concat() {
        return Err(done.stdout.into());
    }
    let wrong = user.run(&["pull", "-a", &registry.name("base:1")])?.expect(2)?;
    says(&wrong.stderr, &["--all-tags"])?;
    for tag in ["1", "2"] {
        let from = registry.name(&format!("base:{tag}"));
        user.run(&["tag", &from, &registry.name(&format!("copy:{tag}"))])?.expect(0)?;
    }
    let pushed = user.run(&["push", "-q", "--all-tags", &registry.name("copy")])?.expect(0)?;
    if pushed.stdout.lines().count() != 2 {
        return Err(pushed.stdout.into());
    }
    let place = format!("docker://{}", registry.name("copy"));
    let listed = skopeo(&["list-tags", "--tls-verify=false", "--no-creds", &place])?;
    says(&listed.stdout, &["\"1\"", "\"2\""])
}

/// An index goes up with all its images, and comes back as it was.
fn all_platforms() -> Outcome {
    let registry = Registry::empty()?;
    let user = User::new()?;
    let name = registry.name("many:1");
    let platforms = "linux/amd64,linux/arm64";
    build(&user, "FROM scratch\nCOPY file /\n", &["--platform", platforms, "-t", &name])?;
    user.run(&["push", &name])?.expect(0)?;
    let place = format!("docker://{name}");
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", "--no-creds", &place])?;
    says(&raw.stdout, &["arm64", "amd64", "image.index.v1"])?;
    let other = User::new()?;
    other.run(&["pull", "--all-platforms", &name])?.expect(0)?;
    let copy = registry.name("again:1");
    other.run(&["tag", &name, &copy])?.expect(0)?;
    other.run(&["push", &copy])?.expect(0)?;
    let place = format!("docker://{copy}");
    let copied = skopeo(&["inspect", "--raw", "--tls-verify=false", "--no-creds", &place])?;
    if copied.stdout != raw.stdout {
        return Err(format!("{}\n{}", raw.stdout, copied.stdout).into());
    }
    // One of them.
    let third = User::new()?;
    third.run(&["pull", "--platform", "linux/arm64", &name])?.expect(0)?;
    let inspected = third.run(&["inspect", &name])?.expect(0)?;
    says(&inspected.stdout, &["arm64"])?;
    let none = third.run(&["pull", "--platform", "linux/s390x", &name])?.expect(1)?;
    says(&none.stderr, &["has no image for linux/s390x; there are linux/amd64, linux/arm64"])?;
    // An image that is for one platform comes for any, with a word about it.
    let plain = registry.name("plain:1");
    build(&user, "FROM scratch\nCOPY file /\n", &["--platform", "linux/s390x", "-t", &plain])?;
    user.run(&["push", &plain])?.expect(0)?;
    let other_one = third.run(&["pull", "--platform", "linux/arm64", &plain])?.expect(0)?;
    says(&other_one.stderr, &["is for linux/s390x, not for linux/arm64"])?;
    let one = registry.name("one:1");
    other.run(&["tag", &name, &one])?.expect(0)?;
    other.run(&["push", "--platform", "linux/arm64", &one])?.expect(0)?;
    let place = format!("docker://{one}");
    let single = skopeo(&["inspect", "--config", "--tls-verify=false", "--no-creds", &place])?;
    says(&single.stdout, &["arm64"])
}

fn docker_media_types() -> Outcome {
    let registry = Registry::empty()?;
    registry.fill("docker:1", &["--format", "v2s2"])?;
    let (user, name) = (User::new()?, registry.name("docker:1"));
    user.run(&["pull", &name])?.expect(0)?;
    let copy = registry.name("copy:1");
    user.run(&["tag", &name, &copy])?.expect(0)?;
    user.run(&["push", &copy])?.expect(0)?;
    let raw = |name: &str| {
        skopeo(&[
            "inspect",
            "--raw",
            "--tls-verify=false",
            "--no-creds",
            &format!("docker://{name}"),
        ])
    };
    let (first, second) = (raw(&name)?.stdout, raw(&copy)?.stdout);
    says(&first, &["application/vnd.docker.distribution.manifest.v2+json"])?;
    if first == second { Ok(()) } else { Err(second.into()) }
}

fn compressions() -> Outcome {
    let registry = Registry::empty()?;
    for (compression, suffix) in
        [("gzip", "tar+gzip"), ("zstd", "tar+zstd"), ("uncompressed", "layer.v1.tar\"")]
    {
        let user = User::new()?;
        user.config(&format!("[build]\ncompression = \"{compression}\"\n"))?;
        let name = registry.name(&format!("{compression}:1"));
        build(&user, "FROM scratch\nCOPY file /file\n", &["-t", &name, "--push"])?;
        let place = format!("docker://{name}");
        let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", "--no-creds", &place])?;
        says(&raw.stdout, &[suffix])?;
        let other = User::new()?;
        other.run(&["pull", &name])?.expect(0)?;
        let out = other.path("out").display().to_string();
        build(&other, &format!("FROM {name}\n"), &["-o", &out])?;
        if fs::read_to_string(other.path("out/file"))? != "content\n" {
            return Err(compression.into());
        }
    }
    Ok(())
}

/// Blobs that are at the other end already do not go again, and those of another repository are taken from there.
fn what_is_there_stays() -> Outcome {
    let registry = Registry::start()?;
    let (user, name) = (User::new()?, registry.name("base:1"));
    user.run(&["pull", &name])?.expect(0)?;
    let again = user.run(&["pull", &name])?.expect(0)?;
    says(&again.stderr, &["is there already"])?;
    let derived = registry.name("derived:1");
    build(&user, &format!("FROM {name}\nCOPY file /file\n"), &["-t", &derived])?;
    let pushed = user.run(&["push", &derived])?.expect(0)?;
    says(&pushed.stderr, &["is there already"])?;
    if registry.open_uploads("derived") != 0 {
        return Err("an upload was left open".into());
    }
    let twice = user.run(&["push", &derived])?.expect(0)?;
    let there = twice.stderr.matches("is there already").count();
    if there == 3 { Ok(()) } else { Err(twice.stderr.into()) }
}

fn a_few_at_a_time() -> Outcome {
    let registry = Registry::empty()?;
    let user = User::new()?;
    let name = registry.name("layers:1");
    let copies: String = (0..12).map(|number| format!("COPY file /{number}\n")).collect();
    build(&user, &format!("FROM scratch\n{copies}"), &["-t", &name])?;
    user.run(&["push", "--max-concurrent-uploads", "2", &name])?.expect(0)?;
    let other = User::new()?;
    other.run(&["pull", "--max-concurrent-downloads", "1", &name])?.expect(0)?;
    let third = User::new()?;
    third.config("[transfer]\ndownloads = 3\nuploads = 1\n")?;
    third.run(&["pull", &name])?.expect(0).map(drop)
}

/// What the disk has spoiled is named, and the registry does not get it.
fn damaged() -> Outcome {
    let registry = Registry::start()?;
    let (user, name) = (User::new()?, registry.name("base:1"));
    user.run(&["pull", &name])?.expect(0)?;
    let folder = user.dfc.home().join("blobs/sha256");
    let mut blobs: Vec<_> = fs::read_dir(folder)?.flatten().collect();
    blobs.sort_by_key(|entry| entry.metadata().map(|it| it.len()).unwrap_or_default());
    let path = blobs.last().ok_or("no blob")?.path();
    let mut bytes = fs::read(&path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes)?;
    let empty = Registry::empty()?;
    let target = empty.name("base:1");
    user.run(&["tag", &name, &target])?.expect(0)?;
    let done = user.run(&["push", &target])?.expect(1)?;
    says(&done.stderr, &["cannot push", "in the store is damaged"])
}

/// The words and flags of docker's manual.
fn what_docker_says() -> Outcome {
    let registry = Registry::start()?;
    let user = User::new()?;
    let name = registry.name("base:1");
    user.run(&["image", "pull", "--disable-content-trust", "--quiet", &name])?.expect(0)?;
    let unknown = user.run(&["push", &registry.name("nothing")])?.expect(1)?;
    says(&unknown.stderr, &["Using default tag: latest", "there is no image", "dfc tag"])?;
    let latest = registry.name("base");
    user.run(&["tag", &name, &latest])?.expect(0)?;
    let pushed =
        user.run(&["image", "push", "--disable-content-trust=true", &latest])?.expect(0)?;
    says(&pushed.stdout, &["@sha256:"])?;
    let upper = user.run(&["pull", "some/Upper"])?.expect(2)?;
    says(&upper.stderr, &["some/Upper", "lower case"])?;
    user.run(&["pull"])?.expect(2).map(drop)
}
