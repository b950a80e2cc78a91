//! What a trial needs of the machine, and how to ask for it.
//!
//! A missing capability never fails a trial: the trial is reported as ignored, and the reason is printed.

use std::env;
use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::{Completion, Trial};

use crate::Outcome;

/// Something of the machine that a trial cannot do without.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// The tests run as root of the machine (or of a container that may mount).
    Root,
    /// A machine that lets this user isolate a command, with the ids that images have.
    Sandbox,
    /// A machine of the architecture that the recorded images are of.
    Amd64,
    /// A busybox that is linked statically, so that it runs in an empty image.
    StaticBusybox,
    /// A program on the `PATH`.
    Program(&'static str),
    /// A Neovim of version 0.N or later.
    Neovim(u32),
}

impl Need {
    /// Why the need is not met here, or `None` if it is.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Need::Root => (!is_root()).then(|| "needs root".to_owned()),
            Need::Sandbox => no_sandbox(),
            Need::Amd64 => {
                (!cfg!(target_arch = "x86_64")).then(|| "needs an x86-64 machine".to_owned())
            }
            Need::StaticBusybox => match busybox() {
                Ok(_) => None,
                Err(why) => Some(why.to_string()),
            },
            Need::Program(name) => {
                program(name).is_none().then(|| format!("needs the program `{name}`"))
            }
            Need::Neovim(minor) => no_neovim(minor),
        }
    }
}

/// A trial that runs only where all `needs` are met.
pub(crate) fn trial(
    name: impl Into<String>,
    needs: &'static [Need],
    body: impl FnOnce() -> Outcome + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || match needs.iter().find_map(|need| need.missing()) {
        Some(reason) => Ok(Completion::ignored_with(reason)),
        None => body().map(|()| Completion::Completed),
    })
}

/// Why this user cannot isolate commands.
fn no_sandbox() -> Option<String> {
    if is_root() {
        return None;
    }
    if program("newuidmap").is_none() {
        return Some("needs newuidmap (Debian: uidmap)".to_owned());
    }
    let name = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_default();
    let uid = fs::metadata("/proc/self").map(|itself| itself.uid()).unwrap_or_default();
    let ids = fs::read_to_string("/etc/subuid").unwrap_or_default();
    let own = |line: &str| {
        let user = line.split(':').next().unwrap_or_default();
        user == name || user == uid.to_string()
    };
    if !ids.lines().any(own) {
        return Some(format!("needs subordinate ids for user {uid} in /etc/subuid"));
    }
    let unshared = Command::new("unshare").args(["--user", "true"]).status();
    let allowed = unshared.is_ok_and(|status| status.success());
    (!allowed).then(|| "needs user namespaces".to_owned())
}

/// Why there is no Neovim that is new enough.
fn no_neovim(minor: u32) -> Option<String> {
    let said = Command::new("nvim").arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = said.unwrap_or_default();
    let version = said.lines().next().unwrap_or_default().trim_start_matches("NVIM v");
    let mut numbers = version.split(['.', '-']).map(|number| number.parse::<u32>().ok());
    let have = numbers.next().flatten().zip(numbers.next().flatten());
    (have < Some((0, minor))).then(|| match version {
        "" => format!("needs Neovim 0.{minor}"),
        version => format!("needs Neovim 0.{minor}; this is {version}"),
    })
}

/// Whether the tests run with the effective user id 0.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0)
}

/// The place of a program on the `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // Debian keeps some programs of these suites where an ordinary user's PATH does not look.
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| {
            fs::metadata(file)
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// Why there is no static busybox.
#[derive(Debug)]
pub(crate) enum NoBusybox {
    /// No program of that name.
    Missing,
    /// The one that is there asks for a dynamic loader.
    Dynamic(PathBuf),
}

impl fmt::Display for NoBusybox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoBusybox::Missing => f.write_str("needs a static busybox (Debian: busybox-static)"),
            NoBusybox::Dynamic(path) => {
                write!(f, "needs a static busybox; `{}` is not one", path.display())
            }
        }
    }
}

impl std::error::Error for NoBusybox {}

/// The place of a static busybox.
pub(crate) fn busybox() -> Result<PathBuf, NoBusybox> {
    let found = program("busybox").ok_or(NoBusybox::Missing)?;
    let Ok(bytes) = fs::read(&found) else { return Err(NoBusybox::Missing) };
    // A dynamic program names its loader; a static one has no reason to.
    let loader = b"/ld-linux";
    let musl = b"/ld-musl";
    let start = &bytes[..bytes.len().min(4096)];
    let names = |text: &[u8]| start.windows(text.len()).any(|window| window == text);
    if names(loader) || names(musl) { Err(NoBusybox::Dynamic(found)) } else { Ok(found) }
}
