//! What was on its way to the disk when the machine went down: a sudden end may leave files without their bytes although
//! the database speaks of them.
//!
//! Nothing is flushed while it is made. A minute later the kernel has written most of it, and whoever opens the store next
//! flushes the rest ([`Store::sync_settled`]). After a restart, what was not flushed by then is read once, and what is not
//! whole is forgotten, to be fetched or made again.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::error::{Doing, StoreError, on};
use crate::layer::index::{Entry, Kind};
use crate::layer_record::LayerId;
use crate::source::FolderSource;
use crate::store::{Store, now};

/// After so many seconds the kernel has written what was put, so that flushing takes no time worth speaking of.
const SETTLED: i64 = 60;

impl Store {
    /// Puts on disk for good what was written so far, with one `syncfs`.
    pub fn sync(&self) -> Result<(), StoreError> {
        let folder = File::open(&self.root).doing(|| on("open", &self.root))?;
        // Whatever another process adds in the meantime stays unsynced: only what is named here is struck off.
        let before = self.db.last_unsynced()?;
        rustix::fs::syncfs(&folder).doing(|| on("sync", &self.root))?;
        self.db.strike_off_unsynced(&self.boot, before)
    }

    /// As [`Store::sync`], if something was put, and that a while ago.
    pub(crate) fn sync_settled(&self) -> Result<(), StoreError> {
        if self.boot.is_empty() || self.db.last_unsynced()? == 0 {
            return Ok(());
        }
        let put = |name: &str| fs::metadata(self.root.join(name)).map_or(0, |found| found.mtime());
        let last = put("blobs/sha256").max(put("layers"));
        if now() - last < SETTLED { Ok(()) } else { self.sync() }
    }

    /// Looks at what was written before the machine went down without [`Store::sync`], and forgets what is not whole.
    pub(crate) fn forget_torn(&self) -> Result<(), StoreError> {
        if self.boot.is_empty() {
            return Ok(());
        }
        let names = self.db.torn(&self.boot)?;
        if names.is_empty() {
            return Ok(());
        }
        let torn = self.pool().install(|| -> Result<Vec<bool>, StoreError> {
            names.par_iter().map(|name| self.is_torn(name)).collect()
        })?;
        let torn: Vec<&String> =
            names.iter().zip(torn).filter(|(_, torn)| *torn).map(|(name, _)| name).collect();
        // Alone, and asking once more: of two that open the store after a restart, the later one would take away what
        // the other has made anew.
        self.alone(|_| {
            let known = self.db.torn(&self.boot)?;
            for name in torn.into_iter().filter(|name| known.contains(name)) {
                if let Some(id) = layer_of(name) {
                    self.db.forget_layer_content(id)?;
                    self.remove_path(&self.layer_folder(id))?;
                } else if let Some(hex) = name.strip_prefix("blob:") {
                    self.remove_path(&self.root.join("blobs/sha256").join(hex))?;
                }
            }
            self.cached_indexes().clear();
            self.db.strike_off_torn(&self.boot)
        })
    }

    fn is_torn(&self, name: &str) -> Result<bool, StoreError> {
        if let Some(id) = layer_of(name) {
            return Ok(!self.is_whole_layer(id));
        }
        let Some(hex) = name.strip_prefix("blob:") else { return Ok(false) };
        let Ok(digest) = format!("sha256:{hex}").parse() else { return Ok(false) };
        match self.check_blob(&digest) {
            Ok(()) | Err(StoreError::NoBlob(_)) => Ok(false),
            Err(StoreError::DamagedBlob { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether a layer can be read, with every byte of the files that it has laid out.
    fn is_whole_layer(&self, id: LayerId) -> bool {
        let folder = self.layer_folder(id);
        if !folder.exists() {
            // Known by name alone, or gone by now.
            return self.layer(id).is_ok_and(|record| record.result.is_none());
        }
        let Ok(index) = self.index(id) else { return false };
        // Those over one particular chain are made again when they are needed.
        let over = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in over.filter(|it| it.file_name().to_string_lossy().starts_with("fs-")) {
            if self.remove_path(&entry.path()).is_err() {
                return false;
            }
        }
        let fs = folder.join("fs");
        if !fs.exists() {
            return true;
        }
        let (Ok(files), Ok(skipped)) = (FolderSource::open(&fs), self.skipped(id)) else {
            return false;
        };
        let is_whole = |entry: &Entry| match entry.kind {
            Kind::File { size, digest } => {
                let found = files.file(&entry.path).and_then(hash);
                skipped.contains(&entry.path) || found.is_ok_and(|it| it == (size, digest.0))
            }
            Kind::Whiteout
            | Kind::Dir { .. }
            | Kind::Hardlink { .. }
            | Kind::Symlink { .. }
            | Kind::Char { .. }
            | Kind::Block { .. }
            | Kind::Fifo => true,
        };
        index.entries().par_iter().with_min_len(64).all(is_whole)
    }
}

fn layer_of(name: &str) -> Option<LayerId> {
    name.strip_prefix("layer:")?.parse().ok().map(LayerId)
}

/// Size and blake3 of a file.
fn hash(file: File) -> io::Result<(u64, [u8; 32])> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok((hasher.count(), hasher.finalize().into()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use oci::manifest::Compression;

    use super::*;
    use crate::testing::{record, small_layer, store};
    use crate::{Key, Meanwhile};

    /// Sets the time at which something was last put into a folder of the store.
    fn age(folder: &Path, seconds: u64) {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::open(folder).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn what_is_whole_after_a_restart_stays() {
        let (folder, mut first) = store();
        first.boot = "an earlier boot".into();
        let (blob, lost) = (first.put_blob(b"whole").unwrap(), first.put_blob(b"torn").unwrap());
        let (kept, torn) = (small_layer(&first), small_layer(&first));
        first.pack(kept, Compression::Gzip, None).unwrap();
        first.put_record(&record(kept), b"", Meanwhile::Content).unwrap();
        fs::write(first.layer_folder(torn).join("fs/a/b"), "jello").unwrap();
        fs::write(first.blob_path(&lost), "").unwrap();
        drop(first);
        for _ in 0..2 {
            let second = Store::open(folder.path()).unwrap();
            assert!(second.has_blob(&blob) && !second.has_blob(&lost));
            assert!(second.layer(torn).is_err());
            second.lay_out(kept).unwrap();
            assert!(second.record_by_content_key(&Key([2; 32])).unwrap().is_some());
            assert_eq!(second.db.torn(&second.boot).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn what_was_put_a_while_ago_is_flushed() {
        let (folder, first) = store();
        first.put_blob(b"put").unwrap();
        drop(first);
        let waiting = || Store::open(folder.path()).unwrap().db.last_unsynced().unwrap() > 0;
        assert!(waiting());
        for name in ["blobs/sha256", "layers"] {
            age(&folder.path().join(name), 3600);
        }
        assert!(!waiting());
    }
}
