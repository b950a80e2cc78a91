//! Methods whose bodies are on their way.
#![expect(clippy::missing_panics_doc, unused_variables, reason = "on their way")]

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::manifest::{Compression, Descriptor};
use oci::{Digest, Reference};

use crate::*;

/// The store's folder, open. `Send`, `Sync`; many processes may have it open at once.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
}

/// Writes a blob, hashing as it goes. Dropped before [`BlobWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    file: File,
}

impl BlobWriter {
    /// Puts the blob in place; if it has not the expected digest, it is removed and that is an error. Returns digest and size.
    pub fn finish(self, expected: Option<&Digest>) -> Result<(Digest, u64), StoreError> {
        unimplemented!()
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unimplemented!()
    }
    fn flush(&mut self) -> io::Result<()> {
        unimplemented!()
    }
}

/// What a scan keeps and leaves out.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// Paths to leave out (mount points that the sandbox made), with all below them.
    pub omit: Vec<Vec<u8>>,
    /// Which extended attributes are kept.
    pub xattrs: Xattrs,
}

/// Which extended attributes a layer keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Xattrs {
    /// `security.capability` alone, as BuildKit's layers have it.
    #[default]
    Capability,
    /// All but the overlay's own.
    All,
}

impl Store {
    /// Opens the store, making it if it is not there, and sweeps what dead processes left in `tmp/`.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        unimplemented!()
    }
    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// Puts on disk for good what was written so far (one `syncfs`); without it, a power failure may lose the last minute's work, but not damage anything.
    pub fn sync(&self) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Whether a blob is here.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        unimplemented!()
    }
    /// Opens a blob.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        unimplemented!()
    }
    /// A blob's size in bytes.
    pub fn blob_size(&self, digest: &Digest) -> Result<u64, StoreError> {
        unimplemented!()
    }
    /// Reads a small blob (manifest, config; at most 16 MiB) and checks its digest.
    pub fn read_blob(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        unimplemented!()
    }
    /// Stores some bytes.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        unimplemented!()
    }
    /// Begins a blob.
    pub fn blob_writer(&self) -> Result<BlobWriter, StoreError> {
        unimplemented!()
    }

    /// What is known of a layer.
    pub fn layer(&self, id: LayerId) -> Result<LayerRecord, StoreError> {
        unimplemented!()
    }
    /// A layer's index, from memory if it was read before.
    pub fn index(&self, id: LayerId) -> Result<Arc<LayerIndex>, StoreError> {
        unimplemented!()
    }
    /// A chain of layers (bottom first) as one tree.
    pub fn view(&self, layers: &[LayerId]) -> Result<TreeView, StoreError> {
        unimplemented!()
    }
    /// The layer with this plain tar.
    pub fn layer_by_diff_id(&self, diff_id: &Digest) -> Result<Option<LayerId>, StoreError> {
        unimplemented!()
    }
    /// Names a layer whose blob stays where it is for now; [`Store::import_layer`] fills it later.
    pub fn declare_layer(
        &self,
        diff_id: &Digest,
        blob: &Descriptor,
    ) -> Result<LayerId, StoreError> {
        unimplemented!()
    }
    /// Makes a layer of a blob of the store: one bounded pass that checks the digest of the plain tar.
    pub fn import_layer(
        &self,
        blob: &Digest,
        diff_id: &Digest,
        lay_out: LayOut,
    ) -> Result<LayerId, StoreError> {
        unimplemented!()
    }
    /// The layer's files (`layers/ID/fs`), laid out if they are not yet.
    pub fn lay_out(&self, id: LayerId) -> Result<PathBuf, StoreError> {
        unimplemented!()
    }
    /// The files of every layer of a chain (bottom first), ready for an overlay. Unlike [`Store::lay_out`] this takes the
    /// owners and modes of folders that a layer does not describe from the layers below it.
    pub fn lay_out_chain(&self, layers: &[LayerId]) -> Result<Vec<PathBuf>, StoreError> {
        unimplemented!()
    }
    /// Opens the content of the regular file at a position of a layer's index, laying the layer out if needed.
    pub fn open_file(&self, id: LayerId, position: usize) -> Result<File, StoreError> {
        unimplemented!()
    }
    /// A fresh folder in `tmp/` with `fs/` and `work/`.
    pub fn new_folder(&self) -> Result<Folder, StoreError> {
        unimplemented!()
    }
    /// Reads an overlay's upper folder. With the tree below it, what is the same there is left out.
    pub fn scan_upper(
        &self,
        upper: &Path,
        below: Option<&TreeView>,
        options: &ScanOptions,
    ) -> Result<LayerIndex, StoreError> {
        unimplemented!()
    }
    /// Compares a plain folder with the tree it was copied from.
    pub fn scan_against(
        &self,
        folder: &Path,
        below: &TreeView,
        options: &ScanOptions,
    ) -> Result<LayerIndex, StoreError> {
        unimplemented!()
    }
    /// Makes a layer of a folder whose `fs/` is in overlay form (an upper folder).
    pub fn adopt(&self, folder: Folder, index: LayerIndex) -> Result<LayerId, StoreError> {
        unimplemented!()
    }
    /// Makes a layer of an index whose contents come from elsewhere.
    pub fn add_sourced(
        &self,
        index: LayerIndex,
        source: &dyn ContentSource,
        keep: Keep,
    ) -> Result<LayerId, StoreError> {
        unimplemented!()
    }
    /// Packs a layer; what was packed before is not packed again. A layer from outside keeps its own tar, whatever the epoch.
    pub fn pack(
        &self,
        id: LayerId,
        compression: Compression,
        epoch: Option<i64>,
    ) -> Result<Packed, StoreError> {
        unimplemented!()
    }

    /// Stores a manifest or an index; what it refers to need not be here.
    pub fn put_manifest(&self, bytes: &[u8], media_type: &str) -> Result<Digest, StoreError> {
        unimplemented!()
    }
    /// Gives an image a name, which it takes from any other.
    pub fn tag(&self, name: &Reference, manifest: &Digest) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Takes a name away; `false` if there was none.
    pub fn untag(&self, name: &Reference) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// Forgets an image and its names; its bytes go with the next prune.
    pub fn remove_image(&self, manifest: &Digest) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// All images, the newest first.
    pub fn images(&self) -> Result<Vec<ImageRecord>, StoreError> {
        unimplemented!()
    }
    /// One image by its manifest's digest.
    pub fn image(&self, manifest: &Digest) -> Result<Option<ImageRecord>, StoreError> {
        unimplemented!()
    }
    /// The image with this name (by tag, or by digest if it has one).
    pub fn image_named(&self, name: &Reference) -> Result<Option<ImageRecord>, StoreError> {
        unimplemented!()
    }
    /// The image that a person means: a name, a digest, an id or the beginning of one.
    pub fn resolve(&self, text: &str) -> Result<Option<ImageRecord>, StoreError> {
        unimplemented!()
    }

    /// Records an executed step with the pre-image of its key.
    pub fn put_record(&self, record: &StepRecord, preimage: &[u8]) -> Result<RecordId, StoreError> {
        unimplemented!()
    }
    /// The newest record with this content key whose layers are all here.
    pub fn record_by_content_key(&self, key: &Key) -> Result<Option<StepRecord>, StoreError> {
        unimplemented!()
    }
    /// The oldest record of the same definition that made the same: its layers are kept in place of new ones.
    pub fn record_by_definition_and_result(
        &self,
        definition: &Key,
        result: &TreeDigest,
    ) -> Result<Option<StepRecord>, StoreError> {
        unimplemented!()
    }
    /// The newest record of a place in a project.
    pub fn last_record_of_slot(
        &self,
        slot: &str,
    ) -> Result<Option<(RecordId, StepRecord)>, StoreError> {
        unimplemented!()
    }
    /// The pre-image of a record's key.
    pub fn preimage(&self, id: RecordId) -> Result<Option<Vec<u8>>, StoreError> {
        unimplemented!()
    }
    /// Records a finished build.
    pub fn put_build(&self, build: &BuildRecord) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// The last builds, the newest first.
    pub fn builds(&self, limit: usize) -> Result<Vec<BuildRecord>, StoreError> {
        unimplemented!()
    }

    /// The stat cache of a context; empty if there is none.
    pub fn context_cache(&self, root: &Path) -> Result<ContextCache, StoreError> {
        unimplemented!()
    }
    /// Saves a context's stat cache.
    pub fn save_context_cache(&self, root: &Path, cache: &ContextCache) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// A cache mount by its key (id, and whatever else makes it another).
    pub fn cache_mount(&self, key: &str, sharing: Sharing) -> Result<CacheMount, StoreError> {
        unimplemented!()
    }

    /// Removes what the policy lets go. [`StoreError::InUse`] if another process works with the store.
    pub fn prune(&self, policy: &PrunePolicy) -> Result<Pruned, StoreError> {
        unimplemented!()
    }
    /// What the store takes on disk.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        unimplemented!()
    }
}
