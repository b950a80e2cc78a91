//! FROM and AS in the same case.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds `AS` in another case than its `FROM`: both should be capitals, or neither.
///
/// ## Why is this bad
/// Keywords may be written in any case; mixed, they are harder to see among names.
///
/// ## Example
/// ```dockerfile
/// FROM busybox as build
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox AS build
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct FromAsCasing;

impl Rule for FromAsCasing {
    fn name(&self) -> Code {
        "FromAsCasing"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for statement in &cx.file.statements {
            let Instruction::From(from) = &statement.instruction else { continue };
            let Some(keyword) = &from.as_keyword else { continue };
            let written = &statement.keyword.value;
            let wanted = if *written == written.to_lowercase() {
                keyword.value.to_lowercase()
            } else if *written == written.to_uppercase() {
                keyword.value.to_uppercase()
            } else {
                // The FROM itself is what is odd.
                continue;
            };
            if keyword.value == wanted {
                continue;
            }
            let message =
                format!("'{}' and '{written}' keywords' casing do not match", keyword.value);
            let warning = Diagnostic::warning(self.name(), message, keyword.span)
                .help(format!("write `{wanted}`"))
                .fix(format!("write `{wanted}`"), wanted);
            cx.warn(Place::of(statement), warning);
        }
    }
}
