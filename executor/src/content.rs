//! [`Content`]: where the bytes of a file are, before they are in a layer. Cheap to clone; opened when they are needed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use store::{LayerId, Source, Store};

use crate::context::{Disk, Identity, OpenFolder};

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// In a folder of the user.
    Disk(Arc<DiskFile>),
    /// In a layer of the store.
    Layer {
        /// The layer.
        layer: LayerId,
        /// The position of the entry that holds it.
        position: usize,
    },
    /// In a part of a file of our own (unpacked archives are spooled into one).
    Part {
        /// The file.
        file: Arc<File>,
        /// Where it begins.
        offset: u64,
        /// In bytes.
        size: u64,
    },
    /// Here.
    Bytes(Arc<[u8]>),
}

/// A file of the user.
#[derive(Debug)]
pub(crate) struct DiskFile {
    /// The folder.
    pub(crate) disk: Arc<Disk>,
    /// The path in it.
    pub(crate) path: Vec<u8>,
    /// Which file it was when it was hashed.
    pub(crate) seen: Option<Identity>,
}

impl Content {
    /// Opens it for reading.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn open(&self, store: &Store) -> io::Result<Source> {
        Ok(match self {
            Content::Disk(file) => {
                let opened = file.disk.open(&file.path)?;
                match file.seen {
                    Some(_) => Source::Watched(opened),
                    None => Source::File(opened),
                }
            }
            Content::Layer { layer, position } => {
                Source::File(store.open_file(*layer, *position).map_err(io::Error::other)?)
            }
            Content::Part { file, offset, size } => Source::Reader(Box::new(Part {
                file: Arc::clone(file),
                at: *offset,
                end: offset + size,
            })),
            Content::Bytes(bytes) => Source::Reader(Box::new(io::Cursor::new(Arc::clone(bytes)))),
        })
    }

    /// The path of a file of the user that is not what it was when it was hashed. Asked once it was read: then what
    /// was read is what was hashed. `folder` is that of the content before, or will be that of this one.
    pub(crate) fn changed<'a>(&'a self, folder: &mut Option<OpenFolder<'a>>) -> Option<&'a [u8]> {
        match self {
            Content::Disk(file) => {
                let seen = file.seen.as_ref()?;
                let is_still = file.disk.is_still(folder, &file.path, seen);
                (!is_still).then_some(file.path.as_slice())
            }
            Content::Layer { .. } | Content::Part { .. } | Content::Bytes(_) => None,
        }
    }
}

/// Reads a part of a file without moving the file's own position, which others share.
struct Part {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..left], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn parts_of_one_file_are_read_beside_each_other() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"onetwothree").unwrap();
        let file = Arc::new(file);
        let part = |offset, size| Part { file: Arc::clone(&file), at: offset, end: offset + size };
        let (mut two, mut three) = (part(3, 3), part(6, 5));
        let mut text = String::new();
        three.read_to_string(&mut text).unwrap();
        two.read_to_string(&mut text).unwrap();
        assert_eq!(text, "threetwo");
    }
}
