//! Package managers: which one a command is, and what it is asked to do.

use crate::shell::{Command, ShellWord};

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packager {
    /// apt-get, apt, aptitude
    Apt,
    /// apk
    Apk,
    /// dnf, yum, microdnf, tdnf
    Rpm,
    /// zypper
    Zypper,
    /// pip, and `python -m pip`
    Pip,
    /// npm
    Npm,
    /// yarn
    Yarn,
}

/// A command of a package manager.
#[derive(Debug, Clone, Copy)]
pub(super) struct Package<'a> {
    /// Of which.
    pub(super) packager: Packager,
    /// The word that says what to do: `install`.
    pub(super) verb: &'a ShellWord,
}

impl Package<'_> {
    /// What it is to do.
    pub(super) fn does(&self, verbs: &[&str]) -> bool {
        verbs.contains(&self.verb.text.as_str())
    }
}

/// The package manager's command that this is.
pub(super) fn package(command: &Command) -> Option<Package<'_>> {
    let program = command.program();
    let (packager, valued): (Packager, &[&str]) = match program {
        "apt-get" | "apt" | "aptitude" => {
            (Packager::Apt, &["-o", "-t", "-c", "-a", "--option", "--target-release"])
        }
        "apk" => (Packager::Apk, &["-X", "-p", "--repository", "--root", "--arch", "--keys-dir"]),
        "dnf" | "yum" | "microdnf" | "tdnf" | "dnf5" => {
            (Packager::Rpm, &["-c", "-d", "-e", "-x", "--setopt", "--installroot", "--releasever"])
        }
        "zypper" => (Packager::Zypper, &["-R", "--root", "-c", "-D", "-p"]),
        "npm" => (Packager::Npm, &["--prefix", "-C"]),
        "yarn" => (Packager::Yarn, &["--cwd"]),
        _ if is_numbered(program, "pip") => (Packager::Pip, &["--cert", "--proxy", "--log"]),
        _ if is_numbered(program, "python") => {
            let at = command.args().iter().position(|word| word.text == "-m")?;
            command.args().get(at + 1).filter(|word| word.text == "pip")?;
            let rest = &command.args()[at + 2..];
            let verb = rest.iter().find(|word| !word.text.starts_with('-'))?;
            return Some(Package { packager: Packager::Pip, verb });
        }
        _ => return None,
    };
    let verb = command.operands(valued).next()?;
    Some(Package { packager, verb })
}

/// Whether a name is that of a program, perhaps with a version behind it: `pip3.12`.
fn is_numbered(name: &str, program: &str) -> bool {
    let rest = name.strip_prefix(program);
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// What installs with apt-get.
pub(super) const INSTALLS: &[&str] = &["install", "reinstall", "build-dep", "satisfy", "source"];
