//! Caches of npm and yarn stay out of layers.

use grammar::{Code, Diagnostic, Severity};

use crate::lint::packages::{Packager, package};
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds a RUN in which `npm` or `yarn` installs and does not clean its cache. Off by default.
///
/// ## Why is this bad
/// Every package is in the layer twice, installed and packed.
///
/// ## Example
/// ```dockerfile
/// FROM node:22
/// RUN npm install --global typescript
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM node:22
/// RUN npm install --global typescript && npm cache clean --force
/// ```
///
/// ## What it does not see
/// Versions of yarn that have their cache elsewhere. A RUN with a cache mount, and stages that others only copy files out of, are left
/// alone.
#[derive(Debug)]
pub(super) struct NpmCacheLeftBehind;

impl Rule for NpmCacheLeftBehind {
    fn name(&self) -> Code {
        "NpmCacheLeftBehind"
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
        &["DL3060"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            if !cx.ships(&stage) {
                continue;
            }
            for run in cx.runs(&stage).iter() {
                let known = || run.script.commands.iter().filter_map(|it| Some((it, package(it)?)));
                let clean = |packager| match packager {
                    Packager::Npm => Some("npm cache clean --force"),
                    Packager::Yarn => Some("yarn cache clean"),
                    Packager::Apt
                    | Packager::Apk
                    | Packager::Rpm
                    | Packager::Zypper
                    | Packager::Pip => None,
                };
                let installs = ["install", "ci", "i", "add", "global"];
                let first =
                    known().find(|(_, it)| clean(it.packager).is_some() && it.does(&installs));
                let Some((command, package)) = first else { continue };
                let cleans =
                    known().any(|(_, it)| it.packager == package.packager && it.does(&["cache"]));
                let text = run.script.text();
                let is_removed = text.contains(".npm") || text.contains(".cache");
                if cleans || is_removed || run.mounts().next().is_some() {
                    continue;
                }
                let Some(clean) = clean(package.packager) else { continue };
                let span = run.words_to(command, package.verb.range.end);
                let message = format!("what {} downloads stays in the layer", command.program());
                let mut note = Diagnostic::note(self.name(), message, span)
                    .help(format!("clean up in the same RUN (`{clean}`), or use a cache mount"));
                let title = "clean up at the end of the RUN".to_owned();
                note.fix = run.join(cx, title, clean).map(Box::new);
                cx.warn(run.place, note);
            }
        }
    }
}
