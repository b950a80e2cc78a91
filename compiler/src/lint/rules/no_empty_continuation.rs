//! No empty lines inside an instruction.

use grammar::{Code, Diagnostic, Fix};

use crate::lint::{Cx, Place, Rule};

/// How many lines of one instruction are shown.
const MAX_SHOWN: usize = 100;

/// ## What it does
/// Finds empty lines between the lines of an instruction that goes on over several lines.
///
/// ## Why is this bad
/// BuildKit accepts them for the sake of old files, and says that they will be errors. A reader takes an empty line for the
/// end of the instruction.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// RUN echo one && \
///
///     echo two
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// RUN echo one && \
///     echo two
/// ```
#[derive(Debug)]
pub(super) struct NoEmptyContinuation;

impl Rule for NoEmptyContinuation {
    fn name(&self) -> Code {
        "NoEmptyContinuation"
    }

    fn hears_comments(&self) -> bool {
        false
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for statement in &cx.file.statements {
            let Some((first, others)) = statement.empty_lines.split_first() else { continue };
            let mut warning = Diagnostic::warning(self.name(), "Empty continuation line", *first)
                .help("take the empty line out, or put a comment there");
            let edits =
                statement.empty_lines.iter().map(|line| (cx.with_line_break(*line), String::new()));
            let fix = Fix {
                title: "take out the empty lines".into(),
                edits: edits.take(MAX_SHOWN).collect(),
                is_safe: true,
            };
            warning.fix = Some(Box::new(fix));
            for line in others.iter().take(MAX_SHOWN) {
                warning = warning.also(*line, "");
            }
            // BuildKit gives the last line, and does not count heredocs.
            let last = match statement.heredocs.is_empty() {
                true => statement.lines.1,
                false => {
                    statement.lines.0 + cx.written(statement.head).matches('\n').count() as u32
                }
            };
            cx.warn(Place::of(statement).on_lines(last, last), warning);
        }
    }
}
