//! A heredoc of COPY or ADD: a file of mode 644 that is copied like any other.

use std::sync::Arc;

use compiler::op::MkfileAction;
use store::{Entry, FileDigest, Kind};

use crate::content::Content;
use crate::draft::Draft;
use crate::error::Cause;
use crate::op::file::copy::{Lay, lay};
use crate::op::file::select::Match;
use crate::tree::Found;

/// Makes the file.
///
/// # Errors
/// It does not fit with what is at the destination.
pub(crate) fn mkfile(
    draft: &mut Draft<'_>,
    action: &MkfileAction,
    how: &Lay<'_>,
) -> Result<(), Cause> {
    let data = action.data.as_bytes();
    let digest = FileDigest(*blake3::hash(data).as_bytes());
    let entry = Entry {
        path: action.name.clone().into_bytes(),
        kind: Kind::File { size: data.len() as u64, digest },
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: draft.now(),
        xattrs: Vec::new(),
    };
    let one = Match {
        name: action.name.clone().into_bytes(),
        root: Found::plain(entry),
        items: Vec::new(),
    };
    let content = Content::Bytes(Arc::from(data));
    lay(draft, &one, how, &|_| Ok(Some(content.clone())))
}
