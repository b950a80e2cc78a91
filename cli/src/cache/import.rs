//! `--cache-from`: what earlier builds elsewhere left.

use std::sync::Arc;

use executor::portable::{CACHE_CONFIG, INLINE_FIELD};
use executor::{CacheBlobs, Import, OutsideError, Portable, PortableError};
use oci::manifest::{Descriptor, ImageIndex, Manifest, media_type};
use oci::{ImageConfig, Reference};
use store::archive::layout::{Layout, LayoutName};
use store::{Store, StoreError};

use crate::env::Env;
use crate::images::remote::{Remote, RemoteError};
use crate::options::cache::{From, Place};
use crate::progress::Reporter;

/// Why there is nothing to be had from a cache. The build goes on without it.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Outside(#[from] OutsideError),
    #[error(transparent)]
    Portable(#[from] PortableError),
    #[error("it is broken: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it is a cache of BuildKit, which dfc cannot read; use another name for dfc's")]
    BuildKit,
    #[error("it holds no cache of dfc; an image gets one with --cache-to type=inline")]
    NoCache,
    #[error("`{0}` is no name of an OCI layout")]
    Folder(String),
}

/// BuildKit's own cache, and its cache inside an image.
const BUILDKIT: &str = "application/vnd.buildkit.cacheconfig.v0";
const BUILDKIT_INLINE: &str = "moby.buildkit.cache.v0";

/// Reads the caches: their records, no layers. What cannot be had is told, and the build goes on without.
pub(crate) fn load<'a>(
    froms: &[From],
    remote: &'a Remote,
    store: &Store,
    (env, reporter): (&Env, &Reporter),
) -> Vec<Import<'a>> {
    if froms.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = froms.iter().map(|from| from.name.as_str()).collect();
    let task = reporter.task(format!("importing cache from {}", names.join(", ")));
    let mut imports = Vec::new();
    for from in froms {
        let loaded = match &from.place {
            Place::Registry(reference) => named(from, reference, remote, store),
            Place::Folder { path, tag } => {
                let path = env.path(path).display().to_string();
                folder(&from.name, &format!("{path}:{tag}"), store).map(|import| vec![import])
            }
        };
        match loaded {
            Ok(loaded) => imports.extend(loaded),
            Err(error) => reporter.notice(format!("no cache from {}: {error}", from.name)),
        }
    }
    task.done();
    imports
}

/// The cache of a name: that in the registry; where there is none to be had, that inside an image of the store.
fn named<'a>(
    from: &From,
    reference: &Reference,
    remote: &'a Remote,
    store: &Store,
) -> Result<Vec<Import<'a>>, ImportError> {
    let found = registry(&from.name, reference, remote, store);
    match found {
        Err(ImportError::Remote(_) | ImportError::Outside(_)) => {
            match in_store(&from.name, reference, store)? {
                Some(import) => Ok(vec![import]),
                None => found,
            }
        }
        other => other,
    }
}

/// The cache inside an image of the store: one that was loaded from an archive.
fn in_store(
    name: &str,
    reference: &Reference,
    store: &Store,
) -> Result<Option<Import<'static>>, ImportError> {
    let Some(image) = store.image_named(reference)? else { return Ok(None) };
    if media_type::is_index(&image.media_type) {
        return Ok(None);
    }
    let manifest: Manifest = serde_json::from_slice(&store.read_blob(&image.manifest)?)?;
    read(name, &manifest, Box::new(InStore), store).map(Some)
}

/// Reads the records of a cache; `source` has them, and the layers.
fn read<'a>(
    name: &str,
    manifest: &Manifest,
    source: Box<dyn CacheBlobs + 'a>,
    store: &Store,
) -> Result<Import<'a>, ImportError> {
    if manifest.config.size > oci::MAX_CONFIG {
        let why = format!("its records have {} bytes", manifest.config.size);
        return Err(PortableError::Broken(why).into());
    }
    source.fetch(&manifest.config, store, &|_| ())?;
    let config = store.read_blob(&manifest.config.digest)?;
    let (portable, blobs) = records(manifest, &config)?;
    Ok(Import::new(name, &portable, blobs, source)?)
}

/// The cache of a name: an artifact, or those of all images that the name stands for.
fn registry<'a>(
    name: &str,
    reference: &Reference,
    remote: &'a Remote,
    store: &Store,
) -> Result<Vec<Import<'a>>, ImportError> {
    let documents = remote.resolve_all(reference)?;
    let mut imports = Vec::new();
    let mut is_buildkit = false;
    for document in &documents.documents {
        if media_type::is_index(&document.media_type) {
            let index: ImageIndex = serde_json::from_slice(&document.bytes)?;
            is_buildkit |= index.manifests.iter().any(|it| it.media_type == BUILDKIT);
            continue;
        }
        let manifest: Manifest = serde_json::from_slice(&document.bytes)?;
        let source = InRegistry { remote, reference: reference.clone() };
        match read(name, &manifest, Box::new(source), store) {
            Ok(import) => imports.push(import.in_repository(reference.name())),
            Err(ImportError::BuildKit) => is_buildkit = true,
            Err(ImportError::NoCache) => {}
            Err(error) => return Err(error),
        }
    }
    match (imports.is_empty(), is_buildkit) {
        (false, _) => Ok(imports),
        (true, true) => Err(ImportError::BuildKit),
        (true, false) => Err(ImportError::NoCache),
    }
}

/// The cache of an OCI layout folder.
fn folder(name: &str, place: &str, store: &Store) -> Result<Import<'static>, ImportError> {
    let parsed = LayoutName::parse(place).ok_or_else(|| ImportError::Folder(place.to_owned()))?;
    let layout = Arc::new(Layout::open(&parsed.path)?);
    if layout.index().manifests.iter().any(|it| it.media_type == BUILDKIT) {
        return Err(ImportError::BuildKit);
    }
    let entry = layout.find(&parsed)?;
    let bytes = layout.read(&entry.digest)?;
    if media_type::is_index(&entry.media_type) {
        let index: ImageIndex = serde_json::from_slice(&bytes)?;
        let is_buildkit = index.manifests.iter().any(|it| it.media_type == BUILDKIT);
        return Err(if is_buildkit { ImportError::BuildKit } else { ImportError::NoCache });
    }
    let manifest: Manifest = serde_json::from_slice(&bytes)?;
    read(name, &manifest, Box::new(InFolder(layout)), store)
}

/// The records of an artifact or image with the blobs of their layers.
fn records(manifest: &Manifest, config: &[u8]) -> Result<(Portable, Vec<Descriptor>), ImportError> {
    let kind = manifest.config.media_type.as_str();
    if kind == CACHE_CONFIG {
        return Ok((Portable::parse(config)?, manifest.layers.clone()));
    }
    if kind == BUILDKIT {
        return Err(ImportError::BuildKit);
    }
    if !media_type::is_config(kind) {
        return Err(ImportError::NoCache);
    }
    let config: ImageConfig = serde_json::from_slice(config)?;
    let Some(field) = config.other.get(INLINE_FIELD) else {
        return Err(match config.other.contains_key(BUILDKIT_INLINE) {
            true => ImportError::BuildKit,
            false => ImportError::NoCache,
        });
    };
    let portable = Portable::from_value(field.clone())?;
    let blobs = portable.blobs_in_image(&config.rootfs.diff_ids, &manifest.layers)?;
    Ok((portable, blobs))
}

/// The layers of a cache in a registry.
struct InRegistry<'a> {
    remote: &'a Remote,
    reference: Reference,
}

impl CacheBlobs for InRegistry<'_> {
    fn fetch(
        &self,
        blob: &Descriptor,
        store: &Store,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        let fetched = self.remote.fetch(&self.reference, blob, store, progress);
        fetched.map_err(|error| OutsideError { message: error.to_string(), help: None })
    }
}

/// The layers of an image of the store.
struct InStore;

impl CacheBlobs for InStore {
    fn fetch(
        &self,
        blob: &Descriptor,
        store: &Store,
        _: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        match store.has_whole_blob(blob) {
            true => Ok(()),
            false => Err(OutsideError {
                message: StoreError::NoBlob(blob.digest).to_string(),
                help: None,
            }),
        }
    }
}

/// The layers of a cache in a folder.
struct InFolder(Arc<Layout>);

impl CacheBlobs for InFolder {
    fn fetch(
        &self,
        blob: &Descriptor,
        store: &Store,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        let copied = self.0.copy_blob(&blob.digest, store);
        copied.map_err(|error| OutsideError { message: error.to_string(), help: None })?;
        progress(blob.size);
        Ok(())
    }
}
