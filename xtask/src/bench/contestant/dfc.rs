//! dfc itself, with a store of its own.

use std::path::PathBuf;
use std::process::Command;

use super::{Build, Builder, Call, Problem};
use crate::bench::removed::Removed;
use crate::process;

/// A binary and its store.
#[derive(Debug)]
pub(super) struct Dfc {
    binary: PathBuf,
    store: PathBuf,
    removed: Removed,
}

impl Dfc {
    pub(super) fn new(binary: PathBuf, store: PathBuf, removed: Removed) -> Dfc {
        Dfc { binary, store, removed }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).env("DFC_HOME", &self.store);
        command.env_remove("SOURCE_DATE_EPOCH");
        command
    }
}

impl Builder for Dfc {
    fn name(&self) -> &'static str {
        "dfc"
    }

    fn version(&self) -> String {
        process::output(&mut self.command(&["--version"])).unwrap_or_default().trim().to_owned()
    }

    fn memory(&self) -> &'static str {
        "dfc and its children"
    }

    fn build(&self, build: &Build<'_>) -> Result<Command, Problem> {
        let mut command = self.command(&["build", "--progress", "plain", "-f"]);
        command.arg(build.dockerfile);
        match build.archive {
            None => command.args(["-t", "bench"]),
            Some(archive) => command.arg("-o").arg(format!(
                "type=oci,dest={},compression={}",
                archive.display(),
                build.compression
            )),
        };
        if !build.cached {
            command.arg("--no-cache");
        }
        command.arg(build.context);
        Ok(command)
    }

    fn call(&self, call: Call<'_>) -> Result<Command, Problem> {
        Ok(match call {
            Call::Version => self.command(&["--version"]),
            Call::Explain(folder) => {
                let mut command = self.command(&["explain"]);
                command.arg(folder);
                command
            }
            Call::Parse(files) => {
                let mut command = self.command(&["parse"]);
                command.args(files);
                command
            }
            Call::Check(files) => {
                let mut command = self.command(&["check", "--no-context", "--error-on", "never"]);
                command.args(files);
                command
            }
        })
    }

    fn forget(&mut self) -> Result<(), Problem> {
        self.removed.take(&self.store)?;
        Ok(())
    }
}
