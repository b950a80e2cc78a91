//! Comments that describe an ARG or a stage.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds comments right above an ARG or a FROM with a name that do not begin with that name. Experimental: it runs only if
/// `# check=experimental=InvalidDefinitionDescription` asks for it.
///
/// ## Why is this bad
/// BuildKit shows such a comment as the description of the argument or stage. One that is about something else is better
/// set apart by an empty line.
///
/// ## Example
/// ```dockerfile
/// # check=experimental=all
/// FROM busybox
/// # the version to fetch
/// ARG VERSION
/// ```
///
/// ## Use instead
/// ```dockerfile
/// # check=experimental=all
/// FROM busybox
/// # VERSION is the version to fetch
/// ARG VERSION
/// ```
#[derive(Debug)]
pub(super) struct InvalidDefinitionDescription;

impl Rule for InvalidDefinitionDescription {
    fn name(&self) -> Code {
        "InvalidDefinitionDescription"
    }

    fn is_experimental(&self) -> bool {
        true
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for statement in &cx.file.statements {
            let it = &statement.instruction;
            let (instruction, names): (_, Vec<String>) = if let Instruction::From(from) = it {
                ("FROM", from.name.iter().map(|name| name.value.to_lowercase()).collect())
            } else if let Instruction::Arg(arg) = it {
                ("ARG", arg.args.iter().map(|it| it.name.text.clone()).collect())
            } else {
                continue;
            };
            if names.is_empty() {
                continue;
            }
            let Some(comment) = statement.comments.last() else { continue };
            let first = comment.value.split(' ').next().unwrap_or_default();
            if names.iter().any(|name| name == first) {
                continue;
            }
            let name = if let [only] = names.as_slice() { only } else { "<arg_key>" };
            let message = format!(
                "Comment for {instruction} should follow the format: `# {name} <description>`"
            );
            let warning = Diagnostic::warning(self.name(), message, comment.span)
                .also(statement.keyword.span, "describes this")
                .help("if it is no description, put an empty line below it");
            cx.warn(Place::of(statement), warning);
        }
    }
}
