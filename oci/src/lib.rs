//! The words of images: [`Digest`], [`Reference`], [`Platform`], [`ImageConfig`], [`Manifest`], [`ImageIndex`].
//!
//! Data and parsing only: no file, no network. Sources are the OCI image and distribution specifications and, for
//! references, distribution/reference.

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

pub mod config;
pub mod digest;
pub mod manifest;
pub mod platform;
pub mod reference;

use serde::Deserialize;

pub use config::{ConfigError, ContainerConfig, Healthcheck, History, ImageConfig, RootFs};
pub use digest::{Digest, DigestError, Hasher, Sha256Writer};
pub use manifest::{
    Compression, Descriptor, Document, DocumentError, ImageIndex, Manifest, media_type,
};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};

/// The longest manifest or index that is read, in bytes.
pub const MAX_MANIFEST: u64 = 4 << 20;
/// The longest image config that is read, in bytes.
pub const MAX_CONFIG: u64 = 8 << 20;

/// Reads JSON's `null` as the empty value: Go writes an empty slice or map so.
pub(crate) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
