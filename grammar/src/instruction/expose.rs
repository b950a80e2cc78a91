//! `EXPOSE`: ports that a container listens on.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `EXPOSE PORT…`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expose {
    /// Ports, ranges, protocols, as written.
    pub ports: Vec<Word>,
}

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Expose> {
    FlagReader::new(draft.flags, &[], diagnostics);
    draft.at_least_one(diagnostics)?;
    Some(Expose { ports: draft.args.to_vec() })
}
