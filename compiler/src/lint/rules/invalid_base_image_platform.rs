//! A base image for the platform that is built for.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::image::quoted;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds base images that turn out to be for another platform than the one asked for.
///
/// ## Why is this bad
/// A registry may hand out an image of another platform if that is all it has. What the image holds then only runs by
/// emulation, or not at all.
///
/// ## Example
/// ```dockerfile
/// ARG PLATFORM=linux/arm64
/// FROM --platform=$PLATFORM busybox
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM --platform=$BUILDPLATFORM busybox
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct InvalidBaseImagePlatform;

impl Rule for InvalidBaseImagePlatform {
    fn name(&self) -> Code {
        "InvalidBaseImagePlatform"
    }

    fn hears_comments(&self) -> bool {
        false
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::OtherPlatform { image, actual, expected, span } = fact else { continue };
            let message = format!(
                "Base image {image} was pulled with platform {}, expected {} for current build",
                quoted(actual),
                quoted(expected)
            );
            let warning = Diagnostic::warning(self.name(), message, *span)
                .help("use an image that has the platform, or ask for another one with --platform");
            cx.warn_there(warning);
        }
    }
}
