//! COPY of files that stay.

use std::collections::BTreeMap;

use grammar::{Code, Diagnostic, Span};

use crate::graph::{BuildGraph, Role, StepId};
use crate::lint::{ContextView, Cx, Entry, Origin, Rule};
use crate::op::{CopyAction, FileAction, Op, SourceOp};
use crate::paths;

/// ## What it does
/// Finds a file that COPY or ADD brings, and that a later COPY or ADD of the same stage overwrites with no RUN between: one to
/// the same path, or `COPY . .` with the same file in it.
///
/// ## Why is this bad
/// The first copy does nothing but make the image larger. Mostly a RUN that needed it is gone, or one of the paths is wrong.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// COPY default.conf /etc/app.conf
/// COPY local.conf /etc/app.conf
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// COPY local.conf /etc/app.conf
/// ```
///
/// ## What it does not see
/// What is a file and what a folder, if the context is not known: then a name with a dot in it counts as a file. Files that a
/// wildcard or a folder brings, sources with a variable, and files that a RUN deletes.
#[derive(Debug)]
pub(super) struct OverwrittenCopy;

/// A file that was copied.
struct Copied<'a> {
    place: Span,
    action: &'a CopyAction,
    from_context: bool,
}

impl Rule for OverwrittenCopy {
    fn name(&self) -> Code {
        "OverwrittenCopy"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let Some(graph) = cx.graph else { return };
        // By stage and path: what is there, since the last RUN of the stage.
        let mut there: BTreeMap<(Option<u32>, String), Copied<'_>> = BTreeMap::new();
        let mut found = Vec::new();
        for (id, step) in graph.steps() {
            let stage = step.stage.map(|stage| stage.0);
            let file = match &step.op {
                Op::Exec(_) => {
                    there.retain(|(other, _), _| *other != stage);
                    continue;
                }
                Op::File(file) => file,
                Op::Source(_) | Op::Merge => continue,
            };
            for (index, action) in file.actions.iter().enumerate() {
                let FileAction::Copy(action) = action else { continue };
                let Some(place) = step.words.part(index) else { continue };
                if cx.written(place).contains('$') {
                    continue;
                }
                let from_context = is_context(graph, id, index);
                if action.source == "/" && from_context && action.exclude.is_empty() {
                    let covers = |(at, path): &(Option<u32>, String), it: &Copied<'_>| {
                        let lands = paths::join(&action.dest, &it.action.source);
                        *at == stage && it.from_context && lands == *path
                    };
                    for (_, old) in there.iter().filter(|(key, it)| covers(key, it)) {
                        found.push((old.place, place));
                    }
                    there.retain(|key, it| !covers(key, it));
                    continue;
                }
                let context = cx.context.filter(|_| from_context);
                let Some(path) = target(context, action, file.actions.len() > 1) else {
                    continue;
                };
                let new = Copied { place, action, from_context };
                if let Some(old) = there.insert((stage, path), new).filter(|old| old.place != place)
                {
                    found.push((old.place, place));
                }
            }
        }
        for (old, new) in found {
            if cx.statement(old).map(|it| it.span) == cx.statement(new).map(|it| it.span) {
                continue;
            }
            let line = cx.place(new).map_or(0, |place| place.lines.0);
            let message = format!("line {line} overwrites this file before anything uses it");
            let warning = Diagnostic::warning(self.name(), message, old)
                .also(new, "overwrites it")
                .help("leave it out, or copy one of them to another place");
            cx.warn_there(warning);
        }
    }
}

fn is_context(graph: &BuildGraph, id: StepId, index: usize) -> bool {
    let role = Role::Source(u32::try_from(index).unwrap_or(u32::MAX));
    let source = graph.input(id, role).map(|source| &graph.step(source).op);
    matches!(source, Some(Op::Source(SourceOp::Local { name })) if name.is_empty())
}

/// The path of the file that an action brings; `None` if that is not known, or no file.
fn target(context: Option<&dyn ContextView>, action: &CopyAction, several: bool) -> Option<String> {
    let CopyAction { source, dest, parents, .. } = action;
    let base = paths::base(source);
    let is_wild = action.wildcard && crate::pattern::has_wildcards(source);
    if is_wild || parents.is_some() || base.contains(".tar") || base.ends_with(".tgz") {
        return None;
    }
    let looks_like_file = || base.trim_start_matches('.').contains('.') && !base.ends_with(".d");
    let entry = context.map(|it| it.entry(source.trim_start_matches('/')));
    let is_file = match entry.unwrap_or(Entry::Unknown) {
        Entry::File => true,
        Entry::Folder => false,
        Entry::Missing | Entry::Unknown => looks_like_file(),
    };
    let into_folder = several || dest.ends_with('/') || dest.ends_with("/.");
    // Without a slash at its end it may be a folder all the same, but not with the ending of a file.
    let name_of_dest = paths::base(dest);
    let is_plain =
        name_of_dest == base || ending(name_of_dest).is_some_and(|it| ending(base) == Some(it));
    match (is_file, into_folder) {
        (false, _) => None,
        (true, true) => Some(paths::join(dest, base)),
        (true, false) => is_plain.then(|| paths::clean(dest)),
    }
}

/// What stands behind the last dot of a name.
fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending).filter(|it| !it.is_empty() && *it != "d")
}
