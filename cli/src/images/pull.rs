//! Bringing a whole image from a registry into the store: `dfc pull`, and `dfc run` of an image that is not here.

use std::collections::BTreeMap;

use oci::{Platform, Reference};
use store::{ImageRecord, Store};

use super::remote::{Remote, RemoteError};
use crate::error::CliError;
use crate::progress::Reporter;

/// Fetches manifest, config and all layers, and gives the image its name.
///
/// # Errors
/// The registry does not have it, or the store cannot take it.
pub(crate) fn image(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    platform: &Platform,
    reporter: &Reporter,
) -> Result<ImageRecord, CliError> {
    let failed =
        |error: RemoteError| CliError::failed(format!("cannot pull {}: {error}", name.familiar()));
    let task = reporter.task(format!("pulling {name}"));
    let image = remote.resolve(name, platform).map_err(failed)?;
    let sizes: BTreeMap<_, _> =
        image.manifest.layers.iter().map(|layer| (layer.digest, layer.size)).collect();
    let progress = |digest: &oci::Digest, done: u64| {
        task.part(&digest.short(), done, sizes.get(digest).copied());
    };
    remote.fetch_image(&image, store, &progress).map_err(failed)?;
    let manifest = store.put_manifest(&image.manifest_bytes, &image.media_type)?;
    if name.tag.is_some() {
        store.tag(name, &manifest)?;
    }
    task.done();
    store
        .image(&manifest)?
        .ok_or_else(|| CliError::failed(format!("{} is gone again", name.familiar())))
}
