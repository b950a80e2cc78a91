//! Bringing whole images from a registry into the store: `dfc pull`, and `dfc run` of an image that is not here.

use std::path::Path;

use oci::manifest::Descriptor;
use oci::{Digest, Platform, Reference};
use store::{ImageRecord, Store};

use super::remote::{Remote, RemoteError};
use crate::error::CliError;
use crate::options::size;
use crate::progress::{Reporter, Task};

/// Which images of an index are wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wanted {
    /// The one for a platform.
    Platform(Platform),
    /// All.
    All,
}

/// What a pull did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pulled {
    /// The image in the store.
    pub(crate) record: ImageRecord,
    /// What the name stands for at the registry: a manifest, or the index that it is in.
    pub(crate) root: Digest,
    /// Whether the name stood for something else, or nothing, before.
    pub(crate) is_new: bool,
}

/// Fetches manifest, config and all layers, and gives the image its name.
///
/// # Errors
/// The registry does not have it, or the store cannot take it.
pub(crate) fn image(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    platform: &Platform,
    reporter: &Reporter,
) -> Result<ImageRecord, CliError> {
    let wanted = Wanted::Platform(platform.clone());
    pull(store, remote, name, &wanted, reporter).map(|pulled| pulled.record)
}

/// As [`image`], for one platform or all of them.
///
/// # Errors
/// The registry does not have it, or the store cannot take it.
pub(crate) fn pull(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    wanted: &Wanted,
    reporter: &Reporter,
) -> Result<Pulled, CliError> {
    let before = store.image_named(name)?.map(|record| record.manifest);
    let task = reporter.task(format!("pulling {name}"));
    let (manifest, root) = match wanted {
        Wanted::Platform(platform) => one(store, remote, name, platform, &task)?,
        Wanted::All => all(store, remote, name, &task)?,
    };
    if name.tag.is_some() {
        store.tag(name, &manifest)?;
    }
    task.done();
    let gone = || CliError::failed(format!("{} is gone again", name.familiar()));
    let record = store.image(&manifest)?.ok_or_else(gone)?;
    Ok(Pulled { record, root, is_new: before != Some(manifest) })
}

fn one(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    platform: &Platform,
    task: &Task,
) -> Result<(Digest, Digest), CliError> {
    let image = remote.resolve(name, platform).map_err(|error| failed(name, error))?;
    has_room(store, name, &image.manifest.layers)?;
    remote.fetch_image(&image, store, task).map_err(|error| failed(name, error))?;
    let manifest = store.put_manifest(&image.manifest_bytes, &image.media_type)?;
    // The digest of an index names the image, too: it must be found by it without the registry.
    if let (Some(index), Some(_)) = (&image.index, name.digest) {
        let index_type = oci::Document::parse(index, None).map(|it| it.media_type().to_owned());
        let index_type =
            index_type.unwrap_or_else(|_| oci::manifest::media_type::OCI_INDEX.to_owned());
        store.put_manifest(index, &index_type)?;
    }
    Ok((manifest, image.root))
}

fn all(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    task: &Task,
) -> Result<(Digest, Digest), CliError> {
    let index = remote.resolve_all(name).map_err(|error| failed(name, error))?;
    has_room(store, name, &index.blobs())?;
    remote.fetch_index(&index, store, task).map_err(|error| failed(name, error))?;
    for document in &index.documents {
        store.put_manifest(&document.bytes, &document.media_type)?;
    }
    Ok((index.root().digest, index.root().digest))
}

fn failed(name: &Reference, error: RemoteError) -> CliError {
    let CliError::Failed { message, help } = CliError::from(error) else {
        return CliError::failed(format!("cannot pull {}", name.familiar()));
    };
    CliError::Failed { message: format!("cannot pull {}: {message}", name.familiar()), help }
}

/// What a manifest promises has to fit onto the disk, before anything of it is fetched.
fn has_room(store: &Store, name: &Reference, blobs: &[Descriptor]) -> Result<(), CliError> {
    let missing = blobs.iter().filter(|blob| !store.has_blob(&blob.digest));
    let needed = missing.fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
    let Some(blob) = blobs.first() else { return Ok(()) };
    let folder = store.blob_path(&blob.digest);
    let folder = folder.parent().unwrap_or(Path::new("/"));
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if needed <= free {
        return Ok(());
    }
    let (needed, free) = (size::show(needed), size::show(free));
    let message = format!(
        "cannot pull {}: its layers have {needed}, and {free} are free on the disk of the store",
        name.familiar()
    );
    Err(CliError::failed(message)
        .help("make room with `dfc prune`, or set DFC_HOME to another disk"))
}
