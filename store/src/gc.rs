//! What may go, and how it goes.

/// What `prune` removes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrunePolicy {
    /// Remove only what nobody used since then (seconds since 1970).
    pub unused_since: Option<i64>,
    /// Stop when what is left for the cache takes at most this many bytes.
    pub keep_storage: Option<u64>,
    /// Also remove images without a name.
    pub untagged: bool,
    /// Also remove cache mounts.
    pub caches: bool,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Images.
    pub images: Vec<oci::Digest>,
    /// Number of step records.
    pub records: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of blobs.
    pub blobs: usize,
    /// Bytes that became free.
    pub bytes: u64,
}

/// What the store takes on disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blobs.
    pub blobs: u64,
    /// Layers: indexes and files.
    pub layers: u64,
    /// Cache mounts.
    pub caches: u64,
    /// The database, stat caches and half-made things.
    pub other: u64,
    /// Of all that, what no image with a name needs.
    pub reclaimable: u64,
}
