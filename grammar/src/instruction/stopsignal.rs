//! `STOPSIGNAL`: what stops a container.

use crate::diagnostic::Diagnostic;
use crate::instruction::Draft;
use crate::word::Word;

/// `STOPSIGNAL`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopsignal {
    /// Name or number.
    pub signal: Word,
}

/// Any flag is accepted, and means nothing.
pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Stopsignal> {
    Some(Stopsignal { signal: draft.exactly_one(diagnostics)? })
}
