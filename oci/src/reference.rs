//! [`Reference`]: the name of an image with tag or digest, defaults filled in (distribution/reference).

use crate::digest::Digest;

/// `docker.io/library/python:2.7-slim`, taken apart. Invariant: valid by distribution/reference's grammar.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// `docker.io`, `localhost:5000`
    pub registry: String,
    /// `library/python`
    pub repository: String,
    /// `2.7-slim`; `None` only if there is a digest
    pub tag: Option<String>,
    /// The manifest's digest, if it was given
    pub digest: Option<Digest>,
}
