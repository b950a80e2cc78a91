//! `COPY`: files into the image.

use crate::diagnostic::Diagnostic;
use crate::flags::{FlagReader, Takes};
use crate::instruction::{Draft, Transfer};
use crate::word::Word;

/// `COPY`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Sources, destination, shared flags.
    pub transfer: Transfer,
    /// `--from`
    pub from: Option<Word>,
    /// `--parents`
    pub parents: bool,
}

const FLAGS: &[(&str, Takes)] = &[
    ("chown", Takes::Value),
    ("from", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Bool),
    ("exclude", Takes::Values),
    ("parents", Takes::Bool),
];

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Copy> {
    let flags = FlagReader::new(draft.flags, FLAGS, diagnostics);
    Some(Copy {
        transfer: Transfer::read(draft, &flags, diagnostics)?,
        from: flags.value("from"),
        parents: flags.switch("parents").unwrap_or(false),
    })
}
