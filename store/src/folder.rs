//! Half-made things: [`Folder`] for a step, and the process's corner of `tmp/` that holds it.
//!
//! Every open store owns `tmp/PID-RANDOM/` and holds a lock on the file `lock` in it. The kernel drops the lock when
//! the process ends, however it ends; whoever opens the store next takes such a lock, knows the owner is gone, and
//! removes the folder. A lock on `tmp/` itself keeps a folder from being swept between its making and its locking.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, IFlags, flock, ioctl_getflags, ioctl_setflags};

use crate::error::{Doing, StoreError, on};
use crate::store::Store;

/// A folder of its own in `tmp/` with `fs/` and `work/` in it. Dropped, it is removed; adopted
/// ([`crate::Store::adopt`]), its `fs/` becomes a layer's.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder itself: whatever is put here goes when it goes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The upper folder of an overlay, or a whole tree.
    pub fn fs(&self) -> PathBuf {
        self.path.join("fs")
    }

    /// The work folder of an overlay.
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is swept when the store is opened next.
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Store {
    /// A fresh folder in `tmp/` with `fs/` (mode 755) and `work/`.
    pub fn new_folder(&self) -> Result<Folder, StoreError> {
        let path = self.litter.fresh_path("step");
        let folder = Folder { path };
        for path in [folder.fs(), folder.work()] {
            fs::create_dir_all(&path).doing(|| on("create", &path))?;
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.fs(), mode).doing(|| on("set the mode of", &folder.fs()))?;
        Ok(folder)
    }
}

/// This process's corner of `tmp/`.
#[derive(Debug)]
pub(crate) struct Litter {
    path: PathBuf,
    next: AtomicU64,
    _lock: File,
}

impl Litter {
    /// Sweeps `tmp/` and takes a corner of it.
    pub(crate) fn claim(tmp: &Path) -> Result<Litter, StoreError> {
        let gate = File::open(tmp).doing(|| on("open", tmp))?;
        spread(&gate);
        if flock(&gate, FlockOperation::NonBlockingLockExclusive).is_ok() {
            sweep(tmp);
        }
        flock(&gate, FlockOperation::LockShared).doing(|| on("lock", tmp))?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
            .tempdir_in(tmp)
            .doing(|| on("create a folder in", tmp))?;
        let path = folder.keep();
        let lock = path.join("lock");
        let file = File::create(&lock).doing(|| on("create", &lock))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).doing(|| on("lock", &lock))?;
        Ok(Litter { path, next: AtomicU64::new(0), _lock: file })
    }

    /// The corner.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A path that nothing has yet.
    pub(crate) fn fresh_path(&self, what: &str) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{what}-{number}"))
    }
}

impl Drop for Litter {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Asks the file system to put each corner somewhere else on the disk (ext4 does), away from what was removed just now:
/// without a journal ext4 does not give the number of a removed file to a new one for some minutes, and where thousands
/// were removed it looks at each of them for every file that is made. Where there is no such wish, nothing is lost.
fn spread(tmp: &File) {
    if let Ok(flags) = ioctl_getflags(tmp)
        && !flags.contains(IFlags::TOPDIR)
    {
        let _ = ioctl_setflags(tmp, flags | IFlags::TOPDIR);
    }
}

/// Removes the corners of dead processes. What cannot be removed stays for the next time.
fn sweep(tmp: &Path) {
    let Ok(corners) = fs::read_dir(tmp) else { return };
    for corner in corners.flatten() {
        let path = corner.path();
        let dead = match File::open(path.join("lock")) {
            Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
            Err(_) => true,
        };
        if dead {
            let _ = fs::remove_dir_all(&path);
        }
    }
}
