//! An image of one layer, and what a registry serves for it; all of it can be told wrong.

use std::collections::BTreeMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::Header;

use super::web::{Answer, Asked, Web};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Documents and blobs of a repository `a`, by what they are asked for.
#[derive(Clone, Default)]
pub(super) struct Image {
    /// Below `manifests/`: the media type and the bytes.
    pub(super) documents: BTreeMap<String, (String, Vec<u8>)>,
    /// By digest.
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
    /// Digest of the layer.
    pub(super) layer: String,
    /// Digest of the config.
    pub(super) config: String,
    /// The manifest as JSON.
    pub(super) manifest: Value,
}

impl Image {
    /// A layer with a file of this many bytes that do not compress.
    pub(super) fn new(size: usize) -> io::Result<Image> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut content = Vec::with_capacity(size);
        while content.len() < size {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            content.extend_from_slice(&state.to_le_bytes());
        }
        content.truncate(size);
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(size as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, "file", &*content)?;
        Image::of_tar(&tar.into_inner()?)
    }

    /// A layer of this tar.
    pub(super) fn of_tar(tar: &[u8]) -> io::Result<Image> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(tar)?;
        Ok(Image::of_layer(&gzip.finish()?, &digest(tar)))
    }

    /// A layer of these bytes, whose tar should have that digest.
    pub(super) fn of_layer(layer: &[u8], diff_id: &str) -> Image {
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": digest(&config), "size": config.len() },
            "layers": [{ "mediaType": LAYER, "digest": digest(layer), "size": layer.len() }],
        });
        let mut image = Image {
            layer: digest(layer),
            config: digest(&config),
            blobs: [(digest(layer), layer.to_vec()), (digest(&config), config)].into(),
            ..Image::default()
        };
        image.set_manifest(manifest);
        image
    }

    /// Another manifest instead, under `latest` and its digest.
    pub(super) fn set_manifest(&mut self, manifest: Value) {
        let bytes = manifest.to_string().into_bytes();
        self.add("latest", MANIFEST, &bytes);
        self.manifest = manifest;
    }

    /// A document under a name and its digest.
    pub(super) fn add(&mut self, name: &str, kind: &str, bytes: &[u8]) {
        let document = (kind.to_owned(), bytes.to_vec());
        self.documents.insert(digest(bytes), document.clone());
        self.documents.insert(name.to_owned(), document);
    }

    /// What an honest registry answers.
    pub(super) fn serve(&self, asked: &Asked) -> Answer {
        let name = asked.path.rsplit('/').next().unwrap_or_default();
        if asked.path == "/v2/" {
            return Answer::ok(b"{}");
        }
        if asked.path.starts_with("/v2/a/manifests/") {
            return match self.documents.get(name) {
                Some((kind, bytes)) => Answer::ok(bytes).with("content-type", kind),
                None => Answer::of(404),
            };
        }
        match self.blobs.get(name) {
            Some(bytes) if asked.path.starts_with("/v2/a/blobs/") => Answer::ok(bytes),
            Some(_) | None => Answer::of(404),
        }
    }

    /// Serves it, but for what `lie` answers.
    pub(super) fn start(
        self,
        lie: impl Fn(&Asked, &Image) -> Option<Answer> + Send + Sync + 'static,
    ) -> io::Result<Web> {
        Web::start(move |asked| lie(asked, &self).unwrap_or_else(|| self.serve(asked)))
    }
}

/// `sha256:…`
pub(super) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}
