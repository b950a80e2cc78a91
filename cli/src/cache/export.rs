//! `--cache-to`: what a build leaves for other machines.

use executor::portable::CACHE_CONFIG;
use executor::{DoneStep, Export, Import};
use oci::Reference;
use oci::manifest::{Compression, Descriptor, Manifest, media_type};
use registry::ImageToPush;
use store::Store;

use super::folder;
use crate::env::Env;
use crate::error::CliError;
use crate::images::push::{self, Elsewhere};
use crate::images::remote::Remote;
use crate::options::cache::{Place, To};
use crate::options::size;
use crate::progress::{Reporter, Task};

/// What exporting works with.
#[derive(Debug)]
pub(crate) struct Exporting<'a> {
    /// Where the layers are.
    pub(crate) store: &'a Store,
    /// Where caches in registries go.
    pub(crate) remote: &'a Remote,
    /// What paths are relative to.
    pub(crate) env: &'a Env,
    /// The caches that this build took from.
    pub(crate) imports: &'a [Import<'a>],
    /// How layers are packed unless the cache says otherwise, and the time that no file in them is later than.
    pub(crate) packing: (Compression, Option<i64>),
    /// Is told what happens.
    pub(crate) reporter: &'a Reporter,
}

/// Writes the caches.
///
/// # Errors
/// The first that cannot be written, unless its failures are to be ignored.
pub(crate) fn all(tos: &[To], steps: &[DoneStep], cx: &Exporting<'_>) -> Result<(), CliError> {
    for to in tos {
        let task = cx.reporter.task(format!("exporting cache to {}", to.name));
        match one(to, steps, cx, &task) {
            Ok(()) => task.done(),
            Err(error) if to.ignore_error => {
                cx.reporter.notice(format!("no cache in {}: {error}", to.name));
                task.done();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn one(to: &To, steps: &[DoneStep], cx: &Exporting<'_>, task: &Task) -> Result<(), CliError> {
    let packing = (to.compression.unwrap_or(cx.packing.0), cx.packing.1);
    let export = executor::export(cx.store, steps, to.extent, packing)?;
    let elsewhere = bring(&export, to, cx)?;
    let config = export.portable.to_json();
    if config.len() as u64 > oci::MAX_CONFIG {
        return Err(CliError::failed(format!(
            "the cache for {} has too many steps: {} in {}",
            to.name,
            export.portable.len(),
            size::show(config.len() as u64)
        )));
    }
    let digest = cx.store.put_blob(&config)?;
    let config = Descriptor::new(CACHE_CONFIG, digest, config.len() as u64);
    let manifest = Manifest::oci(config, export.blobs);
    let layers = manifest.layers.len();
    task.line(&format!("{} steps, {layers} layers", export.portable.len()));
    match &to.place {
        Place::Registry(reference) => send(reference, (manifest, elsewhere), cx, task),
        Place::Folder { path, tag } => {
            folder::write(cx.store, &manifest, (&cx.env.path(path), tag))
        }
    }
}

/// Fetches layers that this build did not need. For a cache in a registry those of other registries' caches stay where
/// they are: the push brings what the registry does not have; which images have them is the result.
fn bring(export: &Export, to: &To, cx: &Exporting<'_>) -> Result<Elsewhere, CliError> {
    let mut elsewhere = Elsewhere::new();
    for layer in &export.elsewhere {
        let import = &cx.imports[layer.source];
        let image = match &to.place {
            Place::Registry(_) => import.repository().map(Reference::parse).and_then(Result::ok),
            Place::Folder { .. } => None,
        };
        if cx.store.has_whole_blob(&layer.blob) {
            continue;
        }
        if let Some(image) = image {
            elsewhere.insert(layer.blob.digest, vec![image]);
        } else {
            import.fetch(&layer.blob, cx.store, &|_| ()).map_err(|error| {
                CliError::failed(format!("cannot fetch a layer of {}: {error}", import.name()))
            })?;
        }
    }
    Ok(elsewhere)
}

fn send(
    reference: &Reference,
    (manifest, elsewhere): (Manifest, Elsewhere),
    cx: &Exporting<'_>,
    task: &Task,
) -> Result<(), CliError> {
    let bytes = manifest.to_json();
    let blobs: Vec<Descriptor> = std::iter::once(manifest.config).chain(manifest.layers).collect();
    let mut mount_from = push::mounts(cx.store, &reference.registry, &blobs)?;
    for import in cx.imports {
        let Some(Ok(image)) = import.repository().map(Reference::parse) else { continue };
        for blob in blobs.iter().filter(|blob| import.has(&blob.digest)) {
            mount_from.entry(blob.digest).or_default().push(image.clone());
        }
    }
    let image = ImageToPush {
        blobs,
        media_type: media_type::OCI_MANIFEST.to_owned(),
        manifest: bytes,
        mount_from,
        elsewhere,
        ..ImageToPush::default()
    };
    let pushed = cx.remote.push(reference, &image, cx.store, task);
    pushed.map(drop).map_err(|error| {
        CliError::failed(format!("cannot write the cache {}: {error}", reference.familiar()))
    })
}
