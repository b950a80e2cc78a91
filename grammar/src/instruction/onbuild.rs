//! `ONBUILD`: an instruction for the builds that come FROM this image.

use crate::diagnostic::{Diagnostic, Severity};
use crate::flags::FlagReader;
use crate::instruction::{Draft, Keyword, Trigger};
use crate::tree::Statement;
use crate::word::Word;

/// `ONBUILD INSTRUCTION`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The instruction as parsed now, for diagnostics and tools. `None` if what follows is no instruction: BuildKit
    /// accepts that until the trigger runs.
    pub trigger: Option<Box<Statement>>,
    /// What is stored in the image: the instruction's text with its heredoc bodies.
    pub expression: Word,
}

/// Reads an ONBUILD whose trigger is read already.
pub(super) fn read(
    draft: &Draft<'_>,
    trigger: Trigger,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Onbuild> {
    FlagReader::new(draft.flags, &[], diagnostics);
    let Trigger { statement, expression } = trigger;
    let Some(trigger) = statement else {
        diagnostics.push(draft.at_least_one_error());
        return None;
    };
    let refused = match Keyword::of(&trigger.keyword.value) {
        Some(Keyword::Onbuild) => {
            Some("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned())
        }
        Some(kind @ (Keyword::Maintainer | Keyword::From)) => {
            Some(format!("{} isn't allowed as an ONBUILD trigger", kind.name()))
        }
        _ => None,
    };
    if let Some(message) = refused {
        diagnostics.push(Diagnostic::error("invalid-trigger", message, trigger.keyword.span));
        return None;
    }
    let trigger = Keyword::of(&trigger.keyword.value).map(|_| Box::new(trigger));
    Some(Onbuild { trigger, expression })
}

/// Mistakes of a trigger that BuildKit does not see before the trigger runs.
pub(super) fn soften(diagnostics: Vec<Diagnostic>) -> impl Iterator<Item = Diagnostic> {
    diagnostics.into_iter().map(|mut diagnostic| {
        diagnostic.severity = Severity::Warning;
        diagnostic.label("fails when the trigger runs")
    })
}
