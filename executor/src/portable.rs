//! [`Portable`]: which steps made which layers, in a form that other machines can read.
//!
//! It is the config of an artifact whose layers are the layers, or (without blobs of its own) a field of an image's
//! config:
//!
//! ```json
//! { "version": 1, "keys": 1,
//!   "layers": [ { "diff_id": "sha256:…", "result": "64 hex digits", "epoch": 1700000000 } ],
//!   "steps":  [ { "keys": ["64 hex digits"], "layer": 0, "created": 1700000000, "millis": 1500 },
//!               { "keys": ["64 hex digits"], "result": "64 hex digits" } ] }
//! ```
//!
//! A step without a layer is *hollow*: what it made is not kept, but known by its digest. That is enough where all that
//! was taken from it is cached itself, as in the last stage of a file whose earlier stages only compile.
//!
//! Nothing in it says what a step is: no command, argument, variable, file name or path, only digests over them. Whoever
//! has the same Dockerfile and the same files comes to the same keys.

use compiler::CacheKey;
use oci::Digest;
use oci::manifest::Descriptor;
use serde::{Deserialize, Serialize};
use store::TreeDigest;

/// Media type of the config of a cache in a registry or folder.
pub const CACHE_CONFIG: &str = "application/vnd.dfc.cache.v1+json";
/// The field of an image's config that holds a cache.
pub const INLINE_FIELD: &str = "dfc.cache.v1";

/// The version of the form.
const VERSION: u32 = 1;

/// Which steps made which layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portable {
    version: u32,
    /// [`compiler::key::VERSION`] of who made it.
    keys: u32,
    layers: Vec<PortableLayer>,
    steps: Vec<PortableStep>,
}

/// A layer, by position that of the manifest it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PortableLayer {
    /// Digest of the plain tar.
    pub(crate) diff_id: Digest,
    /// What keys name the layer by.
    result: String,
    /// The time that no file in it is later than.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<i64>,
}

/// A step that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PortableStep {
    /// All its content keys.
    keys: Vec<String>,
    /// Position of the layer that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layer: Option<usize>,
    /// What keys name its layer by, where there is no layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    /// When, seconds since 1970.
    #[serde(default, skip_serializing_if = "is_zero_i64")]
    pub(crate) created: i64,
    /// How long it took.
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    pub(crate) millis: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero_i64(number: &i64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero_u64(number: &u64) -> bool {
    *number == 0
}

/// Why bytes are no cache that can be used.
#[derive(Debug, thiserror::Error)]
pub enum PortableError {
    /// No JSON of this form.
    #[error("it cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Of another version.
    #[error("it was written by another version of dfc")]
    Version,
    /// Something in it cannot be true.
    #[error("it is broken: {0}")]
    Broken(String),
}

impl PortableLayer {
    pub(crate) fn new(diff_id: Digest, result: &TreeDigest, epoch: Option<i64>) -> PortableLayer {
        PortableLayer { diff_id, result: hex(&result.0), epoch }
    }

    pub(crate) fn result(&self) -> Result<TreeDigest, PortableError> {
        key(&self.result).map(|key| TreeDigest(*key.as_bytes()))
    }
}

impl PortableStep {
    pub(crate) fn new(keys: &[CacheKey], layer: usize, created: i64, millis: u64) -> PortableStep {
        let keys = keys.iter().map(CacheKey::to_string).collect();
        PortableStep { keys, layer: Some(layer), result: None, created, millis }
    }

    /// One whose layer is not kept.
    pub(crate) fn hollow(keys: &[CacheKey], result: &TreeDigest) -> PortableStep {
        let keys = keys.iter().map(CacheKey::to_string).collect();
        PortableStep { keys, layer: None, result: Some(hex(&result.0)), created: 0, millis: 0 }
    }

    /// What a hollow step made.
    pub(crate) fn result(&self) -> Result<TreeDigest, PortableError> {
        let text = self
            .result
            .as_deref()
            .ok_or_else(|| PortableError::Broken("a step has neither layer nor result".into()))?;
        key(text).map(|key| TreeDigest(*key.as_bytes()))
    }

    pub(crate) fn keys(&self) -> Result<Vec<CacheKey>, PortableError> {
        self.keys.iter().map(|text| key(text)).collect()
    }
}

impl Portable {
    pub(crate) fn new(layers: Vec<PortableLayer>, steps: Vec<PortableStep>) -> Portable {
        Portable { version: VERSION, keys: compiler::key::VERSION, layers, steps }
    }

    /// Whether no step is in it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps are in it.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The bytes: the same for equal caches.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers have a form in JSON")
    }

    /// As a field of an image's config.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("texts and numbers have a form in JSON")
    }

    /// Reads the config of a cache.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<Portable, PortableError> {
        Portable::from_value(serde_json::from_slice(bytes)?)
    }

    /// Reads the field of an image's config.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn from_value(value: serde_json::Value) -> Result<Portable, PortableError> {
        #[derive(Deserialize)]
        struct Versions {
            version: u32,
            keys: u32,
        }
        let versions = Versions::deserialize(&value)?;
        if (versions.version, versions.keys) != (VERSION, compiler::key::VERSION) {
            return Err(PortableError::Version);
        }
        Ok(serde_json::from_value(value)?)
    }

    pub(crate) fn layers(&self) -> &[PortableLayer] {
        &self.layers
    }

    pub(crate) fn steps(&self) -> &[PortableStep] {
        &self.steps
    }

    /// The blobs of an image's layers in the order of this cache's layers.
    ///
    /// # Errors
    /// A layer is not one of the image's.
    pub fn blobs_in_image(
        &self,
        diff_ids: &[Digest],
        blobs: &[Descriptor],
    ) -> Result<Vec<Descriptor>, PortableError> {
        let blob = |layer: &PortableLayer| {
            let position = diff_ids.iter().position(|it| *it == layer.diff_id);
            position.and_then(|at| blobs.get(at)).cloned().ok_or_else(|| {
                PortableError::Broken(format!("the image has no layer {}", layer.diff_id))
            })
        };
        self.layers.iter().map(blob).collect()
    }
}

fn key(text: &str) -> Result<CacheKey, PortableError> {
    text.parse().map_err(|error: compiler::key::KeyError| PortableError::Broken(error.to_string()))
}

fn hex(bytes: &[u8; 32]) -> String {
    CacheKey::from_bytes(*bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let layer = PortableLayer::new(Digest::of(b"tar"), &TreeDigest([7; 32]), Some(5));
        let step = PortableStep::new(&[CacheKey::from_bytes([1; 32])], 0, 3, 4);
        let hollow = PortableStep::hollow(&[CacheKey::from_bytes([2; 32])], &TreeDigest([9; 32]));
        let portable = Portable::new(vec![layer], vec![step, hollow]);
        let read = Portable::parse(&portable.to_json()).unwrap();
        assert_eq!(read, portable);
        assert_eq!(Portable::from_value(portable.to_value()).unwrap(), portable);
        assert_eq!(read.layers()[0].result().unwrap(), TreeDigest([7; 32]));
        assert_eq!(read.steps()[0].keys().unwrap(), [CacheKey::from_bytes([1; 32])]);
        assert_eq!(read.steps()[1].result().unwrap(), TreeDigest([9; 32]));
    }

    #[test]
    fn another_version_is_told_from_rubbish() {
        let newer = br#"{"version": 2, "keys": 1, "anything": []}"#;
        assert!(matches!(Portable::parse(newer), Err(PortableError::Version)));
        for bytes in [&b"rubbish"[..], b"{}", br#"{"version":1,"keys":1,"layers":{},"steps":[]}"#] {
            assert!(matches!(Portable::parse(bytes), Err(PortableError::Json(_))));
        }
    }
}
