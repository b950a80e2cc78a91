//! The stat cache of a local build context: a file that looks as it did is not hashed again.

use std::collections::BTreeMap;

use crate::layer::index::{FileDigest, Mtime};

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
