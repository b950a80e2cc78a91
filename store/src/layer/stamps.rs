//! [`Stamps`]: which inodes the files of a tree have, and when they last changed; so that a later look can tell, without
//! reading, what is still the file that it was.
//!
//! The inode is needed beside the time: a file does not change when a folder above it gets another name. The kernel's
//! times are coarse, so a file that changed shortly before the look is not trusted.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::index::join;
use super::scan::{display, open_below};
use crate::error::{Doing, StoreError, on};

/// Two changes that are further apart than this, in nanoseconds, have different times.
const TICK: i128 = 20_000_000;

/// The files of a tree as they were at one moment. The default knows none: then all is read.
#[derive(Debug, Default)]
pub struct Stamps {
    files: HashMap<Vec<u8>, Stamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    /// Nanoseconds since 1970.
    changed: i128,
}

impl Stamps {
    /// Looks at the files of a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn of(folder: &Path) -> Result<Stamps, StoreError> {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        let now = nanoseconds(now.tv_sec, now.tv_nsec);
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty()).doing(|| on("open", folder))?;
        let mut stamps = Stamps::default();
        let mut open = vec![Vec::new()];
        while let Some(path) = open.pop() {
            let fail = || on("read", &folder.join(display(&path)));
            let dir = open_below(&root, &path, OFlags::RDONLY | OFlags::DIRECTORY).doing(fail)?;
            stamps.read_folder(&path, &dir, now, &mut open).doing(fail)?;
        }
        Ok(stamps)
    }

    fn read_folder(
        &mut self,
        folder: &[u8],
        dir: &OwnedFd,
        now: i128,
        open: &mut Vec<Vec<u8>>,
    ) -> rustix::io::Result<()> {
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let path = join(folder, name);
            let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => open.push(path),
                FileType::RegularFile => {
                    let stamp = Stamp::of(&stat);
                    if stamp.changed + TICK < now {
                        self.files.insert(path, stamp);
                    }
                }
                FileType::Symlink
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Fifo
                | FileType::Socket
                | FileType::Unknown => {}
            }
        }
        Ok(())
    }

    /// Whether a file is the one that was at this path, unchanged.
    pub(crate) fn has(&self, path: &[u8], stat: &Stat) -> bool {
        self.files.get(path) == Some(&Stamp::of(stat))
    }
}

impl Stamp {
    fn of(stat: &Stat) -> Stamp {
        let changed = nanoseconds(stat.st_ctime, i64::from(stat.st_ctime_nsec as u32));
        Stamp { inode: stat.st_ino, changed }
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[test]
    fn another_file_under_the_name_is_not_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a", "b"] {
            fs::create_dir(root.join(name)).unwrap();
            fs::write(root.join(name).join("file"), name).unwrap();
        }
        let stat = |path: &str| rustix::fs::stat(root.join(path)).unwrap();
        assert!(!Stamps::of(root).unwrap().has(b"a/file", &stat("a/file")), "it is too young");
        sleep(Duration::from_millis(50));
        let stamps = Stamps::of(root).unwrap();
        assert!(stamps.has(b"a/file", &stat("a/file")));
        fs::rename(root.join("a"), root.join("t")).unwrap();
        fs::rename(root.join("b"), root.join("a")).unwrap();
        assert!(!stamps.has(b"a/file", &stat("a/file")));
        fs::rename(root.join("a"), root.join("b")).unwrap();
        fs::rename(root.join("t"), root.join("a")).unwrap();
        assert!(stamps.has(b"a/file", &stat("a/file")));
        fs::write(root.join("a/file"), "x").unwrap();
        assert!(!stamps.has(b"a/file", &stat("a/file")));
    }
}
