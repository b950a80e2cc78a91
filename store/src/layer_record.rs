//! What the database knows of a layer.

use std::fmt;

use oci::Digest;
use oci::manifest::Compression;

use crate::layer::index::TreeDigest;

/// A layer of this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerId(pub i64);

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the database knows of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRecord {
    /// Its name in this store.
    pub id: LayerId,
    /// For a layer that came from outside, the digest of its plain tar. A layer made here has one per way it was
    /// packed: see `packed`.
    pub diff_id: Option<Digest>,
    /// What it makes; `None` while only its name is known ([`crate::Store::declare_layer`]).
    pub result: Option<TreeDigest>,
    /// The sum of its files' sizes, in bytes.
    pub size: u64,
    /// Its packed forms. Their blobs may be absent: see [`crate::Store::has_blob`].
    pub packed: Vec<Packed>,
}

/// A layer as a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Digest of the plain tar.
    pub diff_id: Digest,
    /// Digest of the compressed tar.
    pub blob: Digest,
    /// Size of the compressed tar in bytes.
    pub size: u64,
    /// How it is compressed.
    pub compression: Compression,
    /// The time that no file in it is later than.
    pub epoch: Option<i64>,
}

/// Whether an imported layer's files are laid out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayOut {
    /// Only the index is made; the files come from the blob when something needs them.
    No,
    /// The same pass writes the files: a RUN will need them.
    Yes,
}

/// How the contents of a layer are kept that was made without files of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// As files: a RUN or a reader needs them at once.
    Files,
    /// As a blob, packed in one pass straight from the sources.
    Packed {
        /// How it is compressed.
        compression: Compression,
        /// No time in it is later (seconds since 1970).
        epoch: Option<i64>,
    },
}
