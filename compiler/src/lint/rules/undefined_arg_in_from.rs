//! FROM with declared arguments.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds variables in FROM that no ARG before the first FROM declares, and that are not predefined.
///
/// ## Why is this bad
/// Such a variable is empty. Only ARGs before the first FROM are seen there: those of a stage, and ENV, are not.
///
/// ## Example
/// ```dockerfile
/// FROM busybox${SUFFIX}
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// ARG SUFFIX=:latest
/// FROM busybox${SUFFIX}
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct UndefinedArgInFrom;

impl Rule for UndefinedArgInFrom {
    fn name(&self) -> Code {
        "UndefinedArgInFrom"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::UndeclaredInFrom { name, span, suggestion, instruction: _ } = fact else {
                continue;
            };
            let mut message = format!("FROM argument '{name}' is not declared");
            if let Some(near) = suggestion {
                message.push_str(&format!(" (did you mean {near}?)"));
            }
            let warning = Diagnostic::warning(self.name(), message, *span)
                .help(format!("declare it with `ARG {name}=...` before the first FROM"));
            cx.warn_there(warning);
        }
    }
}
