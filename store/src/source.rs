//! [`ContentSource`]: where the contents of a layer's files come from.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::error::{Doing, StoreError, on};
use crate::layer::index::Entry;
use crate::layer::scan::open_below;

/// Gives out the contents of a layer's files. Closures `Fn(usize, &Entry) -> io::Result<Source>` are sources.
pub trait ContentSource: Sync {
    /// Opens the content of the regular file at a position of the index.
    fn open(&self, position: usize, entry: &Entry) -> io::Result<Source>;
}

/// The content of one file.
pub enum Source {
    /// A file, from its current position: copied by the kernel where it can.
    File(File),
    /// As `File`; whoever gives it out looks afterwards, by what is known of the file, whether it is still the one that
    /// was hashed, so that its content is not hashed once more.
    Watched(File),
    /// Anything else.
    Reader(Box<dyn Read + Send>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::File(file) | Source::Watched(file) => file.read(buffer),
            Source::Reader(reader) => reader.read(buffer),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::File(file) => f.debug_tuple("File").field(file).finish(),
            Source::Watched(file) => f.debug_tuple("Watched").field(file).finish(),
            Source::Reader(_) => f.write_str("Reader"),
        }
    }
}

impl<F> ContentSource for F
where
    F: Fn(usize, &Entry) -> io::Result<Source> + Sync,
{
    fn open(&self, position: usize, entry: &Entry) -> io::Result<Source> {
        self(position, entry)
    }
}

/// The files of a folder as the contents of an index of it: a laid-out layer, an unpacked archive, a copied tree.
#[derive(Debug)]
pub struct FolderSource {
    root: OwnedFd,
}

impl FolderSource {
    /// Opens the folder.
    pub fn open(folder: &Path) -> Result<FolderSource, StoreError> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty()).doing(|| on("open", folder))?;
        Ok(FolderSource { root })
    }

    /// Opens the file at a path, following no link.
    pub fn file(&self, path: &[u8]) -> io::Result<File> {
        Ok(File::from(open_below(&self.root, path, OFlags::RDONLY)?))
    }
}

impl ContentSource for FolderSource {
    fn open(&self, _: usize, entry: &Entry) -> io::Result<Source> {
        self.file(&entry.path).map(Source::File)
    }
}
