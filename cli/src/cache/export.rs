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
    bring(&export, to, cx)?;
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
        Place::Registry(reference) => push(reference, manifest, cx, task),
        Place::Folder { path, tag } => {
            folder::write(cx.store, &manifest, (&cx.env.path(path), tag))
        }
    }
}

/// Fetches layers that this build did not need, unless they are in that very repository already.
fn bring(export: &Export, to: &To, cx: &Exporting<'_>) -> Result<(), CliError> {
    for layer in &export.elsewhere {
        let import = &cx.imports[layer.source];
        let is_there = match &to.place {
            Place::Registry(target) => import.is_from(&repository(target)),
            Place::Folder { .. } => false,
        };
        if !is_there && !cx.store.has_whole_blob(&layer.blob) {
            import.fetch(&layer.blob, cx.store, &|_| ()).map_err(|error| {
                CliError::failed(format!("cannot fetch a layer of {}: {error}", import.name()))
            })?;
        }
    }
    Ok(())
}

/// What tells two repositories apart.
pub(super) fn repository(reference: &Reference) -> String {
    format!("{}/{}", reference.registry, reference.repository)
}

fn push(
    reference: &Reference,
    manifest: Manifest,
    cx: &Exporting<'_>,
    task: &Task,
) -> Result<(), CliError> {
    let bytes = manifest.to_json();
    let blobs: Vec<Descriptor> = std::iter::once(manifest.config).chain(manifest.layers).collect();
    let image = ImageToPush {
        blobs,
        media_type: media_type::OCI_MANIFEST.to_owned(),
        manifest: bytes,
        ..ImageToPush::default()
    };
    let pushed = cx.remote.push(reference, &image, cx.store, task);
    pushed.map(drop).map_err(|error| {
        CliError::failed(format!("cannot write the cache {}: {error}", reference.familiar()))
    })
}
