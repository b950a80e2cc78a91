//! [`ImageSources`]: base images from the local store, registries and OCI layouts.
//!
//! `FROM` takes an image of the store first and asks a registry second; `--pull` turns that round. What was resolved
//! is remembered, so that the executor, when it needs a layer, fetches it from where the image was found.

pub(crate) mod find;
mod layout;
pub(crate) mod pull;
pub(crate) mod remote;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use compiler::op::{ImageOrigin, ImageSource};
use compiler::{ImageQuery, ResolvedImage, WorldError};
use executor::{Images, OutsideError};
use oci::manifest::{Descriptor, Manifest};
use oci::{Digest, ImageConfig, Platform, Reference};
use store::{ImageRecord, Store, StoreError};

use crate::progress::Reporter;
use layout::{Layout, LayoutError};
use remote::{Remote, RemoteError};

/// Where base images come from in one build.
#[derive(Debug)]
pub(crate) struct ImageSources<'a> {
    store: &'a Store,
    remote: &'a Remote,
    first: First,
    reporter: Option<Reporter>,
    found: Mutex<BTreeMap<Digest, Found>>,
}

/// Who is asked first for an image by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// The local store.
    Store,
    /// The registry (`--pull`).
    Registry,
}

/// An image that was resolved.
#[derive(Debug, Clone)]
struct Found {
    manifest: Manifest,
    place: Place,
}

/// Where an image was found.
#[derive(Debug, Clone)]
enum Place {
    Store,
    Layout(Layout),
    Registry(Reference),
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A layout does not have it.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A registry does not have it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A manifest or config is no JSON of its kind.
    #[error("the {what} of the image is broken: {why}")]
    Broken {
        /// Manifest or config.
        what: &'static str,
        /// Why.
        why: String,
    },
}

impl ImageError {
    fn help(&self) -> Option<String> {
        match self {
            ImageError::Store(_)
            | ImageError::Remote(_)
            | ImageError::Layout(_)
            | ImageError::Broken { .. } => None,
        }
    }
}

impl<'a> ImageSources<'a> {
    /// Sources over a store and the registries.
    pub(crate) fn new(
        store: &'a Store,
        remote: &'a Remote,
        first: First,
        reporter: Option<Reporter>,
    ) -> ImageSources<'a> {
        ImageSources { store, remote, first, reporter, found: Mutex::default() }
    }

    /// Answers the compiler.
    pub(crate) fn resolve(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let found = match query.origin {
            ImageOrigin::Registry => self.by_name(query.reference, query.platform),
            ImageOrigin::Layout(text) => self.in_layout(text, query.platform),
        };
        let (digest, found, config) = found.map_err(|error| WorldError {
            message: format!("{}: {error}", query.reference),
            help: error.help(),
        })?;
        self.found().insert(digest, found);
        Ok(ResolvedImage { manifest: Some(digest), config })
    }

    fn by_name(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<(Digest, Found, ImageConfig), ImageError> {
        if self.first == First::Store
            && let Some(found) = self.in_store(name, platform)?
        {
            return Ok(found);
        }
        match self.in_registry(name, platform) {
            Ok(found) => Ok(found),
            Err(error) => match self.first {
                First::Store => Err(error),
                // With --pull an image that only the store has is still an image.
                First::Registry => self.in_store(name, platform)?.ok_or(error),
            },
        }
    }

    fn in_store(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<Option<(Digest, Found, ImageConfig)>, ImageError> {
        let Some(record) = self.store.image_named(name)? else { return Ok(None) };
        let Some(record) = member_for(self.store, record, platform)? else { return Ok(None) };
        let manifest = parse_manifest(&self.store.read_blob(&record.manifest)?)?;
        let config = parse_config(&self.store.read_blob(&manifest.config.digest)?)?;
        Ok(Some((record.manifest, Found { manifest, place: Place::Store }, config)))
    }

    fn in_layout(
        &self,
        text: &str,
        platform: &Platform,
    ) -> Result<(Digest, Found, ImageConfig), ImageError> {
        let layout = Layout::parse(text);
        let image = layout.image(platform)?;
        let config = parse_config(&image.config_bytes)?;
        let found = Found { manifest: image.manifest, place: Place::Layout(layout) };
        Ok((image.digest, found, config))
    }

    fn in_registry(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<(Digest, Found, ImageConfig), ImageError> {
        let task = self
            .reporter
            .as_ref()
            .map(|reporter| reporter.task(format!("[internal] load metadata for {name}")));
        let image = self.remote.resolve(name, platform)?;
        if let Some(task) = task {
            task.done();
        }
        let found = Found { manifest: image.manifest, place: Place::Registry(name.clone()) };
        Ok((image.digest, found, image.config))
    }

    fn found(&self) -> MutexGuard<'_, BTreeMap<Digest, Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found_of(&self, image: &ImageSource) -> Result<Found, OutsideError> {
        let found = image.manifest.and_then(|digest| self.found().get(&digest).cloned());
        found.ok_or_else(|| outside(format!("image {} was never looked up", image.reference)))
    }
}

/// The image itself, or of several that of the platform; `None` if it is for another platform.
pub(crate) fn member_for(
    store: &Store,
    record: ImageRecord,
    platform: &Platform,
) -> Result<Option<ImageRecord>, StoreError> {
    let fits = |record: &ImageRecord| {
        record.platform.as_ref().is_some_and(|found| {
            let (found, wanted) = (found.normalized(), platform.normalized());
            found.os == wanted.os
                && found.architecture == wanted.architecture
                && (wanted.variant.is_none() || found.variant == wanted.variant)
        })
    };
    if fits(&record) {
        return Ok(Some(record));
    }
    for member in &record.members {
        if let Some(member) = store.image(member)?.filter(fits) {
            return Ok(Some(member));
        }
    }
    Ok(None)
}

impl Images for ImageSources<'_> {
    fn layers(&self, image: &ImageSource) -> Result<Vec<Descriptor>, OutsideError> {
        Ok(self.found_of(image)?.manifest.layers)
    }

    fn fetch(
        &self,
        image: &ImageSource,
        layer: &Descriptor,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        if self.store.has_blob(&layer.digest) {
            return Ok(());
        }
        match self.found_of(image)?.place {
            Place::Store => Err(OutsideError {
                message: format!(
                    "layer {} of {} is not in the store",
                    layer.digest, image.reference
                ),
                help: Some(format!("get it again: dfc pull {}", image.reference.familiar())),
            }),
            Place::Layout(layout) => copy_blob(&layout, self.store, layer, progress)
                .map_err(|error| outside(error.to_string())),
            Place::Registry(name) => self
                .remote
                .fetch(&name, layer, self.store, progress)
                .map_err(|error| outside(error.to_string())),
        }
    }
}

/// Copies a layer of a layout into the store; the store checks its digest.
fn copy_blob(
    layout: &Layout,
    store: &Store,
    layer: &Descriptor,
    progress: &dyn Fn(u64),
) -> Result<(), ImageError> {
    let file = layout.open_blob(&layer.digest)?;
    let mut writer = store.blob_writer()?;
    let mut counted = Counted { inner: file.take(layer.size), count: 0, progress };
    io::copy(&mut counted, &mut writer).and_then(|_| writer.flush()).map_err(|source| {
        StoreError::Io { doing: format!("copy blob {}", layer.digest), source }
    })?;
    writer.finish(Some(&layer.digest))?;
    Ok(())
}

/// Tells how much was read.
struct Counted<'a, R> {
    inner: R,
    count: u64,
    progress: &'a dyn Fn(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        (self.progress)(self.count);
        Ok(count)
    }
}

/// Reads a manifest.
pub(crate) fn parse_manifest(bytes: &[u8]) -> Result<Manifest, ImageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ImageError::Broken { what: "manifest", why: error.to_string() })
}

/// Reads a config.
pub(crate) fn parse_config(bytes: &[u8]) -> Result<ImageConfig, ImageError> {
    ImageConfig::parse(bytes)
        .map_err(|error| ImageError::Broken { what: "config", why: error.to_string() })
}

fn outside(message: String) -> OutsideError {
    OutsideError { message, help: None }
}
