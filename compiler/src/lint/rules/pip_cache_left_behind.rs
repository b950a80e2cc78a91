//! pip's cache stays out of layers.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::packages::{Packager, package};
use crate::lint::uses::line_of;
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds `pip install` that leaves what it downloaded in `~/.cache/pip`: without `--no-cache-dir`, `PIP_NO_CACHE_DIR` or a cache
/// mount. Stages that others only copy files out of are left alone.
///
/// ## Why is this bad
/// Every wheel is in the layer twice, installed and packed.
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
/// RUN pip install --no-cache-dir flask
/// ```
///
/// ## What it does not see
/// A `PIP_NO_CACHE_DIR` or a configuration file of the base image. Any cache mount with `cache` or `pip` in its target counts as
/// pip's, as does the removal of a folder `.cache`.
#[derive(Debug)]
pub(super) struct PipCacheLeftBehind;

impl Rule for PipCacheLeftBehind {
    fn name(&self) -> Code {
        "PipCacheLeftBehind"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3042"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let line = line_of(cx, &stage);
            let mut statements = line.iter().flat_map(|it| it.own);
            let is_off = statements.any(|it| {
                let text = cx.written(it.span);
                let is_setting =
                    matches!(it.instruction, Instruction::Env(_) | Instruction::Arg(_));
                is_setting && (text.contains("PIP_NO_CACHE_DIR") || text.contains("PIP_CACHE_DIR"))
                    || text.contains("pip.conf")
                    || text.contains("config set")
            });
            if is_off || !cx.ships(&stage) {
                continue;
            }
            for run in cx.runs(&stage).iter() {
                let text = run.script.text();
                let mut mounts = run.mounts();
                let is_mounted =
                    mounts.any(|it| it.contains("cache") || it.contains("pip") || it.contains('$'));
                if is_mounted
                    || text.contains("PIP_NO_CACHE_DIR")
                    || text.contains("cache purge")
                    || removes_cache(&run.script.commands)
                {
                    continue;
                }
                for command in &run.script.commands {
                    let Some(package) = package(command) else { continue };
                    let installs = package.packager == Packager::Pip && package.does(&["install"]);
                    let long = ["no-cache-dir", "no-cache", "cache-dir", "dry-run", "help"];
                    let has_options = command.args().iter().any(|word| {
                        word.text.starts_with('$') && word.text.to_ascii_uppercase().contains("OPT")
                    });
                    if !installs || has_options || command.flag("", &long).is_some() {
                        continue;
                    }
                    let span = run.words_to(command, package.verb.range.end);
                    let message = "what pip downloads stays in the layer";
                    let mut warning = Diagnostic::warning(self.name(), message, span).help(
                        "add `--no-cache-dir`, or `--mount=type=cache,target=/root/.cache/pip`",
                    );
                    let title = "insert `--no-cache-dir`";
                    let fix = run.insert(title, &package.verb.range, " --no-cache-dir");
                    warning.fix = fix.map(Box::new);
                    cx.warn(run.place, warning);
                }
            }
        }
    }
}

/// Whether a folder `.cache` is removed.
fn removes_cache(commands: &[crate::shell::Command]) -> bool {
    commands.iter().any(|command| {
        let is_cache =
            |text: &str| text.contains(".cache") || text.trim_end_matches("/*") == "/root";
        command.program() == "rm" && command.args().iter().any(|word| is_cache(&word.text))
    })
}
