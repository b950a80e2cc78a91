//! OCI layout folders as somebody else wrote them: `oci-layout://PATH[:TAG][@DIGEST]`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oci::manifest::Descriptor;
use oci::{Digest, ImageIndex};

use super::{annotation, parse};
use crate::error::{Doing, StoreError, on};
use crate::source::FolderSource;
use crate::store::Store;

/// Manifests, indexes and configs are smaller.
const MAX_JSON: u64 = 16 << 20;

/// Names an image in a layout folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutName {
    /// The folder.
    pub path: PathBuf,
    /// `org.opencontainers.image.ref.name`
    pub tag: Option<String>,
    /// Of the manifest or index.
    pub digest: Option<Digest>,
}

impl LayoutName {
    /// Takes `PATH[:TAG][@DIGEST]` apart; `None` if the digest is none.
    pub fn parse(text: &str) -> Option<LayoutName> {
        let (text, digest) = match text.rsplit_once('@') {
            Some((rest, digest)) if digest.contains(':') => (rest, Some(digest.parse().ok()?)),
            Some(_) | None => (text, None),
        };
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') && !path.is_empty() && !tag.is_empty() => {
                (path, Some(tag.to_owned()))
            }
            Some(_) | None => (text, None),
        };
        Some(LayoutName { path: path.into(), tag, digest })
    }
}

/// An open layout folder.
#[derive(Debug)]
pub struct Layout {
    path: PathBuf,
    folder: FolderSource,
    index: ImageIndex,
}

impl Layout {
    /// Opens the folder and reads `index.json`.
    pub fn open(path: &Path) -> Result<Layout, StoreError> {
        let folder = FolderSource::open(path)?;
        let place = path.join("index.json");
        let bytes = read_all(folder.file(b"index.json").doing(|| on("open", &place))?, &place)?;
        let what = || format!("`{}`", place.display());
        let index = serde_json::from_slice(&bytes)
            .map_err(|source| StoreError::Json { what: what(), source })?;
        Ok(Layout { path: path.to_owned(), folder, index })
    }

    /// `index.json`
    pub fn index(&self) -> &ImageIndex {
        &self.index
    }

    /// The image that a name means: by its digest (also of a member of an index), by its tag, else the only one, else
    /// the one with the tag `latest`.
    pub fn find(&self, name: &LayoutName) -> Result<Descriptor, StoreError> {
        let all = &self.index.manifests;
        let tagged = |tag: &str| {
            let has = |it: &&Descriptor| {
                it.annotations.get(annotation::REF_NAME).is_some_and(|it| it == tag)
            };
            all.iter().find(has).cloned()
        };
        let found = match (&name.digest, &name.tag) {
            (Some(digest), _) => self.by_digest(digest)?,
            (None, Some(tag)) => tagged(tag),
            (None, None) if all.len() == 1 => all.first().cloned(),
            (None, None) => tagged("latest"),
        };
        found.ok_or_else(|| {
            let wanted = match (&name.digest, &name.tag) {
                (Some(digest), _) => digest.to_string(),
                (None, Some(tag)) => format!("the tag `{tag}`"),
                (None, None) => "the tag `latest`; name one".into(),
            };
            let what = format!("the layout `{}`", self.path.display());
            StoreError::Archive { what, why: format!("it has no image with {wanted}") }
        })
    }

    fn by_digest(&self, digest: &Digest) -> Result<Option<Descriptor>, StoreError> {
        if let Some(found) = self.index.manifests.iter().find(|it| it.digest == *digest) {
            return Ok(Some(found.clone()));
        }
        if self.folder.file(blob_path(digest).as_bytes()).is_err() {
            return Ok(None);
        }
        let bytes = self.read(digest)?;
        let document = parse(&bytes, digest)?;
        Ok(Some(Descriptor::new(document.media_type(), *digest, bytes.len() as u64)))
    }

    /// Reads a small blob and checks its digest.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let place = self.path.join(blob_path(digest));
        let bytes = read_all(self.blob(digest)?, &place)?;
        let found = Digest::of(&bytes);
        if found != *digest {
            let what = format!("`{}`", place.display());
            return Err(StoreError::Digest { what, expected: *digest, found });
        }
        Ok(bytes)
    }

    /// Opens a blob; whoever reads it checks the digest.
    pub fn blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = blob_path(digest);
        self.folder.file(path.as_bytes()).doing(|| on("open", &self.path.join(&path)))
    }

    /// Copies a blob into the store, if it is not there, checking its digest.
    pub fn copy_blob(&self, digest: &Digest, store: &Store) -> Result<(), StoreError> {
        if store.has_blob(digest) {
            return Ok(());
        }
        let mut blob = store.blob_writer()?;
        io::copy(&mut self.blob(digest)?, &mut blob)
            .doing(|| on("copy", &self.path.join(blob_path(digest))))?;
        blob.finish(Some(digest)).map(drop)
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn read_all(file: File, path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    file.take(MAX_JSON + 1).read_to_end(&mut bytes).doing(|| on("read", path))?;
    if bytes.len() as u64 > MAX_JSON {
        let source = io::Error::other("it has more than 16 MiB");
        return Err(StoreError::Io { doing: on("read", path), source });
    }
    Ok(bytes)
}
