//! Caches that machines share: in a registry, in a folder, or inside an image.
//!
//! ```text
//! OCI manifest
//!   config   application/vnd.dfc.cache.v1+json: which steps made which layers (executor::Portable)
//!   layers   the layers, as those of an image
//! ```
//!
//! A registry keeps such an artifact as it keeps an image. In a folder it lies in an OCI layout. An image with
//! `--cache-to type=inline` has the same words in a field of its own config.

pub(crate) mod export;
mod folder;
pub(crate) mod import;
