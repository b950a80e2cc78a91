//! Base images that need no build argument.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds a FROM that names no valid image if no `--build-arg` is given: an ARG without a default, mostly.
///
/// ## Why is this bad
/// The file then only builds for those who know which arguments it wants.
///
/// ## Example
/// ```dockerfile
/// ARG TAG
/// FROM busybox:${TAG}
/// ```
///
/// ## Use instead
/// ```dockerfile
/// ARG TAG=latest
/// FROM busybox:${TAG}
/// ```
#[derive(Debug)]
pub(super) struct InvalidDefaultArgInFrom;

impl Rule for InvalidDefaultArgInFrom {
    fn name(&self) -> Code {
        "InvalidDefaultArgInFrom"
    }

    fn hears_comments(&self) -> bool {
        false
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::InvalidDefaultInFrom { written, span } = fact else { continue };
            let message = format!(
                "Default value for ARG {written} results in empty or invalid base image name"
            );
            let warning = Diagnostic::warning(self.name(), message, *span)
                .help("give each ARG in it a default: `ARG NAME=VALUE` before the first FROM");
            cx.warn_there(warning);
        }
    }
}
