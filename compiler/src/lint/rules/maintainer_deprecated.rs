//! A label instead of MAINTAINER.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds MAINTAINER.
///
/// ## Why is this bad
/// The instruction fills a field of the image that only old tools show. A label can be read, searched for and changed like
/// any other.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// MAINTAINER team@example.com
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// LABEL org.opencontainers.image.authors="team@example.com"
/// ```
#[derive(Debug)]
pub(super) struct MaintainerDeprecated;

impl Rule for MaintainerDeprecated {
    fn name(&self) -> Code {
        "MaintainerDeprecated"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL4000"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for statement in &cx.file.statements {
            if !matches!(statement.instruction, Instruction::Maintainer(_)) {
                continue;
            }
            let message = "Maintainer instruction is deprecated in favor of using label";
            let warning = Diagnostic::warning(self.name(), message, statement.keyword.span)
                .help("write `LABEL org.opencontainers.image.authors=\"...\"`");
            cx.warn(Place::of(statement), warning);
        }
    }
}
