//! The layers of an image in the store.

use oci::ImageConfig;
use oci::manifest::Manifest;
use store::{LayOut, LayerId, Store};

use crate::error::CliError;

/// An image's layers, bottom first, imported if they are there as blobs only.
///
/// # Errors
/// A blob is not there, or is damaged.
pub(crate) fn of(
    store: &Store,
    manifest: &Manifest,
    config: &ImageConfig,
    lay_out: LayOut,
) -> Result<Vec<LayerId>, CliError> {
    let mut layers = Vec::new();
    for (blob, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
        let known = match store.layer_by_diff_id(diff_id)? {
            Some(id) => store.layer(id)?.result.is_some().then_some(id),
            None => None,
        };
        layers.push(match known {
            Some(id) => id,
            None => store.import_layer(&blob.digest, diff_id, lay_out)?,
        });
    }
    Ok(layers)
}
