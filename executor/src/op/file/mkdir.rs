//! WORKDIR: makes a folder and its parents.

use compiler::op::MkdirAction;
use store::Mtime;

use crate::draft::{Draft, NewFolder};
use crate::error::Cause;
use crate::op::file::owner::Owner;
use crate::tree::{Last, clean};

/// Makes the folder; one that is there stays as it is.
///
/// # Errors
/// Something on the way is no folder.
pub(crate) fn mkdir(
    draft: &mut Draft<'_>,
    action: &MkdirAction,
    owner: Owner,
) -> Result<(), Cause> {
    let path = draft.resolve(&clean(&action.path), Last::Follow)?;
    let mtime = action.time.map(|secs| Mtime { secs, nanos: 0 });
    draft.make_folders(&path, NewFolder { mode: 0o755, owner, mtime })
}
