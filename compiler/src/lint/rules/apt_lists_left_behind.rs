//! Lists of packages stay out of layers.

use grammar::{Code, Diagnostic};

use crate::lint::packages::{INSTALLS, Packager, package};
use crate::lint::uses::heirs;
use crate::lint::{Cx, Origin, Rule, ShellRun};

/// ## What it does
/// Finds a RUN with `apt-get update` that leaves `/var/lib/apt/lists` in its layer: it neither removes the lists nor has a cache
/// mount there. Stages that others only copy files out of are left alone.
///
/// ## Why is this bad
/// The lists are 20 to 50 MB, out of date tomorrow, and a later RUN that removes them does not make the image smaller.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y curl
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## What it does not see
/// What a script removes: if the name of a program in the RUN has "clean" in it, nothing is said. Lists that scripts load
/// (`curl … | bash`). The fix joins the removal to the end of the RUN; there is none if that ends in `exit`, `exec`, `&` or a heredoc,
/// or if a later RUN installs from these lists.
#[derive(Debug)]
pub(super) struct AptListsLeftBehind;

const LISTS: &str = "/var/lib/apt/lists";

impl Rule for AptListsLeftBehind {
    fn name(&self) -> Code {
        "AptListsLeftBehind"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3009"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            if !cx.ships(&stage) {
                continue;
            }
            let runs = cx.runs(&stage);
            for (index, run) in runs.iter().enumerate() {
                let updates = |it: &crate::shell::Command| {
                    let package = package(it)?;
                    let does = package.packager == Packager::Apt && package.does(&["update"]);
                    does.then_some(package.verb.range.end)
                };
                let commands = &run.script.commands;
                let Some((command, end)) = commands.iter().find_map(|it| Some((it, updates(it)?)))
                else {
                    continue;
                };
                let cleans = commands.iter().filter_map(package).any(|it| {
                    it.packager == Packager::Apt && it.does(&["dist-clean", "distclean"])
                });
                if cleans || run.is_mounted(LISTS) || run.removes(LISTS) {
                    continue;
                }
                let span = run.words_to(command, end);
                let message = "the lists of packages stay in the layer";
                let mut warning = Diagnostic::warning(self.name(), message, span)
                    .label("loads them")
                    .help(format!("remove them in the same RUN: `rm -rf {LISTS}/*`"));
                // Who installs from these lists later needs them, and should not.
                let heirs = heirs(cx, &stage);
                let is_needed = needs_lists(&runs[index + 1..])
                    || heirs.iter().any(|heir| needs_lists(&cx.runs(heir)));
                if !is_needed {
                    let title = "remove the lists at the end of the RUN".to_owned();
                    let fix = run.join(cx, title, &format!("rm -rf {LISTS}/*"));
                    warning.fix = fix.map(Box::new);
                }
                cx.warn(run.place, warning);
            }
        }
    }
}

/// Whether something installs before the lists are loaded anew.
fn needs_lists(runs: &[ShellRun<'_>]) -> bool {
    let mut all = runs.iter().flat_map(|run| run.script.commands.iter()).filter_map(package);
    let next = all.find(|it| {
        it.packager == Packager::Apt
            && (it.does(&["update"]) || it.does(INSTALLS) || it.does(OTHERS))
    });
    next.is_some_and(|it| !it.does(&["update"]))
}

/// What else looks at the lists.
const OTHERS: &[&str] =
    &["upgrade", "dist-upgrade", "full-upgrade", "download", "changelog", "list", "search", "show"];
