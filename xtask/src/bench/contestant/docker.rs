//! docker with a daemon that runs already.

use std::process::Command;

use super::{Build, Builder, Call, Compression, Problem, builds_only, missing};
use crate::bench::watch;
use crate::process;

/// The client; it knows where its daemon is.
#[derive(Debug)]
pub(super) struct Docker {
    prune: bool,
}

impl Docker {
    /// The client, if a daemon answers; else the reason why not.
    pub(super) fn find(prune: bool) -> Result<Docker, String> {
        process::find("docker").ok_or("no docker on the PATH")?;
        if !process::succeeds(Command::new("docker").arg("info")) {
            return Err("no docker daemon answers".to_owned());
        }
        Ok(Docker { prune })
    }
}

impl Builder for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn version(&self) -> String {
        let printed = process::output(Command::new("docker").arg("--version"));
        printed.unwrap_or_default().trim().to_owned()
    }

    fn memory(&self) -> &'static str {
        "docker, dockerd, containerd, and their children"
    }

    fn build(&self, build: &Build<'_>) -> Result<Command, Problem> {
        if build.archive.is_some() && build.compression == Compression::Zstd {
            return missing("docker save does not pack with zstd");
        }
        let mut script = "docker build -q -t bench -f \"$1\" ".to_owned();
        if !build.cached {
            script.push_str("--no-cache ");
        }
        script.push_str("\"$2\"");
        let mut command = Command::new("sh");
        if build.archive.is_some() {
            script.push_str(" && docker save -o \"$3\" bench");
        }
        command.args(["-c", &script, "sh"]).arg(build.dockerfile).arg(build.context);
        command.args(build.archive);
        Ok(command)
    }

    fn call(&self, call: Call<'_>) -> Result<Command, Problem> {
        match call {
            Call::Version => {
                let mut command = Command::new("docker");
                command.arg("--version");
                Ok(command)
            }
            Call::Explain(_) | Call::Parse(_) | Call::Check(_) => builds_only(),
        }
    }

    fn forget(&mut self) -> Result<(), Problem> {
        if !self.prune {
            return missing("the images of a running daemon are not removed without --prune-peers");
        }
        process::output(Command::new("docker").args(["builder", "prune", "--all", "--force"]))?;
        process::output(Command::new("docker").args(["image", "prune", "--all", "--force"]))?;
        Ok(())
    }

    fn daemons(&self) -> Vec<u32> {
        [watch::processes("dockerd"), watch::processes("containerd")].concat()
    }
}
