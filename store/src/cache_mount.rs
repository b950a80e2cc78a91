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
    /// A cache mount by its key (id, and whatever else makes it another); waits until it may be used.
    pub fn cache_mount(&self, key: &str, sharing: Sharing) -> Result<CacheMount, StoreError> {
        let mut number = 0;
        loop {
            if let Some(mount) = self.open_cache(key, number, sharing, Wait::Yes)? {
                return Ok(mount);
            }
            number += 1;
        }
    }

    /// As [`Store::cache_mount`], but `None` instead of waiting.
    pub fn try_cache_mount(
        &self,
        key: &str,
        sharing: Sharing,
    ) -> Result<Option<CacheMount>, StoreError> {
        match sharing {
            Sharing::Private => self.cache_mount(key, sharing).map(Some),
            Sharing::Shared | Sharing::Locked => self.open_cache(key, 0, sharing, Wait::No),
        }
    }

    /// Makes a cache mount and its private copies begin anew with their next use; `false` if it is in use.
    pub fn try_renew_cache_mount(&self, key: &str) -> Result<bool, StoreError> {
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

    fn open_cache(
        &self,
        key: &str,
        number: u32,
        sharing: Sharing,
        wait: Wait,
    ) -> Result<Option<CacheMount>, StoreError> {
        open(self.cache_folder(key, number), key, sharing, wait)
    }
}

/// Whether a lock is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Yes,
    No,
}

fn open(
    folder: PathBuf,
    key: &str,
    sharing: Sharing,
    wait: Wait,
) -> Result<Option<CacheMount>, StoreError> {
    fs::create_dir_all(&folder).doing(|| on("create", &folder))?;
    let path = folder.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.doing(|| on("open", &path))?;
    let fs = folder.join("fs");
    let is_ready = folder.join("ready").exists();
    let operation = match (sharing, wait) {
        // Nobody may look into it while the first user prepares it.
        (Sharing::Shared, Wait::Yes) if is_ready => FlockOperation::LockShared,
        (Sharing::Shared, Wait::No) if is_ready => FlockOperation::NonBlockingLockShared,
        (Sharing::Shared | Sharing::Locked, Wait::Yes) => FlockOperation::LockExclusive,
        (Sharing::Shared | Sharing::Locked, Wait::No) | (Sharing::Private, _) => {
            FlockOperation::NonBlockingLockExclusive
        }
    };
    match flock(&lock, operation) {
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        other => other.doing(|| on("lock", &path))?,
    }
    let became_ready = !is_ready && folder.join("ready").exists();
    if became_ready && sharing == Sharing::Shared {
        flock(&lock, FlockOperation::LockShared).doing(|| on("lock", &path))?;
    }
    if !folder.join("ready").exists() {
        if is_ready && sharing == Sharing::Shared {
            // It was renewed while this waited: others may have it, too, so once more from the start.
            drop(lock);
            return open(folder, key, sharing, wait);
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

    #[test]
    fn a_cache_keeps_what_is_put_into_it_once_it_is_ready() {
        let (_folder, store) = store();
        let mount = store.cache_mount("npm", Sharing::Locked).unwrap();
        assert!(mount.is_fresh());
        fs::write(mount.path().join("half"), "").unwrap();
        drop(mount);
        let mount = store.cache_mount("npm", Sharing::Locked).unwrap();
        assert!(mount.is_fresh() && !mount.path().join("half").exists());
        mount.set_ready().unwrap();
        fs::write(mount.path().join("whole"), "").unwrap();
        drop(mount);
        let a = store.cache_mount("npm", Sharing::Shared).unwrap();
        let b = store.cache_mount("npm", Sharing::Shared).unwrap();
        assert!(!a.is_fresh() && a.path() == b.path() && a.path().join("whole").exists());
        assert_ne!(store.cache_mount("pip", Sharing::Shared).unwrap().path(), a.path());
    }

    #[test]
    fn a_renewed_cache_begins_empty() {
        let (_folder, store) = store();
        assert!(store.try_renew_cache_mount("npm").unwrap());
        let mount = store.cache_mount("npm", Sharing::Locked).unwrap();
        mount.set_ready().unwrap();
        fs::write(mount.path().join("old"), "").unwrap();
        assert!(!store.try_renew_cache_mount("npm").unwrap());
        drop(mount);
        assert!(store.try_renew_cache_mount("npm").unwrap());
        let mount = store.cache_mount("npm", Sharing::Shared).unwrap();
        assert!(mount.is_fresh() && !mount.path().join("old").exists());
    }

    #[test]
    fn a_private_cache_has_one_user() {
        let (_folder, store) = store();
        let a = store.cache_mount("go", Sharing::Private).unwrap();
        let b = store.cache_mount("go", Sharing::Private).unwrap();
        assert_ne!(a.path(), b.path());
        assert!(store.try_cache_mount("go", Sharing::Locked).unwrap().is_none());
        let first = a.path().to_owned();
        drop(a);
        assert_eq!(store.cache_mount("go", Sharing::Private).unwrap().path(), first);
    }
}
