//! Each stage a name of its own.

use std::collections::BTreeMap;

use grammar::{Code, Diagnostic, Instruction, Span};

use crate::image::quoted;
use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds stages with the name of an earlier one.
///
/// ## Why is this bad
/// A reference finds the last stage of that name above it. Which one that is changes when stages are moved, and `--target`
/// never finds the others.
///
/// ## Example
/// ```dockerfile
/// FROM busybox AS build
/// RUN echo one
/// FROM busybox AS build
/// RUN echo two
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox AS one
/// RUN echo one
/// FROM busybox AS two
/// RUN echo two
/// ```
#[derive(Debug)]
pub(super) struct DuplicateStageName;

impl Rule for DuplicateStageName {
    fn name(&self) -> Code {
        "DuplicateStageName"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3024"]
    }

    fn hears_comments(&self) -> bool {
        false
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for statement in &cx.file.statements {
            let Instruction::From(from) = &statement.instruction else { continue };
            let Some(name) = &from.name else { continue };
            let lower = name.value.to_lowercase();
            if let Some(first) = seen.get(&lower) {
                let message = format!(
                    "Duplicate stage name {}, stage names should be unique",
                    quoted(&lower)
                );
                let warning = Diagnostic::warning(self.name(), message, name.span)
                    .also(*first, "the first one")
                    .help("rename one of them, and what refers to it");
                cx.warn(Place::of(statement), warning);
            } else {
                seen.insert(lower, name.span);
            }
        }
    }
}
