//! [`ImageSources`]: base images from the local store, registries and OCI layouts.
//!
//! `FROM` takes an image of the store first and asks a registry second; `--pull` turns that round. What was resolved
//! is remembered, so that the executor, when it needs a layer, fetches it from where the image was found.

pub(crate) mod find;
pub(crate) mod layers;
pub(crate) mod make;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod remote;
pub(crate) mod select;
pub(crate) mod sharing;
mod transfer;
pub(crate) mod whole;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use compiler::op::{ImageOrigin, ImageSource};
use compiler::{ImageQuery, ResolvedImage, WorldError};
use executor::{Images, OutsideError};
use oci::manifest::{Descriptor, ImageIndex, Manifest, media_type};
use oci::{Digest, ImageConfig, Platform, Reference};
use store::archive::layout::{Layout, LayoutName};
use store::{ImageRecord, Store, StoreError};

use crate::deliver::elsewhere;
use crate::env::Env;
use crate::error::CliError;
use crate::options::secret::Secrets;
use crate::progress::Reporter;
use crate::project::fetch::Fetcher;
use crate::render::time;
use remote::{Remote, RemoteError};

/// How deep image indexes may lie in each other.
const MAX_DEPTH: usize = 4;

/// Where base images come from in one build.
#[derive(Debug)]
pub(crate) struct ImageSources<'a> {
    store: &'a Store,
    remote: &'a Remote,
    first: First,
    reporter: Option<Reporter>,
    /// Where layers are brought besides, for a build that has a store of its own.
    second: Option<&'a Store>,
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
    /// Under this name.
    Store(Reference),
    Layout(Arc<Layout>),
    Registry(Reference),
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not `PATH[:TAG][@DIGEST]`.
    #[error("`{0}` names no OCI layout")]
    LayoutName(String),
    /// No image of a layout is for the platform.
    #[error("the layout has no image for {0}")]
    NoPlatform(Platform),
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
            ImageError::Remote(RemoteError::Offline(name)) => {
                Some(format!("get it while somebody can be asked: dfc pull {name}"))
            }
            ImageError::Store(_)
            | ImageError::Remote(_)
            | ImageError::LayoutName(_)
            | ImageError::NoPlatform(_)
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
        ImageSources { store, remote, first, reporter, second: None, found: Mutex::default() }
    }

    /// The same images, with their layers brought into another store.
    pub(crate) fn for_store(&self, second: &'a Store) -> ImageSources<'a> {
        ImageSources {
            store: self.store,
            remote: self.remote,
            first: self.first,
            reporter: self.reporter.clone(),
            second: Some(second),
            found: Mutex::new(self.found().clone()),
        }
    }

    /// What fetches sources that are no images.
    pub(crate) fn fetcher<'b>(&'b self, secrets: &'b Secrets, env: &'b Env) -> Fetcher<'b> {
        let reporter = self.reporter.as_ref();
        Fetcher { store: self.store, remote: self.remote, secrets, env, reporter }
    }

    /// Answers the compiler.
    pub(crate) fn resolve(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let found = match query.origin {
            ImageOrigin::Registry => self.by_name(query.reference, query.platform),
            ImageOrigin::Layout(text) => self.in_layout(text, query.platform),
        };
        let (digest, found, config) =
            found.map_err(|error| WorldError { message: error.to_string(), help: error.help() })?;
        self.found().insert(digest, found);
        Ok(ResolvedImage { manifest: Some(digest), config })
    }

    fn by_name(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<(Digest, Found, ImageConfig), ImageError> {
        let mut damage = None;
        if self.first == First::Store {
            match self.in_store(name, platform) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(ImageError::Store(
                    error @ (StoreError::DamagedBlob { .. } | StoreError::NoBlob(_)),
                )) => damage = Some(ImageError::Store(error)),
                Err(error) => return Err(error),
            }
        }
        match self.in_registry(name, platform) {
            Ok(found) => Ok(found),
            Err(error) => match self.first {
                First::Store => Err(damage.unwrap_or(error)),
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
        let place = Place::Store(name.clone());
        Ok(Some((record.manifest, Found { manifest, place }, config)))
    }

    fn in_layout(
        &self,
        text: &str,
        platform: &Platform,
    ) -> Result<(Digest, Found, ImageConfig), ImageError> {
        let text = text.strip_prefix("oci-layout://").unwrap_or(text);
        let name =
            LayoutName::parse(text).ok_or_else(|| ImageError::LayoutName(text.to_owned()))?;
        let layout = Layout::open(&name.path)?;
        let mut entry = layout.find(&name)?;
        for _ in 0..MAX_DEPTH {
            if !media_type::is_index(&entry.media_type) {
                break;
            }
            let index: ImageIndex = parse("image index", &layout.read(&entry.digest)?)?;
            let chosen = index.choose(platform).cloned();
            entry = chosen.ok_or_else(|| ImageError::NoPlatform(platform.clone()))?;
        }
        let manifest = parse_manifest(&layout.read(&entry.digest)?)?;
        let config = parse_config(&layout.read(&manifest.config.digest)?)?;
        let found = Found { manifest, place: Place::Layout(Arc::new(layout)) };
        Ok((entry.digest, found, config))
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
        let image = match self.remote.resolve(name, platform) {
            Ok(image) => image,
            Err(error) => {
                let found = self.remembered(name, platform, &error)?;
                let Some(found) = found else { return Err(error.into()) };
                if let Some(task) = task {
                    task.done();
                }
                return Ok(found);
            }
        };
        if let Some(task) = task {
            task.done();
        }
        let (manifest, config) = (&image.manifest_bytes, &image.config_bytes);
        self.store.remember_resolved(name, platform, manifest, config)?;
        let found = Found { manifest: image.manifest, place: Place::Registry(name.clone()) };
        Ok((image.digest, found, image.config))
    }

    /// What the name stood for in an earlier build, if its registry cannot be asked now and nobody insists (`--pull`).
    fn remembered(
        &self,
        name: &Reference,
        platform: &Platform,
        error: &RemoteError,
    ) -> Result<Option<(Digest, Found, ImageConfig)>, ImageError> {
        if self.first == First::Registry || !error.is_unavailable() {
            return Ok(None);
        }
        let Some(known) = self.store.resolved(name, platform)? else { return Ok(None) };
        let manifest = parse_manifest(&known.manifest)?;
        let config = parse_config(&known.config)?;
        if let Some(reporter) = &self.reporter {
            let age = time::ago(known.at, time::now(SystemTime::now()));
            let digest = known.digest;
            let name = name.familiar();
            if !matches!(error, RemoteError::Offline(_)) {
                reporter.notice(format!("warning: {error}"));
            }
            reporter.notice(format!("warning: building on {name} as it was {age}: {digest}"));
        }
        let found = Found { manifest, place: Place::Registry(name.clone()) };
        Ok(Some((known.digest, found, config)))
    }

    /// Where a layer of one of the images is, which is not in the store. From a layout it is brought.
    ///
    /// # Errors
    /// It is nowhere, or cannot be brought.
    pub(crate) fn place_of(&self, layer: &Descriptor) -> Result<elsewhere::Place, CliError> {
        let has = |found: &&Found| found.manifest.layers.iter().any(|it| it.digest == layer.digest);
        match self.found().values().find(has).map(|found| &found.place) {
            Some(Place::Registry(name) | Place::Store(name)) => {
                Ok(elsewhere::Place::Registry(name.clone()))
            }
            Some(Place::Layout(layout)) => {
                layout.copy_blob(&layer.digest, self.store)?;
                Ok(elsewhere::Place::Store)
            }
            None => Err(StoreError::NoBlob(layer.digest).into()),
        }
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
        record.platform.as_ref().is_some_and(|found| is_for(found, platform))
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

/// Whether what is for one platform is what is wanted for another.
pub(crate) fn is_for(found: &Platform, wanted: &Platform) -> bool {
    let (found, wanted) = (found.normalized(), wanted.normalized());
    found.os == wanted.os
        && found.architecture == wanted.architecture
        && (wanted.variant.is_none() || found.variant == wanted.variant)
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
        self.fetch_once(image, layer, progress)?;
        match self.second {
            Some(second) => copy_blob(&layer.digest, self.store, second)
                .map_err(|error| outside(error.to_string())),
            None => Ok(()),
        }
    }
}

impl ImageSources<'_> {
    /// Brings the blob of a layer into the store, if it is not there.
    fn fetch_once(
        &self,
        image: &ImageSource,
        layer: &Descriptor,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        if self.store.has_blob(&layer.digest) {
            return Ok(());
        }
        match self.found_of(image)?.place {
            // A push has left it where it was.
            Place::Store(name) => {
                let fetched = self.remote.fetch(&name, layer, self.store, progress);
                fetched.map_err(|error| OutsideError {
                    message: format!(
                        "layer {} of {} is not in the store: {error}",
                        layer.digest.short(),
                        name.familiar()
                    ),
                    help: Some(format!("get it again: dfc pull {}", name.familiar())),
                })
            }
            Place::Layout(layout) => layout
                .copy_blob(&layer.digest, self.store)
                .map_err(|error| outside(error.to_string())),
            Place::Registry(name) => self
                .remote
                .fetch(&name, layer, self.store, progress)
                .map_err(|error| outside(error.to_string())),
        }
    }
}

/// Copies a blob from one store to another, unless it is there.
pub(crate) fn copy_blob(digest: &Digest, from: &Store, to: &Store) -> Result<(), StoreError> {
    if to.has_blob(digest) {
        return Ok(());
    }
    let failed =
        |source| StoreError::Io { doing: format!("copy blob {digest} to another store"), source };
    let mut writer = to.blob_writer()?;
    std::io::copy(&mut from.open_blob(digest)?, &mut writer).map_err(failed)?;
    writer.finish(Some(digest)).map(drop)
}

/// Reads a manifest.
pub(crate) fn parse_manifest(bytes: &[u8]) -> Result<Manifest, ImageError> {
    parse("manifest", bytes)
}

/// Reads a config.
pub(crate) fn parse_config(bytes: &[u8]) -> Result<ImageConfig, ImageError> {
    ImageConfig::parse(bytes)
        .map_err(|error| ImageError::Broken { what: "config", why: error.to_string() })
}

fn parse<T: serde::de::DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, ImageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ImageError::Broken { what, why: error.to_string() })
}

fn outside(message: String) -> OutsideError {
    OutsideError { message, help: None }
}
