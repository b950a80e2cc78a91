//! OCI archives: an OCI layout as a tar, or as a folder.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use oci::manifest::Document;
use oci::manifest::{Descriptor, media_type};
use oci::{ImageConfig, ImageIndex, Platform, Reference};

use super::{ArchiveWriter, Archived, annotation, blobs_of, document};
use crate::error::{Doing, StoreError, on};
use crate::store::Store;

/// `oci-layout`
pub(super) const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Writes an OCI archive. All blobs of the images must be in the store.
pub fn write(store: &Store, images: &[Archived], out: &mut dyn Write) -> Result<(), StoreError> {
    let mut blobs = BTreeSet::new();
    for image in images {
        blobs_of(store, &image.manifest, &mut blobs)?;
    }
    let index = index(store, images)?.to_json();
    let mut archive = ArchiveWriter::new(out);
    archive.file("oci-layout", MARKER.len() as u64, &mut &MARKER[..])?;
    archive.file("index.json", index.len() as u64, &mut index.as_slice())?;
    archive.blobs(store, &blobs)?;
    archive.finish()
}

/// Writes an OCI layout folder, or adds to one: what is in it stays, a name is taken from whatever had it.
pub fn write_folder(store: &Store, images: &[Archived], folder: &Path) -> Result<(), StoreError> {
    let mut blobs = BTreeSet::new();
    for image in images {
        blobs_of(store, &image.manifest, &mut blobs)?;
    }
    let place = folder.join("blobs/sha256");
    fs::create_dir_all(&place).doing(|| on("create", &place))?;
    for digest in &blobs {
        let path = place.join(digest.hex());
        if !path.exists() {
            let half = place.join(format!(".{}.{}", digest.hex(), std::process::id()));
            let mut out = fs::File::create(&half).doing(|| on("write", &half))?;
            store.copy_blob(digest, &mut out).inspect_err(|_| {
                let _ = fs::remove_file(&half);
            })?;
            fs::rename(&half, &path).doing(|| on("write", &path))?;
        }
    }
    let mut whole = index(store, images)?;
    let path = folder.join("index.json");
    if let Ok(bytes) = fs::read(&path) {
        let what = || format!("`{}`", path.display());
        let before: ImageIndex = serde_json::from_slice(&bytes)
            .map_err(|source| StoreError::Json { what: what(), source })?;
        let replaced = |old: &Descriptor| {
            let name = |it: &Descriptor| it.annotations.get(annotation::REF_NAME).cloned();
            whole.manifests.iter().any(|new| match (name(old), name(new)) {
                (Some(old), Some(new)) => old == new,
                (old_name, new_name) => old_name == new_name && old.digest == new.digest,
            })
        };
        let mut kept: Vec<Descriptor> =
            before.manifests.into_iter().filter(|it| !replaced(it)).collect();
        kept.append(&mut whole.manifests);
        whole.manifests = kept;
    }
    let marker = folder.join("oci-layout");
    fs::write(&marker, MARKER).doing(|| on("write", &marker))?;
    let half = folder.join(format!(".index.json.{}", std::process::id()));
    fs::write(&half, whole.to_json()).doing(|| on("write", &half))?;
    fs::rename(&half, &path).doing(|| on("write", &path))
}

/// `index.json`: one descriptor per name, with its platform if it is one image.
pub(super) fn index(store: &Store, images: &[Archived]) -> Result<ImageIndex, StoreError> {
    let mut manifests = Vec::new();
    for image in images {
        let kind = document(store, &image.manifest)?;
        let size = store.blob_size(&image.manifest)?;
        let mut plain = Descriptor::new(kind.media_type(), image.manifest, size);
        if let Document::Manifest(manifest) = &kind {
            plain.platform = platform(store, &manifest.config)?;
        }
        if image.names.is_empty() {
            manifests.push(plain.clone());
        }
        manifests.extend(image.names.iter().map(|name| named(plain.clone(), name)));
    }
    Ok(ImageIndex::oci(manifests))
}

/// The platform in a config; none, if it is that of something that is no image.
fn platform(store: &Store, config: &Descriptor) -> Result<Option<Platform>, StoreError> {
    let known = [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG];
    if !known.contains(&config.media_type.as_str()) {
        return Ok(None);
    }
    let config = ImageConfig::parse(&store.read_blob(&config.digest)?).ok();
    Ok(config.map(|config| config.platform()).filter(|platform| !platform.os.is_empty()))
}

fn named(mut descriptor: Descriptor, name: &Reference) -> Descriptor {
    let tag = name.tag.clone().unwrap_or_else(|| "latest".into());
    let full = format!("{}:{tag}", name.name());
    descriptor.annotations.insert(annotation::CONTAINERD_NAME.into(), full);
    descriptor.annotations.insert(annotation::REF_NAME.into(), tag);
    descriptor
}
