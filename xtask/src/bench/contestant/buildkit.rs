//! BuildKit by buildctl: with the daemon at `BUILDKIT_HOST`, or with one of our own.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Build, Builder, Call, Problem, builds_only, missing};
use crate::bench::removed::Removed;
use crate::bench::watch;
use crate::process;

/// How long a daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client and its daemon.
#[derive(Debug)]
pub(super) struct BuildKit {
    buildctl: PathBuf,
    address: String,
    daemon: Daemon,
}

#[derive(Debug)]
enum Daemon {
    /// It was there before; its cache is emptied only if that was allowed.
    Theirs {
        prune: bool,
    },
    Ours(Ours),
}

#[derive(Debug)]
struct Ours {
    buildkitd: PathBuf,
    folder: PathBuf,
    removed: Removed,
    child: Option<Child>,
}

impl BuildKit {
    /// The client, and a daemon that answers; else the reason why not.
    pub(super) fn find(folder: &Path, removed: Removed, prune: bool) -> Result<BuildKit, String> {
        let buildctl = process::find("buildctl").ok_or("no buildctl on the PATH")?;
        if let Ok(address) = env::var("BUILDKIT_HOST") {
            let found = BuildKit { buildctl, address, daemon: Daemon::Theirs { prune } };
            return if found.answers() {
                Ok(found)
            } else {
                Err(format!("no daemon answers at BUILDKIT_HOST ({})", found.address))
            };
        }
        let buildkitd = process::find("buildkitd")
            .ok_or("neither BUILDKIT_HOST is set, nor is a buildkitd on the PATH")?;
        if !process::is_root() {
            return Err("a buildkitd of our own needs root; set BUILDKIT_HOST".to_owned());
        }
        // Paths of sockets are short.
        let socket = env::temp_dir().join(format!("dfc-bench-{}.sock", std::process::id()));
        let address = format!("unix://{}", socket.display());
        let ours = Ours { buildkitd, folder: folder.to_owned(), removed, child: None };
        let mut found = BuildKit { buildctl, address, daemon: Daemon::Ours(ours) };
        match found.restart() {
            Ok(()) => Ok(found),
            Err(Problem::Missing(why) | Problem::Failed(why)) => Err(why),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.buildctl);
        command.args(["--addr", &self.address]).args(args);
        command
    }

    fn answers(&self) -> bool {
        process::succeeds(&mut self.command(&["debug", "workers"]))
    }

    fn await_daemon(&self) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            if deadline < Instant::now() {
                let log =
                    if let Daemon::Ours(ours) = &self.daemon { ours.log() } else { "".into() };
                let reason = format!("buildkitd does not answer; see {}", log.display());
                return Err(Problem::Failed(reason));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Ours {
    fn log(&self) -> PathBuf {
        self.folder.join("buildkitd.log")
    }

    fn start(&mut self, address: &str) -> Result<(), Problem> {
        fs::create_dir_all(&self.folder)?;
        let log = File::create(self.log())?;
        let mut command = Command::new(&self.buildkitd);
        command.arg("--root").arg(self.folder.join("root")).args(["--addr", address]);
        // Nothing is to be collected while it is measured, and no network set up.
        command.args(["--oci-worker-gc=false", "--oci-worker-net=host"]);
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn()?);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            process::stop(&mut child);
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Builder for BuildKit {
    fn name(&self) -> &'static str {
        "buildctl"
    }

    fn version(&self) -> String {
        let printed = process::output(Command::new(&self.buildctl).arg("--version"));
        printed.unwrap_or_default().trim().to_owned()
    }

    fn memory(&self) -> &'static str {
        match self.daemon {
            Daemon::Ours(_) => "buildctl, a fresh buildkitd, and their children",
            Daemon::Theirs { .. } => "buildctl, the running buildkitd, and their children",
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Command, Problem> {
        let folder = build.dockerfile.parent().unwrap_or(Path::new("/"));
        let name = build.dockerfile.file_name().unwrap_or_default().to_string_lossy();
        let mut command = self.command(&["build", "--progress=plain", "--frontend=dockerfile.v0"]);
        command.arg("--local").arg(format!("context={}", build.context.display()));
        command.arg("--local").arg(format!("dockerfile={}", folder.display()));
        command.args(["--opt", &format!("filename={name}")]);
        if !build.cached {
            command.arg("--no-cache");
        }
        if let Some(archive) = build.archive {
            let (archive, compression) = (archive.display(), build.compression);
            command.arg("--output").arg(format!(
                "type=oci,dest={archive},compression={compression},oci-mediatypes=true"
            ));
        }
        Ok(command)
    }

    fn call(&self, call: Call<'_>) -> Result<Command, Problem> {
        match call {
            Call::Version => {
                let mut command = Command::new(&self.buildctl);
                command.arg("--version");
                Ok(command)
            }
            Call::Explain(_) | Call::Parse(_) | Call::Check(_) => builds_only(),
        }
    }

    fn forget(&mut self) -> Result<(), Problem> {
        match &mut self.daemon {
            Daemon::Theirs { prune: false } => {
                missing("the cache of a running daemon is not emptied without --prune-peers")
            }
            Daemon::Theirs { prune: true } => {
                process::output(&mut self.command(&["prune", "--all"]))?;
                Ok(())
            }
            Daemon::Ours(ours) => {
                ours.stop();
                ours.removed.take(&ours.folder.join("root"))?;
                ours.start(&self.address)?;
                self.await_daemon()
            }
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        if let Daemon::Ours(ours) = &mut self.daemon {
            ours.stop();
            ours.start(&self.address)?;
            self.await_daemon()?;
        }
        Ok(())
    }

    fn daemons(&self) -> Vec<u32> {
        match &self.daemon {
            Daemon::Ours(ours) => ours.child.iter().map(Child::id).collect(),
            Daemon::Theirs { .. } => watch::processes("buildkitd"),
        }
    }
}
