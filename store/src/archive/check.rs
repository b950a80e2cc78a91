//! Images that come in are held against their own words before they count: sizes, numbers, and the tar of each layer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use oci::manifest::{Descriptor, media_type};
use oci::{Digest, ImageConfig, Manifest};

use super::read::{broken, parse};
use crate::error::StoreError;
use crate::store::Store;

/// So many layers are unpacked at the same time at most: each takes some megabytes.
const AT_ONCE: usize = 4;

/// The blob of a descriptor is here and has its size.
pub(super) fn is_whole(store: &Store, blob: &Descriptor) -> Result<(), StoreError> {
    let Descriptor { digest, size, .. } = blob;
    if !store.has_blob(digest) {
        return Err(broken(&format!("it names {digest} and does not hold it")));
    }
    let found = store.blob_size(digest)?;
    if found != *size {
        let why = format!("{digest} has {found} bytes, and is said to have {size}");
        return Err(broken(&why));
    }
    Ok(())
}

/// All that an image of one platform consists of is here and is what its config says.
pub(super) fn image(store: &Store, manifest: &Manifest) -> Result<(), StoreError> {
    for part in manifest.layers.iter().chain([&manifest.config]) {
        is_whole(store, part)?;
    }
    // Signatures, charts and what else goes under the name of an image has layers that are none.
    let has_layers = manifest.layers.iter().any(|layer| layer.compression().is_some());
    if !media_type::is_config(&manifest.config.media_type) || !has_layers {
        return Ok(());
    }
    let bytes = store.read_blob(&manifest.config.digest)?;
    let config: ImageConfig = parse("an image config", &bytes)?;
    let (said, found) = (config.rootfs.diff_ids.len(), manifest.layers.len());
    if said != found {
        let why = format!("an image has {found} layers, and its config speaks of {said}");
        return Err(broken(&why));
    }
    let layers = manifest.layers.iter().zip(&config.rootfs.diff_ids);
    let layers = layers.filter(|(layer, _)| layer.compression().is_some());
    tars(store, &layers.map(|(layer, diff_id)| (layer.digest, *diff_id)).collect::<Vec<_>>())
}

/// The tars in some blobs have the digests that they should have. Of several failures the first layer's is told.
pub(super) fn tars(store: &Store, layers: &[(Digest, Digest)]) -> Result<(), StoreError> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<(usize, StoreError)>> = Mutex::default();
    let check = || {
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some((blob, diff_id)) = layers.get(position) else { return };
            if let Err(error) = store.check_layer(blob, diff_id) {
                next.store(layers.len(), Ordering::Relaxed);
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, _)| position < *first) {
                    *failed = Some((position, error));
                }
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 1..cores.min(AT_ONCE).min(layers.len()) {
            scope.spawn(check);
        }
        check();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), |(_, error)| Err(error))
}
