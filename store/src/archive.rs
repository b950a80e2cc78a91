//! Images as one file or folder: OCI archives ([`oci`]), docker archives ([`docker`]), OCI layout folders ([`layout`]).
//!
//! [`rootfs`] makes a layer of a tar that is a tree and no image.
//!
//! Both kinds of archive are tars of blobs and a little JSON. They are written and read as streams.

mod check;
pub mod docker;
pub mod layout;
pub mod oci;
mod read;
pub mod rootfs;
mod stream;

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use ::oci::manifest::Document;
use ::oci::{Digest, Reference};

use crate::error::{Doing, StoreError};
use crate::layer::index::{Entry, FileDigest, Kind};
use crate::layer::tar::TarWriter;
use crate::store::Store;

pub use read::{Loaded, read, read_folder};

/// Annotations of the descriptors in `index.json`.
mod annotation {
    /// The tag, for some tools the whole name.
    pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// The whole name, for containerd and Docker.
    pub(super) const CONTAINERD_NAME: &str = "io.containerd.image.name";
}

/// An image to be written, with the names it has in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Digest of its manifest, or of the index of several.
    pub manifest: Digest,
    /// Its names.
    pub names: Vec<Reference>,
}

/// The blobs that an image consists of: manifests, configs, layers.
fn blobs_of(store: &Store, image: &Digest, blobs: &mut BTreeSet<Digest>) -> Result<(), StoreError> {
    if !blobs.insert(*image) {
        return Ok(());
    }
    match document(store, image)? {
        Document::Index(index) => {
            for member in &index.manifests {
                blobs_of(store, &member.digest, blobs)?;
            }
        }
        Document::Manifest(manifest) => {
            blobs.insert(manifest.config.digest);
            blobs.extend(manifest.layers.iter().map(|layer| layer.digest));
        }
    }
    match blobs.iter().find(|blob| !store.has_blob(blob)) {
        Some(absent) => Err(StoreError::NoBlob(*absent)),
        None => Ok(()),
    }
}

/// Reads a manifest or an index, whichever it is.
fn document(store: &Store, digest: &Digest) -> Result<Document, StoreError> {
    parse(&store.read_blob(digest)?, digest)
}

pub(crate) fn parse(bytes: &[u8], digest: &Digest) -> Result<Document, StoreError> {
    Document::parse(bytes, None).map_err(|err| StoreError::Archive {
        what: format!("the manifest {digest}"),
        why: err.to_string(),
    })
}

/// A tar of files that belong to nobody and have no time: the same images make the same archive.
struct ArchiveWriter<'a> {
    tar: TarWriter<&'a mut dyn Write>,
}

impl<'a> ArchiveWriter<'a> {
    fn new(out: &'a mut dyn Write) -> ArchiveWriter<'a> {
        ArchiveWriter { tar: TarWriter::new(out) }
    }

    fn dir(&mut self, path: &str) -> Result<(), StoreError> {
        let entry = Entry { path: path.into(), ..Entry::IMPLICIT_DIR };
        self.tar.header(&entry).doing(|| "write an archive".into())
    }

    fn file(&mut self, path: &str, size: u64, content: &mut dyn Read) -> Result<(), StoreError> {
        let doing = || format!("write `{path}` of an archive");
        self.tar.header(&plain_file(path, size)).doing(doing)?;
        let found = io::copy(&mut content.take(size), self.tar.inner());
        let found = found.map_err(|error| StoreError::from_io(error, doing))?;
        if found < size {
            return Err(StoreError::Changed { path: path.into(), expected: size, found });
        }
        self.tar.pad(size).doing(doing)
    }

    fn blobs(&mut self, store: &Store, blobs: &BTreeSet<Digest>) -> Result<(), StoreError> {
        self.dir("blobs")?;
        self.dir("blobs/sha256")?;
        for digest in blobs {
            let size = store.blob_size(digest)?;
            let path = format!("blobs/sha256/{}", digest.hex());
            let doing = || format!("write `{path}` of an archive");
            self.tar.header(&plain_file(&path, size)).doing(doing)?;
            let found = store.copy_blob(digest, self.tar.inner())?;
            if found != size {
                return Err(StoreError::Changed { path, expected: size, found });
            }
            self.tar.pad(size).doing(doing)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), StoreError> {
        let out = self.tar.finish().doing(|| "write an archive".into())?;
        out.flush().doing(|| "write an archive".into())
    }
}

/// A file of an archive.
fn plain_file(path: &str, size: u64) -> Entry {
    let kind = Kind::File { size, digest: FileDigest([0; 32]) };
    Entry { path: path.into(), kind, mode: 0o644, ..Entry::IMPLICIT_DIR }
}

#[cfg(test)]
mod tests;
