//! Leases: what an open store works with although the database may not say so, for whoever prunes.
//!
//! A build finds a layer in the cache and mounts it minutes later; a pull has a blob whose manifest is still to come.
//! So whatever is handed out is noted in `tmp/PID-RANDOM/leases`, 33 bytes each, and goes with that folder:
//!
//! ```text
//! 'l' layer id, 8 bytes little-endian, 24 zeros       'b' digest, 32 bytes
//! ```
//!
//! Finding something and noting it is one act for whoever prunes: both are done under a shared lock on the file `lock`
//! ([`Store::hold`]), and rows and names are removed under an exclusive one. Each is held for moments only.
//!
//! Where a note cannot be written (the disk is full), the shared lock is kept until the store is closed.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oci::Digest;
use rustix::fs::{FlockOperation, flock};

use crate::error::{Doing, StoreError, on};
use crate::layer_record::LayerId;
use crate::store::Store;

/// How long pruning waits for the others. They hold the lock for moments; only a stopped process takes that long.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);
const LENGTH: usize = 33;
const NAME: &str = "leases";

/// Something that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lease {
    Layer(LayerId),
    Blob(Digest),
}

/// The leases of one open store, and its share of the lock.
#[derive(Debug)]
pub(crate) struct Leases {
    path: PathBuf,
    noted: Mutex<Noted>,
    lock: File,
    /// How many threads hold the shared lock: the kernel counts it once per open file.
    holders: Mutex<usize>,
}

#[derive(Debug, Default)]
struct Noted {
    seen: HashSet<Lease>,
    file: Option<File>,
    /// Whether a note could not be written.
    is_full: bool,
}

/// What others use.
#[derive(Debug, Default)]
pub(crate) struct Leased {
    pub(crate) layers: BTreeSet<LayerId>,
    pub(crate) blobs: BTreeSet<Digest>,
}

/// The shared lock, held.
#[derive(Debug)]
pub(crate) struct Hold<'a>(&'a Leases);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut holders = self.0.holders();
        *holders -= 1;
        if *holders == 0 {
            // Whoever prunes waits at most until this process ends.
            let _ = flock(&self.0.lock, FlockOperation::Unlock);
        }
    }
}

impl Leases {
    /// `corner` is the process's folder in `tmp/`, `lock` the store's.
    pub(crate) fn new(corner: &Path, lock: File) -> Leases {
        let path = corner.join(NAME);
        Leases { path, noted: Mutex::default(), lock, holders: Mutex::default() }
    }

    fn holders(&self) -> MutexGuard<'_, usize> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something could not be noted, so that the shared lock is never given back.
    pub(crate) fn is_full(&self) -> bool {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).is_full
    }

    fn note(&self, lease: Lease) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_full || !noted.seen.insert(lease) {
            return;
        }
        let mut bytes = [0; LENGTH];
        match lease {
            Lease::Layer(id) => {
                bytes[0] = b'l';
                bytes[1..9].copy_from_slice(&id.0.to_le_bytes());
            }
            Lease::Blob(digest) => {
                bytes[0] = b'b';
                bytes[1..].copy_from_slice(digest.as_bytes());
            }
        }
        let file = match noted.file.take() {
            Some(file) => Ok(file),
            None => File::options().create(true).append(true).open(&self.path),
        };
        let written = file.and_then(|mut file| file.write_all(&bytes).map(|()| file));
        match written {
            Ok(file) => noted.file = Some(file),
            Err(_) => {
                noted.is_full = true;
                // Never given back.
                *self.holders() += 1;
            }
        }
    }
}

impl Store {
    /// Keeps others from removing anything from the store until the value is dropped.
    pub(crate) fn hold(&self) -> Result<Hold<'_>, StoreError> {
        let mut holders = self.leases.holders();
        if *holders == 0 {
            flock(&self.leases.lock, FlockOperation::LockShared)
                .doing(|| on("lock", &self.root.join("lock")))?;
        }
        *holders += 1;
        Ok(Hold(&self.leases))
    }

    /// Notes that something is in use, for as long as this store is open. To be called under [`Store::hold`].
    pub(crate) fn lease(&self, _held: &Hold<'_>, lease: Lease) {
        self.leases.note(lease);
    }

    /// Has the store alone for a moment, with what others use.
    pub(crate) fn alone<T>(
        &self,
        work: impl FnOnce(&Leased) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let path = self.root.join("lock");
        let file =
            File::options().read(true).write(true).open(&path).doing(|| on("open", &path))?;
        let end = Instant::now() + PATIENCE;
        loop {
            // Other threads of this process may not come in between either.
            let holders = self.leases.holders();
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                let outcome = self.leased().and_then(|leased| work(&leased));
                drop(holders);
                return outcome;
            }
            drop(holders);
            if end < Instant::now() {
                return Err(StoreError::InUse);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// What other open stores use.
    fn leased(&self) -> Result<Leased, StoreError> {
        let tmp = self.root.join("tmp");
        let mut leased = Leased::default();
        for corner in fs::read_dir(&tmp).doing(|| on("read", &tmp))? {
            let corner = corner.doing(|| on("read", &tmp))?.path();
            if self.leases.path.parent() == Some(&corner) {
                continue;
            }
            // One that is gone by now, or never had any. Those of the dead are swept when a store is opened.
            let Ok(bytes) = fs::read(corner.join(NAME)) else { continue };
            for lease in bytes.chunks_exact(LENGTH) {
                let rest: [u8; 32] = lease[1..].try_into().expect("a lease has 33 bytes");
                match lease[0] {
                    b'l' => {
                        let id = rest[..8].try_into().expect("an id has 8 bytes");
                        leased.layers.insert(LayerId(i64::from_le_bytes(id)));
                    }
                    _ => {
                        leased.blobs.insert(Digest::from_bytes(rest));
                    }
                }
            }
        }
        Ok(leased)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gc::PrunePolicy;
    use crate::testing::{small_layer, store};

    #[test]
    fn what_another_uses_stays_until_it_is_done() {
        let (folder, store) = store();
        let other = Store::open(folder.path()).unwrap();
        let (layer, blob) = (small_layer(&other), other.put_blob(b"on its way").unwrap());
        let loose = small_layer(&store);
        let pruned = store.prune(&PrunePolicy::default()).unwrap();
        assert_eq!((pruned.layers, pruned.blobs), (1, 0));
        assert!(store.layer(loose).is_err() && store.layer(layer).is_ok());
        assert!(other.lay_out(layer).unwrap().is_dir() && store.has_blob(&blob));
        drop(other);
        // What this store itself asked about is its own matter.
        let pruned = store.prune(&PrunePolicy::default()).unwrap();
        assert_eq!((pruned.layers, pruned.blobs), (1, 1));
    }

    #[test]
    fn other_threads_of_this_process_are_waited_for() {
        let (_folder, store) = store();
        let held = store.hold().unwrap();
        std::thread::scope(|scope| {
            let pruning = scope.spawn(|| store.prune(&PrunePolicy::default()));
            std::thread::sleep(Duration::from_millis(30));
            drop(held);
            pruning.join().unwrap().unwrap();
        });
    }

    #[test]
    fn nothing_goes_while_somebody_looks() {
        let (folder, store) = store();
        let other = Store::open(folder.path()).unwrap();
        let held = other.hold().unwrap();
        let blob = store.put_blob(b"found").unwrap();
        std::thread::scope(|scope| {
            let pruning = scope.spawn(|| store.prune(&PrunePolicy::default()).unwrap());
            std::thread::sleep(Duration::from_millis(30));
            assert!(other.blob_path(&blob).is_file());
            other.lease(&held, Lease::Blob(blob));
            drop(held);
            assert_eq!(pruning.join().unwrap().blobs, 0);
        });
    }
}
