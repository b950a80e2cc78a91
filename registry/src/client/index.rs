//! All images of an index, and all tags of a repository.

use std::collections::BTreeSet;

use oci::manifest::{Descriptor, media_type};
use oci::{Digest, Document, Reference};
use serde::Deserialize;
use store::Store;
use ureq::http::header;

use super::resolve::{Fetched, MAX_DEPTH, nonsense, pull_scope};
use super::{Call, Client, failed};
use crate::endpoint::Endpoint;
use crate::error::RegistryError;
use crate::progress::Progress;
use crate::transport::Ask;
use crate::uri;

/// How many images of one index are fetched.
const MAX_MEMBERS: usize = 256;
/// How many tags a repository may have.
const MAX_TAGS: usize = 100_000;

/// An index, or a single image, with all the manifests in it, without configs and layers.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteIndex {
    /// Under which name it was found.
    pub reference: Reference,
    /// All manifests and indexes, each before those that list it; the last is what the name stands for.
    pub documents: Vec<RemoteManifest>,
}

/// A manifest or index.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// It, as it was sent.
    pub bytes: Vec<u8>,
    /// Config and layers; none of an index.
    pub blobs: Vec<Descriptor>,
}

impl RemoteIndex {
    /// What the name stands for.
    pub fn root(&self) -> &RemoteManifest {
        self.documents.last().expect("there is one at least")
    }

    /// The configs and layers of all images.
    pub fn blobs(&self) -> Vec<Descriptor> {
        self.documents.iter().flat_map(|it| it.blobs.iter().cloned()).collect()
    }
}

impl Client {
    /// Finds all images that a name stands for. Digests are checked. Mirrors are asked first.
    ///
    /// # Errors
    /// If there is none, one cannot be had, or there are more than anyone means.
    pub fn resolve_all(
        &self,
        reference: &Reference,
        progress: &dyn Progress,
    ) -> Result<RemoteIndex, RegistryError> {
        let endpoints = Endpoint::for_pull(reference, &self.config)?;
        self.with_endpoints(endpoints, progress, |endpoint| {
            let what = reference.familiar();
            let call = self.call(endpoint, pull_scope(endpoint), &what, progress);
            let root = self.document(&call, &reference.selector(), reference.digest)?;
            let mut documents = Vec::new();
            self.collect(&call, root, MAX_DEPTH, &mut BTreeSet::new(), &mut documents)?;
            Ok(RemoteIndex { reference: reference.clone(), documents })
        })
    }

    fn collect(
        &self,
        call: &Call<'_>,
        fetched: Fetched,
        depth: usize,
        seen: &mut BTreeSet<Digest>,
        documents: &mut Vec<RemoteManifest>,
    ) -> Result<(), RegistryError> {
        let media_type = fetched.document.media_type().to_owned();
        let blobs = match fetched.document {
            Document::Manifest(manifest) => {
                if manifest.config.size > oci::MAX_CONFIG {
                    return Err(RegistryError::TooBig {
                        host: call.endpoint.name.clone(),
                        what: call.what.to_owned(),
                        limit: oci::MAX_CONFIG,
                    });
                }
                std::iter::once(manifest.config).chain(manifest.layers).collect()
            }
            Document::Index(_) if depth == 0 => {
                return Err(nonsense(call, "indexes in indexes in indexes".to_owned()));
            }
            Document::Index(index) => {
                for member in &index.manifests {
                    let kind = member.media_type.as_str();
                    let is_image = media_type::is_manifest(kind) || media_type::is_index(kind);
                    if !is_image || !seen.insert(member.digest) {
                        continue;
                    }
                    if seen.len() > MAX_MEMBERS {
                        let (what, limit) = (call.what.to_owned(), MAX_MEMBERS);
                        return Err(RegistryError::TooMany { what, limit });
                    }
                    let selector = member.digest.to_string();
                    let fetched = self.document(call, &selector, Some(member.digest))?;
                    self.collect(call, fetched, depth - 1, seen, documents)?;
                }
                Vec::new()
            }
        };
        let (digest, bytes) = (fetched.digest, fetched.bytes);
        documents.push(RemoteManifest { digest, media_type, bytes, blobs });
        Ok(())
    }

    /// Fetches all images of an index into the store, what of them is not there yet.
    ///
    /// # Errors
    /// The first blob that cannot be had; the others are stopped.
    pub fn fetch_index(
        &self,
        index: &RemoteIndex,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<(), RegistryError> {
        self.fetch_blobs(&index.reference, &index.blobs(), store, progress)
    }

    /// All tags of a repository, as the registry lists them. The tag of the reference does not matter.
    ///
    /// # Errors
    /// If the registry does not tell, or tells more than anyone means.
    pub fn tags(
        &self,
        reference: &Reference,
        progress: &dyn Progress,
    ) -> Result<Vec<String>, RegistryError> {
        let endpoints = Endpoint::for_pull(reference, &self.config)?;
        self.with_endpoints(endpoints, progress, |endpoint| {
            let what = format!("the tags of {}", reference.familiar_name());
            let call = self.call(endpoint, pull_scope(endpoint), &what, progress);
            self.tags_at(&call)
        })
    }

    fn tags_at(&self, call: &Call<'_>) -> Result<Vec<String>, RegistryError> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let mut tags = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let reply = self.request(call, &|link| {
                let first = || call.endpoint.address(link, "tags/list?n=1000");
                Ask::get(next.clone().unwrap_or_else(first))
            })?;
            let link = reply.text_header(header::LINK.as_str()).and_then(next_page);
            let following = link.and_then(|to| uri::join(&reply.address, &to));
            let read = reply.read_bounded(oci::MAX_MANIFEST);
            let bytes = read.map_err(|failure| failed(call, failure))?.unwrap_or_default();
            let page: Page = serde_json::from_slice(&bytes)
                .map_err(|_| nonsense(call, "that is no list of tags".to_owned()))?;
            let count = tags.len();
            tags.extend(page.tags.unwrap_or_default());
            if tags.len() > MAX_TAGS {
                let (what, limit) = (call.what.to_owned(), MAX_TAGS);
                return Err(RegistryError::TooMany { what, limit });
            }
            match following {
                Some(address) if tags.len() > count => next = Some(address.to_string()),
                Some(_) | None => {
                    tags.sort();
                    return Ok(tags);
                }
            }
        }
    }
}

/// `<ADDRESS>; rel="next"`
fn next_page(text: &str) -> Option<String> {
    let (address, rest) = text.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| address.to_owned())
}
