//! [`Remote`]: layers of images that are fetched when something needs to look into them, and not before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use compiler::StepId;
use compiler::op::ImageSource;
use oci::Digest;
use oci::manifest::Descriptor;
use store::{LayOut, LayerId};

use crate::error::Cause;
use crate::run::Cx;
use crate::snapshot::Snapshot;
use crate::status::Event;

/// The layers of the build's images.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    layers: Mutex<BTreeMap<LayerId, Arc<RemoteLayer>>>,
}

/// A layer of an image.
#[derive(Debug)]
pub(crate) struct RemoteLayer {
    image: ImageSource,
    diff_id: Digest,
    /// As the image's manifest has it.
    blob: Descriptor,
    /// Whether its files are needed, and not only its index.
    files: AtomicBool,
    /// Whether its content is in the store; locked while it is brought there.
    is_here: Mutex<bool>,
}

impl Remote {
    /// Makes a layer known.
    pub(crate) fn add(&self, id: LayerId, image: &ImageSource, diff_id: Digest, blob: Descriptor) {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        layers.entry(id).or_insert_with(|| {
            Arc::new(RemoteLayer {
                image: image.clone(),
                diff_id,
                blob,
                files: AtomicBool::new(false),
                is_here: Mutex::new(false),
            })
        });
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

    fn of(&self, id: LayerId) -> Option<Arc<RemoteLayer>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Sees to it that the layers of a tree can be looked into. Several are fetched at the same time.
    ///
    /// # Errors
    /// A layer cannot be fetched or unpacked.
    pub(crate) fn bring(&self, cx: &Cx<'_>, step: StepId, tree: &Snapshot) -> Result<(), Cause> {
        let missing: Vec<(LayerId, Arc<RemoteLayer>)> = tree
            .layers
            .iter()
            .filter_map(|layer| Some((layer.id, self.of(layer.id)?)))
            .filter(|(_, remote)| !*remote.is_here.lock().unwrap_or_else(PoisonError::into_inner))
            .collect();
        match missing.as_slice() {
            [] => Ok(()),
            [(id, one)] => bring_layer(cx, step, *id, one),
            several => std::thread::scope(|scope| {
                let threads: Vec<_> = several
                    .iter()
                    .map(|(id, remote)| scope.spawn(move || bring_layer(cx, step, *id, remote)))
                    .collect();
                threads.into_iter().try_for_each(|thread| {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
            }),
        }
    }

    /// Sees to it that the blob of a layer is in the store.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub(crate) fn bring_blob(&self, cx: &Cx<'_>, step: StepId, id: LayerId) -> Result<(), Cause> {
        match self.of(id) {
            Some(layer) => {
                let _alone = layer.is_here.lock().unwrap_or_else(PoisonError::into_inner);
                fetch(cx, step, &layer)
            }
            None => Ok(()),
        }
    }
}

fn bring_layer(cx: &Cx<'_>, step: StepId, id: LayerId, layer: &RemoteLayer) -> Result<(), Cause> {
    let mut is_here = layer.is_here.lock().unwrap_or_else(PoisonError::into_inner);
    if *is_here {
        return Ok(());
    }
    if cx.env.store.layer(id)?.result.is_none() {
        if cx.explains {
            return Err(Cause::Store(store::StoreError::NotFetched(id)));
        }
        fetch(cx, step, layer)?;
        cx.check()?;
        let lay_out = match layer.files.load(Ordering::Relaxed) {
            true => LayOut::Yes,
            false => LayOut::No,
        };
        cx.env.store.import_layer(&layer.blob.digest, &layer.diff_id, lay_out)?;
    }
    *is_here = true;
    Ok(())
}

fn fetch(cx: &Cx<'_>, step: StepId, layer: &RemoteLayer) -> Result<(), Cause> {
    let blob = &layer.blob;
    if cx.env.store.has_blob(&blob.digest) {
        return Ok(());
    }
    cx.check()?;
    let what = format!("fetching {}", blob.digest.short());
    let progress = |done| {
        cx.tell(Event::Progress { step, what: what.clone(), done, total: Some(blob.size) });
    };
    cx.env.images.fetch(&layer.image, blob, &progress)?;
    Ok(())
}
