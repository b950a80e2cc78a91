//! Somebody with a home of their own, who calls `dfc`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::Outcome;
use crate::dfc::{Dfc, Done};
use crate::scratch;

/// No call of these suites takes longer than this.
const LONGEST: Duration = Duration::from_secs(60);

/// A home and a store, both gone with this value.
pub(super) struct User {
    pub(super) dfc: Dfc,
    home: TempDir,
}

impl User {
    pub(super) fn new() -> Result<User, Failed> {
        let user = User { dfc: Dfc::new()?, home: scratch::fresh("home-")? };
        fs::create_dir(user.path("bin"))?;
        Ok(user)
    }

    /// A path in the home.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file of the home.
    pub(super) fn file(&self, name: &str, text: &str) -> Result<PathBuf, Failed> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Writes a program of the user's.
    pub(super) fn program(&self, name: &str, script: &str) -> Outcome {
        let path = self.file(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"))?;
        fs::set_permissions(path, PermissionsExt::from_mode(0o755))?;
        Ok(())
    }

    /// Writes `config.toml`.
    pub(super) fn config(&self, text: &str) -> Outcome {
        self.file(".config/dfc/config.toml", text).map(drop)
    }

    /// A call that knows nothing of the machine's settings.
    pub(super) fn command(&self, args: &[&str]) -> Result<Command, Failed> {
        let mut command = self.dfc.command(args)?;
        for name in ["DFC_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE"] {
            command.env_remove(name);
        }
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE"] {
            command.env_remove(name);
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("HOME", self.home.path());
        Ok(command)
    }

    /// Calls `dfc`; it must end in time.
    pub(super) fn run(&self, args: &[&str]) -> Result<Done, Failed> {
        Done::within(self.command(args)?, LONGEST)
    }

    /// Calls `dfc` with something on standard input.
    pub(super) fn run_with(&self, args: &[&str], input: &str) -> Result<Done, Failed> {
        let file = self.file("input", input)?;
        let mut command = self.command(args)?;
        let child = command
            .stdin(fs::File::open(file)?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Done::from(child.wait_with_output()?))
    }

    /// The text of docker's settings; empty if there are none.
    pub(super) fn docker_config(&self) -> String {
        fs::read_to_string(self.path(".docker/config.json")).unwrap_or_default()
    }

    /// Fails if the store holds an image, a blob or something half-made.
    pub(super) fn has_nothing(&self) -> Outcome {
        let images = self.run(&["images", "-q"])?.expect(0)?;
        let names = |folder: &str| -> Vec<PathBuf> {
            let Ok(entries) = fs::read_dir(self.dfc.home().join(folder)) else { return Vec::new() };
            entries.flatten().map(|entry| entry.path()).collect()
        };
        let blobs = names("blobs/sha256");
        let left: Vec<PathBuf> = names("tmp")
            .iter()
            .flat_map(|corner| fs::read_dir(corner).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .filter(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().contains("blob"))
            })
            .collect();
        if images.stdout.is_empty() && blobs.is_empty() && left.is_empty() {
            return Ok(());
        }
        Err(format!("something is left: {:?} {blobs:?} {left:?}", images.stdout).into())
    }
}

/// Fails unless `text` has all the parts.
pub(super) fn says(text: &str, parts: &[&str]) -> Outcome {
    match parts.iter().find(|part| !text.contains(**part)) {
        None => Ok(()),
        Some(part) => Err(format!("it does not say `{part}`:\n{text}").into()),
    }
}
