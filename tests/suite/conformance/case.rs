//! One case: its folder, its options, and the context laid out for a build.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use serde::Deserialize;

/// A case, as `fixtures/conformance/README.md` describes it.
#[derive(Debug)]
pub(crate) struct Case {
    folder: PathBuf,
    pub(crate) options: Options,
}

/// What `case.toml` says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// One line for people: what the case holds fast.
    about: String,
    /// Where it is known from: a file and a test of BuildKit's own, or that BuildKit was run.
    source: String,
    args: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    contexts: BTreeMap<String, String>,
    secrets: Vec<String>,
    add_hosts: Vec<String>,
    target: Option<String>,
    platform: Option<String>,
    network: Option<String>,
    dockerfile_ignore: Option<String>,
    /// Why an ordinary user cannot build it.
    pub(crate) needs_root: Option<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) check_mtime: Vec<String>,
    pub(crate) ignore_paths: Vec<String>,
    pub(crate) error_line: Option<u32>,
    pub(crate) error_has: Vec<String>,
}

impl Case {
    /// Reads the options of the case in `folder`.
    pub(crate) fn load(folder: &Path) -> Result<Case, Failed> {
        let options = match fs::read_to_string(folder.join("case.toml")) {
            Ok(text) => toml::from_str(&text)?,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Options::default(),
            Err(problem) => return Err(problem.into()),
        };
        Ok(Case { folder: folder.to_owned(), options })
    }

    /// The file that holds what BuildKit made of the case.
    pub(crate) fn expected(&self) -> PathBuf {
        self.folder.join("expected.json")
    }

    /// Lays Dockerfile and context out below `work`, modes as recorded; gives the context's folder.
    pub(crate) fn prepare(&self, work: &Path) -> Result<PathBuf, Failed> {
        let context = work.join("context");
        fs::create_dir(&context)?;
        set_mode(&context, 0o755)?;
        if self.folder.join("context").is_dir() {
            copy(&self.folder.join("context"), &context)?;
        }
        fs::copy(self.folder.join("Dockerfile"), work.join("Dockerfile"))?;
        if let Some(text) = &self.options.dockerfile_ignore {
            fs::write(work.join("Dockerfile.dockerignore"), text)?;
        }
        let setup = self.folder.join("setup.sh");
        if setup.is_file() {
            let mut command = Command::new("sh");
            command.args(["-c", r#"umask 022 && exec sh -eu "$0""#]).arg(&setup);
            command.current_dir(&context).env("WORK", work).stdin(Stdio::null());
            let done = command.output()?;
            if !done.status.success() {
                return Err(format!("setup.sh: {}", String::from_utf8_lossy(&done.stderr)).into());
            }
        }
        Ok(context)
    }

    /// The flags of the build that the options ask for.
    pub(crate) fn flags(&self, work: &Path, bases: &Path) -> Vec<String> {
        let options = &self.options;
        let place = |value: &str| {
            let value = value.replace("$WORK", &work.to_string_lossy());
            value.replace("$BASES", &bases.to_string_lossy())
        };
        let mut flags = Vec::new();
        let mut say = |flag: &str, value: String| flags.extend([format!("--{flag}"), value]);
        for (key, value) in &options.args {
            say("build-arg", format!("{key}={value}"));
        }
        for (key, value) in &options.labels {
            say("label", format!("{key}={value}"));
        }
        for (key, value) in &options.contexts {
            say("build-context", format!("{key}={}", place(value)));
        }
        for secret in &options.secrets {
            say("secret", place(secret));
        }
        let single = [
            ("target", &options.target),
            ("platform", &options.platform),
            ("network", &options.network),
        ];
        for (flag, value) in single {
            if let Some(value) = value {
                say(flag, value.clone());
            }
        }
        for host in &options.add_hosts {
            say("add-host", host.clone());
        }
        flags
    }
}

/// Copies what `from` holds into `to`: folders get mode 755, files 755 if executable, else 644.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir(&target)?;
            set_mode(&target, 0o755)?;
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            set_mode(&target, if executable { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
