//! Digests of files of a context, through the stat cache: a file that looks as it did is not read again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use rustix::fs::Stat;
use store::{CachedFile, ContextCache, FileDigest, Kind, Mtime, Store};

use crate::context::Disk;
use crate::error::Cause;
use crate::tree::Found;

/// What tells a file from an earlier or other one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    dev: u64,
    ino: u64,
    size: u64,
    mtime: Mtime,
    ctime: Mtime,
    mode: u32,
}

/// A file changed less than this before it was hashed may change again without looking other than it did: the clock
/// of a file system goes in steps.
const CLOCK_STEP: u128 = 50_000_000;
/// The same where times have whole seconds only.
const COARSE_CLOCK_STEP: u128 = 2_000_000_000;

impl Identity {
    pub(super) fn of(stat: &Stat) -> Identity {
        let time =
            |secs, nanos: u64| Mtime { secs, nanos: u32::try_from(nanos).unwrap_or_default() };
        Identity {
            dev: stat.st_dev,
            ino: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
            mode: stat.st_mode,
        }
    }

    /// Whether it is the same file with the same content; a new link to it or another mode is no change.
    pub(super) fn is_unwritten(&self, stat: &Stat) -> bool {
        let Identity { dev, ino, size, mtime, ctime: _, mode: _ } = Identity::of(stat);
        (dev, ino, size, mtime) == (self.dev, self.ino, self.size, self.mtime)
    }

    fn is(&self, cached: &CachedFile) -> bool {
        let CachedFile { dev, ino, size, mtime, ctime, mode, digest: _ } = cached;
        let other = Identity {
            dev: *dev,
            ino: *ino,
            size: *size,
            mtime: *mtime,
            ctime: *ctime,
            mode: *mode,
        };
        *self == other
    }

    /// Whether it changed so shortly before `now` that a later change might not show.
    fn is_fresh(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let changed = u128::try_from(self.ctime.secs).unwrap_or_default() * 1_000_000_000
            + u128::from(self.ctime.nanos);
        let step = if self.ctime.nanos == 0 { COARSE_CLOCK_STEP } else { CLOCK_STEP };
        changed + step > now
    }

    fn cached(&self, digest: FileDigest) -> CachedFile {
        let Identity { dev, ino, size, mtime, ctime, mode } = *self;
        CachedFile { dev, ino, size, mtime, ctime, mode, digest }
    }
}

/// The stat caches of the contexts of a build, each read once.
#[derive(Debug, Default)]
pub(crate) struct StatCaches {
    by_root: Mutex<BTreeMap<std::path::PathBuf, ContextCache>>,
}

/// Fills in the digests of files of a context.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn hash_files<'a>(
    disk: &Disk,
    store: &Store,
    caches: &StatCaches,
    now: SystemTime,
    files: impl Iterator<Item = &'a mut Found>,
) -> Result<(), Cause> {
    let mut by_root = caches.by_root.lock().unwrap_or_else(PoisonError::into_inner);
    if !by_root.contains_key(disk.path()) {
        by_root.insert(disk.path().to_owned(), store.context_cache(disk.path())?);
    }
    let cache = by_root.entry(disk.path().to_owned()).or_default();
    let mut unknown: Vec<(&mut Found, Identity)> = Vec::new();
    for found in files {
        // Sockets and the like have no identity: they are empty files already.
        let Some(identity) = found.seen else { continue };
        match cache.files.get(&found.entry.path).filter(|cached| identity.is(cached)) {
            Some(cached) => set_digest(found, cached.digest),
            None => unknown.push((found, identity)),
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let fresh: Vec<(Vec<u8>, CachedFile)> = unknown
        .into_par_iter()
        .map(|(found, identity)| {
            let digest = hash_file(disk, &found.entry.path)?;
            set_digest(found, digest);
            let keep = !identity.is_fresh(now);
            Ok(keep.then(|| (found.entry.path.clone(), identity.cached(digest))))
        })
        .filter_map(Result::transpose)
        .collect::<Result<_, Cause>>()?;
    if !fresh.is_empty() {
        cache.files.extend(fresh);
        store.save_context_cache(disk.path(), cache)?;
    }
    Ok(())
}

fn hash_file(disk: &Disk, path: &[u8]) -> Result<FileDigest, Cause> {
    let mut hasher = blake3::Hasher::new();
    let file = disk.open(path).map_err(|source| disk.io_error(path, source))?;
    hasher.update_reader(file).map_err(|source| disk.io_error(path, source))?;
    Ok(FileDigest(*hasher.finalize().as_bytes()))
}

fn set_digest(found: &mut Found, new: FileDigest) {
    if let Kind::File { digest, .. } = &mut found.entry.kind {
        *digest = new;
    }
}
