//! Removes what was made for mounts to be placed on, as far as the command left it empty.
//!
//! The folder that a stub was in gets its old time back, so that it looks untouched.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_OMIT, fstat, statat,
    unlinkat,
};
use rustix::io::Errno;

use crate::report::Stub;

/// Removes the empty ones of `stubs`, parents last. `tree` is the folder where changes went.
///
/// The command may have put anything in their place; what does not look like a stub, or is not to be reached without
/// following links, stays.
pub(crate) fn remove(tree: &Path, stubs: &[Stub]) {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(tree) = rustix::fs::open(tree, flags, Mode::empty()) else { return };
    for stub in stubs.iter().rev() {
        // One that cannot be removed is what the command made of it.
        let _ = remove_one(&tree, stub);
    }
}

fn remove_one(tree: &OwnedFd, stub: &Stub) -> Result<(), Errno> {
    let path = Path::new(OsStr::from_bytes(&stub.path));
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let parent = rustix::fs::openat2(tree, parent, flags, Mode::empty(), resolve)?;
    let stat = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let before = fstat(&parent)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => unlinkat(&parent, name, AtFlags::REMOVEDIR)?,
        FileType::RegularFile if stat.st_size == 0 => unlinkat(&parent, name, AtFlags::empty())?,
        _ => return Ok(()),
    }
    let changed = (before.st_mtime, before.st_mtime_nsec as i64);
    let time = if changed == stub.parent_after { stub.parent_before } else { changed };
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: time.0, tv_nsec: time.1 },
    };
    rustix::fs::futimens(&parent, &times)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn stub(path: &str) -> Stub {
        Stub { path: path.into(), parent_before: (1, 2), parent_after: (3, 4) }
    }

    fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(rustix::fs::CWD, path, &times, AtFlags::empty()).unwrap();
    }

    #[test]
    fn empty_ones_go_with_their_parents() {
        let tree = tempfile::tempdir().unwrap();
        let at = |path: &str| tree.path().join(path);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "").unwrap();
        fs::create_dir_all(at("etc/kept")).unwrap();
        fs::write(at("etc/hosts"), "").unwrap();
        set_time(&at("etc"), 3, 4);
        remove(
            tree.path(),
            &[stub("etc/hosts"), stub("a"), stub("a/b"), stub("a/b/file"), stub("missing/x")],
        );
        assert!(!at("a").exists());
        assert!(at("etc/kept").exists() && !at("etc/hosts").exists());
        let etc = fs::metadata(at("etc")).unwrap();
        assert_eq!(
            (etc.mtime(), etc.mtime_nsec()),
            (1, 2),
            "nobody but the stub had changed the folder"
        );
    }

    #[test]
    fn what_the_command_filled_stays() {
        let tree = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let at = |path: &str| tree.path().join(path);
        fs::create_dir_all(at("full/x")).unwrap();
        fs::write(at("file"), "x").unwrap();
        symlink(outside.path(), at("link")).unwrap();
        fs::create_dir(outside.path().join("empty")).unwrap();
        set_time(tree.path(), 9, 9);
        remove(
            tree.path(),
            &[stub("full"), stub("file"), stub("link"), stub("link/empty"), stub("../x")],
        );
        assert!(at("full/x").exists() && at("file").exists() && at("link").is_symlink());
        assert!(outside.path().join("empty").exists());
    }
}
