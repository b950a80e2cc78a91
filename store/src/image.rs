//! Images and their names.

use oci::{Digest, Platform, Reference};

/// An image of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// Digest of its manifest, or of the index of several.
    pub manifest: Digest,
    /// Media type of that.
    pub media_type: String,
    /// Digest of the config, which is its id for people; `None` for an index.
    pub config: Option<Digest>,
    /// What machine it is for; `None` for an index.
    pub platform: Option<Platform>,
    /// `created` of the config, RFC 3339.
    pub created: Option<String>,
    /// The sum of its layers' blobs and config, in bytes.
    pub size: u64,
    /// When it came into the store, seconds since 1970.
    pub added: i64,
    /// Its names, sorted.
    pub names: Vec<Reference>,
    /// The manifests of an index.
    pub members: Vec<Digest>,
}
