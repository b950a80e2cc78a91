//! The layers of an image in the store.

use std::collections::BTreeSet;
use std::path::PathBuf;

use oci::ImageConfig;
use oci::manifest::Manifest;
use store::{LayOut, LayerId, Store, StoreError};

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
    Ok(ids(store, manifest, config, lay_out)?)
}

/// An image's layers with their files, bottom first. Files that are damaged are made again from the blobs.
///
/// # Errors
/// A blob is not there, or is damaged.
pub(crate) fn laid_out(
    store: &Store,
    manifest: &Manifest,
    config: &ImageConfig,
) -> Result<(Vec<LayerId>, Vec<PathBuf>), CliError> {
    let mut mended = BTreeSet::new();
    let mut damaged = None;
    loop {
        let layers = ids(store, manifest, config, LayOut::Yes);
        let tried = layers.and_then(|layers| Ok((store.lay_out_chain(&layers)?, layers)));
        match tried {
            Ok((paths, layers)) => return Ok((layers, paths)),
            Err(error) => match store.forget_damaged(&error)? {
                Some(what) if mended.insert(what.clone()) => {
                    damaged.get_or_insert(error);
                }
                // What is missing now was there, and damaged: that is what to say.
                Some(_) => return Err(damaged.unwrap_or(error).into()),
                None => return Err(error.into()),
            },
        }
    }
}

fn ids(
    store: &Store,
    manifest: &Manifest,
    config: &ImageConfig,
    lay_out: LayOut,
) -> Result<Vec<LayerId>, StoreError> {
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
