//! No fixed platform in FROM.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::image::quoted;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds `FROM --platform=` without a variable in it. A stage whose name tells the platform (its system or its
/// architecture) is meant to have it, and not found.
///
/// ## Why is this bad
/// Whatever platform the image is built for, this stage is for the one that is written. Where the machine has another one,
/// it runs by emulation, and the image says one platform and holds another.
///
/// ## Example
/// ```dockerfile
/// FROM --platform=linux/amd64 busybox
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM --platform=$BUILDPLATFORM busybox
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct FromPlatformFlagConstDisallowed;

impl Rule for FromPlatformFlagConstDisallowed {
    fn name(&self) -> Code {
        "FromPlatformFlagConstDisallowed"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3029"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::ConstantPlatform { platform, span } = fact else { continue };
            let message =
                format!("FROM --platform flag should not use constant value {}", quoted(platform));
            let warning = Diagnostic::warning(self.name(), message, *span)
                .help("leave `--platform` out, use `$BUILDPLATFORM`, or name the stage after the platform");
            cx.warn_there(warning);
        }
    }
}
