//! docker archives, as `docker save` writes and `docker load`, podman and skopeo read them: `manifest.json` names config
//! and layers of each image. Ours are OCI archives at the same time, as BuildKit's and newer Docker's are.

use std::collections::BTreeSet;
use std::io::Write;

use oci::manifest::{Compression, Descriptor, Document, media_type};
use oci::{Digest, Manifest, Platform};
use serde::{Deserialize, Serialize};

use super::{ArchiveWriter, Archived, blobs_of, document, oci as oci_archive};
use crate::error::StoreError;
use crate::store::Store;

/// One image in `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Item {
    pub(super) config: String,
    #[serde(default)]
    pub(super) repo_tags: Option<Vec<String>>,
    #[serde(default)]
    pub(super) layers: Option<Vec<String>>,
}

/// Writes a docker archive. Of an index, the image for `platform` is taken. zstd layers, which `docker load` did not
/// know for long, are written as gzip.
pub fn write(
    store: &Store,
    images: &[Archived],
    platform: &Platform,
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let mut blobs = BTreeSet::new();
    let mut items = Vec::new();
    let mut archived = Vec::new();
    for image in images {
        let (digest, manifest) = plain_manifest(store, &image.manifest, platform)?;
        blobs_of(store, &digest, &mut blobs)?;
        let path = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
        let tags = image.names.iter().map(|name| {
            let tag = name.tag.as_deref().unwrap_or("latest");
            format!("{}:{tag}", name.familiar_name())
        });
        items.push(Item {
            config: path(&manifest.config.digest),
            repo_tags: Some(tags.collect()),
            layers: Some(manifest.layers.iter().map(|layer| path(&layer.digest)).collect()),
        });
        archived.push(Archived { manifest: digest, names: image.names.clone() });
    }
    let index = oci_archive::index(store, &archived)?.to_json();
    let items = serde_json::to_vec(&items).expect("lists of texts have a form in JSON");
    let mut archive = ArchiveWriter::new(out);
    archive.file("oci-layout", oci_archive::MARKER.len() as u64, &mut &oci_archive::MARKER[..])?;
    archive.file("index.json", index.len() as u64, &mut index.as_slice())?;
    archive.file("manifest.json", items.len() as u64, &mut items.as_slice())?;
    archive.blobs(store, &blobs)?;
    archive.finish()
}

/// The manifest for a platform, with layers that every Docker can read.
fn plain_manifest(
    store: &Store,
    image: &Digest,
    platform: &Platform,
) -> Result<(Digest, Manifest), StoreError> {
    let mut manifest = match document(store, image)? {
        Document::Manifest(manifest) => manifest,
        Document::Index(index) => {
            let chosen = index.choose(platform).ok_or_else(|| StoreError::Archive {
                what: format!("image {image}"),
                why: format!("it has no manifest for {platform}, and a docker archive holds one"),
            })?;
            return plain_manifest(store, &chosen.digest, platform);
        }
    };
    let is_zstd = |layer: &Descriptor| layer.compression() == Some(Compression::Zstd);
    if !manifest.layers.iter().any(is_zstd) {
        return Ok((*image, manifest));
    }
    for layer in manifest.layers.iter_mut().filter(|layer| is_zstd(layer)) {
        let (digest, size, _) = store.recompress(&layer.digest, Compression::Gzip)?;
        *layer = Descriptor::new(media_type::OCI_LAYER_GZIP, digest, size);
    }
    let digest = store.put_blob(&manifest.to_json())?;
    Ok((digest, manifest))
}
