//! `SHELL`: what the shell form of what follows is given to.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `SHELL ["…"]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// The words.
    pub words: Vec<Word>,
}

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Shell> {
    FlagReader::new(draft.flags, &[], diagnostics);
    draft.at_least_one(diagnostics)?;
    if !draft.json {
        let message = "SHELL requires the arguments to be in JSON form";
        diagnostics.push(
            Diagnostic::error("json-form-required", message, draft.args_span())
                .help("write `SHELL [\"/bin/sh\", \"-c\"]`"),
        );
        return None;
    }
    Some(Shell { words: draft.args.to_vec() })
}
