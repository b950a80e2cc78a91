//! A Dockerfile with its context and a store, to build again and again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::dfc::{Dfc, Done};
use crate::image::Layout;
use crate::progress::Log;
use crate::{bases, scratch};

/// No build of these suites takes longer than this.
const LONGEST_BUILD: Duration = Duration::from_secs(120);

/// A folder with a Dockerfile and files, and a store of its own.
#[derive(Debug)]
pub(crate) struct Project {
    folder: TempDir,
    pub(crate) dfc: Dfc,
}

/// A build that ended well.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) log: Log,
    pub(crate) image: Layout,
}

impl Project {
    /// A project with this Dockerfile, no files, and an empty store.
    pub(crate) fn new(dockerfile: &str) -> Result<Project, Failed> {
        let project = Project { folder: scratch::fresh("project-")?, dfc: Dfc::new()? };
        fs::create_dir(project.context())?;
        project.dockerfile(dockerfile)?;
        Ok(project)
    }

    /// The folder that is built.
    pub(crate) fn context(&self) -> PathBuf {
        self.folder.path().join("context")
    }

    /// A path beside the context.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the Dockerfile anew.
    pub(crate) fn dockerfile(&self, text: &str) -> Result<(), Failed> {
        self.file("Dockerfile", text)
    }

    /// Writes a file of the context.
    pub(crate) fn file(&self, path: &str, text: &str) -> Result<(), Failed> {
        let path = self.context().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(fs::write(path, text)?)
    }

    /// A call of `dfc build` with the bases, further flags, and the context.
    pub(crate) fn command(&self, flags: &[&str]) -> Result<Command, Failed> {
        let mut command = self.dfc.command(["build", "--progress=plain"])?;
        command.args(bases::flags()?).args(flags).arg(self.context());
        Ok(command)
    }

    /// Builds, and waits for the end, whatever it is.
    pub(crate) fn try_build(&self, flags: &[&str]) -> Result<Done, Failed> {
        Done::within(self.command(flags)?, LONGEST_BUILD)
    }

    /// Builds and reads the image.
    pub(crate) fn build(&self, flags: &[&str]) -> Result<Built, Failed> {
        let archive = self.beside("image.tar");
        let output = format!("type=oci,dest={}", archive.display());
        let mut all = vec!["--output", output.as_str()];
        all.extend(flags);
        let done = self.try_build(&all)?.expect(0)?;
        Ok(Built { log: Log::read(&done.stderr), image: Layout::read(&archive)? })
    }
}
