//! Packages are those of who signed them.

use grammar::{Code, Diagnostic};

use crate::lint::packages::package;
use crate::lint::{Cx, Origin, Rule};
use crate::shell::{Command, ShellWord};

/// ## What it does
/// Finds package managers that are told not to look at signatures: `apt-get --allow-unauthenticated` and `--force-yes`,
/// `[trusted=yes]` in a source of apt, `dnf --nogpgcheck`, `rpm --nosignature`, `zypper --no-gpg-checks`, `apk --allow-untrusted`.
///
/// ## Why is this bad
/// Whoever is between the build and the mirror, or has the mirror, may put anything into the image.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y --allow-unauthenticated tool && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// COPY vendor.asc /etc/apt/keyrings/
/// RUN apt-get update && apt-get install -y tool && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## What it does not see
/// Configuration files that are copied, and sources of apt that `sed` changes. A source with a path of the image itself (`file:`) is
/// left alone, and so are packages in files, if the RUN downloads nothing with curl or wget.
#[derive(Debug)]
pub(super) struct SignatureCheckOff;

impl Rule for SignatureCheckOff {
    fn name(&self) -> Code {
        "SignatureCheckOff"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for run in cx.runs(&stage).iter() {
                for command in &run.script.commands {
                    let Some((word, what)) = found(command) else { continue };
                    // What the build made itself, or takes away.
                    let loads = |it: &Command| matches!(it.program(), "curl" | "wget");
                    let is_own = !run.script.commands.iter().any(loads) && takes_files(command);
                    let takes_none = package(command)
                        .is_some_and(|it| it.does(&["remove", "purge", "autoremove", "clean"]));
                    if is_own || takes_none {
                        continue;
                    }
                    let message = format!("`{what}` takes packages that nobody vouches for");
                    let warning =
                        Diagnostic::warning(self.name(), message, run.script.span(&word.range))
                            .help("install the key of the repository, and name it: `signed-by=` of apt, `rpm --import`, `/etc/apk/keys`");
                    cx.warn(run.place, warning);
                }
            }
        }
    }
}

/// Whether all packages are files of the image.
fn takes_files(command: &Command) -> bool {
    let mut packages =
        command.operands(&["-t", "--virtual", "-X", "--repository"]).skip(1).peekable();
    packages.peek().is_some()
        && packages.all(|it| {
            it.text.starts_with(['/', '.']) || it.text.ends_with(".apk") && !it.text.contains("://")
        })
}

fn found(command: &Command) -> Option<(&ShellWord, &'static str)> {
    let has = |names: &[&'static str]| {
        command.args().iter().find_map(|word| {
            let text = word.text.to_ascii_lowercase();
            let name =
                names.iter().find(|name| text == **name || text == format!("{name}=true"))?;
            Some((word, *name))
        })
    };
    match command.program() {
        "apt-get" | "apt" | "aptitude" => has(&[
            "--allow-unauthenticated",
            "--force-yes",
            "--allow-insecure-repositories",
            "apt::get::allowunauthenticated",
            "acquire::allowinsecurerepositories",
        ]),
        "dnf" | "yum" | "microdnf" | "tdnf" | "dnf5" => {
            has(&["--nogpgcheck", "--setopt=gpgcheck=0", "--no-gpgchecks", "--no-gpg-checks"])
        }
        "rpm" => has(&["--nosignature", "--nodigest"]),
        "zypper" => has(&["--no-gpg-checks", "--allow-unsigned-rpm", "--no-gpgcheck"]),
        "apk" => has(&["--allow-untrusted"]),
        "echo" | "printf" | "add-apt-repository" => {
            let is_source = |word: &&ShellWord| {
                let text = word.text.as_str();
                text.contains("trusted=yes") && text.contains("deb") && !text.contains("file:")
            };
            Some((command.args().iter().find(is_source)?, "[trusted=yes]"))
        }
        _ => None,
    }
}
