//! [`BuiltImage`]: what a build hands out.

use oci::manifest::{Descriptor, Manifest};
use oci::{Digest, ImageConfig, Platform};
use store::LayerId;

/// An image for one platform.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// The platform asked for.
    pub platform: Platform,
    /// The config, complete: layers and times are filled in.
    pub config: ImageConfig,
    /// Its layers, bottom first.
    pub layers: Vec<BuiltLayer>,
    /// The manifest with its descriptor; manifest and config are blobs of the store. `None` if only trees were asked
    /// for.
    pub manifest: Option<(Descriptor, Manifest)>,
}

/// One layer of a built image.
#[derive(Debug, Clone)]
pub struct BuiltLayer {
    /// The layer in the store; `None` for one of a base image that nothing needed.
    pub id: Option<LayerId>,
    /// Digest of its plain tar; `None` if only trees were asked for and it was never packed.
    pub diff_id: Option<Digest>,
    /// Its packed form; `None` if only trees were asked for.
    pub blob: Option<Descriptor>,
}
