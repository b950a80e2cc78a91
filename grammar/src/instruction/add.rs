//! `ADD`: files, archives, downloads and git repositories into the image.

use crate::diagnostic::Diagnostic;
use crate::flags::{FlagReader, Takes};
use crate::instruction::{Draft, Transfer};
use crate::word::Word;

/// `ADD`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// Sources, destination, shared flags.
    pub transfer: Transfer,
    /// `--checksum`
    pub checksum: Option<Word>,
    /// `--keep-git-dir`; `None` if not given
    pub keep_git_dir: Option<bool>,
    /// `--unpack`; `None` if not given: archives are unpacked, downloads are not
    pub unpack: Option<bool>,
}

const FLAGS: &[(&str, Takes)] = &[
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Bool),
    ("keep-git-dir", Takes::Bool),
    ("checksum", Takes::Value),
    ("unpack", Takes::Bool),
    ("exclude", Takes::Values),
];

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Add> {
    let flags = FlagReader::new(draft.flags, FLAGS, diagnostics);
    Some(Add {
        transfer: Transfer::read(draft, &flags, diagnostics)?,
        checksum: flags.value("checksum"),
        keep_git_dir: flags.switch("keep-git-dir"),
        unpack: flags.switch("unpack"),
    })
}
