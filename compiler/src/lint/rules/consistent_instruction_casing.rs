//! Instructions in one case.

use grammar::instruction::Keyword;
use grammar::{Code, Diagnostic, Instruction, Statement};

use crate::lint::{Cx, Place, Rule};

/// ## What it does
/// Finds instructions that are not written as most of the file are: in capitals, or in lower case. As many of one as of the
/// other count as capitals. A word that is neither is always found.
///
/// ## Why is this bad
/// The case of instructions has no meaning; if it varies, a reader looks for one.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// Copy . /app
/// RUN true
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// COPY . /app
/// RUN true
/// ```
#[derive(Debug)]
pub(super) struct ConsistentInstructionCasing;

impl Rule for ConsistentInstructionCasing {
    fn name(&self) -> Code {
        "ConsistentInstructionCasing"
    }

    fn hears_comments(&self) -> bool {
        false
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let file = cx.file;
        let first = file.statements.iter().position(is_from).unwrap_or(file.statements.len());
        let keywords = || file.statements[first..].iter().map(|it| it.keyword.value.as_str());
        let lower = keywords().filter(|it| *it == it.to_lowercase()).count();
        let upper = keywords().filter(|it| *it == it.to_uppercase()).count();
        for statement in &file.statements[first..] {
            let written = &statement.keyword.value;
            let (wanted, case) = match lower > upper {
                true => (written.to_lowercase(), "lowercase"),
                false => (written.to_uppercase(), "uppercase"),
            };
            // What is no instruction at all is told by the parser.
            if *written == wanted || Keyword::of(written).is_none() {
                continue;
            }
            let message = format!(
                "Command '{written}' should match the case of the command majority ({case})"
            );
            let warning = Diagnostic::warning(self.name(), message, statement.keyword.span)
                .help(format!("write `{wanted}`"))
                .fix(format!("write `{wanted}`"), wanted);
            cx.warn(Place::of(statement), warning);
        }
    }
}

fn is_from(statement: &Statement) -> bool {
    matches!(statement.instruction, Instruction::From(_))
}
