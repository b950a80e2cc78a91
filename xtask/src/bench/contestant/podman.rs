//! buildah and podman, which take the same flags, with storage of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Build, Builder, Call, Problem, builds_only};
use crate::process;

/// One of the two, and its storage.
#[derive(Debug)]
pub(super) struct Podman {
    name: &'static str,
    folder: PathBuf,
}

impl Podman {
    /// The program, if it is there; else the reason why not.
    pub(super) fn find(name: &'static str, folder: &Path) -> Result<Podman, String> {
        process::find(name).ok_or_else(|| format!("no {name} on the PATH"))?;
        if !process::is_root() {
            return Err(format!("the storage of {name} is apart from the user's for root alone"));
        }
        Ok(Podman { name, folder: folder.to_owned() })
    }

    /// As typed; for `sh -c` with the storage in `$0`.
    fn typed(&self) -> String {
        format!("{} --root \"$0/root\" --runroot \"$0/run\"", self.name)
    }

    /// The same, building. Where there is runc, which BuildKit uses, it runs the commands here, too.
    fn building(&self) -> String {
        let runc = process::find("runc").map(|runc| format!("--runtime {}", runc.display()));
        let runc = runc.unwrap_or_default();
        let program = self.typed();
        let build = "build --layers --jobs 0 --tls-verify=false --network host -q -t bench";
        if self.name == "podman" {
            format!("{program} {runc} {build}")
        } else {
            format!("{program} {build} {runc}")
        }
    }
}

impl Builder for Podman {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> String {
        let printed = process::output(Command::new(self.name).arg("--version"));
        printed.unwrap_or_default().trim().to_owned()
    }

    fn memory(&self) -> &'static str {
        "the program and its children"
    }

    fn build(&self, build: &Build<'_>) -> Result<Command, Problem> {
        let program = self.typed();
        let mut script = format!("{} -f \"$1\" ", self.building());
        if !build.cached {
            script.push_str("--no-cache ");
        }
        script.push_str("\"$2\"");
        if let Some(archive) = build.archive {
            // An archive that is there already would be added to.
            let _ = fs::remove_file(archive);
            script.push_str(&format!(
                " && {program} push -q --compression-format {} bench oci-archive:\"$3\"",
                build.compression
            ));
        }
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(&self.folder).arg(build.dockerfile).arg(build.context);
        command.args(build.archive);
        Ok(command)
    }

    fn call(&self, call: Call<'_>) -> Result<Command, Problem> {
        match call {
            Call::Version => {
                let mut command = Command::new(self.name);
                command.arg("--version");
                Ok(command)
            }
            Call::Explain(_) | Call::Parse(_) | Call::Check(_) => builds_only(),
        }
    }

    fn forget(&mut self) -> Result<(), Problem> {
        // Its own command unmounts what is mounted; the folder may be empty or damaged, so this may fail.
        let script = format!("{} rmi --all --force", self.typed());
        process::succeeds(Command::new("sh").args(["-c", &script]).arg(&self.folder));
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        Ok(())
    }
}
