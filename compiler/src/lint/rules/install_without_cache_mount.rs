//! What is downloaded for installations, once.

use grammar::{Code, Diagnostic, Fix, Severity};

use crate::lint::packages::{Packager, package};
use crate::lint::{Cx, Origin, Rule};
use crate::shell::Command;

/// ## What it does
/// Finds a RUN that installs packages without a cache mount for what it downloads. Off by default.
///
/// ## Why is this bad
/// It is no mistake. But a change of the list of packages downloads all of them again.
///
/// ## Example
/// ```dockerfile
/// FROM python:3.13
/// RUN pip install flask
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM python:3.13
/// RUN --mount=type=cache,target=/root/.cache/pip pip install flask
/// ```
///
/// ## What it does not see
/// Which user installs, and where its cache is: the fix is for root, and is offered in editors and by `--unsafe-fixes` alone.
/// Programs other than those in its table (apt-get, apk, dnf, pip, npm, yarn, go, cargo).
#[derive(Debug)]
pub(super) struct InstallWithoutCacheMount;

impl Rule for InstallWithoutCacheMount {
    fn name(&self) -> Code {
        "InstallWithoutCacheMount"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn default_severity(&self) -> Severity {
        Severity::Note
    }

    fn is_on_by_default(&self) -> bool {
        false
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for run in cx.runs(&stage).iter() {
                if run.mounts().next().is_some() {
                    continue;
                }
                let found = run.script.commands.iter().find_map(|it| Some((it, cached(it)?)));
                let Some((command, (end, targets))) = found else { continue };
                let span = run.words_to(command, end);
                let message =
                    format!("{} downloads everything again with every change", command.program());
                let flags: Vec<String> =
                    targets.iter().map(|it| format!("--mount=type=cache,target={it}")).collect();
                let mut note = Diagnostic::note(self.name(), message, span)
                    .help(format!("keep what it downloads: `RUN {} …`", flags.join(" ")));
                let keyword = run.statement.keyword.span;
                let place = grammar::Span { start: keyword.end, ..keyword };
                note.fix = Some(Box::new(Fix {
                    title: "add a cache mount".to_owned(),
                    edits: vec![(place, format!(" {}", flags.join(" ")))],
                    is_safe: false,
                }));
                cx.warn(run.place, note);
            }
        }
    }
}

/// Where the words that install end, and which folders their cache is in.
fn cached(command: &Command) -> Option<(usize, &'static [&'static str])> {
    if let Some(package) = package(command) {
        let (verbs, targets): (&[&str], &[&str]) = match package.packager {
            Packager::Apt => {
                (&["install"], &["/var/cache/apt,sharing=locked", "/var/lib/apt,sharing=locked"])
            }
            Packager::Apk => (&["add"], &["/var/cache/apk"]),
            Packager::Rpm => (&["install"], &["/var/cache/dnf"]),
            Packager::Zypper => (&["install", "in"], &["/var/cache/zypp"]),
            Packager::Pip => (&["install"], &["/root/.cache/pip"]),
            Packager::Npm => (&["install", "ci", "i"], &["/root/.npm"]),
            Packager::Yarn => (&["install"], &["/usr/local/share/.cache/yarn"]),
        };
        return package.does(verbs).then_some((package.verb.range.end, targets));
    }
    let verb = command.operands(&[]).next()?;
    let targets: &[&str] = match (command.program(), verb.text.as_str()) {
        ("go", "build" | "install" | "mod" | "test") => &["/go/pkg/mod", "/root/.cache/go-build"],
        ("cargo", "build" | "install" | "fetch") => &["/usr/local/cargo/registry"],
        _ => return None,
    };
    Some((verb.range.end, targets))
}
