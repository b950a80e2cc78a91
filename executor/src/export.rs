//! What a build leaves for other machines: its steps with their keys, as a [`Portable`] and the blobs of its layers.

use std::collections::BTreeMap;
use std::time::Duration;

use compiler::CacheKey;
use oci::Digest;
use oci::manifest::{Compression, Descriptor};
use store::{Key, Store, StoreError};

use crate::portable::{Portable, PortableLayer, PortableStep};
use crate::snapshot::Layer;

/// A step that ran or was cached, for [`export`].
#[derive(Debug, Clone)]
pub struct DoneStep {
    /// Its content keys, as far as the build came by them.
    pub(crate) keys: Vec<CacheKey>,
    /// Its definition.
    pub(crate) definition: Key,
    /// What it made.
    pub(crate) layer: Layer,
    /// How long that took.
    pub(crate) duration: Duration,
    /// Whether its layer goes into an image.
    pub(crate) in_image: bool,
    /// Where its layer is, if it was found in the cache of another machine and not needed.
    pub(crate) elsewhere: Option<Elsewhere>,
}

/// A layer that was not fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Position of the cache that has it.
    pub source: usize,
    /// Its blob.
    pub blob: Descriptor,
    /// Digest of its plain tar.
    pub(crate) diff_id: Digest,
    /// The time that no file in it is later than.
    pub(crate) epoch: Option<i64>,
}

/// Which steps another machine may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Those whose layers are in the image; of the others the digests of what they made.
    Image,
    /// All.
    All,
}

/// A cache to be written somewhere.
#[derive(Debug)]
pub struct Export {
    /// Its steps.
    pub portable: Portable,
    /// The blobs of its layers, in their order.
    pub blobs: Vec<Descriptor>,
    /// Those of them that are not in the store.
    pub elsewhere: Vec<Elsewhere>,
}

/// Puts a cache together; layers that are not packed yet are packed.
///
/// # Errors
/// The store cannot be read or written.
pub fn export(
    store: &Store,
    steps: &[DoneStep],
    extent: Extent,
    (compression, epoch): (Compression, Option<i64>),
) -> Result<Export, StoreError> {
    let mut layers: Vec<PortableLayer> = Vec::new();
    let mut blobs: Vec<Descriptor> = Vec::new();
    let mut elsewhere = Vec::new();
    let mut by_diff_id: BTreeMap<Digest, usize> = BTreeMap::new();
    let mut told = Vec::new();
    for step in steps {
        if step.is_hollow() || (extent == Extent::Image && !step.in_image) {
            told.push(hollow(store, step)?);
            continue;
        }
        let (diff_id, blob, epoch) = match &step.elsewhere {
            Some(it) if store.layer(step.layer.id)?.result.is_none() => {
                elsewhere.push(it.clone());
                (it.diff_id, it.blob.clone(), it.epoch)
            }
            Some(_) | None => {
                let packed = store.pack(step.layer.id, compression, epoch)?;
                let media = packed.compression.oci_layer();
                (packed.diff_id, Descriptor::new(media, packed.blob, packed.size), packed.epoch)
            }
        };
        let position = *by_diff_id.entry(diff_id).or_insert_with(|| {
            let result = store::TreeDigest(step.layer.digest);
            layers.push(PortableLayer::new(diff_id, &result, epoch));
            blobs.push(blob);
            layers.len() - 1
        });
        told.push(PortableStep::new(
            &all_keys(store, step)?,
            position,
            step.layer.created,
            u64::try_from(step.duration.as_millis()).unwrap_or(u64::MAX),
        ));
    }
    Ok(Export { portable: Portable::new(layers, told), blobs, elsewhere })
}

/// The part of a cache that fits into an image's config: its layers are those of the image, and nothing is in it that
/// differs from one build to the next.
pub(crate) fn inline(
    store: &Store,
    steps: &[DoneStep],
    diff_ids: &BTreeMap<store::LayerId, (Digest, Option<i64>)>,
) -> Result<Portable, StoreError> {
    let mut layers: Vec<PortableLayer> = Vec::new();
    let mut told = Vec::new();
    for step in steps {
        let Some((diff_id, epoch)) = diff_ids.get(&step.layer.id) else {
            told.push(hollow(store, step)?);
            continue;
        };
        let known = layers.iter().position(|layer| layer.diff_id == *diff_id);
        let position = known.unwrap_or_else(|| {
            let result = store::TreeDigest(step.layer.digest);
            layers.push(PortableLayer::new(*diff_id, &result, *epoch));
            layers.len() - 1
        });
        told.push(PortableStep::new(&all_keys(store, step)?, position, step.layer.created, 0));
    }
    Ok(Portable::new(layers, told))
}

impl DoneStep {
    /// Whether what the step made is nowhere.
    fn is_hollow(&self) -> bool {
        self.layer.id.0 < 0
    }
}

fn hollow(store: &Store, step: &DoneStep) -> Result<PortableStep, StoreError> {
    Ok(PortableStep::hollow(&all_keys(store, step)?, &store::TreeDigest(step.layer.digest)))
}

/// The keys that this build came by and those that earlier builds noted for the same layer.
fn all_keys(store: &Store, step: &DoneStep) -> Result<Vec<CacheKey>, StoreError> {
    let mut keys = step.keys.clone();
    let noted = store.content_keys(&step.definition, step.layer.id)?;
    keys.extend(noted.into_iter().map(|key| CacheKey::from_bytes(key.0)));
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}
