//! No `--platform=$TARGETPLATFORM`.

use grammar::{Code, Diagnostic, Fix, Instruction, Span};

use crate::facts::Fact;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds `FROM --platform=$TARGETPLATFORM`.
///
/// ## Why is this bad
/// It says what holds anyway: without the flag, FROM takes the image for the target platform.
///
/// ## Example
/// ```dockerfile
/// FROM --platform=$TARGETPLATFORM busybox
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct RedundantTargetPlatform;

impl Rule for RedundantTargetPlatform {
    fn name(&self) -> Code {
        "RedundantTargetPlatform"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3065"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for fact in cx.facts {
            let Fact::RedundantTargetPlatform { written, span } = fact else { continue };
            let message = format!(
                "Setting platform to predefined {written} in FROM is redundant as this is the default behavior"
            );
            let mut warning =
                Diagnostic::warning(self.name(), message, *span).help("leave `--platform` out");
            warning.fix = flag_and_blanks(cx, *span).map(|place| {
                let title = "leave `--platform` out".into();
                Box::new(Fix { title, edits: vec![(place, String::new())], is_safe: true })
            });
            cx.warn_there(warning);
        }
    }
}

/// The flag with this value, and the blanks behind it; `None` if more than blanks stand before the image.
fn flag_and_blanks(cx: &Cx<'_>, value: Span) -> Option<Span> {
    let statement = cx.statement(value)?;
    let Instruction::From(from) = &statement.instruction else { return None };
    let flag = statement.flags.iter().find(|flag| flag.span.end >= value.end)?;
    let behind = Span { start: flag.span.end, end: from.image.span.start, ..flag.span };
    let only_blanks = cx.written(behind).chars().all(|c| c == ' ' || c == '\t');
    only_blanks.then_some(Span { end: behind.end, ..flag.span })
}
