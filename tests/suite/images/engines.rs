//! Images to and from other programs: skopeo, umoci, podman, Docker.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use super::{bytes, fed, filled, lines, said};
use crate::Outcome;
use crate::build::same;
use crate::dfc::{Dfc, Done};
use crate::need::{Need, trial};
use crate::scratch;

pub(super) fn trials() -> Vec<Trial> {
    let skopeo = &[Need::Sandbox, Need::StaticBusybox, Need::Program("skopeo")];
    let umoci = &[Need::Root, Need::StaticBusybox, Need::Program("umoci")];
    vec![
        trial("images::engines::skopeo", skopeo, with_skopeo),
        trial("images::engines::umoci", umoci, with_umoci),
        engine("images::engines::podman", with_podman),
        engine("images::engines::docker", with_docker),
    ]
}

/// A trial that may find out on the way why it cannot be made here.
pub(crate) fn engine(name: &'static str, body: fn() -> Result<Option<String>, Failed>) -> Trial {
    Trial::ignorable_test(name, move || {
        Ok(match body()? {
            Some(reason) => Completion::ignored_with(reason),
            None => Completion::Completed,
        })
    })
}

/// Why one of the needs is not met.
pub(crate) fn missing(needs: &[Need]) -> Option<String> {
    needs.iter().find_map(|need| need.missing())
}

pub(crate) fn run(program: &mut Command) -> Result<String, Failed> {
    Ok(Done::from(program.stdin(Stdio::null()).output()?).expect(0)?.stdout.trim().to_owned())
}

fn with_skopeo() -> Outcome {
    let project = filled()?;
    let (dfc, at) = (&project.dfc, |name: &str| project.beside(name).display().to_string());
    let copy = |from: &str, to: &str| {
        run(Command::new("skopeo").args(["--insecure-policy", "copy", "-q", from, to]))
    };
    dfc.run(["save", "-o", &at("d.tar"), "app:2", "base:1"])?.expect(0)?;
    dfc.run(["save", "--format", "oci", "-o", &at("o.tar"), "app:2"])?.expect(0)?;
    copy(
        &format!("docker-archive:{}:app:2", at("d.tar")),
        &format!("oci:{}:team/one:1", at("layout")),
    )?;
    copy(
        &format!("oci-archive:{}", at("o.tar")),
        &format!("oci-archive:{}:team/two:2", at("so.tar")),
    )?;
    copy(
        &format!("oci-archive:{}", at("o.tar")),
        &format!("docker-archive:{}:team/three:3", at("sd.tar")),
    )?;
    let other = Dfc::new()?;
    for (file, name) in
        [("layout", "team/one:1"), ("so.tar", "team/two:2"), ("sd.tar", "team/three:3")]
    {
        same(file, &said(&other, &["load", "-q", "-i", &at(file)])?.as_str(), &name)?;
        same(name, &other.run(["run", name])?.expect(0)?.stdout.as_str(), &"two\n")?;
    }
    Ok(())
}

fn with_umoci() -> Outcome {
    let project = filled()?;
    let at = |name: &str| project.beside(name).display().to_string();
    let umoci = |args: &[&str]| run(Command::new("umoci").args(args));
    project.dfc.run(["save", "--format", "oci-dir", "-o", &at("layout"), "app:2"])?.expect(0)?;
    let (before, after) = (format!("{}:2", at("layout")), format!("{}:3", at("layout")));
    umoci(&["unpack", "--image", &before, &at("bundle")])?;
    let tree = project.beside("bundle/rootfs");
    same("the tree", &fs::read_to_string(tree.join("two"))?.as_str(), &"two\n")?;
    fs::write(tree.join("three"), "three\n")?;
    fs::remove_file(tree.join("one"))?;
    umoci(&["repack", "--image", &after, &at("bundle")])?;
    umoci(&["config", "--image", &after, "--config.cmd", "cat", "--config.cmd", "/three"])?;
    let other = Dfc::new()?;
    let told = lines(&other, &["load", "-q", "-i", &at("layout")])?;
    same("names", &told, &vec!["app:2".to_owned(), "app:3".to_owned()])?;
    same("run", &other.run(["run", "app:3"])?.expect(0)?.stdout.as_str(), &"three\n")?;
    let gone = other.run(["run", "app:3", "cat", "/one"])?;
    same("removed", &gone.status, &Some(1))
}

/// A podman with a store of its own in `state`, as a script in a folder of its own.
pub(crate) fn podman(folder: &Path, state: &Path) -> Result<PathBuf, Failed> {
    fs::create_dir_all(folder)?;
    let real = crate::need::program("podman").ok_or("no podman")?;
    let state = state.display();
    let flags = "--storage-driver=vfs --cgroup-manager=cgroupfs";
    let script = format!(
        "#!/bin/sh\nexec {} --root {state}/root --runroot {state}/run {flags} \"$@\"\n",
        real.display()
    );
    let path = folder.join("podman");
    fs::write(&path, script)?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(path)
}

fn with_podman() -> Result<Option<String>, Failed> {
    let needs = [Need::Root, Need::StaticBusybox, Need::Program("podman")];
    if let Some(reason) = missing(&needs) {
        return Ok(Some(reason));
    }
    let project = filled()?;
    // podman takes no path of more than 50 letters for its state.
    let state = tempfile::tempdir()?;
    let podman = podman(&project.beside("bin"), state.path())?;
    let podman = |args: &[&str]| run(Command::new(&podman).args(args));
    if let Err(why) = podman(&["info"]) {
        let why = why.message().unwrap_or_default().lines().last().unwrap_or_default().to_owned();
        return Ok(Some(format!("podman does not work here: {why}")));
    }
    let (dfc, at) = (&project.dfc, |name: &str| project.beside(name).display().to_string());
    let id = said(dfc, &["images", "-q", "--no-trunc", "app:2"])?;
    for form in ["docker", "oci"] {
        dfc.run(["save", "--format", form, "-o", &at(form), "app:2"])?.expect(0)?;
        podman(&["load", "-q", "-i", &at(form)])?;
        let found = podman(&["inspect", "-f", "{{.Id}}", "app:2"])?;
        same(form, &format!("sha256:{found}"), &id)?;
    }
    podman(&["tag", &id, "localhost/mine:1"])?;
    for form in ["docker-archive", "oci-archive", "oci-dir"] {
        podman(&[
            "save",
            "-q",
            "--format",
            form,
            "-o",
            &at(&format!("p-{form}")),
            "localhost/mine:1",
        ])?;
        let other = Dfc::new()?;
        let told = said(&other, &["load", "-q", "-i", &at(&format!("p-{form}"))])?;
        same(form, &told.as_str(), &"localhost/mine:1")?;
        same(form, &said(&other, &["images", "-q", "--no-trunc"])?, &id)?;
        same(form, &other.run(["run", "localhost/mine:1"])?.expect(0)?.stdout.as_str(), &"two\n")?;
    }
    project.dockerfile("FROM busybox\nRUN echo loaded > /loaded\n")?;
    let mut build = project.command(&["--load", "-t", "localhost/loaded:1"])?;
    let path = format!("{}:{}", at("bin"), std::env::var("PATH").unwrap_or_default());
    run(build.env("PATH", path).env("DOCKER_HOST", "unix:///nowhere"))?;
    podman(&["image", "exists", "localhost/loaded:1"])?;
    Ok(None)
}

/// A Docker daemon of its own, stopped with this value.
pub(crate) struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    pub(crate) fn start() -> Result<Result<Daemon, String>, Failed> {
        let folder = scratch::fresh("docker-")?;
        let at = |name: &str| folder.path().join(name);
        let program = crate::need::program("dockerd").ok_or("no dockerd")?;
        let child = Command::new(program)
            .args([
                "--storage-driver=vfs",
                "--iptables=false",
                "--ip6tables=false",
                "--bridge=none",
            ])
            .arg(format!("--host={}", socket(folder.path())))
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(at("log"))?)
            .spawn()?;
        let mut daemon = Daemon { child, folder };
        for _ in 0..150 {
            if daemon.docker(&["info"])?.output()?.status.success() {
                return Ok(Ok(daemon));
            }
            if daemon.child.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let log = fs::read_to_string(daemon.folder.path().join("log")).unwrap_or_default();
        Ok(Err(log.lines().last().unwrap_or_default().to_owned()))
    }

    pub(crate) fn docker(&self, args: &[&str]) -> Result<Command, Failed> {
        let mut docker = Command::new("docker");
        docker.args(args).env("DOCKER_HOST", socket(self.folder.path()));
        Ok(docker)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM, so that it unmounts what it has mounted.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn socket(folder: &Path) -> String {
    format!("unix://{}/socket", folder.display())
}

fn with_docker() -> Result<Option<String>, Failed> {
    let needs =
        [Need::Root, Need::StaticBusybox, Need::Program("dockerd"), Need::Program("docker")];
    if let Some(reason) = missing(&needs) {
        return Ok(Some(reason));
    }
    let daemon = match Daemon::start()? {
        Ok(daemon) => daemon,
        Err(why) => return Ok(Some(format!("dockerd does not start here: {why}"))),
    };
    let docker = |args: &[&str]| run(&mut daemon.docker(args)?);
    let project = filled()?;
    let dfc = &project.dfc;
    let id = said(dfc, &["images", "-q", "--no-trunc", "app:2"])?;
    let saved = bytes(&mut dfc.command(["save", "app", "team/app", "base:1"])?)?;
    fed(daemon.docker(&["load"])?, &saved)?.expect(0)?;
    same("id", &docker(&["inspect", "-f", "{{.Id}}", "team/app:2"])?, &id)?;
    // Both print the same of the same image.
    for template in [
        "{{.Config.Env}} {{json .Config.Cmd}} {{.Config.Entrypoint}} {{.Config.Labels}} {{.Created}}",
        "{{range .RootFS.Layers}}{{println .}}{{end}}{{len .RepoTags}} {{.Os}}/{{.Architecture}}",
        "{{index .Config.Labels \"number\"}} {{.Config.ExposedPorts}} {{json .Config.Volumes}} {{.Parent}}",
    ] {
        let theirs = docker(&["inspect", "-f", template, "app:2"])?;
        same(template, &said(dfc, &["inspect", "-f", template, "app:2"])?, &theirs)?;
    }
    let history = [
        "history",
        "--no-trunc",
        "--human=false",
        "--format",
        "{{.ID}} {{.CreatedBy}} {{.Size}} {{.Comment}}",
        "app:2",
    ];
    same("history", &said(dfc, &history)?, &docker(&history)?)?;
    docker(&["tag", "app:2", "theirs:1"])?;
    let saved = bytes(&mut daemon.docker(&["save", "theirs:1", "base:1"])?)?;
    let other = Dfc::new()?;
    same("loaded", &fed(other.command(["load"])?, &saved)?.expect(0)?.stdout.lines().count(), &2)?;
    same("id", &said(&other, &["images", "-q", "--no-trunc", "theirs"])?, &id)?;
    same("run", &other.run(["run", "theirs:1"])?.expect(0)?.stdout.as_str(), &"two\n")?;
    let tree = bytes(&mut dfc.command(["export", "app:2"])?)?;
    fed(daemon.docker(&["import", "-", "tree:1"])?, &tree)?.expect(0)?;
    let container = docker(&["create", "--network", "none", "app:2"])?;
    let tree = bytes(&mut daemon.docker(&["export", &container])?)?;
    fed(other.command(["import", "-", "tree:1"])?, &tree)?.expect(0)?;
    same(
        "tree",
        &other.run(["run", "tree:1", "cat", "/two"])?.expect(0)?.stdout.as_str(),
        &"two\n",
    )?;
    project.dockerfile("FROM busybox\nRUN echo loaded > /loaded\n")?;
    let mut build = project.command(&["--load", "-t", "loaded:1"])?;
    run(build.env("DOCKER_HOST", socket(daemon.folder.path())))?;
    docker(&["image", "inspect", "loaded:1"])?;
    Ok(None)
}
