//! Protocols of EXPOSE in lower case.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds protocols of EXPOSE that are not in lower case.
///
/// ## Why is this bad
/// The image has them in lower case; written otherwise, they are hard to search for.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// EXPOSE 53/UDP
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// EXPOSE 53/udp
/// ```
#[derive(Debug)]
pub(super) struct ExposeProtoCasing;

impl Rule for ExposeProtoCasing {
    fn name(&self) -> Code {
        "ExposeProtoCasing"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::ProtocolCasing { port, span } = fact else { continue };
            let message =
                format!("Defined protocol '{port}' in EXPOSE instruction should be lowercase");
            let lower = port.to_lowercase();
            let mut warning =
                Diagnostic::warning(self.name(), message, *span).help(format!("write `{lower}`"));
            if cx.written(*span) == port {
                warning = warning.fix(format!("write `{lower}`"), lower);
            }
            cx.warn_there(warning);
        }
    }
}
