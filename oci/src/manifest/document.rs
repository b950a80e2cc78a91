//! [`Document`]: what stands under the name of an image, a manifest or an index.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{ImageIndex, Manifest, media_type};
use crate::MAX_MANIFEST;

/// A manifest or an index, known by its media type.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// An image for one platform.
    Manifest(Manifest),
    /// Images for several.
    Index(ImageIndex),
}

/// Why bytes are neither manifest nor index.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// More than anyone means.
    #[error("the manifest has {0} bytes; {MAX_MANIFEST} are the most that is read")]
    TooBig(u64),
    /// Not the JSON of one.
    #[error("the manifest cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Docker's schema 1, of before 2016.
    #[error(
        "the image has a manifest of schema 1, which is no longer supported; push it again with a current tool"
    )]
    Schema1,
    /// Some other media type.
    #[error("a manifest of the type `{0}` is not an image")]
    MediaType(String),
    /// The server and the text disagree, or the text is both: whoever reads it must not see two different images.
    #[error("the manifest is ambiguous: {0}")]
    Ambiguous(String),
}

/// What tells manifest from index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(default)]
    schema_version: u32,
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

impl Document {
    /// Reads a manifest or index. `content_type` is what the server or descriptor says of it, if anything.
    ///
    /// # Errors
    /// If it is too big, of another kind, or not clearly one of the two.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Document, DocumentError> {
        if bytes.len() as u64 > MAX_MANIFEST {
            return Err(DocumentError::TooBig(bytes.len() as u64));
        }
        let shape: Shape = serde_json::from_slice(bytes)?;
        match shape.is_index(content_type)? {
            true => Ok(Document::Index(serde_json::from_slice(bytes)?)),
            false => Ok(Document::Manifest(serde_json::from_slice(bytes)?)),
        }
    }

    /// The media type that it says it has, else the OCI one.
    pub fn media_type(&self) -> &str {
        let (said, default) = match self {
            Document::Manifest(manifest) => (&manifest.media_type, media_type::OCI_MANIFEST),
            Document::Index(index) => (&index.media_type, media_type::OCI_INDEX),
        };
        said.as_deref().unwrap_or(default)
    }
}

impl Shape {
    fn is_index(&self, content_type: Option<&str>) -> Result<bool, DocumentError> {
        if self.schema_version == 1 || self.fs_layers.is_some() {
            return Err(DocumentError::Schema1);
        }
        let looks_like_index = self.manifests.is_some();
        if looks_like_index && (self.config.is_some() || self.layers.is_some()) {
            return Err(DocumentError::Ambiguous("it has both layers and manifests".to_owned()));
        }
        let told = content_type
            .map(|text| text.split(';').next().unwrap_or_default().trim())
            .filter(|text| !is_generic(text));
        let written = self.media_type.as_deref().filter(|text| !text.is_empty());
        let (told_kind, written_kind) = (kind(told)?, kind(written)?);
        if let (Some(told_kind), Some(written_kind)) = (told_kind, written_kind)
            && told_kind != written_kind
        {
            let both = [told.unwrap_or_default(), written.unwrap_or_default()];
            let text = format!("it was sent as `{}` and says that it is `{}`", both[0], both[1]);
            return Err(DocumentError::Ambiguous(text));
        }
        let is_index = written_kind.or(told_kind).unwrap_or(looks_like_index);
        if is_index == (self.config.is_some() || self.layers.is_some()) {
            let text = "its media type does not fit what it holds".to_owned();
            return Err(DocumentError::Ambiguous(text));
        }
        Ok(is_index)
    }
}

/// What servers say that do not know better.
fn is_generic(content_type: &str) -> bool {
    matches!(content_type, "" | "application/json" | "text/plain" | "application/octet-stream")
}

/// Whether a media type is that of an index.
fn kind(text: Option<&str>) -> Result<Option<bool>, DocumentError> {
    match text {
        None => Ok(None),
        Some(text) if media_type::is_index(text) => Ok(Some(true)),
        Some(text) if media_type::is_manifest(text) => Ok(Some(false)),
        Some(text) if text.starts_with("application/vnd.docker.distribution.manifest.v1") => {
            Err(DocumentError::Schema1)
        }
        Some(text) => Err(DocumentError::MediaType(text.to_owned())),
    }
}
