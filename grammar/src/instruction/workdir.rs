//! `WORKDIR`: the folder that what follows runs in.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `WORKDIR`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workdir {
    /// The folder.
    pub path: Word,
}

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Workdir> {
    FlagReader::new(draft.flags, &[], diagnostics);
    Some(Workdir { path: draft.exactly_one(diagnostics)? })
}
