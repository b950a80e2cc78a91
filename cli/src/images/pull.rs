//! Bringing a whole image from a registry into the store: `dfc pull`, and `dfc run` of an image that is not here.

use oci::{Platform, Reference};
use store::{ImageRecord, Store};

use crate::error::CliError;
use crate::images::remote::{Remote, RemoteError};
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
    let failed = |error: RemoteError| {
        let failure = CliError::failed(format!("cannot pull {}: {error}", name.familiar()));
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    };
    let task = reporter.task(format!("pulling {name}"));
    let image = remote.resolve(name, platform).map_err(failed)?;
    for layer in &image.manifest.layers {
        let part = layer.digest.short();
        let fetched = remote.fetch(name, layer, store, &|done| {
            task.part(&part, done, Some(layer.size));
        });
        fetched.map_err(failed)?;
    }
    store.put_blob(&image.config_bytes)?;
    let manifest = store.put_manifest(&image.manifest_bytes, &image.media_type)?;
    if name.tag.is_some() {
        store.tag(name, &manifest)?;
    }
    task.done();
    store
        .image(&manifest)?
        .ok_or_else(|| CliError::failed(format!("{} is gone again", name.familiar())))
}
