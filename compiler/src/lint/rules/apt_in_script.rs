//! apt-get instead of apt.

use grammar::{Code, Diagnostic, Severity};

use crate::lint::packages::{Packager, package};
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds `apt install`, `apt update` and their like, in place of `apt-get`.
///
/// ## Why is this bad
/// `apt` is made for people at a terminal: it warns in every build that its output and options may change.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN apt update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## What it does not see
/// `apt list`, `apt search` and `apt show`, for which `apt-get` has nothing.
#[derive(Debug)]
pub(super) struct AptInScript;

/// What both can do.
const COMMON: &[&str] = &[
    "install",
    "reinstall",
    "update",
    "upgrade",
    "remove",
    "purge",
    "autoremove",
    "autopurge",
    "autoclean",
    "clean",
    "build-dep",
    "download",
    "source",
    "satisfy",
];

impl Rule for AptInScript {
    fn name(&self) -> Code {
        "AptInScript"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn default_severity(&self) -> Severity {
        Severity::Note
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3027"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for run in cx.runs(&stage).iter() {
                for command in &run.script.commands {
                    let Some(package) = package(command) else { continue };
                    let Some(program) = command.program_word() else { continue };
                    let is_apt = package.packager == Packager::Apt && command.program() == "apt";
                    if !is_apt || !package.does(COMMON) {
                        continue;
                    }
                    let message =
                        format!("`apt {}` is for people at a terminal", package.verb.text);
                    let span = run.script.span(&program.range);
                    let mut note = Diagnostic::note(self.name(), message, span)
                        .help("write `apt-get`: it takes the same words, and stays as it is");
                    if cx.written(span) == "apt" {
                        note = note.fix("write `apt-get`", "apt-get");
                    }
                    cx.warn(run.place, note);
                }
            }
        }
    }
}
