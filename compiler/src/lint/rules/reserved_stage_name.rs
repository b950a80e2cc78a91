//! No stage called `scratch` or `context`.

use grammar::{Code, Diagnostic, Instruction};

use crate::image::quoted;
use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds stages with one of the names that have a meaning already: `scratch`, the empty image, and `context`, the build
/// context.
///
/// ## Why is this bad
/// `FROM scratch` behind such a stage starts from the stage, not from nothing.
///
/// ## Example
/// ```dockerfile
/// FROM busybox AS scratch
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox AS base
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct ReservedStageName;

impl Rule for ReservedStageName {
    fn name(&self) -> Code {
        "ReservedStageName"
    }

    fn hears_comments(&self) -> bool {
        false
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for statement in &cx.file.statements {
            let Instruction::From(from) = &statement.instruction else { continue };
            let Some(name) = &from.name else { continue };
            let lower = name.value.to_lowercase();
            if !["context", "scratch"].contains(&lower.as_str()) {
                continue;
            }
            let message = format!(
                "Stage name should not use the same name as reserved stage {}",
                quoted(&lower)
            );
            let warning = Diagnostic::warning(self.name(), message, name.span)
                .help("rename the stage, and what refers to it");
            cx.warn(Place::of(statement), warning);
        }
    }
}
