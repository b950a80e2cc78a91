//! [`Import`]: a cache of another machine, and how its steps are found.
//!
//! A step is looked up in the store first, then in the imports in their order. What is found is believed as far as a name
//! goes: the layer is known by its digests and not fetched. Once something needs the layer it is fetched, and then it must
//! be what was said: the blob its digest, the tar the diff id, the tree the result digest. Only then the step is recorded
//! in the store. A cache that does not hold what it says is left alone for the rest of the build.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use compiler::CacheKey;
use oci::Digest;
use oci::manifest::Descriptor;
use store::{Store, TreeDigest};

use crate::env::OutsideError;
use crate::portable::{Portable, PortableError};

/// No cache has more layers: each stands in a manifest of at most 4 MiB.
const MAX_LAYERS: usize = 20_000;

/// Brings the blobs of a cache.
pub trait CacheBlobs: Sync + Send {
    /// Brings the blob of a layer into the store, digest checked. `progress` is told how many bytes have come.
    ///
    /// # Errors
    /// Says why it could not be fetched.
    fn fetch(
        &self,
        blob: &Descriptor,
        store: &Store,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError>;
}

/// A cache of another machine.
pub struct Import<'a> {
    name: String,
    repository: Option<String>,
    layers: Vec<ImportedLayer>,
    steps: Vec<ImportedStep>,
    by_key: BTreeMap<[u8; 32], usize>,
    source: Box<dyn CacheBlobs + 'a>,
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A layer as a cache describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImportedLayer {
    /// Where it is.
    pub(crate) blob: Descriptor,
    /// What its tar should be.
    pub(crate) diff_id: Digest,
    /// What its tree should be.
    pub(crate) result: TreeDigest,
    /// The time that no file in it is later than.
    pub(crate) epoch: Option<i64>,
}

/// A step as a cache describes it.
#[derive(Debug)]
pub(crate) struct ImportedStep {
    pub(crate) keys: Vec<CacheKey>,
    /// Position of its layer, if that is kept.
    layer: Option<usize>,
    /// What it made.
    pub(crate) result: TreeDigest,
    pub(crate) created: i64,
    pub(crate) duration: Duration,
}

/// A step found in a cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Imported<'a> {
    /// Position of the cache.
    pub(crate) source: usize,
    /// The step.
    pub(crate) step: &'a ImportedStep,
    /// What it made; nothing of a hollow step.
    pub(crate) layer: Option<&'a ImportedLayer>,
}

impl<'a> Import<'a> {
    /// Takes a cache, with the blobs of its layers in order.
    ///
    /// # Errors
    /// Something in it cannot be true.
    pub fn new(
        name: &str,
        portable: &Portable,
        blobs: Vec<Descriptor>,
        source: Box<dyn CacheBlobs + 'a>,
    ) -> Result<Import<'a>, PortableError> {
        let broken = |why: String| Err(PortableError::Broken(why));
        let told = portable.layers();
        if told.len() != blobs.len() || told.len() > MAX_LAYERS {
            return broken(format!("{} layers, but {} blobs", told.len(), blobs.len()));
        }
        let mut layers = Vec::with_capacity(told.len());
        for (layer, blob) in told.iter().zip(blobs) {
            if blob.compression().is_none() {
                return broken(format!("`{}` is no layer", blob.media_type));
            }
            let (diff_id, epoch) = (layer.diff_id, layer.epoch);
            layers.push(ImportedLayer { blob, diff_id, result: layer.result()?, epoch });
        }
        let mut by_key = BTreeMap::new();
        let mut steps = Vec::with_capacity(portable.steps().len());
        for (position, step) in portable.steps().iter().enumerate() {
            let result = match step.layer {
                None => step.result()?,
                Some(at) => match layers.get(at) {
                    Some(layer) => layer.result,
                    None => return broken(format!("there is no layer {at}")),
                },
            };
            let keys = step.keys()?;
            for key in &keys {
                by_key.entry(*key.as_bytes()).or_insert(position);
            }
            let (layer, created) = (step.layer, step.created);
            steps.push(ImportedStep {
                keys,
                layer,
                result,
                created,
                duration: Duration::from_millis(step.millis),
            });
        }
        Ok(Import { name: name.to_owned(), repository: None, layers, steps, by_key, source })
    }

    /// Says in which repository of which registry the cache is.
    #[must_use]
    pub fn in_repository(mut self, repository: String) -> Import<'a> {
        self.repository = Some(repository);
        self
    }

    /// The repository of a registry that the cache is in.
    pub fn repository(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// Whether a blob is a layer of the cache.
    pub fn has(&self, blob: &Digest) -> bool {
        self.layers.iter().any(|layer| layer.blob.digest == *blob)
    }

    /// What people call the cache.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Brings the blob of a layer into the store.
    ///
    /// # Errors
    /// Says why it could not be fetched.
    pub fn fetch(
        &self,
        blob: &Descriptor,
        store: &Store,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        self.source.fetch(blob, store, progress)
    }

    fn find(&self, key: &CacheKey) -> Option<(&ImportedStep, Option<&ImportedLayer>)> {
        let step = &self.steps[*self.by_key.get(key.as_bytes())?];
        Some((step, step.layer.map(|at| &self.layers[at])))
    }
}

/// The step with this key in the caches, but for those that are left alone.
pub(crate) fn find<'a>(
    imports: &'a [Import<'_>],
    distrusted: &BTreeSet<usize>,
    key: &CacheKey,
) -> impl Iterator<Item = Imported<'a>> {
    let trusted = imports.iter().enumerate().filter(|(source, _)| !distrusted.contains(source));
    trusted.filter_map(move |(source, import)| {
        let (step, layer) = import.find(key)?;
        Some(Imported { source, step, layer })
    })
}

#[cfg(test)]
mod tests {
    use oci::manifest::media_type;

    use super::*;
    use crate::portable::{PortableLayer, PortableStep};

    struct Nowhere;

    impl CacheBlobs for Nowhere {
        fn fetch(
            &self,
            _: &Descriptor,
            _: &Store,
            _: &(dyn Fn(u64) + Sync),
        ) -> Result<(), OutsideError> {
            Err(OutsideError { message: "nowhere".into(), help: None })
        }
    }

    fn key(byte: u8) -> CacheKey {
        CacheKey::from_bytes([byte; 32])
    }

    fn import(layer: usize, media: &str, blobs: usize) -> Result<Import<'static>, PortableError> {
        let told = PortableLayer::new(Digest::of(b"tar"), &TreeDigest([7; 32]), None);
        let step = PortableStep::new(&[key(1), key(2)], layer, 3, 4);
        let portable = Portable::new(vec![told], vec![step]);
        let blob = Descriptor::new(media, Digest::of(b"blob"), 4);
        Import::new("x", &portable, vec![blob; blobs], Box::new(Nowhere))
    }

    #[test]
    fn steps_are_found_by_each_key_in_trusted_caches() {
        let imports = [
            import(0, media_type::OCI_LAYER_GZIP, 1).unwrap(),
            import(0, media_type::OCI_LAYER, 1).unwrap(),
        ];
        let sources = |distrusted: &[usize], wanted: u8| -> Vec<usize> {
            let distrusted = distrusted.iter().copied().collect();
            find(&imports, &distrusted, &key(wanted)).map(|found| found.source).collect()
        };
        assert_eq!(sources(&[], 1), [0, 1]);
        assert_eq!(sources(&[0], 2), [1]);
        assert_eq!(sources(&[], 3), [0; 0]);
    }

    #[test]
    fn what_cannot_be_true_is_refused() {
        assert!(import(1, media_type::OCI_LAYER, 1).is_err(), "a layer that is not there");
        assert!(import(0, media_type::OCI_CONFIG, 1).is_err(), "a layer that is none");
        assert!(import(0, media_type::OCI_LAYER, 2).is_err(), "a blob too many");
    }
}
