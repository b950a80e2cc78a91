//! Indexes of apk stay out of layers.

use grammar::{Code, Diagnostic};

use crate::lint::packages::{Packager, package};
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds `apk add` without `--no-cache` that leaves the index in `/var/cache/apk`. Stages that others only copy files out of are
/// left alone.
///
/// ## Why is this bad
/// The index is in the layer for good, and out of date tomorrow. Without `--no-cache` the installation also needs an
/// `apk update` before it.
///
/// ## Example
/// ```dockerfile
/// FROM alpine:3.22
/// RUN apk add curl
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM alpine:3.22
/// RUN apk add --no-cache curl
/// ```
///
/// ## What it does not see
/// An installation that needs no index, of packages in files. Nothing is said of a RUN with a cache mount at `/var/cache/apk` or
/// `/etc/apk/cache`, or one that removes these.
#[derive(Debug)]
pub(super) struct ApkCacheLeftBehind;

impl Rule for ApkCacheLeftBehind {
    fn name(&self) -> Code {
        "ApkCacheLeftBehind"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3019"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            if !cx.ships(&stage) {
                continue;
            }
            for run in cx.runs(&stage).iter() {
                let mut is_kept = |folder| run.is_mounted(folder) || run.removes(folder);
                if ["/var/cache/apk", "/etc/apk/cache"].into_iter().any(&mut is_kept) {
                    continue;
                }
                for command in &run.script.commands {
                    let Some(package) = package(command) else { continue };
                    let adds = package.packager == Packager::Apk && package.does(&["add"]);
                    let long = ["no-cache", "no-network", "cache-dir"];
                    if !adds || command.flag("", &long).is_some() {
                        continue;
                    }
                    let span = run.words_to(command, package.verb.range.end);
                    let message = "the index of packages stays in the layer";
                    let mut warning = Diagnostic::warning(self.name(), message, span)
                        .help("add `--no-cache`: it loads the index, and keeps nothing");
                    let title = "insert `--no-cache`";
                    let fix = run.insert(title, &package.verb.range, " --no-cache");
                    warning.fix = fix.map(Box::new);
                    cx.warn(run.place, warning);
                }
            }
        }
    }
}
