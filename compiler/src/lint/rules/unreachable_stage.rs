//! Stages that something uses.

use grammar::{Code, Diagnostic, Instruction, Severity, Span};

use crate::LoweredStage;
use crate::lint::{Cx, Origin, Reached, Rule};

/// ## What it does
/// Finds a stage that no other stage starts from or copies from, and that is not the last. A stage without a name can
/// never be built. One with a name can, by `--target`: that is told as a note, if it is the only one and its name is not that of an
/// usual target (`test`, `dev`, `debug`).
///
/// ## Why is this bad
/// Its instructions do nothing, although they read as if they did.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// RUN touch /made
///
/// FROM alpine
/// RUN touch /other
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox AS build
/// RUN touch /made
///
/// FROM alpine
/// COPY --from=build /made /
/// RUN touch /other
/// ```
///
/// ## What it does not see
/// Who builds with `--target`: a file with several such stages has them for that. A stage that only another unused stage uses is not told.
#[derive(Debug)]
pub(super) struct UnreachableStage;

impl Rule for UnreachableStage {
    fn name(&self) -> Code {
        "UnreachableStage"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let is_used = |from: Span| {
            let uses = |it: &LoweredStage| it.base == Some(from) || it.needs.contains(&from);
            cx.stages.iter().any(|it| uses(it.lowered))
        };
        let is_left = |it: &&Reached<'_>| !it.lowered.is_needed && !is_used(it.from.span);
        let left: Vec<Reached<'_>> = cx.stages.iter().filter(is_left).copied().collect();
        let is_only = left.len() == 1;
        for stage in left {
            let from = stage.from.span;
            let Instruction::From(it) = &stage.from.instruction else { continue };
            let Some(place) = cx.place(from) else { continue };
            let found = match &it.name {
                None => Diagnostic::warning(
                    self.name(),
                    "nothing uses this stage, and without a name it cannot be built",
                    it.image.span,
                )
                .help("leave it out, or name it with `AS NAME` and copy from it with `COPY --from=NAME`"),
                Some(name) if !is_only || is_for_target(&name.value) => continue,
                Some(name) => {
                    let message = format!("no other stage uses the stage {}", name.value);
                    let mut note = Diagnostic::warning(self.name(), message, name.span)
                        .help(format!("only `--target {}` builds it", name.value));
                    note.severity = Severity::Note;
                    note
                }
            };
            cx.warn(place, found);
        }
    }
}

/// Whether a name is one that people build with `--target`.
fn is_for_target(name: &str) -> bool {
    const USUAL: [&str; 16] = [
        "test", "lint", "dev", "debug", "ci", "check", "valid", "vendor", "doc", "release", "prod",
        "bench", "artifact", "bin", "local", "export",
    ];
    let name = name.to_lowercase();
    USUAL.iter().any(|usual| name.contains(usual))
}
