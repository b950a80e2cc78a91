//! [`Remote`]: layers of images and of other machines' caches. They are known by name, and fetched when something needs
//! to look into them, and not before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use compiler::op::ImageSource;
use compiler::{CacheKey, KeyRecord, StepId};
use oci::Digest;
use oci::manifest::Descriptor;
use store::layer::tar::TarError;
use store::{LayOut, LayerId, Meanwhile, StoreError};

use crate::cache::preimage::Preimage;
use crate::cache::{Hit, Lookup, Ran};
use crate::env::OutsideError;
use crate::error::Cause;
use crate::export::Elsewhere;
use crate::import::{self, Imported, ImportedLayer};
use crate::run::Cx;
use crate::snapshot::{Layer, Snapshot};
use crate::status::Event;

/// The layers of the build's images and imports.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    layers: Mutex<BTreeMap<LayerId, Arc<RemoteLayer>>>,
}

/// A layer that may be elsewhere.
#[derive(Debug)]
struct RemoteLayer {
    origin: Origin,
    diff_id: Digest,
    /// As the manifest has it.
    blob: Descriptor,
    /// Whether its files are needed, and not only its index.
    files: AtomicBool,
    /// Whether its content is in the store; locked while it is brought there.
    is_here: Mutex<bool>,
    /// Steps of imports that are recorded once it is here.
    pending: Mutex<Vec<Pending>>,
}

/// Who has a layer.
#[derive(Debug)]
enum Origin {
    Image(ImageSource),
    /// Position of the import, and what the layer should be.
    Import(usize, ImportedLayer),
    /// What a hollow step made.
    Nowhere,
}

/// A step of an import that becomes one of the store.
#[derive(Debug)]
struct Pending {
    lookup: Lookup,
    keys: Vec<CacheKey>,
    preimage: Preimage,
    ran: Ran,
}

impl Remote {
    /// Makes a layer of an image known. Where nothing may be written it has a name for this process only.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub(crate) fn declare(
        &self,
        cx: &Cx<'_>,
        image: &ImageSource,
        diff_id: Digest,
        blob: Descriptor,
    ) -> Result<LayerId, Cause> {
        let id = self.name(cx, &diff_id, &blob)?;
        self.add(id, || RemoteLayer::new(Origin::Image(image.clone()), diff_id, blob));
        Ok(id)
    }

    /// Looks a step up in the imports.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub(crate) fn find(
        &self,
        cx: &Cx<'_>,
        id: StepId,
        lookup: &Lookup,
        beside: &[CacheKey],
        content: &KeyRecord,
    ) -> Result<Option<Hit>, Cause> {
        for found in import::find(cx.env.imports, &cx.distrusted, &content.key()) {
            let Some(told) = found.layer else {
                if let Some(hit) = self.hollow(cx, lookup, found)? {
                    return Ok(Some(hit));
                }
                continue;
            };
            let layer = self.name(cx, &told.diff_id, &told.blob)?;
            let here = match layer.0 < 0 {
                true => None,
                false => cx.env.store.layer(layer)?.result,
            };
            if here.is_some_and(|result| result != told.result) {
                // The layer is known here, and is not what the cache says.
                continue;
            }
            let preimage = Preimage::new(&lookup.definition, content);
            let pending =
                pending(lookup, [beside, &found.step.keys].concat(), preimage, found, layer);
            if here.is_some() {
                if !cx.explains {
                    pending.record(cx)?;
                }
            } else {
                let origin = Origin::Import(found.source, told.clone());
                let make = || RemoteLayer::new(origin, told.diff_id, told.blob.clone());
                lock(&self.add(layer, make).pending).push(pending);
                if cx.needs.files(id) {
                    self.need_files(layer);
                }
            }
            let digest = told.result.0;
            return Ok(Some(Hit {
                layers: vec![Layer { id: layer, digest, created: found.step.created }],
                duration: found.step.duration,
                source: Some(found.source),
            }));
        }
        Ok(None)
    }

    /// A step whose layer is not kept: it counts as cached as long as nothing needs the layer.
    fn hollow(
        &self,
        cx: &Cx<'_>,
        lookup: &Lookup,
        found: Imported<'_>,
    ) -> Result<Option<Hit>, Cause> {
        let result = found.step.result;
        let here = match cx.explains {
            true => None,
            false => lookup.same_result(cx.env.store, &result)?,
        };
        let layer = match here {
            // An earlier run made the very same.
            Some(layer) => layer,
            None if cx.needs_all => return Ok(None),
            None => {
                let mut layers = lock(&self.layers);
                let lowest = layers.first_key_value().map_or(0, |(id, _)| id.0.min(0));
                let id = LayerId(lowest - 1);
                let stand_in = Digest::from_bytes(result.0);
                let blob = Descriptor::new("", stand_in, 0);
                layers.insert(id, Arc::new(RemoteLayer::new(Origin::Nowhere, stand_in, blob)));
                Layer { id, digest: result.0, created: found.step.created }
            }
        };
        let (duration, source) = (found.step.duration, Some(found.source));
        Ok(Some(Hit { layers: vec![layer], duration, source }))
    }

    /// Says that a layer will be needed as files, so that they are written when it is unpacked.
    pub(crate) fn need_files(&self, id: LayerId) {
        if let Some(layer) = self.of(id) {
            layer.files.store(true, Ordering::Relaxed);
        }
    }

    /// The blob of a layer that an image brought along.
    pub(crate) fn blob(&self, id: LayerId) -> Option<(Digest, Descriptor)> {
        self.of(id).map(|layer| (layer.diff_id, layer.blob.clone()))
    }

    /// Where a layer of an import is.
    pub(crate) fn elsewhere(&self, id: LayerId) -> Option<Elsewhere> {
        let layer = self.of(id)?;
        match &layer.origin {
            Origin::Image(_) | Origin::Nowhere => None,
            Origin::Import(source, told) => Some(Elsewhere {
                source: *source,
                blob: told.blob.clone(),
                diff_id: told.diff_id,
                epoch: told.epoch,
            }),
        }
    }

    /// Whether a layer of an import can go into the image as it is, unseen.
    pub(crate) fn may_stay(&self, cx: &Cx<'_>, id: LayerId) -> bool {
        let is_elsewhere = || cx.env.store.layer(id).is_ok_and(|layer| layer.result.is_none());
        self.of(id).is_some_and(|layer| match &layer.origin {
            Origin::Import(_, told) => {
                let packed = told.blob.compression() == Some(cx.env.settings.compression);
                packed && told.epoch == cx.graph.epoch && is_elsewhere()
            }
            Origin::Image(_) | Origin::Nowhere => false,
        })
    }

    /// The layer with this tar in the store. Negative numbers are names for this process only.
    fn name(&self, cx: &Cx<'_>, diff_id: &Digest, blob: &Descriptor) -> Result<LayerId, Cause> {
        if let Some(id) = cx.env.store.layer_by_diff_id(diff_id)? {
            return Ok(id);
        }
        if !cx.explains {
            return Ok(cx.env.store.declare_layer(diff_id, blob)?);
        }
        let layers = lock(&self.layers);
        let is_same = |layer: &RemoteLayer| {
            layer.diff_id == *diff_id && !matches!(layer.origin, Origin::Nowhere)
        };
        let known = layers.iter().find(|(id, layer)| id.0 < 0 && is_same(layer));
        let lowest = layers.first_key_value().map_or(0, |(id, _)| id.0.min(0));
        Ok(known.map_or(LayerId(lowest - 1), |(id, _)| *id))
    }

    fn add(&self, id: LayerId, make: impl FnOnce() -> RemoteLayer) -> Arc<RemoteLayer> {
        Arc::clone(lock(&self.layers).entry(id).or_insert_with(|| Arc::new(make())))
    }

    fn of(&self, id: LayerId) -> Option<Arc<RemoteLayer>> {
        lock(&self.layers).get(&id).cloned()
    }

    /// Sees to it that the layers of a tree can be looked into. Several are fetched at the same time.
    ///
    /// # Errors
    /// A layer cannot be fetched or unpacked.
    pub(crate) fn bring(&self, cx: &Cx<'_>, tree: &Snapshot) -> Result<(), Cause> {
        let mut missing = self.among(&tree.ids());
        // One that is being brought just now is waited for, beside the others.
        missing.retain(|(_, remote)| !remote.is_here.try_lock().is_ok_and(|is_here| *is_here));
        together(&missing, |(id, remote)| bring_layer(cx, *id, remote))
    }

    /// Those of the layers that may be elsewhere.
    fn among(&self, layers: &[LayerId]) -> Vec<(LayerId, Arc<RemoteLayer>)> {
        layers.iter().filter_map(|id| Some((*id, self.of(*id)?))).collect()
    }

    /// Sees to it that a layer of an import is in the store.
    ///
    /// # Errors
    /// It cannot be fetched, or is not what the import says.
    pub(crate) fn bring_one(&self, cx: &Cx<'_>, id: LayerId) -> Result<(), Cause> {
        match self.of(id) {
            Some(layer) => bring_layer(cx, id, &layer),
            None => Ok(()),
        }
    }

    /// Sees to it that the blobs of layers are in the store. Several are fetched at the same time.
    ///
    /// # Errors
    /// One cannot be fetched.
    pub(crate) fn bring_blobs(&self, cx: &Cx<'_>, layers: &[LayerId]) -> Result<(), Cause> {
        together(&self.among(layers), |(_, layer)| {
            let _alone = lock(&layer.is_here);
            fetch(cx, layer)
        })
    }
}

/// Does something with each, all at the same time; who fetches takes care that it is not too much at once.
fn together<T: Sync>(
    all: &[T],
    work: impl Fn(&T) -> Result<(), Cause> + Sync,
) -> Result<(), Cause> {
    let (work, Some((first, others))) = (&work, all.split_first()) else { return Ok(()) };
    std::thread::scope(|scope| {
        let threads: Vec<_> = others.iter().map(|it| scope.spawn(move || work(it))).collect();
        let first = work(first);
        threads.into_iter().fold(first, |so_far, thread| {
            let result = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            so_far.and(result)
        })
    })
}

impl RemoteLayer {
    fn new(origin: Origin, diff_id: Digest, blob: Descriptor) -> RemoteLayer {
        RemoteLayer {
            origin,
            diff_id,
            blob,
            files: AtomicBool::new(false),
            is_here: Mutex::new(false),
            pending: Mutex::default(),
        }
    }
}

impl Pending {
    fn record(&self, cx: &Cx<'_>) -> Result<(), Cause> {
        let (store, meanwhile) = (cx.env.store, Meanwhile::Nothing);
        self.lookup.record(store, &self.keys, &self.preimage, &self.ran, meanwhile).map(drop)
    }
}

fn pending(
    lookup: &Lookup,
    mut keys: Vec<CacheKey>,
    preimage: Preimage,
    found: Imported<'_>,
    layer: LayerId,
) -> Pending {
    keys.sort_unstable();
    keys.dedup();
    let ran = Ran {
        result: found.step.result,
        layer,
        duration: found.step.duration,
        started: found.step.created,
    };
    Pending { lookup: lookup.clone(), keys, preimage, ran }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bring_layer(cx: &Cx<'_>, id: LayerId, layer: &RemoteLayer) -> Result<(), Cause> {
    let mut is_here = lock(&layer.is_here);
    if *is_here {
        return Ok(());
    }
    if id.0 < 0 {
        return Err(match (&layer.origin, cx.explains) {
            (Origin::Nowhere, false) => Cause::Hollow,
            (Origin::Nowhere | Origin::Image(_) | Origin::Import(..), _) => {
                Cause::Store(StoreError::NotFetched(id))
            }
        });
    }
    let store = cx.env.store;
    if store.layer(id)?.result.is_none() {
        if cx.explains {
            return Err(Cause::Store(StoreError::NotFetched(id)));
        }
        fetch(cx, layer)?;
        cx.check()?;
        let lay_out = match layer.files.load(Ordering::Relaxed) {
            true => LayOut::Yes,
            false => LayOut::No,
        };
        let blob = &layer.blob.digest;
        match &layer.origin {
            Origin::Nowhere => return Err(Cause::Hollow),
            Origin::Image(_) => {
                store.import_layer(blob, &layer.diff_id, lay_out)?;
            }
            Origin::Import(source, told) => {
                let made = (&told.diff_id, &told.result, told.epoch);
                store.import_step_layer(blob, made, lay_out).map_err(|error| {
                    match is_lie(&error) {
                        true => cx.no_import(*source, error.to_string()),
                        false => Cause::Store(error),
                    }
                })?;
            }
        }
    }
    if !cx.explains {
        let result = store.layer(id)?.result;
        for pending in lock(&layer.pending).drain(..) {
            // Another cache may say something else of the same tar; it is not believed.
            if result == Some(pending.ran.result) {
                pending.record(cx)?;
            } else if let Origin::Import(source, _) = &layer.origin {
                let why = format!("layer {} is not what it says", layer.diff_id);
                return Err(cx.no_import(*source, why));
            }
        }
    }
    *is_here = true;
    Ok(())
}

/// Whether a layer is not what was said of it; anything else is no fault of the cache.
fn is_lie(error: &StoreError) -> bool {
    let is_full = matches!(error, StoreError::Tar { source: TarError::Write { .. }, .. });
    let is_other = matches!(
        error,
        StoreError::Digest { .. } | StoreError::OtherTree { .. } | StoreError::Tar { .. }
    );
    is_other && !is_full
}

fn fetch(cx: &Cx<'_>, layer: &RemoteLayer) -> Result<(), Cause> {
    let blob = &layer.blob;
    if cx.env.store.has_whole_blob(blob) {
        return Ok(());
    }
    cx.check()?;
    let from = match &layer.origin {
        Origin::Nowhere => return Err(Cause::Hollow),
        Origin::Image(image) => image.reference.familiar(),
        Origin::Import(source, _) => cx.env.imports[*source].name().to_owned(),
    };
    let told = AtomicU64::new(0);
    let progress = |done| {
        told.store(done, Ordering::Relaxed);
        let (from, layer, total) = (from.clone(), blob.digest, blob.size);
        cx.tell(Event::Fetching { from, layer, done, total });
    };
    progress(0);
    match &layer.origin {
        Origin::Nowhere => return Err(Cause::Hollow),
        Origin::Image(image) => cx.env.images.fetch(image, blob, &progress)?,
        Origin::Import(source, _) => {
            let fetched = cx.env.imports[*source].fetch(blob, cx.env.store, &progress);
            fetched.map_err(|OutsideError { message, .. }| match cx.check() {
                Ok(()) => cx.no_import(*source, message),
                Err(stopped) => stopped,
            })?;
        }
    }
    if told.load(Ordering::Relaxed) < blob.size {
        progress(blob.size);
    }
    Ok(())
}

impl Cx<'_> {
    /// An import that does not hold what it says.
    fn no_import(&self, source: usize, why: String) -> Cause {
        let name = self.env.imports[source].name().to_owned();
        Cause::Import { source_number: source, name, why }
    }
}
