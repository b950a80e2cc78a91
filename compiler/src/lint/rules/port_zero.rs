//! EXPOSE of a port that there is.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds port 0 in EXPOSE, alone or as the start of a range. A port beyond 65535 is an error and stops the build.
///
/// ## Why is this bad
/// Nothing can listen on it: programs that ask for port 0 get another one. `docker run -P` publishes it in vain.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// EXPOSE 0/tcp
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// EXPOSE 8080/tcp
/// ```
///
/// ## What it does not see
/// Ports that come from a variable.
#[derive(Debug)]
pub(super) struct PortZero;

impl Rule for PortZero {
    fn name(&self) -> Code {
        "PortZero"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3011"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for (place, statement) in stage.statements() {
                let Instruction::Expose(expose) = &statement.instruction else { continue };
                for word in &expose.ports {
                    let port = word.text.rsplit(':').next().unwrap_or_default();
                    let port = port.split(['/', '-']).next().unwrap_or_default();
                    if port.is_empty() || !port.bytes().all(|byte| byte == b'0') {
                        continue;
                    }
                    let message = "no program can listen on port 0";
                    let warning = Diagnostic::warning(self.name(), message, word.span);
                    cx.warn(place, warning.help("write the port that the program listens on"));
                }
            }
        }
    }
}
