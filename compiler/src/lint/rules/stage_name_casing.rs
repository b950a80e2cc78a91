//! Names of stages in lower case.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds names of stages that are not in lower case.
///
/// ## Why is this bad
/// Names of stages are compared in lower case. A name in capitals looks as if its case mattered, and sets it apart from
/// the names of images, which cannot have capitals.
///
/// ## Example
/// ```dockerfile
/// FROM busybox AS Build
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox AS build
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct StageNameCasing;

impl Rule for StageNameCasing {
    fn name(&self) -> Code {
        "StageNameCasing"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for statement in &cx.file.statements {
            let Instruction::From(from) = &statement.instruction else { continue };
            let Some(name) = &from.name else { continue };
            let lower = name.value.to_lowercase();
            if name.value == lower {
                continue;
            }
            let message = format!("Stage name '{}' should be lowercase", name.value);
            let warning = Diagnostic::warning(self.name(), message, name.span)
                .help(format!("write `{lower}`; references may stay as they are"))
                .fix(format!("rename to `{lower}`"), lower);
            cx.warn(Place::of(statement), warning);
        }
    }
}
