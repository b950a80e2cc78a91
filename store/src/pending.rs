//! Methods whose bodies are on their way.
#![expect(clippy::missing_panics_doc, unused_variables, reason = "on their way")]

use std::path::Path;

use oci::{Digest, Reference};

use crate::*;

impl Store {
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
