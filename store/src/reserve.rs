//! A file that only takes room, so that there is some to give: on a full disk even removing needs a little, for the
//! database's journal and for folders.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// More than the rows of a big store and their journal take when they go.
const SIZE: u64 = 4 << 20;
const NAME: &str = "reserve";

/// Takes the room again that was given, when an open store is closed: nobody else shall have taken all of it when the
/// next one wants to remove something.
#[derive(Debug, Default)]
pub(crate) struct Refill(Option<PathBuf>);

impl Refill {
    /// Gives the room.
    pub(crate) fn giving(root: &Path) -> Refill {
        let given = give(root);
        // What files of contexts were like can be found out again, and may be all there is to give.
        let contexts = fs::read_dir(root.join("contexts")).into_iter().flatten().flatten();
        for context in contexts.filter(|_| !given) {
            let _ = fs::remove_file(context.path());
        }
        Refill(Some(root.to_owned()))
    }
}

impl Drop for Refill {
    fn drop(&mut self) {
        if let Some(root) = &self.0 {
            take(root, SIZE);
        }
    }
}

/// Takes the room, if it is not taken yet and there is plenty. That it cannot be taken is no error.
pub(crate) fn fill(root: &Path) {
    take(root, 2 * SIZE);
}

fn take(root: &Path, wanted: u64) {
    let path = root.join(NAME);
    if path.exists() || free(root).is_none_or(|free| free < wanted) {
        return;
    }
    let taken = File::create(&path)
        .is_ok_and(|file| fallocate(&file, FallocateFlags::empty(), 0, SIZE).is_ok());
    if !taken {
        give(root);
    }
}

/// Gives the room back; `false` if there was none.
fn give(root: &Path) -> bool {
    fs::remove_file(root.join(NAME)).is_ok()
}

/// Whether there is less room than the reserve would give.
pub(crate) fn is_tight(root: &Path) -> bool {
    free(root).is_some_and(|free| free < SIZE)
}

/// Bytes that this user may still write.
pub(crate) fn free(root: &Path) -> Option<u64> {
    let found = statvfs(root).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_and_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = folder.path().join(NAME);
        fill(folder.path());
        if !reserve.exists() {
            eprintln!("room_is_given_and_taken_again: skipped, there is no room");
            return;
        }
        assert_eq!(fs::metadata(&reserve).unwrap().len(), SIZE);
        fs::create_dir(folder.path().join("contexts")).unwrap();
        fs::write(folder.path().join("contexts/x"), "").unwrap();
        let refill = Refill::giving(folder.path());
        assert!(!reserve.exists() && folder.path().join("contexts/x").exists());
        drop(refill);
        assert!(reserve.exists());
        fs::remove_file(&reserve).unwrap();
        let _refill = Refill::giving(folder.path());
        assert!(!folder.path().join("contexts/x").exists(), "the last thing that can be spared");
    }
}
