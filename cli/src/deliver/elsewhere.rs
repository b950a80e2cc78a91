//! Layers of a built image that are not in the store: those of bases and of other machines' caches that the build did
//! without. A push has the registry take them from where they are.

use std::collections::BTreeMap;

use executor::{BuiltImage, Import};
use oci::manifest::Descriptor;
use oci::{Digest, Reference};
use store::Store;

use super::Delivery;
use crate::error::CliError;

/// Where a layer is.
pub(crate) enum Place {
    /// At a registry, as part of this image.
    Registry(Reference),
    /// In the store, since just now.
    Store,
}

/// The layers that are at registries; what is not is brought into the store.
///
/// # Errors
/// A layer is nowhere, or cannot be had.
pub(super) fn of(
    images: &[BuiltImage],
    delivery: &Delivery<'_>,
) -> Result<BTreeMap<Digest, Vec<Reference>>, CliError> {
    let layers = images.iter().flat_map(|image| &image.layers);
    let blobs = layers.filter_map(|layer| layer.blob.as_ref());
    let mut elsewhere = BTreeMap::new();
    for blob in blobs.filter(|blob| !delivery.store.has_blob(&blob.digest)) {
        let import = delivery.imports.iter().find(|import| import.has(&blob.digest));
        let place = match import {
            Some(import) => in_cache(import, blob, delivery.store)?,
            None => delivery.images.place_of(blob)?,
        };
        if let Place::Registry(image) = place {
            elsewhere.insert(blob.digest, vec![image]);
        }
    }
    Ok(elsewhere)
}

fn in_cache(import: &Import<'_>, blob: &Descriptor, store: &Store) -> Result<Place, CliError> {
    if let Some(Ok(image)) = import.repository().map(Reference::parse) {
        return Ok(Place::Registry(image));
    }
    import.fetch(blob, store, &|_| ()).map_err(|error| {
        CliError::failed(format!("cannot fetch a layer of {}: {error}", import.name()))
    })?;
    Ok(Place::Store)
}
