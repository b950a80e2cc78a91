//! Images that come from a registry: a `docker-registry` on this machine, filled by skopeo.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::Outcome;
use crate::dfc::{Dfc, Done};
use crate::need::{Need, program, trial};
use crate::project::Project;
use crate::{bases, scratch};

const NEEDS: &[Need] = &[
    Need::Sandbox,
    Need::StaticBusybox,
    Need::Program("docker-registry"),
    Need::Program("skopeo"),
];

/// All trials with a registry.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::pull", NEEDS, pull),
        trial("registries::build_on_a_pulled_base", NEEDS, build),
        trial("registries::build_without_the_registry", NEEDS, build_without_registry),
        trial("registries::push", NEEDS, push),
        trial("registries::build_and_push", NEEDS, build_and_push),
        trial("registries::unknown_name", NEEDS, unknown_name),
    ]
}

/// A registry on a port of its own, with `base:1` in it; it ends with this value.
struct Registry {
    server: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It is gone already if this fails.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Registry {
    fn start() -> Result<Registry, Failed> {
        let folder = scratch::fresh("registry-")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let storage = folder.path().join("data");
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            storage.display()
        );
        let path = folder.path().join("config.yml");
        fs::write(&path, config)?;
        let mut command = Command::new(program("docker-registry").ok_or("no docker-registry")?);
        command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null());
        let server = command.stderr(Stdio::null()).spawn()?;
        let registry = Registry { server, port, _folder: folder };
        registry.wait()?;
        let base = format!("oci:{}:latest", bases::folder()?.join("busybox").display());
        let target = format!("docker://{}", registry.name("base:1"));
        let flags = ["--quiet", "--dest-tls-verify=false", "--dest-no-creds"];
        let copy = [&["copy"], &flags[..], &[&base, &target]].concat();
        Done::from(Command::new("skopeo").args(copy).output()?).expect(0)?;
        Ok(registry)
    }

    fn wait(&self) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if deadline < Instant::now() {
                return Err("docker-registry does not answer".into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn name(&self, image: &str) -> String {
        format!("localhost:{}/{image}", self.port)
    }
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
