//! EXPOSE with ports alone.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds addresses and ports of the host in EXPOSE.
///
/// ## Why is this bad
/// EXPOSE names ports of the container. Which port of the host leads there is decided when the container is started, so
/// whatever is written here is dropped; BuildKit says that it will be an error.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// EXPOSE 127.0.0.1:8080:80
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// EXPOSE 80
/// ```
#[derive(Debug)]
pub(super) struct ExposeInvalidFormat;

impl Rule for ExposeInvalidFormat {
    fn name(&self) -> Code {
        "ExposeInvalidFormat"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::HostInExpose { port, span } = fact else { continue };
            let message = format!(
                "EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
            );
            let container = port.rsplit(':').next().unwrap_or_default();
            let warning = Diagnostic::warning(self.name(), message, *span)
                .help(format!("write `EXPOSE {container}`, and give the rest to `docker run -p`"));
            cx.warn_there(warning);
        }
    }
}
