//! Blobs by digest (`blobs/sha256/HEX`). A blob is written to `tmp/` and renamed, so a reader never sees half of one.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use oci::Digest;
use oci::digest::Hasher;
use oci::manifest::Descriptor;

use crate::db::note_unsynced;
use crate::error::{Doing, StoreError, on};
use crate::lease::Lease;
use crate::store::Store;

/// Manifests and configs are far smaller; more is not read into memory.
const MAX_SMALL: u64 = 16 << 20;

/// Writes a blob, hashing as it goes. Dropped before [`BlobWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter<'a> {
    store: &'a Store,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    size: u64,
}

impl BlobWriter<'_> {
    /// Puts the blob in place; one that has not the expected digest is removed, and that is an error. Returns its
    /// digest and its size in bytes.
    pub fn finish(self, expected: Option<&Digest>) -> Result<(Digest, u64), StoreError> {
        let found = self.hasher.clone().finish();
        if let Some(expected) = expected
            && *expected != found
        {
            let what = "what was fetched".to_owned();
            return Err(StoreError::Digest { what, expected: *expected, found });
        }
        let held = self.store.hold()?;
        self.store.lease(&held, Lease::Blob(found));
        let path = self.store.blob_path(&found);
        // The note comes first: should we be killed in between, it names a blob that is not there. A blob that is there
        // already is replaced all the same: it may be damaged.
        self.store.db.read("note a blob", |db| {
            note_unsynced(db, &format!("blob:{}", found.hex()), &self.store.boot)
        })?;
        let is_new = !path.exists();
        fs::rename(&self.path, &path).doing(|| on("write", &path))?;
        if is_new {
            self.store.made().blobs.insert(found);
        }
        Ok((found, self.size))
    }

    /// The digest of what was written so far.
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// How many bytes were written so far.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BlobWriter<'_> {
    fn drop(&mut self) {
        // After a rename nothing is there any more.
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// `blobs/sha256/HEX`, whether the blob is there or not.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Whether a blob is here. If so, it stays while this store is open.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        let Ok(held) = self.hold() else { return false };
        let is_here = self.blob_path(digest).is_file();
        if is_here {
            self.lease(&held, Lease::Blob(*digest));
        }
        is_here
    }

    /// Whether a blob is here and has the size that it should have.
    pub fn has_whole_blob(&self, blob: &Descriptor) -> bool {
        self.has_blob(&blob.digest)
            && fs::metadata(self.blob_path(&blob.digest)).is_ok_and(|it| it.len() == blob.size)
    }

    /// Opens a blob.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = self.blob_path(digest);
        match File::open(&path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Err(StoreError::NoBlob(*digest)),
            other => other.doing(|| on("open", &path)),
        }
    }

    /// A blob's size in bytes.
    pub fn blob_size(&self, digest: &Digest) -> Result<u64, StoreError> {
        let file = self.open_blob(digest)?;
        Ok(file.metadata().doing(|| on("read", &self.blob_path(digest)))?.len())
    }

    /// Reads a small blob (a manifest or config, at most 16 MiB) and checks its digest.
    pub fn read_blob(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let file = self.open_blob(digest)?;
        (&file)
            .take(MAX_SMALL + 1)
            .read_to_end(&mut bytes)
            .doing(|| on("read", &self.blob_path(digest)))?;
        if bytes.len() as u64 > MAX_SMALL {
            let source = io::Error::other("it has more than 16 MiB");
            return Err(StoreError::Io { doing: format!("read blob {digest} at once"), source });
        }
        if Digest::of(&bytes) != *digest {
            self.remove_damaged(digest, &file)?;
            return Err(StoreError::DamagedBlob { digest: *digest });
        }
        Ok(bytes)
    }

    /// Stores some bytes.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.has_blob(&digest) && fs::read(self.blob_path(&digest)).is_ok_and(|it| it == bytes) {
            return Ok(digest);
        }
        let mut writer = self.blob_writer()?;
        writer.write_all(bytes).doing(|| "write a blob".into())?;
        Ok(writer.finish(None)?.0)
    }

    /// Begins a blob.
    pub fn blob_writer(&self) -> Result<BlobWriter<'_>, StoreError> {
        let path = self.litter.fresh_path("blob");
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .doing(|| on("create", &path))?;
        Ok(BlobWriter { store: self, path, file, hasher: Hasher::default(), size: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    #[test]
    fn a_blob_is_found_by_its_digest() {
        let (_folder, store) = store();
        let digest = store.put_blob(b"hello").unwrap();
        assert_eq!(digest, Digest::of(b"hello"));
        assert_eq!(store.read_blob(&digest).unwrap(), b"hello");
        assert_eq!(store.blob_size(&digest).unwrap(), 5);
        assert_eq!(store.put_blob(b"hello").unwrap(), digest);
        let other = Digest::of(b"other");
        assert!(!store.has_blob(&other));
        assert!(matches!(store.open_blob(&other), Err(StoreError::NoBlob(_))));
    }

    #[test]
    fn wrong_and_dropped_blobs_leave_nothing() {
        let (folder, store) = store();
        let mut writer = store.blob_writer().unwrap();
        writer.write_all(b"bad").unwrap();
        let error = writer.finish(Some(&Digest::of(b"good"))).unwrap_err();
        assert!(matches!(error, StoreError::Digest { .. }), "{error}");
        drop(store.blob_writer().unwrap());
        let blobs = fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count();
        assert_eq!(blobs, 0);
        let corner = fs::read_dir(folder.path().join("tmp")).unwrap().next().unwrap().unwrap();
        assert_eq!(fs::read_dir(corner.path()).unwrap().count(), 1, "only the lock");
    }

    #[test]
    fn a_blob_damaged_on_disk_is_not_handed_out() {
        let (_folder, store) = store();
        let digest = store.put_blob(b"hello").unwrap();
        fs::write(store.blob_path(&digest), b"jello").unwrap();
        assert!(matches!(store.read_blob(&digest), Err(StoreError::DamagedBlob { .. })));
        assert!(!store.has_blob(&digest), "so that it is fetched again");
    }
}
