//! Images of the store whose layers are elsewhere: `dfc build --push` fetches none that the registry has. They come when
//! something needs them, from the registries that the image's names are of.

use std::collections::BTreeMap;

use executor::Cancel;
use oci::manifest::Descriptor;
use oci::{Digest, Reference};
use store::{ImageRecord, Store};

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
    let missing = missing(store, record)?;
    if missing.is_empty() || names.is_empty() {
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

/// What of an image is not in the store.
fn missing(store: &Store, record: &ImageRecord) -> Result<Vec<Descriptor>, CliError> {
    let mut blobs = Vec::new();
    if record.members.is_empty() {
        blobs = blobs_of(store, record)?;
    }
    for member in &record.members {
        if let Some(member) = store.image(member)?.filter(|member| member.members.is_empty()) {
            blobs.extend(blobs_of(store, &member)?);
        }
    }
    blobs.retain(|blob| !store.has_blob(&blob.digest));
    Ok(blobs)
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
