//! `MAINTAINER`: the author, the old way.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `MAINTAINER NAME`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintainer {
    /// Who.
    pub name: Word,
}

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Maintainer> {
    FlagReader::new(draft.flags, &[], diagnostics);
    Some(Maintainer { name: draft.exactly_one(diagnostics)? })
}
