//! Sending an image of the store to a registry: `dfc push`, and `dfc build --push`.

use std::collections::BTreeMap;

use oci::Reference;
use oci::manifest::{Descriptor, media_type};
use registry::ImageToPush;
use store::{ImageRecord, Store};

use super::find;
use super::remote::Remote;
use crate::error::CliError;
use crate::progress::Reporter;

/// Sends the image of a name under that name; gives the digest of its manifest or index.
pub(crate) fn image(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    reporter: &Reporter,
) -> Result<oci::Digest, CliError> {
    let record = store.image_named(name)?.ok_or_else(|| {
        CliError::failed(format!("there is no image `{}`", name.familiar()))
            .help("give one the name with `dfc tag`, or build it with -t")
    })?;
    let task = reporter.task(format!("pushing {name}"));
    let image = to_push(store, &record)?;
    let sizes: BTreeMap<_, _> = image.blobs.iter().map(|blob| (blob.digest, blob.size)).collect();
    let progress = |digest: &oci::Digest, done: u64| {
        task.part(&digest.short(), done, sizes.get(digest).copied());
    };
    let pushed = remote
        .push(name, &image, store, &progress)
        .map_err(|error| CliError::failed(format!("cannot push {}: {error}", name.familiar())))?;
    task.done();
    Ok(pushed.digest)
}

/// The documents and blobs of an image, or of all images of an index.
fn to_push(store: &Store, record: &ImageRecord) -> Result<ImageToPush, CliError> {
    let mut image = ImageToPush {
        mount_from: record.names.clone(),
        media_type: record.media_type.clone(),
        manifest: store.read_blob(&record.manifest)?,
        ..ImageToPush::default()
    };
    let mut members = vec![record.clone()];
    if media_type::is_index(&record.media_type) {
        members.clear();
        for digest in &record.members {
            members.extend(store.image(digest)?);
            let bytes = store.read_blob(digest)?;
            let kind = members.last().map(|it| it.media_type.clone()).unwrap_or_default();
            image.members.push((kind, bytes));
        }
    }
    for member in &members {
        let (manifest, _) = find::documents(store, member)?;
        let blobs = std::iter::once(manifest.config).chain(manifest.layers);
        image.blobs.extend(blobs.filter(|blob| !is_foreign(blob)));
    }
    Ok(image)
}

/// Layers that registries must not keep.
fn is_foreign(blob: &Descriptor) -> bool {
    blob.media_type.contains("nondistributable") || blob.media_type.contains("foreign")
}
