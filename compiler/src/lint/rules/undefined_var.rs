//! Variables that are defined.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds variables that no ARG or ENV of the stage defines, nor the base image: in all instructions that BuildKit expands.
/// RUN, CMD, ENTRYPOINT and HEALTHCHECK are not among them; there the shell does it.
///
/// ## Why is this bad
/// Such a variable is empty, mostly because of a slip, or because its ARG stands in another stage.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// ARG VERSION=1
/// COPY $VERSON /app
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// ARG VERSION=1
/// COPY $VERSION /app
/// ```
#[derive(Debug)]
pub(super) struct UndefinedVar;

impl Rule for UndefinedVar {
    fn name(&self) -> Code {
        "UndefinedVar"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::UndefinedVariable { name, span, suggestion, instruction: _ } = fact else {
                continue;
            };
            let mut message = format!("Usage of undefined variable '${name}'");
            if let Some(near) = suggestion {
                message.push_str(&format!(" (did you mean ${near}?)"));
            }
            let warning = Diagnostic::warning(self.name(), message, *span).help(format!(
                "define it above with `ARG {name}` or `ENV {name}=...`, in this stage"
            ));
            cx.warn_there(warning);
        }
    }
}
