//! Bytes that somebody else changed: found where they are read, and removed so that they are fetched or made again.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};

use oci::Digest;
use oci::digest::Hasher;
use rusqlite::params;
use rustix::fs::{AtFlags, Mode, OFlags};

use crate::error::{Doing, StoreError, on};
use crate::layer::index::Kind;
use crate::layer_record::LayerId;
use crate::store::Store;

/// Of bigger layers the files are not looked at one by one before a command runs in them.
const CHECKED_FILES: usize = 4096;

/// A blob is copied in pieces of this size, and hashed so many pieces behind.
const PIECE: usize = 512 << 10;
const AHEAD: usize = 3;

/// A blob that is compared with its digest while it is read. In place of the last bytes of a damaged one there is an error,
/// and the blob is removed from the store.
#[derive(Debug)]
pub struct CheckedBlob<'a> {
    store: &'a Store,
    digest: Digest,
    file: File,
    /// How many bytes are still to be read.
    left: u64,
    hasher: Hasher,
}

impl Read for CheckedBlob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        self.left = self.left.saturating_sub(length as u64);
        let is_over = self.left == 0 && !buffer.is_empty();
        if is_over && self.hasher.clone().finish() != self.digest {
            self.store.remove_damaged(&self.digest, &self.file).map_err(io::Error::other)?;
            return Err(io::Error::other(StoreError::DamagedBlob { digest: self.digest }));
        }
        Ok(length)
    }
}

impl Store {
    /// Opens a blob to be handed out.
    ///
    /// # Errors
    /// It is not here.
    pub fn checked_blob(&self, digest: &Digest) -> Result<CheckedBlob<'_>, StoreError> {
        let file = self.open_blob(digest)?;
        let left = file.metadata().doing(|| on("read", &self.blob_path(digest)))?.len();
        Ok(CheckedBlob { store: self, digest: *digest, file, left, hasher: Hasher::default() })
    }

    /// Copies a blob, comparing it with its digest beside that; of a damaged one the last bytes are kept back, and it is
    /// removed.
    ///
    /// # Errors
    /// It is not here, it is damaged, or `out` takes no more.
    pub(crate) fn copy_blob(
        &self,
        digest: &Digest,
        out: &mut dyn Write,
    ) -> Result<u64, StoreError> {
        let doing = || format!("copy blob {digest}");
        let write = |out: &mut dyn Write, bytes: &[u8]| {
            out.write_all(bytes).map_err(|error| StoreError::from_io(error, doing))
        };
        let mut file = self.open_blob(digest)?;
        let size = file.metadata().doing(doing)?.len();
        let (send, receive) = sync_channel::<Vec<u8>>(AHEAD);
        let (give_back, spare) = channel::<Vec<u8>>();
        let hash = move || {
            let mut hasher = Hasher::default();
            for piece in receive {
                hasher.update(&piece);
                // Nobody takes the last ones.
                let _ = give_back.send(piece);
            }
            hasher.finish()
        };
        let (found, last) = std::thread::scope(|scope| -> Result<_, StoreError> {
            // For a small one no thread is worth its while.
            let hashing = (size > PIECE as u64).then(|| scope.spawn(hash));
            let mut left = size;
            loop {
                let mut piece = spare.try_recv().unwrap_or_default();
                piece.resize(usize::try_from(left).unwrap_or(PIECE).min(PIECE), 0);
                file.read_exact(&mut piece).doing(doing)?;
                left -= piece.len() as u64;
                if left > 0 {
                    write(out, &piece)?;
                    let _ = send.send(piece);
                    continue;
                }
                let Some(thread) = hashing else { return Ok((Digest::of(&piece), piece)) };
                let _ = send.send(piece.clone());
                drop(send);
                return Ok((thread.join().expect("hashing does not panic"), piece));
            }
        })?;
        if found != *digest {
            self.remove_damaged(digest, &file)?;
            return Err(StoreError::DamagedBlob { digest: *digest });
        }
        write(out, &last)?;
        Ok(size)
    }

    /// Reads a blob to its end; one that is damaged is removed.
    ///
    /// # Errors
    /// [`StoreError::NoBlob`] or [`StoreError::DamagedBlob`].
    pub fn check_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut blob = self.checked_blob(digest)?;
        match io::copy(&mut blob, &mut io::sink()) {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::from_io(error, || format!("read blob {digest}"))),
        }
    }

    /// Removes a damaged blob that was read from `read`, unless somebody has put a whole one in its place meanwhile.
    pub(crate) fn remove_damaged(&self, digest: &Digest, read: &File) -> Result<(), StoreError> {
        let path = self.blob_path(digest);
        let inode = read.metadata().doing(|| on("read", &path))?.ino();
        let is_it = |path: &Path| fs::metadata(path).is_ok_and(|found| found.ino() == inode);
        if !is_it(&path) {
            return Ok(());
        }
        match self.move_away(&path)? {
            Some(away) if !is_it(&away) => fs::rename(&away, &path),
            Some(away) => fs::remove_file(&away),
            None => Ok(()),
        }
        .doing(|| on("remove", &path))
    }

    /// What is to be said of a failure to read a blob: that it is damaged, if it is.
    pub(crate) fn blame(&self, digest: &Digest, error: StoreError) -> StoreError {
        match self.check_blob(digest) {
            Err(damaged @ StoreError::DamagedBlob { .. }) => damaged,
            Ok(()) | Err(_) => error,
        }
    }

    /// Removes what an error says is damaged or missing, so that the next build fetches or makes it again: a blob, the
    /// files of a layer, or a layer with the records of the steps that made it. What was removed, for people; `None` if
    /// the error is about something else.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget_damaged(&self, error: &StoreError) -> Result<Option<String>, StoreError> {
        match error {
            StoreError::DamagedBlob { digest } | StoreError::NoBlob(digest) => {
                // Another process may have brought it meanwhile.
                if self.check_blob(digest).is_ok() {
                    return Ok(Some(format!("blob {digest}")));
                }
                for layer in self.layers_in_blob(digest)? {
                    if !self.has_other_content(layer)? {
                        self.forget_layer(layer)?;
                    }
                }
                Ok(Some(format!("blob {digest}")))
            }
            StoreError::Damaged(id) => {
                let has_files = self.layer_folder(*id).join("fs").exists();
                self.cached_indexes().remove(id);
                if has_files && self.index(*id).is_ok() && self.has_packed(*id)? {
                    self.forget_files(*id)?;
                    return Ok(Some(format!("the files of layer {id}")));
                }
                self.forget_layer(*id)?;
                Ok(Some(format!("layer {id}")))
            }
            // A content that another layer is made of.
            StoreError::Io { source, .. } => {
                match source.get_ref().and_then(|inner| inner.downcast_ref::<StoreError>()) {
                    Some(inner) => self.forget_damaged(inner),
                    None => Ok(None),
                }
            }
            // Another process has found it damaged, and removed it.
            StoreError::NoLayer(id) | StoreError::NotFetched(id) => {
                self.cached_indexes().remove(id);
                Ok(Some(format!("layer {id}")))
            }
            StoreError::Database { .. }
            | StoreError::DamagedDatabase { .. }
            | StoreError::Newer { .. }
            | StoreError::Digest { .. }
            | StoreError::OtherTree { .. }
            | StoreError::Changed { .. }
            | StoreError::Index(_)
            | StoreError::Tar { .. }
            | StoreError::Unsupported { .. }
            | StoreError::Json { .. }
            | StoreError::Archive { .. }
            | StoreError::Ambiguous(_)
            | StoreError::InUse => Ok(None),
        }
    }

    fn forget_layer(&self, id: LayerId) -> Result<(), StoreError> {
        self.cached_indexes().remove(&id);
        self.db.forget_layer_content(id)?;
        self.remove_path(&self.layer_folder(id))
    }

    /// Removes `fs/` and what was made of it.
    fn forget_files(&self, id: LayerId) -> Result<(), StoreError> {
        let folder = self.layer_folder(id);
        for entry in fs::read_dir(&folder).doing(|| on("read", &folder))? {
            let name = entry.doing(|| on("read", &folder))?.file_name();
            if name == "fs" || name.to_string_lossy().starts_with("fs-") {
                self.remove_path(&folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Whether the files of a layer are all there and have their sizes: their contents are not read.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if not.
    pub(crate) fn check_sizes(&self, id: LayerId, fs: &Path) -> Result<(), StoreError> {
        let index = self.index(id)?;
        if index.entries().len() > CHECKED_FILES || !self.checked_layers().insert(id) {
            return Ok(());
        }
        let skipped = self.skipped(id)?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(fs, flags, Mode::empty()).doing(|| on("open", fs))?;
        for entry in index.entries() {
            let Kind::File { size, .. } = entry.kind else { continue };
            let found = rustix::fs::statat(&root, &*entry.path, AtFlags::SYMLINK_NOFOLLOW);
            let is_right = found.is_ok_and(|found| found.st_size.cast_unsigned() == size);
            if !is_right && !skipped.contains(&entry.path) {
                self.checked_layers().remove(&id);
                return Err(StoreError::Damaged(id));
            }
        }
        Ok(())
    }

    fn layers_in_blob(&self, digest: &Digest) -> Result<Vec<LayerId>, StoreError> {
        self.db.read("look for layers", |db| {
            let sql = "SELECT layer FROM packed WHERE blob = ?1";
            let mut ask = db.prepare_cached(sql)?;
            ask.query_map(params![digest.as_bytes()], |row| row.get(0).map(LayerId))?.collect()
        })
    }

    fn has_packed(&self, id: LayerId) -> Result<bool, StoreError> {
        let forms = self.true_forms(id)?;
        Ok(forms.iter().any(|form| self.has_blob(&form.blob)))
    }

    /// Whether a layer can do without one of its blobs.
    fn has_other_content(&self, id: LayerId) -> Result<bool, StoreError> {
        let folder = self.layer_folder(id);
        let is_ours = self.layer(id)?.diff_id.is_none();
        let has_files = folder.join("fs").is_dir() && folder.join("index").is_file();
        Ok((is_ours && has_files) || self.has_packed(id)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use oci::manifest::Compression;

    use super::*;
    use crate::record::Meanwhile;
    use crate::testing::{small_layer, store};

    /// Changes a byte in the middle of a file.
    fn flip(path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        File::create(path).unwrap().write_all(&bytes).unwrap();
    }

    #[test]
    fn a_damaged_blob_is_noticed_at_its_end_and_goes() {
        let (_folder, store) = store();
        let digest = store.put_blob(&[7; 100_000]).unwrap();
        store.check_blob(&digest).unwrap();
        store.copy_blob(&digest, &mut io::sink()).unwrap();
        flip(&store.blob_path(&digest));
        let error = store.check_blob(&digest).unwrap_err();
        assert!(matches!(error, StoreError::DamagedBlob { .. }), "{error}");
        assert!(!store.has_blob(&digest));
    }

    #[test]
    fn a_whole_blob_in_place_of_the_damaged_one_stays() {
        let (folder, store) = store();
        let digest = store.put_blob(&[7; 100_000]).unwrap();
        flip(&store.blob_path(&digest));
        let mut damaged = store.checked_blob(&digest).unwrap();
        Store::open(folder.path()).unwrap().put_blob(&[7; 100_000]).unwrap();
        assert!(io::copy(&mut damaged, &mut io::sink()).is_err());
        store.check_blob(&digest).unwrap();
        let late = StoreError::NoBlob(digest);
        assert!(store.forget_damaged(&late).unwrap().is_some() && store.has_blob(&digest));
    }

    #[test]
    fn a_layer_that_another_has_forgotten_is_missed() {
        let (folder, store) = store();
        let id = small_layer(&store);
        let other = Store::open(folder.path()).unwrap();
        other.forget_damaged(&StoreError::Damaged(id)).unwrap();
        let missed = store.put_record(&crate::testing::record(id), b"", Meanwhile::Content);
        let error = missed.unwrap_err();
        assert!(matches!(error, StoreError::NoLayer(it) if it == id), "{error}");
        assert!(store.forget_damaged(&error).unwrap().is_some(), "the build begins again");
    }

    #[test]
    fn files_are_made_again_from_the_blob() {
        let (_folder, store) = store();
        let id = small_layer(&store);
        store.pack(id, Compression::Zstd, None).unwrap();
        let file = store.layer_folder(id).join("fs/a/b");
        fs::write(&file, "longer than it was").unwrap();
        let error = store.open_file(id, 1).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
        let told = store.forget_damaged(&error).unwrap();
        assert_eq!(told, Some(format!("the files of layer {id}")));
        store.open_file(id, 1).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"hello");
    }

    #[test]
    fn a_file_with_another_content_goes_into_no_blob() {
        let (_folder, store) = store();
        let id = small_layer(&store);
        fs::write(store.layer_folder(id).join("fs/a/b"), "jello").unwrap();
        let error = store.pack(id, Compression::Gzip, None).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
        assert_eq!(store.forget_damaged(&error).unwrap(), Some(format!("layer {id}")));
        assert!(store.layer(id).is_err(), "the step runs again");
    }

    #[test]
    fn a_layer_whose_only_blob_is_damaged_is_forgotten() {
        let (_folder, store) = store();
        let id = small_layer(&store);
        let packed = store.pack(id, Compression::Gzip, None).unwrap();
        fs::remove_dir_all(store.layer_folder(id).join("fs")).unwrap();
        flip(&store.blob_path(&packed.blob));
        let error = store.lay_out(id).unwrap_err();
        assert!(matches!(error, StoreError::DamagedBlob { .. }), "{error}");
        store.forget_damaged(&error).unwrap();
        assert!(store.layer(id).is_err());
    }

    #[test]
    fn a_damaged_index_is_made_again() {
        let (folder, store) = store();
        let id = small_layer(&store);
        flip(&store.layer_folder(id).join("index"));
        let store = {
            drop(store);
            Store::open(folder.path()).unwrap()
        };
        let error = store.index(id).unwrap_err();
        assert_eq!(store.forget_damaged(&error).unwrap(), Some(format!("layer {id}")));
    }
}
