//! `USER`: who runs what follows.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `USER`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `user[:group]`
    pub user: Word,
}

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<User> {
    FlagReader::new(draft.flags, &[], diagnostics);
    Some(User { user: draft.exactly_one(diagnostics)? })
}
