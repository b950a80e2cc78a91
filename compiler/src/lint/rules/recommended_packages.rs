//! Packages that nobody asked for.

use grammar::{Code, Diagnostic, Severity};

use crate::lint::packages::{Packager, package};
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds `apt-get install` without `--no-install-recommends`. Off by default.
///
/// ## Why is this bad
/// What packages recommend is installed, too, and often is larger than what was asked for.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y --no-install-recommends curl ca-certificates && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## What it does not see
/// Whether what is recommended is needed: `ca-certificates` mostly is. So the fix is offered in editors and by
/// `--unsafe-fixes` alone.
#[derive(Debug)]
pub(super) struct RecommendedPackages;

impl Rule for RecommendedPackages {
    fn name(&self) -> Code {
        "RecommendedPackages"
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

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3015"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let is_configured =
                stage.own.iter().any(|it| cx.written(it.span).contains("Install-Recommends"));
            if is_configured {
                continue;
            }
            for run in cx.runs(&stage).iter() {
                for command in &run.script.commands {
                    let Some(package) = package(command) else { continue };
                    let installs = package.packager == Packager::Apt && package.does(&["install"]);
                    let long = ["no-install-recommends", "install-recommends"];
                    if !installs || command.flag("", &long).is_some() {
                        continue;
                    }
                    let span = run.words_to(command, package.verb.range.end);
                    let message = "installs what is recommended, too";
                    let mut note = Diagnostic::note(self.name(), message, span)
                        .help("add `--no-install-recommends`, and name what is needed");
                    let text = " --no-install-recommends";
                    let title = "insert `--no-install-recommends`";
                    note.fix = run.insert(title, &package.verb.range, text).map(|mut fix| {
                        fix.is_safe = false;
                        Box::new(fix)
                    });
                    cx.warn(run.place, note);
                }
            }
        }
    }
}
