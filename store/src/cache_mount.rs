//! Folders that outlive builds: `RUN --mount=type=cache`.
//!
//! ```text
//! caches/HASH/fs      what the RUN sees; HASH is of the cache's key, HASH.1 and on are private copies
//! caches/HASH/lock    locked while a RUN uses it: shared, or by one alone
//! caches/HASH/ready   there once owner, mode and initial content are set
//! caches/HASH/key     the key, for people
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::{Doing, StoreError, on};
use crate::store::Store;

/// Who may use a cache mount at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Anybody.
    Shared,
    /// One at a time; whoever comes second gets another folder.
    Private,
    /// One at a time; whoever comes second waits.
    Locked,
}

/// A cache mount in use. Dropped, it is free for others.
#[derive(Debug)]
pub struct CacheMount {
    folder: PathBuf,
    fs: PathBuf,
    _lock: File,
}

impl CacheMount {
    /// The folder to mount.
    pub fn path(&self) -> &Path {
        &self.fs
    }

    /// Whether owner, mode and initial content are still to be set; [`CacheMount::set_ready`] says that they are.
    pub fn is_fresh(&self) -> bool {
        !self.folder.join("ready").exists()
    }

    /// Says that the folder is as it should be for its first use.
    pub fn set_ready(&self) -> Result<(), StoreError> {
        let path = self.folder.join("ready");
        fs::write(&path, "").doing(|| on("write", &path))
    }
}

impl Store {
    /// A cache mount by its key (id, and whatever else makes it another); `None` if it is in use by another who will
    /// not share it. There is no call that waits: who waits in the kernel to have a new cache alone would not hear that
    /// it has been made by another meanwhile and may be shared.
    ///
    /// # Errors
    /// Its folder cannot be made or locked.
    pub fn try_cache_mount(
        &self,
        key: &str,
        sharing: Sharing,
    ) -> Result<Option<CacheMount>, StoreError> {
        // What is locked stays; between opening and locking it could go.
        let _held = self.hold()?;
        match sharing {
            Sharing::Shared | Sharing::Locked => open(self.cache_folder(key, 0), key, sharing),
            Sharing::Private => {
                for number in 0.. {
                    let mount = open(self.cache_folder(key, number), key, sharing)?;
                    if mount.is_some() {
                        return Ok(mount);
                    }
                }
                Ok(None)
            }
        }
    }

    /// Makes a cache mount and its private copies begin anew with their next use; `false` if it is in use.
    pub fn try_renew_cache_mount(&self, key: &str) -> Result<bool, StoreError> {
        let _held = self.hold()?;
        let mut is_free = true;
        for number in 0.. {
            let folder = self.cache_folder(key, number);
            if !folder.exists() {
                break;
            }
            let path = folder.join("lock");
            let lock = File::options().create(true).truncate(false).write(true).open(&path);
            let lock = lock.doing(|| on("open", &path))?;
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    is_free &= number > 0;
                    continue;
                }
                other => other.doing(|| on("lock", &path))?,
            }
            let ready = folder.join("ready");
            match fs::remove_file(&ready) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                other => other.doing(|| on("remove", &ready))?,
            }
        }
        Ok(is_free)
    }

    fn cache_folder(&self, key: &str, number: u32) -> PathBuf {
        let hash = blake3::hash(key.as_bytes()).to_hex();
        let name = match number {
            0 => hash.to_string(),
            number => format!("{hash}.{number}"),
        };
        self.root.join("caches").join(name)
    }
}

fn open(folder: PathBuf, key: &str, sharing: Sharing) -> Result<Option<CacheMount>, StoreError> {
    fs::create_dir_all(&folder).doing(|| on("create", &folder))?;
    let path = folder.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.doing(|| on("open", &path))?;
    let fs = folder.join("fs");
    let is_ready = folder.join("ready").exists();
    let operation = match sharing {
        // Nobody may look into it while the first user prepares it.
        Sharing::Shared if is_ready => FlockOperation::NonBlockingLockShared,
        Sharing::Shared | Sharing::Locked | Sharing::Private => {
            FlockOperation::NonBlockingLockExclusive
        }
    };
    match flock(&lock, operation) {
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        other => other.doing(|| on("lock", &path))?,
    }
    let became_ready = !is_ready && folder.join("ready").exists();
    if became_ready && sharing == Sharing::Shared {
        // Giving up being alone lets others in between, who may keep it to themselves.
        match flock(&lock, FlockOperation::NonBlockingLockShared) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            other => other.doing(|| on("lock", &path))?,
        }
    }
    if !folder.join("ready").exists() {
        if is_ready && sharing == Sharing::Shared {
            // It was renewed while this waited: others may have it, too, so once more from the start.
            drop(lock);
            return open(folder, key, sharing);
        }
        // Whoever prepared it last did not come to the end.
        if fs.exists() {
            fs::remove_dir_all(&fs).doing(|| on("remove", &fs))?;
        }
        fs::create_dir(&fs).doing(|| on("create", &fs))?;
        let name = folder.join("key");
        fs::write(&name, key).doing(|| on("write", &name))?;
    }
    Ok(Some(CacheMount { folder, fs, _lock: lock }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    fn take(store: &Store, key: &str, sharing: Sharing) -> CacheMount {
        store.try_cache_mount(key, sharing).unwrap().expect("nobody has it")
    }

    #[test]
    fn a_cache_keeps_what_is_put_into_it_once_it_is_ready() {
        let (_folder, store) = store();
        let mount = take(&store, "npm", Sharing::Locked);
        assert!(mount.is_fresh());
        fs::write(mount.path().join("half"), "").unwrap();
        drop(mount);
        let mount = take(&store, "npm", Sharing::Locked);
        assert!(mount.is_fresh() && !mount.path().join("half").exists());
        mount.set_ready().unwrap();
        fs::write(mount.path().join("whole"), "").unwrap();
        drop(mount);
        let a = take(&store, "npm", Sharing::Shared);
        let b = take(&store, "npm", Sharing::Shared);
        assert!(!a.is_fresh() && a.path() == b.path() && a.path().join("whole").exists());
        assert_ne!(take(&store, "pip", Sharing::Shared).path(), a.path());
    }

    #[test]
    fn all_get_a_new_cache_at_the_same_time() {
        let (_folder, store) = store();
        let all_have_it = std::sync::Barrier::new(6);
        let share = || loop {
            match store.try_cache_mount("new", Sharing::Shared).unwrap() {
                Some(mount) if mount.is_fresh() => mount.set_ready().unwrap(),
                Some(mount) => {
                    all_have_it.wait();
                    return drop(mount);
                }
                None => std::thread::yield_now(),
            }
        };
        std::thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(share))));
    }

    #[test]
    fn a_renewed_cache_begins_empty() {
        let (_folder, store) = store();
        assert!(store.try_renew_cache_mount("npm").unwrap());
        let mount = take(&store, "npm", Sharing::Locked);
        mount.set_ready().unwrap();
        fs::write(mount.path().join("old"), "").unwrap();
        assert!(!store.try_renew_cache_mount("npm").unwrap());
        drop(mount);
        assert!(store.try_renew_cache_mount("npm").unwrap());
        let mount = take(&store, "npm", Sharing::Shared);
        assert!(mount.is_fresh() && !mount.path().join("old").exists());
    }

    #[test]
    fn a_private_cache_has_one_user() {
        let (_folder, store) = store();
        let a = take(&store, "go", Sharing::Private);
        let b = take(&store, "go", Sharing::Private);
        assert_ne!(a.path(), b.path());
        assert!(store.try_cache_mount("go", Sharing::Locked).unwrap().is_none());
        let first = a.path().to_owned();
        drop(a);
        assert_eq!(take(&store, "go", Sharing::Private).path(), first);
    }
}
