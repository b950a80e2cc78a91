//! COPY of files that stay.

use std::collections::BTreeMap;

use grammar::{Code, Diagnostic, Span};

use crate::lint::{Cx, Origin, Rule};
use crate::op::{FileAction, Op};
use crate::paths;

/// ## What it does
/// Finds a COPY or ADD whose files a later RUN of the same stage removes with `rm`. Stages that others only copy files out of are
/// left alone.
///
/// ## Why is this bad
/// The layer of the COPY keeps the files: the image is as large as before, and whoever has it can read them.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// COPY tool.deb /tmp/
/// RUN dpkg -i /tmp/tool.deb && rm /tmp/tool.deb
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN --mount=type=bind,source=tool.deb,target=/tmp/tool.deb dpkg -i /tmp/tool.deb
/// ```
///
/// ## What it does not see
/// What `rm` removes of a folder that was copied as a whole, files that are moved, paths in variables, `cd` before the `rm`, and
/// what scripts remove. An `rm` in a branch, a loop or behind `||` is left alone.
#[derive(Debug)]
pub(super) struct DeletedCopy;

/// What was copied in a stage: where it lies, and its word.
type Copied = Vec<(String, Span)>;

impl Rule for DeletedCopy {
    fn name(&self) -> Code {
        "DeletedCopy"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let Some(graph) = cx.graph else { return };
        let stages = cx.stages.clone();
        let ships: Vec<_> = stages.iter().filter(|it| cx.ships(it)).collect();
        let mut copied: BTreeMap<u32, Copied> = BTreeMap::new();
        let mut found: Vec<(Span, Span)> = Vec::new();
        for (_, step) in graph.steps() {
            let Some(stage) = step.stage.map(|stage| stage.0) else { continue };
            let there = copied.entry(stage).or_default();
            match &step.op {
                Op::File(file) => {
                    let several = file.actions.len() > 1;
                    for (index, action) in file.actions.iter().enumerate() {
                        let FileAction::Copy(action) = action else { continue };
                        let Some(place) = step.words.part(index) else { continue };
                        let written = cx.written(place);
                        if written.contains('$') || written.starts_with("<<") {
                            continue;
                        }
                        let base = paths::base(&action.source);
                        let is_all = base.is_empty() || base == ".";
                        let into = several || action.dest.ends_with('/');
                        let is_archive = base.contains(".tar") || base.ends_with(".tgz");
                        if !(is_archive && written_by_add(cx, place)) {
                            // What a folder is copied to is not known to be a folder before.
                            let looks_like_file = base.trim_start_matches('.').contains('.');
                            let path = match into && !is_all && looks_like_file {
                                true => paths::join(&action.dest, base),
                                false => action.dest.clone(),
                            };
                            there.push((paths::clean(&path), place));
                        }
                    }
                }
                Op::Exec(exec) => {
                    let Some(span) = step.span else { continue };
                    let Some(reached) = ships.iter().find(|it| {
                        it.from.span.start <= span.start
                            && it.own.iter().any(|own| own.span == span)
                    }) else {
                        continue;
                    };
                    let runs = cx.runs(reached);
                    let Some(run) = runs.iter().find(|it| it.statement.span == span) else {
                        continue;
                    };
                    let mut moves = false;
                    for command in &run.script.commands {
                        moves |= matches!(command.program(), "cd" | "pushd" | "mv");
                        if command.program() != "rm" || !command.is_certain {
                            continue;
                        }
                        for word in command.operands(&[]) {
                            if !word.is_static || (moves && !word.text.starts_with('/')) {
                                continue;
                            }
                            let whole = word.text.strip_suffix("/*").unwrap_or(&word.text);
                            if whole.is_empty() {
                                continue;
                            }
                            let path = paths::clean(&paths::absolute(&exec.cwd, whole));
                            let mut rest = Vec::new();
                            for (old, place) in std::mem::take(there) {
                                let below = old.strip_prefix(path.as_str());
                                let is_gone = path != "/"
                                    && below.is_some_and(|it| it.is_empty() || it.starts_with('/'));
                                match is_gone {
                                    true => found.push((place, run.script.span(&word.range))),
                                    false => rest.push((old, place)),
                                }
                            }
                            *there = rest;
                        }
                    }
                }
                Op::Source(_) | Op::Merge => {}
            }
        }
        for (place, removal) in found {
            let line = cx.statement(removal).map_or(0, |it| it.lines.0);
            let message = format!("line {line} removes this, but the layer keeps it");
            let warning = Diagnostic::warning(self.name(), message, place)
                .also(removal, "removes it")
                .help("mount it for the RUN that needs it: `--mount=type=bind,source=…,target=…`; or copy it in a stage of its own");
            cx.warn_there(warning);
        }
    }
}

/// Whether a word is one of an ADD, which unpacks archives.
fn written_by_add(cx: &Cx<'_>, place: Span) -> bool {
    cx.statement(place).is_some_and(|it| it.keyword.value.eq_ignore_ascii_case("add"))
}
