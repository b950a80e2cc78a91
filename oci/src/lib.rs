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

pub use config::{ContainerConfig, Healthcheck, History, ImageConfig, RootFs};
pub use digest::Digest;
pub use manifest::{Compression, Descriptor, ImageIndex, Manifest, media_type};
pub use platform::Platform;
pub use reference::Reference;
