//! Layers whose index is known while their blob is still being packed: later steps plan on the index, and read a content
//! where it came from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use compiler::CacheKey;
use store::{LayerId, Meanwhile, Packed};

use crate::cache::preimage::Preimage;
use crate::cache::{Lookup, Ran};
use crate::content::Content;
use crate::error::Cause;
use crate::run::{Cx, unchanged};
use crate::snapshot::Layer;

/// The contents of a layer, by position.
pub(crate) type Contents = Vec<Option<Content>>;

/// A layer to be packed, and what is recorded once it is: before that no other build may find the step.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// The contents.
    pub(crate) contents: Arc<Contents>,
    /// What the step is looked up by.
    pub(crate) lookup: Lookup,
    /// Its content keys.
    pub(crate) keys: Vec<CacheKey>,
    /// What they were made of.
    pub(crate) preimage: Preimage,
    /// What ran.
    pub(crate) ran: Ran,
}

impl Fresh {
    /// Packs the layer and records its step. If the same was recorded meanwhile, that goes into the images.
    ///
    /// # Errors
    /// A content cannot be read, or changed meanwhile; the store cannot be written.
    pub(crate) fn pack(&self, cx: &Cx<'_>) -> Result<Packed, Cause> {
        let (store, layer) = (cx.env.store, self.ran.layer);
        let (compression, epoch) = (cx.env.settings.compression, cx.graph.epoch);
        let packed = store.pack_sourced(layer, &cx.source(&self.contents), compression, epoch)?;
        unchanged(&self.contents)?;
        let (keys, preimage, ran) = (&self.keys, &self.preimage, &self.ran);
        let counts = self.lookup.record(store, keys, preimage, ran, Meanwhile::Result)?;
        cx.unpacked.lock().remove(&layer);
        if counts.layer == layer {
            return Ok(packed);
        }
        let packed = store.pack(counts.layer, compression, epoch)?;
        cx.replaced.add(layer, counts.layer());
        Ok(packed)
    }
}

/// The layers of a build that are not packed yet.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    layers: Mutex<BTreeMap<LayerId, Arc<Contents>>>,
}

impl Unpacked {
    /// Adds a layer.
    pub(crate) fn add(&self, layer: LayerId, contents: &Arc<Contents>) {
        self.lock().insert(layer, Arc::clone(contents));
    }

    /// Those of some layers that are not packed yet.
    pub(crate) fn among(&self, layers: &[LayerId]) -> BTreeMap<LayerId, Arc<Contents>> {
        let known = self.lock();
        let one = |layer: &LayerId| Some((*layer, Arc::clone(known.get(layer)?)));
        layers.iter().filter_map(one).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LayerId, Arc<Contents>>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Layers of this build that steps stand on while images have another one in their place, which differs in times alone:
/// somebody else had recorded it first when this one was packed.
#[derive(Debug, Default)]
pub(crate) struct Replaced {
    layers: Mutex<BTreeMap<LayerId, Layer>>,
}

impl Replaced {
    fn add(&self, layer: LayerId, by: Layer) {
        self.lock().insert(layer, by);
    }

    /// What images have in place of a layer: itself, as a rule.
    pub(crate) fn of(&self, layer: Layer) -> Layer {
        self.lock().get(&layer.id).copied().unwrap_or(layer)
    }

    /// As [`Replaced::of`], for who needs no more than its name.
    pub(crate) fn by(&self, layer: LayerId) -> LayerId {
        self.lock().get(&layer).map_or(layer, |by| by.id)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LayerId, Layer>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
