//! Sending an image of the store to a registry: `dfc push`, and `dfc build --push`.

use std::collections::{BTreeMap, BTreeSet};

use oci::manifest::{Descriptor, media_type};
use oci::{Digest, Platform, Reference};
use registry::{ImageToPush, Pushed};
use store::{ImageRecord, Store};

use super::remote::Remote;
use super::{member_for, whole};
use crate::error::CliError;
use crate::progress::Reporter;

/// Which images have the blobs that are not in the store.
pub(crate) type Elsewhere = BTreeMap<Digest, Vec<Reference>>;

/// Sends the image of a name under that name, which was just built; gives the digest and the size of its manifest or index.
pub(crate) fn image(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    elsewhere: &Elsewhere,
    reporter: &Reporter,
) -> Result<Pushed, CliError> {
    let record = named(store, name)?;
    send(store, remote, (name, &record), elsewhere.clone(), reporter)
}

/// As [`image`], whenever it was built; of an image for several platforms, the one for `platform` alone.
pub(crate) fn push(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    platform: Option<&Platform>,
    reporter: &Reporter,
) -> Result<Pushed, CliError> {
    let mut record = named(store, name)?;
    if let Some(platform) = platform {
        record = member_for(store, record, platform)?.ok_or_else(|| {
            CliError::failed(format!("`{}` has no image for {platform}", name.familiar()))
        })?;
    }
    let elsewhere = whole::elsewhere(store, &record)?;
    send(store, remote, (name, &record), elsewhere, reporter)
}

fn named(store: &Store, name: &Reference) -> Result<ImageRecord, CliError> {
    store.image_named(name)?.ok_or_else(|| {
        CliError::failed(format!("there is no image `{}`", name.familiar()))
            .help("give one the name with `dfc tag`, or build it with -t")
    })
}

fn send(
    store: &Store,
    remote: &Remote,
    (name, record): (&Reference, &ImageRecord),
    elsewhere: Elsewhere,
    reporter: &Reporter,
) -> Result<Pushed, CliError> {
    let task = reporter.task(format!("pushing {name}"));
    let image = ImageToPush { elsewhere, ..to_push(store, record, name)? };
    let pushed = remote.push(name, &image, store, &task).map_err(|error| {
        match damaged(store, &image.blobs) {
            Some(digest) => CliError::failed(format!(
                "cannot push {}: the blob {digest} in the store is damaged",
                name.familiar()
            ))
            .help("`dfc pull` or build the image again; `dfc prune` first, if it is not fetched"),
            None => CliError::failed(format!("cannot push {}: {error}", name.familiar())),
        }
    })?;
    task.done();
    Ok(pushed)
}

/// The names of a repository's images in the store.
///
/// # Errors
/// There is none.
pub(crate) fn tags(store: &Store, name: &Reference) -> Result<Vec<Reference>, CliError> {
    let images = store.images()?;
    let names = images.into_iter().flat_map(|image| image.names);
    let same = |it: &Reference| it.registry == name.registry && it.repository == name.repository;
    let mut names: Vec<Reference> = names.filter(same).collect();
    names.sort_by(|a, b| a.tag.cmp(&b.tag));
    match names.is_empty() {
        true => Err(CliError::failed(format!("there is no image `{}`", name.familiar_name()))),
        false => Ok(names),
    }
}

/// The documents and blobs of an image, or of all images of an index.
fn to_push(store: &Store, record: &ImageRecord, name: &Reference) -> Result<ImageToPush, CliError> {
    let mut image = ImageToPush {
        media_type: record.media_type.clone(),
        manifest: store.read_blob(&record.manifest)?,
        ..ImageToPush::default()
    };
    let mut members = Vec::new();
    collect(store, record, name, &mut members)?;
    for member in &members {
        if member.manifest != record.manifest {
            let bytes = store.read_blob(&member.manifest)?;
            image.members.push((member.media_type.clone(), bytes));
        }
        if !media_type::is_index(&member.media_type) {
            image.blobs.extend(blobs_of(store, member)?);
        }
    }
    image.mount_from = mounts(store, &name.registry, &image.blobs)?;
    Ok(image)
}

/// Which images of a registry have some of the blobs, as far as the store knows.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn mounts(
    store: &Store,
    registry: &str,
    blobs: &[Descriptor],
) -> Result<Elsewhere, CliError> {
    let wanted: BTreeSet<Digest> = blobs.iter().map(|blob| blob.digest).collect();
    let mut mounts = Elsewhere::new();
    for other in store.images()?.iter().filter(|other| is_of(other, registry)) {
        // An image whose manifest is damaged has nothing to offer.
        let blobs = blobs_of(store, other).unwrap_or_default();
        for blob in blobs.iter().filter(|blob| wanted.contains(&blob.digest)) {
            let names = mounts.entry(blob.digest).or_default();
            names.extend(other.names.iter().filter(|it| it.registry == registry).cloned());
        }
    }
    Ok(mounts)
}

fn is_of(image: &ImageRecord, registry: &str) -> bool {
    !media_type::is_index(&image.media_type)
        && image.names.iter().any(|name| name.registry == registry)
}

/// An image and, each before what lists it, the members of an index.
fn collect(
    store: &Store,
    record: &ImageRecord,
    name: &Reference,
    members: &mut Vec<ImageRecord>,
) -> Result<(), CliError> {
    for digest in &record.members {
        let member = store.image(digest)?.ok_or_else(|| {
            CliError::failed(format!(
                "`{}` is for several platforms, and the image {} of it is not in the store",
                name.familiar(),
                digest.short()
            ))
            .help("get all with `dfc pull --all-platforms`, or push one with --platform")
        })?;
        if members.iter().all(|known| known.manifest != *digest) {
            collect(store, &member, name, members)?;
        }
    }
    members.push(record.clone());
    Ok(())
}

/// Config and layers, but for those that registries must not keep.
pub(super) fn blobs_of(store: &Store, image: &ImageRecord) -> Result<Vec<Descriptor>, CliError> {
    let manifest = super::parse_manifest(&store.read_blob(&image.manifest)?)
        .map_err(|error| CliError::caused(&error))?;
    let blobs = std::iter::once(manifest.config).chain(manifest.layers);
    Ok(blobs.filter(|blob| !is_foreign(blob)).collect())
}

fn is_foreign(blob: &Descriptor) -> bool {
    blob.media_type.contains("nondistributable") || blob.media_type.contains("foreign")
}

/// The first blob that is not what its name says. Reads them all: only asked when a push has failed.
fn damaged(store: &Store, blobs: &[Descriptor]) -> Option<Digest> {
    let is_damaged = |blob: &&Descriptor| {
        let Ok(mut file) = store.open_blob(&blob.digest) else { return false };
        let mut hasher = oci::digest::Hasher::default();
        let mut buffer = vec![0; 128 << 10];
        loop {
            match std::io::Read::read(&mut file, &mut buffer) {
                Ok(0) => return hasher.finish() != blob.digest,
                Ok(count) => hasher.update(&buffer[..count]),
                Err(_) => return true,
            }
        }
    };
    blobs.iter().find(is_damaged).map(|blob| blob.digest)
}
