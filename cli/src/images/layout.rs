//! OCI image layouts as sources of images: `oci-layout://PATH[:TAG][@DIGEST]`.
//!
//! Everything read is held against its digest, and nothing larger than [`MAX_JSON`] is read into memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oci::manifest::{Descriptor, ImageIndex, Manifest, media_type};
use oci::{Digest, Platform};

/// The largest manifest, index or config that is read.
const MAX_JSON: u64 = 8 << 20;
/// How deep indexes may lie in each other.
const MAX_DEPTH: usize = 4;

/// The annotation that holds a tag, or a whole name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A layout folder and which of its images is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    folder: PathBuf,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// An image of a layout.
#[derive(Debug, Clone)]
pub(crate) struct LayoutImage {
    /// Names the manifest.
    pub(crate) digest: Digest,
    /// Lists config and layers.
    pub(crate) manifest: Manifest,
    /// The manifest's bytes.
    pub(crate) manifest_bytes: Vec<u8>,
    /// The config's bytes.
    pub(crate) config_bytes: Vec<u8>,
}

/// Why a layout does not give an image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayoutError {
    /// A file of it cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it is larger than any honest one.
    #[error("`{0}` is too large")]
    TooLarge(PathBuf),
    /// A file of it is not what it should be.
    #[error("`{path}` is no {what}: {source}")]
    Json {
        /// Which.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        source: serde_json::Error,
    },
    /// A blob does not have its digest.
    #[error("blob `{0}` is damaged: it has another digest")]
    Damaged(Digest),
    /// No image in it is meant.
    #[error("there is no image {what} in the layout `{folder}`")]
    NotFound {
        /// The layout.
        folder: PathBuf,
        /// What was looked for.
        what: String,
    },
}

impl Layout {
    /// Reads `oci-layout://PATH[:TAG][@DIGEST]`.
    pub(crate) fn parse(text: &str) -> Layout {
        let mut rest = text.strip_prefix("oci-layout://").unwrap_or(text);
        let mut digest = None;
        if let Some((path, last)) = rest.rsplit_once('@')
            && let Ok(found) = last.parse()
        {
            digest = Some(found);
            rest = path;
        }
        let mut tag = None;
        if let Some((path, last)) = rest.rsplit_once(':')
            && !last.contains('/')
        {
            tag = Some(last.to_owned());
            rest = path;
        }
        Layout { folder: PathBuf::from(rest), tag, digest }
    }

    /// Finds the image for a platform.
    ///
    /// # Errors
    /// A file that is missing, damaged or not what it should be, or no image that fits.
    pub(crate) fn image(&self, platform: &Platform) -> Result<LayoutImage, LayoutError> {
        let path = self.folder.join("index.json");
        let index: ImageIndex = parse(&read(&path)?, &path, "image index")?;
        let mut found = self.choose(&index, platform)?.clone();
        for _ in 0..MAX_DEPTH {
            let bytes = self.json_blob(&found.digest)?;
            let path = self.blob_path(&found.digest);
            if media_type::is_index(&found.media_type) {
                let index: ImageIndex = parse(&bytes, &path, "image index")?;
                found = index.choose(platform).cloned().ok_or_else(|| LayoutError::NotFound {
                    folder: self.folder.clone(),
                    what: format!("for {platform}"),
                })?;
                continue;
            }
            let manifest: Manifest = parse(&bytes, &path, "image manifest")?;
            let config_bytes = self.json_blob(&manifest.config.digest)?;
            let digest = found.digest;
            return Ok(LayoutImage { digest, manifest, manifest_bytes: bytes, config_bytes });
        }
        Err(self.not_found())
    }

    /// Opens a blob; whoever reads it checks the digest.
    ///
    /// # Errors
    /// It is missing, or no plain file.
    pub(crate) fn open_blob(&self, digest: &Digest) -> Result<File, LayoutError> {
        open(&self.blob_path(digest))
    }

    /// The descriptor in the layout's index that is meant.
    fn choose<'a>(
        &self,
        index: &'a ImageIndex,
        platform: &Platform,
    ) -> Result<&'a Descriptor, LayoutError> {
        if let Some(digest) = &self.digest {
            let listed = index.manifests.iter().find(|entry| entry.digest == *digest);
            return listed.ok_or_else(|| self.not_found());
        }
        let named = |tag: &str| {
            index.manifests.iter().find(|entry| {
                entry.annotations.get(REF_NAME).is_some_and(|name| {
                    name == tag || name.rsplit_once(':').is_some_and(|(_, last)| last == tag)
                })
            })
        };
        match &self.tag {
            Some(tag) => named(tag).ok_or_else(|| self.not_found()),
            None => match index.manifests.as_slice() {
                [only] => Ok(only),
                _ => named("latest")
                    .or_else(|| index.choose(platform))
                    .ok_or_else(|| self.not_found()),
            },
        }
    }

    fn not_found(&self) -> LayoutError {
        let what = match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => format!("`{tag}`"),
            (None, None) => "that fits".to_owned(),
        };
        LayoutError::NotFound { folder: self.folder.clone(), what }
    }

    fn json_blob(&self, digest: &Digest) -> Result<Vec<u8>, LayoutError> {
        let bytes = read(&self.blob_path(digest))?;
        if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(LayoutError::Damaged(*digest)) }
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }
}

fn open(path: &Path) -> Result<File, LayoutError> {
    let failed = |source| LayoutError::Read { path: path.to_owned(), source };
    // Asked before opening: a named pipe in its place would block for ever.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file")));
    }
    File::open(path).map_err(failed)
}

fn read(path: &Path) -> Result<Vec<u8>, LayoutError> {
    let mut bytes = Vec::new();
    open(path)?
        .take(MAX_JSON + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| LayoutError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_JSON {
        return Err(LayoutError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

fn parse<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    path: &Path,
    what: &'static str,
) -> Result<T, LayoutError> {
    serde_json::from_slice(bytes).map_err(|source| LayoutError::Json {
        path: path.to_owned(),
        what,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tag_and_digest() {
        let layout = Layout::parse("oci-layout:///a:b/c:latest");
        assert_eq!(layout.folder, Path::new("/a:b/c"));
        assert_eq!(layout.tag.as_deref(), Some("latest"));
        let digest = Digest::of(b"x");
        let layout = Layout::parse(&format!("oci-layout:///a/c@{digest}"));
        assert_eq!((layout.folder, layout.digest), (PathBuf::from("/a/c"), Some(digest)));
        assert_eq!(Layout::parse("oci-layout:///a:b/c").tag, None);
    }

    #[test]
    fn finds_an_image_and_notices_damage() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let put = |bytes: &[u8]| {
            let digest = Digest::of(bytes);
            std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
            digest
        };
        let config = br#"{"architecture":"amd64","os":"linux"}"#;
        let config = Descriptor::new(media_type::OCI_CONFIG, put(config), config.len() as u64);
        let manifest = Manifest::oci(config.clone(), Vec::new()).to_json();
        let mut entry =
            Descriptor::new(media_type::OCI_MANIFEST, put(&manifest), manifest.len() as u64);
        entry.annotations.insert(REF_NAME.into(), "1.0".into());
        let index = ImageIndex::oci(vec![entry.clone()]).to_json();
        std::fs::write(folder.path().join("index.json"), index).unwrap();

        let find = |selector: &str| {
            Layout::parse(&format!("oci-layout://{}{selector}", folder.path().display()))
                .image(&Platform::linux("amd64"))
        };
        assert_eq!(find(":1.0").unwrap().digest, entry.digest);
        assert_eq!(find("").unwrap().manifest.config.digest, config.digest);
        assert!(matches!(find(":2.0"), Err(LayoutError::NotFound { .. })));
        std::fs::write(blobs.join(config.digest.hex()), "{}").unwrap();
        assert!(matches!(find(":1.0"), Err(LayoutError::Damaged(_))));
    }
}
