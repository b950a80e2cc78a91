//! Installations that ask nobody.

use grammar::{Code, Diagnostic};

use crate::lint::packages::{Packager, package};
use crate::lint::uses::line_of;
use crate::lint::{Cx, Origin, Rule};
use crate::shell::Command;

/// ## What it does
/// Finds `apt-get`, `dnf`, `yum`, `microdnf` and `zypper` that install, upgrade or remove without `-y` or its like.
///
/// ## Why is this bad
/// They ask whether to go on. Nobody answers in a build: the step fails, as soon as more is to be done than was named.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install curl && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## What it does not see
/// Configuration files of the base image. If the stage itself writes one (`Assume-Yes`, `assumeyes`), if the options come from
/// a variable, or if something is piped into the command, nothing is said.
#[derive(Debug)]
pub(super) struct InstallWithoutYes;

impl Rule for InstallWithoutYes {
    fn name(&self) -> Code {
        "InstallWithoutYes"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3014", "DL3030", "DL3034", "DL3038"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let configures = |text: &str| {
                let text = text.to_ascii_lowercase();
                text.contains("assume-yes") || text.contains("assumeyes")
            };
            let line = line_of(cx, &stage);
            let mut statements = line.iter().flat_map(|it| it.own);
            if statements.any(|it| configures(cx.written(it.span))) {
                continue;
            }
            for run in cx.runs(&stage).iter() {
                for command in &run.script.commands {
                    let Some(package) = package(command) else { continue };
                    if !asks(package.packager, command) || !package.does(verbs(package.packager)) {
                        continue;
                    }
                    let span = run.words_to(command, package.verb.range.end);
                    let message = format!(
                        "`{} {}` asks, and nobody answers",
                        command.program(),
                        package.verb.text
                    );
                    let mut warning = Diagnostic::warning(self.name(), message, span)
                        .help("let it take yes for the answer: `-y`");
                    warning.fix =
                        run.insert("insert `-y`", &package.verb.range, " -y").map(Box::new);
                    cx.warn(run.place, warning);
                }
            }
        }
    }
}

/// What asks before it is done.
fn verbs(packager: Packager) -> &'static [&'static str] {
    match packager {
        Packager::Apt => &[
            "install",
            "reinstall",
            "upgrade",
            "dist-upgrade",
            "full-upgrade",
            "remove",
            "purge",
            "autoremove",
            "build-dep",
            "satisfy",
        ],
        Packager::Rpm => &[
            "install",
            "reinstall",
            "localinstall",
            "groupinstall",
            "update",
            "upgrade",
            "distro-sync",
            "remove",
            "erase",
            "autoremove",
            "swap",
            "builddep",
        ],
        Packager::Zypper => {
            &["install", "in", "remove", "rm", "update", "up", "dup", "dist-upgrade", "patch"]
        }
        Packager::Apk | Packager::Pip | Packager::Npm | Packager::Yarn => &[],
    }
}

fn asks(packager: Packager, command: &Command) -> bool {
    let has = |short: &str, long: &[&str]| command.flag(short, long).is_some();
    let words = command.args();
    // What stands for several words, or for options, may say yes.
    let is_open = |text: &str| text.starts_with('$') && text.to_ascii_uppercase().contains("OPT");
    let is_variable_first = words.first().is_some_and(|word| word.text.starts_with('$'));
    if command.reads_pipe || is_variable_first || words.iter().any(|word| is_open(&word.text)) {
        return false;
    }
    match packager {
        Packager::Apt => {
            let is_quiet = |text: &str| {
                let quiet = text.strip_prefix('-').unwrap_or_default();
                quiet.matches('q').count() > 1 && !text.starts_with("--") || text == "-q=2"
            };
            !has("ysd", &["yes", "assume-yes", "assume-no", "force-yes", "simulate", "dry-run"])
                && !has("", &["just-print", "print-uris", "download-only", "help", "version"])
                && !words.iter().any(|word| is_quiet(&word.text))
        }
        Packager::Rpm => {
            !has("y", &["assumeyes", "assumeno", "downloadonly", "version", "help"])
                && !words.iter().any(|word| word.text.contains("assumeyes"))
        }
        Packager::Zypper => {
            !has("yn", &["no-confirm", "non-interactive", "dry-run", "download-only", "help"])
        }
        Packager::Apk | Packager::Pip | Packager::Npm | Packager::Yarn => false,
    }
}
