//! Images of the store whose layers are elsewhere: `dfc build --push` fetches none that the registry has. They come when
//! something needs them, from the registries that the image's names are of.

use std::collections::{BTreeMap, BTreeSet};

use executor::Cancel;
use oci::manifest::Descriptor;
use oci::{Digest, Reference};
use store::{ImageRecord, Store};

use super::find;
use super::push::blobs_of;
use super::remote::Remote;
use crate::args::build::ProgressMode;
use crate::config::Config;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::progress::{Doing, Progress};
use crate::ui::Ui;

/// Fetches what an image lacks from where one of the names is. Without names it is left as it is: whoever needs its blobs
/// says what is missing.
///
/// # Errors
/// They cannot be had.
pub(crate) fn complete(
    store: &Store,
    names: &[Reference],
    record: &ImageRecord,
    ui: &Ui,
) -> Result<(), CliError> {
    let mut missing = missing(store, record)?;
    if missing.is_empty() || names.is_empty() {
        return Ok(());
    }
    let known = known(store, record)?;
    missing.retain(|blob| !known.contains(&blob.digest));
    if missing.is_empty() {
        return Ok(());
    }
    let cancel = Cancel::default();
    let _interrupt = Interrupt::listen(cancel.clone())?;
    let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, cancel.clone());
    let progress = Progress::start(Doing::Pulling, ProgressMode::Auto, &ui.env, &cancel);
    let mut failure = None;
    for name in names {
        let task = progress.reporter().task(format!("fetching layers of {name}"));
        match remote.fetch_blobs(name, &missing, store, &task) {
            Ok(()) => {
                task.done();
                return Ok(());
            }
            Err(_) if cancel.is_cancelled() => return Err(CliError::Interrupted),
            Err(error) => drop(failure.get_or_insert((name, error))),
        }
    }
    match failure {
        Some((name, error)) => {
            let (count, name) = (missing.len(), name.familiar());
            let layers = if count == 1 { "a layer" } else { "layers" };
            let message = format!("{layers} of {name} cannot be fetched: {error}");
            Err(CliError::failed(message).help("they were left in the registry by a push"))
        }
        None => Ok(()),
    }
}

/// The image itself, or those of an index.
fn images(store: &Store, record: &ImageRecord) -> Result<Vec<ImageRecord>, CliError> {
    if record.members.is_empty() {
        return Ok(vec![record.clone()]);
    }
    let mut images = Vec::new();
    for member in &record.members {
        images.extend(store.image(member)?.filter(|member| member.members.is_empty()));
    }
    Ok(images)
}

/// Which blobs of an image are not in the store.
fn missing(store: &Store, record: &ImageRecord) -> Result<Vec<Descriptor>, CliError> {
    let mut blobs = Vec::new();
    for image in images(store, record)? {
        blobs.extend(blobs_of(store, &image)?);
    }
    blobs.retain(|blob| !store.has_blob(&blob.digest));
    Ok(blobs)
}

/// The layers whose content the store has, be it without their blobs.
fn known(store: &Store, record: &ImageRecord) -> Result<BTreeSet<Digest>, CliError> {
    let mut known = BTreeSet::new();
    for image in images(store, record)? {
        let (manifest, config) = find::documents(store, &image)?;
        for (blob, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
            if let Some(id) = store.layer_by_diff_id(diff_id)?
                && store.layer(id)?.result.is_some()
            {
                known.insert(blob.digest);
            }
        }
    }
    Ok(known)
}

/// Where the blobs are that an image of the store lacks: at the places of its names.
///
/// # Errors
/// The store cannot be read.
pub(super) fn elsewhere(
    store: &Store,
    record: &ImageRecord,
) -> Result<BTreeMap<Digest, Vec<Reference>>, CliError> {
    let missing = missing(store, record)?;
    Ok(missing.into_iter().map(|blob| (blob.digest, record.names.clone())).collect())
}
