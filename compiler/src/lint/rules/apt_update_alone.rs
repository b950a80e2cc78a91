//! Lists of packages as new as what is installed from them.

use grammar::{Code, Diagnostic};

use crate::lint::packages::{INSTALLS, Packager, package};
use crate::lint::{Cx, Origin, Rule, ShellRun};

/// ## What it does
/// Finds a RUN that does nothing but `apt-get update`, where a later RUN of the stage installs from these lists.
///
/// ## Why is this bad
/// The update stays cached when the later RUN changes. It then installs from old lists: packages that are no longer there, or
/// versions with known holes.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update
/// RUN apt-get install -y curl
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
/// ```
///
/// ## What it does not see
/// Installations in stages that start from this one, and by scripts. A RUN that does more than update, print, set options and write
/// files, is left alone, as is one with a cache mount for the lists.
#[derive(Debug)]
pub(super) struct AptUpdateAlone;

impl Rule for AptUpdateAlone {
    fn name(&self) -> Code {
        "AptUpdateAlone"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let runs = cx.runs(&stage);
            for (index, run) in runs.iter().enumerate() {
                let Some(update) = update_alone(run) else { continue };
                let installs = |run: &ShellRun<'_>| {
                    let mut all = run.script.commands.iter().filter_map(package);
                    // One that updates itself needs these lists no more.
                    let first = all.find(|it| {
                        it.packager == Packager::Apt && (it.does(INSTALLS) || it.does(&["update"]))
                    })?;
                    Some(first.does(INSTALLS).then_some(first.verb.range.clone()))
                };
                let next = runs[index + 1..].iter().find_map(|it| Some((it, installs(it)?)));
                let Some((other, Some(verb))) = next else { continue };
                let line = other.place.lines.0;
                let message =
                    format!("line {line} installs from these lists, however old they are by then");
                let warning = Diagnostic::warning(self.name(), message, run.script.span(&update))
                    .also(other.script.span(&verb), "installs from them")
                    .help(
                        "update and install in one RUN: `apt-get update && apt-get install -y …`",
                    );
                cx.warn(run.place, warning);
            }
        }
    }
}

/// The place of `apt-get update` in a RUN that does nothing else of weight.
fn update_alone(run: &ShellRun<'_>) -> Option<std::ops::Range<usize>> {
    if run.is_mounted("/var/lib/apt/lists") {
        return None;
    }
    let mut update = None;
    for command in &run.script.commands {
        match package(command) {
            Some(it) if it.packager == Packager::Apt && it.does(&["update"]) => {
                let start = command.program_word()?.range.start;
                update = Some(start..it.verb.range.end);
            }
            Some(_) => return None,
            None => {
                const LIGHT: [&str; 9] =
                    ["", "set", "echo", "printf", "export", "sed", "cat", "true", "dpkg"];
                if !LIGHT.contains(&command.program()) {
                    return None;
                }
            }
        }
    }
    update
}
