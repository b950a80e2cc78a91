//! Layers to blobs: [`Store::pack`].

use oci::Digest;
use oci::manifest::{Compression, Descriptor};

use crate::blocks::KnownBlocks;
use crate::compress::{How, decompress, packer, squeeze_stream};
use crate::error::{Doing, StoreError};
use crate::layer::index::LayerIndex;
use crate::layer::pack::pack;
use crate::layer_record::{LayerId, Packed};
use crate::source::{ContentSource, FolderSource};
use crate::store::Store;

impl Store {
    /// Packs a layer; what was packed before is not packed again. A layer from outside keeps its own tar, whatever the
    /// epoch, and one that is only declared gives what was declared.
    pub fn pack(
        &self,
        id: LayerId,
        compression: Compression,
        epoch: Option<i64>,
    ) -> Result<Packed, StoreError> {
        let record = self.layer(id)?;
        let is_ours = record.diff_id.is_none();
        if record.result.is_none() {
            let declared = record.packed.into_iter().find(|form| form.compression == compression);
            return declared.ok_or(StoreError::NotFetched(id));
        }
        let mut forms = self.true_forms(id)?;
        forms.retain(|form| !is_ours || form.epoch == epoch);
        forms.retain(|form| self.has_form(form));
        if let Some(form) = forms.iter().find(|form| form.compression == compression) {
            return Ok(form.clone());
        }
        let packed = match forms.first() {
            Some(form) => self.repack(form, compression)?,
            None if is_ours => {
                let index = self.index(id)?;
                let source = FolderSource::open(&self.lay_out(id)?)?;
                let packed = self.pack_index(&index, &source, compression, epoch);
                packed.map_err(|error| match error {
                    StoreError::Changed { .. } => StoreError::Damaged(id),
                    error => error,
                })?
            }
            None => {
                let blob = record.packed.first().map(|form| form.blob);
                return Err(blob.map_or(StoreError::Damaged(id), StoreError::NoBlob));
            }
        };
        self.put_packed(id, &packed, packer(compression))?;
        Ok(packed)
    }

    /// Packs a layer that is an index so far ([`Store::add_index`]) straight from its sources. Each is read once, and
    /// must have the size that its entry says.
    pub fn pack_sourced(
        &self,
        id: LayerId,
        source: &dyn ContentSource,
        compression: Compression,
        epoch: Option<i64>,
    ) -> Result<Packed, StoreError> {
        let index = self.index(id)?;
        let packed = self.pack_index(&index, source, compression, epoch)?;
        self.put_packed(id, &packed, packer(compression))?;
        Ok(packed)
    }

    /// Whether the blob of a packed form is here, and has its size.
    pub(crate) fn has_form(&self, form: &Packed) -> bool {
        let blob = Descriptor::new(form.compression.oci_layer(), form.blob, form.size);
        self.has_whole_blob(&blob)
    }

    /// Packs an index straight from its sources.
    pub(crate) fn pack_index(
        &self,
        index: &LayerIndex,
        source: &dyn ContentSource,
        compression: Compression,
        epoch: Option<i64>,
    ) -> Result<Packed, StoreError> {
        let mut blob = self.blob_writer()?;
        let known = KnownBlocks::new(self);
        let how = How { compression, memory: Some(&known), pool: self.pool() };
        let done = pack(index, source, epoch, how, &mut blob)?;
        let (blob, size) = blob.finish(None)?;
        self.note_blocks(&blob, &done.notes)?;
        Ok(Packed { diff_id: done.content, blob, size, compression, epoch })
    }

    /// The same tar, compressed in another way.
    fn repack(&self, form: &Packed, compression: Compression) -> Result<Packed, StoreError> {
        let repacked = self.recompress(&form.blob, compression);
        let (blob, size, found) = repacked.map_err(|error| self.blame(&form.blob, error))?;
        if found != form.diff_id {
            self.check_blob(&form.blob)?;
            let what = format!("the tar in blob {}", form.blob);
            return Err(StoreError::Digest { what, expected: form.diff_id, found });
        }
        Ok(Packed { blob, size, compression, ..form.clone() })
    }

    /// A blob's content, compressed in another way: digest and size of the new blob, and digest of the content.
    pub(crate) fn recompress(
        &self,
        blob: &Digest,
        compression: Compression,
    ) -> Result<(Digest, u64, Digest), StoreError> {
        let doing = || format!("compress blob {blob} in another way");
        let (_, mut stream) = decompress(self.open_blob(blob)?).doing(doing)?;
        let mut out = self.blob_writer()?;
        let done = squeeze_stream(self.how(compression), &mut stream, &mut out)?;
        let (digest, size) = out.finish(None)?;
        Ok((digest, size, done.content))
    }

    /// How a stream is compressed.
    pub(crate) fn how(&self, compression: Compression) -> How<'_> {
        How { compression, memory: None, pool: self.pool() }
    }
}
