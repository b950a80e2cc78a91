//! CMD, ENTRYPOINT and HEALTHCHECK once a stage.

use grammar::{Code, Diagnostic, Instruction, Statement};

use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds a CMD, ENTRYPOINT or HEALTHCHECK that another one further down in the stage takes the place of.
///
/// ## Why is this bad
/// Only the last one counts. Whoever reads or changes the first one does not see that it does nothing.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// CMD ["one"]
/// CMD ["two"]
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// CMD ["two"]
/// ```
#[derive(Debug)]
pub(super) struct MultipleInstructionsDisallowed;

impl Rule for MultipleInstructionsDisallowed {
    fn name(&self) -> Code {
        "MultipleInstructionsDisallowed"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3012", "DL4003", "DL4004"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            // CMD, ENTRYPOINT, HEALTHCHECK: the last one so far.
            let mut last: [Option<(Place<'_>, &Statement)>; 3] = [None; 3];
            for (place, statement) in stage.statements() {
                let it = &statement.instruction;
                let kinds = [
                    matches!(it, Instruction::Cmd(_)),
                    matches!(it, Instruction::Entrypoint(_)),
                    matches!(it, Instruction::Healthcheck(_)),
                ];
                let Some(kind) = kinds.iter().position(|is_kind| *is_kind) else { continue };
                if let Some((earlier, lost)) = last[kind].replace((place, statement)) {
                    let message = format!(
                        "Multiple {} instructions should not be used in the same stage because only the last one will be used",
                        statement.keyword.value
                    );
                    let warning = Diagnostic::warning(self.name(), message, lost.keyword.span)
                        .label("does nothing")
                        .also(statement.keyword.span, "because of this one")
                        .help("keep the one that is meant");
                    cx.warn(earlier.with_comments_of(place), warning);
                }
            }
        }
    }
}
