//! [`ContentSource`]: where the contents of a layer's files come from.

use std::fs::File;
use std::io::{self, Read};

use crate::layer::index::Entry;

/// Gives out the contents of a layer's files. Closures `Fn(usize, &Entry) -> io::Result<Source>` are sources.
pub trait ContentSource: Sync {
    /// Opens the content of the regular file at a position of the index.
    fn open(&self, position: usize, entry: &Entry) -> io::Result<Source>;
}

/// The content of one file.
pub enum Source {
    /// A file, from its current position: copied by the kernel where it can.
    File(File),
    /// Anything else.
    Reader(Box<dyn Read + Send>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::File(file) => file.read(buffer),
            Source::Reader(reader) => reader.read(buffer),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::File(file) => f.debug_tuple("File").field(file).finish(),
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
