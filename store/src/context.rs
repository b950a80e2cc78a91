//! The stat cache of a local build context: a file that looks as it did is not hashed again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Doing, StoreError, on};
use crate::layer::index::{FileDigest, Mtime};
use crate::store::Store;

const VERSION: u32 = 1;

/// What is remembered of the files of a context, by path relative to its root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextCache {
    /// By path, bytes.
    pub files: BTreeMap<Vec<u8>, CachedFile>,
}

/// A regular file as it was when it was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedFile {
    /// Device and inode.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// In bytes.
    pub size: u64,
    /// Content last changed.
    pub mtime: Mtime,
    /// Inode last changed.
    pub ctime: Mtime,
    /// All mode bits, with the type.
    pub mode: u32,
    /// Of the content.
    pub digest: FileDigest,
}

impl Store {
    /// The stat cache of a context; empty if there is none, or none that can be read.
    pub fn context_cache(&self, root: &Path) -> Result<ContextCache, StoreError> {
        let path = self.context_path(root);
        let bytes = match fs::read(&path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(ContextCache::default()),
            other => other.doing(|| on("read", &path))?,
        };
        Ok(decode(&bytes, root).unwrap_or_default())
    }

    /// Saves a context's stat cache. Of several processes, the last one counts.
    pub fn save_context_cache(&self, root: &Path, cache: &ContextCache) -> Result<(), StoreError> {
        let path = self.context_path(root);
        let fresh = self.litter.fresh_path("context");
        fs::write(&fresh, encode(cache, root)).doing(|| on("write", &fresh))?;
        fs::rename(&fresh, &path).doing(|| on("write", &path))
    }

    fn context_path(&self, root: &Path) -> PathBuf {
        let name = blake3::hash(root.as_os_str().as_bytes()).to_hex();
        self.root.join("contexts").join(name.as_str())
    }
}

/// The file: a checksum, then this as postcard.
#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    version: u32,
    root: &'a [u8],
    #[serde(borrow)]
    files: Vec<SavedFile<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SavedFile<'a> {
    path: &'a [u8],
    dev: u64,
    ino: u64,
    size: u64,
    mtime: (i64, u32),
    ctime: (i64, u32),
    mode: u32,
    digest: &'a [u8],
}

fn encode(cache: &ContextCache, root: &Path) -> Vec<u8> {
    let files = cache.files.iter().map(|(path, file)| {
        let CachedFile { dev, ino, size, mtime, ctime, mode, digest } = file;
        SavedFile {
            path,
            dev: *dev,
            ino: *ino,
            size: *size,
            mtime: (mtime.secs, mtime.nanos),
            ctime: (ctime.secs, ctime.nanos),
            mode: *mode,
            digest: &digest.0,
        }
    });
    let root = root.as_os_str().as_bytes();
    let saved = Saved { version: VERSION, root, files: files.collect() };
    let body = postcard::to_stdvec(&saved).expect("numbers and bytes have a form");
    // After a power failure the file may be there in part.
    [blake3::hash(&body).as_bytes(), body.as_slice()].concat()
}

fn decode(bytes: &[u8], root: &Path) -> Option<ContextCache> {
    let (sum, body) = bytes.split_at_checked(32)?;
    if blake3::hash(body).as_bytes() != sum {
        return None;
    }
    let saved: Saved<'_> = postcard::from_bytes(body).ok()?;
    if saved.version != VERSION || saved.root != root.as_os_str().as_bytes() {
        return None;
    }
    let time = |(secs, nanos)| Mtime { secs, nanos };
    let file = |it: SavedFile<'_>| {
        let digest = FileDigest(it.digest.try_into().ok()?);
        let SavedFile { path, dev, ino, size, mtime, ctime, mode, digest: _ } = it;
        let (mtime, ctime) = (time(mtime), time(ctime));
        Some((path.to_vec(), CachedFile { dev, ino, size, mtime, ctime, mode, digest }))
    };
    let files = saved.files.into_iter().map(file).collect::<Option<BTreeMap<_, _>>>()?;
    Some(ContextCache { files })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    #[test]
    fn a_cache_comes_back_and_damage_is_an_empty_one() {
        let (_folder, store) = store();
        let root = Path::new("/project");
        assert_eq!(store.context_cache(root).unwrap(), ContextCache::default());
        let file = CachedFile {
            dev: 1,
            ino: 2,
            size: 3,
            mtime: Mtime { secs: -4, nanos: 5 },
            ctime: Mtime { secs: 6, nanos: 7 },
            mode: 0o100_644,
            digest: FileDigest([8; 32]),
        };
        let cache = ContextCache { files: BTreeMap::from([(b"a/\xff".to_vec(), file)]) };
        store.save_context_cache(root, &cache).unwrap();
        assert_eq!(store.context_cache(root).unwrap(), cache);
        assert_eq!(store.context_cache(Path::new("/other")).unwrap(), ContextCache::default());
        let path = store.context_path(root);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(store.context_cache(root).unwrap(), ContextCache::default());
    }
}
