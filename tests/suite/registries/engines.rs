//! What dfc has pushed, Docker, podman and skopeo pull, and the other way round.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use super::server::Registry;
use super::user::{User, says};
use crate::Outcome;
use crate::build::same;
use crate::images::engines::{Daemon, engine, missing, podman, run};
use crate::need::{Need, trial};

pub(super) fn trials() -> Vec<Trial> {
    const SKOPEO: &[Need] =
        &[Need::StaticBusybox, Need::Program("docker-registry"), Need::Program("skopeo")];
    vec![
        trial("registries::engines::skopeo", SKOPEO, with_skopeo),
        engine("registries::engines::podman", with_podman),
        engine("registries::engines::docker", with_docker),
    ]
}

/// Pushes an image for two platforms, packed so.
fn push_two(user: &User, name: &str, compression: &str) -> Outcome {
    user.file("context/Dockerfile", "FROM scratch\nCOPY file /file\nCMD [\"/none\"]\n")?;
    user.file("context/file", "content\n")?;
    let context = user.path("context").display().to_string();
    let output = format!("type=image,compression={compression}");
    let platforms = ["--platform", "linux/amd64,linux/arm64", "-o", &output];
    user.run(&[&["build", "-t", name, "--push"], &platforms[..], &[&context]].concat())?
        .expect(0)
        .map(drop)
}

/// The id of an image as dfc sees it.
fn id(user: &User, name: &str) -> Result<String, Failed> {
    let args = ["inspect", "--platform", "linux/amd64", "-f", "{{.Id}}", name];
    Ok(user.run(&args)?.expect(0)?.stdout.trim().to_owned())
}

/// Somebody else pulls the image, and finds the file in it; gives its id.
fn expect_file(name: &str) -> Result<String, Failed> {
    let user = User::new()?;
    user.run(&["pull", "--platform", "linux/amd64", name])?.expect(0)?;
    user.file("from/Dockerfile", &format!("FROM --platform=linux/amd64 {name}\n"))?;
    let (from, out) = (user.path("from"), user.path("out"));
    let (from, out) = (from.display().to_string(), out.display().to_string());
    user.run(&["build", "--platform", "linux/amd64", "-o", &out, &from])?.expect(0)?;
    same(name, &std::fs::read_to_string(user.path("out/file"))?.as_str(), &"content\n")?;
    id(&user, name)
}

fn skopeo(args: &[&str]) -> Result<String, Failed> {
    run(Command::new("skopeo").arg("--insecure-policy").args(args))
}

/// Media types of the manifest or index of a name.
fn raw(name: &str) -> Result<String, Failed> {
    skopeo(&["inspect", "--raw", "--tls-verify=false", "--no-creds", &format!("docker://{name}")])
}

/// Copies an image to another name of the registry.
fn copy(from: &str, to: &str, flags: &[&str]) -> Outcome {
    let (from, to) = (format!("docker://{from}"), format!("docker://{to}"));
    let plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--src-no-creds"];
    let ends = ["--dest-no-creds", &from, &to];
    skopeo(&[&["copy", "-q"], &plain[..], flags, &ends].concat()).map(drop)
}

fn with_skopeo() -> Outcome {
    let registry = Registry::empty()?;
    let name = |tag: &str| registry.name(&format!("app:{tag}"));
    let user = User::new()?;
    for compression in ["gzip", "zstd", "uncompressed"] {
        push_two(&user, &name(compression), compression)?;
        copy(&name(compression), &name(&format!("all-{compression}")), &["--all"])?;
        expect_file(&name(&format!("all-{compression}")))?;
    }
    let oci = id(&user, &name("gzip"))?;
    let one = ["--override-os=linux", "--override-arch=amd64"];
    let one = |args: &[&str], tag: &str| -> Outcome {
        let (from, to) = (name("gzip"), name(tag));
        let (from, to) = (format!("docker://{from}"), format!("docker://{to}"));
        let plain = ["copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"];
        skopeo(&[&one[..], &plain, args, &[&from, &to]].concat()).map(drop)
    };
    one(&["--format", "v2s2"], "v2s2")?;
    says(&raw(&name("v2s2"))?, &["application/vnd.docker.distribution.manifest.v2+json"])?;
    expect_file(&name("v2s2"))?;
    let zstd = ["--format", "oci", "--dest-compress", "--dest-compress-format", "zstd"];
    one(&zstd, "zstd-again")?;
    same("id", &expect_file(&name("zstd-again"))?, &oci)?;
    // Docker's list of manifests, with all images, and back by dfc to the byte.
    copy(&name("gzip"), &name("list"), &["--all", "--format", "v2s2"])?;
    says(&raw(&name("list"))?, &["application/vnd.docker.distribution.manifest.list.v2+json"])?;
    let other = User::new()?;
    other.run(&["pull", "--all-platforms", &name("list")])?.expect(0)?;
    other.run(&["tag", &name("list"), &name("back")])?.expect(0)?;
    other.run(&["push", &name("back")])?.expect(0)?;
    same("list", &raw(&name("back"))?, &raw(&name("list"))?)
}

fn with_podman() -> Result<Option<String>, Failed> {
    let needs = [
        Need::Root,
        Need::Amd64,
        Need::StaticBusybox,
        Need::Program("podman"),
        Need::Program("skopeo"),
        Need::Program("docker-registry"),
    ];
    if let Some(reason) = missing(&needs) {
        return Ok(Some(reason));
    }
    // podman takes no path of more than 50 letters for its state.
    let state = tempfile::tempdir()?;
    let user = User::new()?;
    let program = podman(&user.path("podman"), state.path())?;
    let podman = |args: &[&str]| run(Command::new(&program).args(args));
    if let Err(why) = podman(&["info"]) {
        let why = why.message().unwrap_or_default().lines().last().unwrap_or_default().to_owned();
        return Ok(Some(format!("podman does not work here: {why}")));
    }
    let registry = Registry::empty()?;
    let name = |tag: &str| registry.name(&format!("app:{tag}"));
    let plain = "--tls-verify=false";
    let pull = |compression: &str| -> Outcome {
        push_two(&user, &name(compression), compression)?;
        podman(&["pull", "-q", plain, &name(compression)])?;
        let theirs = podman(&["inspect", "-f", "{{.Id}}", &name(compression)])?;
        same(compression, &format!("sha256:{theirs}"), &id(&user, &name(compression))?)
    };
    pull("gzip")?;
    for (tag, flags) in [
        ("p-oci", &["--format", "oci"][..]),
        ("p-v2s2", &["--format", "v2s2"]),
        ("p-zstd", &["--format", "oci", "--compression-format", "zstd"]),
    ] {
        podman(&[&["push", "-q", plain], flags, &[&name("gzip"), &name(tag)]].concat())?;
        expect_file(&name(tag))?;
    }
    // An index of podman's.
    podman(&["manifest", "create", "both"])?;
    for tag in ["p-oci", "p-v2s2"] {
        podman(&["manifest", "add", plain, "both", &format!("docker://{}", name(tag))])?;
    }
    let place = format!("docker://{}", name("p-both"));
    podman(&["manifest", "push", "-q", "--all", plain, "both", &place])?;
    expect_file(&name("p-both"))?;
    // The last, for podman remembers who has the same layer, however it is packed there.
    pull("zstd")?;
    login(&user, &program)?;
    Ok(None)
}

/// What `podman login` keeps, dfc uses.
fn login(user: &User, podman: &Path) -> Outcome {
    let registry = Registry::with_password()?;
    let file = user.path("runtime/containers/auth.json").display().to_string();
    let (host, name) = (registry.host(), registry.name("base:1"));
    let password = ["--username", super::server::NAME, "--password", super::server::PASSWORD];
    let ends = ["--authfile", &file, "--tls-verify=false", &host];
    run(Command::new(podman).arg("login").args(password).args(ends))?;
    let mut pull = user.command(&["pull", &name])?;
    run(pull.env("XDG_RUNTIME_DIR", user.path("runtime"))).map(drop)
}

fn with_docker() -> Result<Option<String>, Failed> {
    let needs = [
        Need::Root,
        Need::Amd64,
        Need::StaticBusybox,
        Need::Program("dockerd"),
        Need::Program("docker"),
        Need::Program("skopeo"),
        Need::Program("docker-registry"),
    ];
    if let Some(reason) = missing(&needs) {
        return Ok(Some(reason));
    }
    let daemon = match Daemon::start()? {
        Ok(daemon) => daemon,
        Err(why) => return Ok(Some(format!("dockerd does not start here: {why}"))),
    };
    let docker = |args: &[&str]| run(&mut daemon.docker(args)?);
    let registry = Registry::empty()?;
    let name = |tag: &str| registry.name(&format!("app:{tag}"));
    let user = User::new()?;
    push_two(&user, &name("1"), "gzip")?;
    let told = docker(&["pull", &name("1")])?;
    // Both print the same digest of the same name.
    let pulled = User::new()?.run(&["pull", &name("1")])?.expect(0)?;
    let digest = pulled.stderr.lines().find(|line| line.starts_with("Digest: "));
    says(&told, &[digest.ok_or("no digest")?])?;
    same("id", &docker(&["inspect", "-f", "{{.Id}}", &name("1")])?, &id(&user, &name("1"))?)?;
    docker(&["tag", &name("1"), &name("theirs")])?;
    docker(&["push", &name("theirs")])?;
    says(&raw(&name("theirs"))?, &["application/vnd.docker.distribution.manifest.v2+json"])?;
    same("id", &expect_file(&name("theirs"))?, &id(&user, &name("1"))?)?;
    // What Docker has pushed, dfc pushes on, and Docker pulls again.
    user.run(&["pull", &name("theirs")])?.expect(0)?;
    user.run(&["tag", &name("theirs"), &name("again")])?.expect(0)?;
    user.run(&["push", &name("again")])?.expect(0)?;
    docker(&["rmi", "-f", &name("1"), &name("theirs")])?;
    docker(&["pull", "-q", &name("again")])?;
    same("again", &raw(&name("again"))?, &raw(&name("theirs"))?)?;
    Ok(None)
}
