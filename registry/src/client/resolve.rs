//! From a name to an image: manifest, index, config.

use oci::manifest::media_type;
use oci::{Descriptor, Digest, Document, ImageConfig, ImageIndex, Manifest, Platform, Reference};
use ureq::http::{Method, header};

use super::{Call, Client};
use crate::auth::Scopes;
use crate::endpoint::Endpoint;
use crate::error::RegistryError;
use crate::progress::Progress;
use crate::transport::Ask;

/// How deep indexes may lie in indexes.
pub(super) const MAX_DEPTH: usize = 4;

/// An image of a registry, without its layers.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteImage {
    /// Under which name it was found.
    pub reference: Reference,
    /// Digest of what the name stands for: the manifest, or the index that it is in.
    pub root: Digest,
    /// The index, if there is one, as it was sent.
    pub index: Option<Vec<u8>>,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Media type of the manifest.
    pub media_type: String,
    /// The manifest.
    pub manifest: Manifest,
    /// The manifest as it was sent.
    pub manifest_bytes: Vec<u8>,
    /// The config.
    pub config: ImageConfig,
    /// The config as it was sent.
    pub config_bytes: Vec<u8>,
}

/// A manifest or index as it was sent; its digest is checked.
pub(super) struct Fetched {
    pub(super) digest: Digest,
    pub(super) document: Document,
    pub(super) bytes: Vec<u8>,
}

impl Client {
    /// Finds an image for a platform: the manifest by tag or digest, the best of an index, the config. All digests are
    /// checked. Mirrors are asked first.
    ///
    /// # Errors
    /// If there is none, it cannot be had, or it is not what its digest says.
    pub fn resolve(
        &self,
        reference: &Reference,
        platform: &Platform,
        progress: &dyn Progress,
    ) -> Result<RemoteImage, RegistryError> {
        self.with_endpoints(Endpoint::for_pull(reference, &self.config)?, progress, |endpoint| {
            let what = reference.familiar();
            let call = self.call(endpoint, pull_scope(endpoint), &what, progress);
            self.resolve_at(&call, reference, platform)
        })
    }

    /// What a name stands for now, without reading it: digest, type and size of manifest or index.
    ///
    /// # Errors
    /// If there is none, or it cannot be had.
    pub fn head(
        &self,
        reference: &Reference,
        progress: &dyn Progress,
    ) -> Result<Descriptor, RegistryError> {
        self.with_endpoints(Endpoint::for_pull(reference, &self.config)?, progress, |endpoint| {
            let what = reference.familiar();
            let call = self.call(endpoint, pull_scope(endpoint), &what, progress);
            let rest = format!("manifests/{}", reference.selector());
            let reply = self.request(&call, &|link| {
                let address = endpoint.address(link, &rest);
                Ask::new(Method::HEAD, address).with(header::ACCEPT, accept())
            })?;
            let digest =
                reply.text_header("docker-content-digest").and_then(|text| text.parse().ok());
            let kind = reply.text_header("content-type").map(str::to_owned);
            if let (Some(digest), Some(kind), Some(size)) = (digest, kind, reply.length()) {
                return Ok(Descriptor::new(&kind, digest, size));
            }
            let fetched = self.document(&call, &reference.selector(), None)?;
            let size = fetched.bytes.len() as u64;
            Ok(Descriptor::new(fetched.document.media_type(), fetched.digest, size))
        })
    }

    fn resolve_at(
        &self,
        call: &Call<'_>,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<RemoteImage, RegistryError> {
        let selector = reference.selector();
        let mut fetched = self.document(call, &selector, reference.digest)?;
        let root = fetched.digest;
        let mut outermost = None;
        for _ in 0..MAX_DEPTH {
            let media_type = fetched.document.media_type().to_owned();
            let index = match fetched.document {
                Document::Manifest(manifest) => {
                    let config_bytes = self.config_of(call, &manifest)?;
                    let config = ImageConfig::parse(&config_bytes).map_err(|source| {
                        RegistryError::Config { what: call.what.to_owned(), source }
                    })?;
                    let (layers, diffs) = (manifest.layers.len(), config.rootfs.diff_ids.len());
                    if layers != diffs {
                        let detail = format!("{layers} layers, but {diffs} in the config");
                        return Err(nonsense(call, detail));
                    }
                    return Ok(RemoteImage {
                        reference: reference.clone(),
                        root,
                        index: outermost,
                        digest: fetched.digest,
                        media_type,
                        manifest,
                        manifest_bytes: fetched.bytes,
                        config,
                        config_bytes,
                    });
                }
                Document::Index(index) => index,
            };
            outermost.get_or_insert(fetched.bytes);
            let member = self.member(call, &index, platform)?;
            let selector = member.digest.to_string();
            fetched = self.document(call, &selector, Some(member.digest))?;
        }
        Err(nonsense(call, "indexes in indexes in indexes".to_owned()))
    }

    fn member<'a>(
        &self,
        call: &Call<'_>,
        index: &'a ImageIndex,
        platform: &Platform,
    ) -> Result<&'a Descriptor, RegistryError> {
        index.choose(platform).ok_or_else(|| RegistryError::NoPlatform {
            what: call.what.to_owned(),
            platform: Box::new(platform.clone()),
            available: index.platforms().into_iter().cloned().collect(),
        })
    }

    /// Fetches a manifest or index by tag or digest, and checks the digest if one is expected.
    pub(super) fn document(
        &self,
        call: &Call<'_>,
        selector: &str,
        expected: Option<Digest>,
    ) -> Result<Fetched, RegistryError> {
        let reply = self.request(call, &|link| {
            let rest = format!("manifests/{selector}");
            Ask::get(call.endpoint.address(link, &rest)).with(header::ACCEPT, accept())
        })?;
        let kind = reply.text_header("content-type").map(str::to_owned);
        if let Some(coding) = reply.text_header("content-encoding").filter(|it| *it != "identity") {
            return Err(nonsense(
                call,
                format!("it is packed as `{coding}`, which nobody asked for"),
            ));
        }
        // By tag, the registry's own word is what there is to compare with.
        let told = reply.text_header("docker-content-digest").and_then(|text| text.parse().ok());
        let too_big = || RegistryError::TooBig {
            host: call.endpoint.name.clone(),
            what: call.what.to_owned(),
            limit: oci::MAX_MANIFEST,
        };
        if reply.length().is_some_and(|length| length > oci::MAX_MANIFEST) {
            return Err(too_big());
        }
        let read = reply.read_bounded(oci::MAX_MANIFEST);
        let bytes = read.map_err(|failure| super::failed(call, failure))?.ok_or_else(too_big)?;
        let digest = Digest::of(&bytes);
        if let Some(expected) = expected.or(told).filter(|expected| *expected != digest) {
            return Err(RegistryError::WrongDigest {
                host: call.endpoint.name.clone(),
                what: call.what.to_owned(),
                expected,
                found: digest,
            });
        }
        let document = Document::parse(&bytes, kind.as_deref())
            .map_err(|source| RegistryError::Document { what: call.what.to_owned(), source })?;
        Ok(Fetched { digest, document, bytes })
    }

    fn config_of(&self, call: &Call<'_>, manifest: &Manifest) -> Result<Vec<u8>, RegistryError> {
        let config = &manifest.config;
        let kind = config.media_type.as_str();
        if !media_type::is_config(kind) && kind != "application/octet-stream" {
            return Err(nonsense(call, format!("it is no image, but a `{kind}`")));
        }
        if config.size > oci::MAX_CONFIG {
            return Err(RegistryError::TooBig {
                host: call.endpoint.name.clone(),
                what: call.what.to_owned(),
                limit: oci::MAX_CONFIG,
            });
        }
        let mut bytes = Vec::new();
        self.download(call, config, &mut bytes)?;
        let found = Digest::of(&bytes);
        match found == config.digest {
            true => Ok(bytes),
            false => Err(RegistryError::WrongDigest {
                host: call.endpoint.name.clone(),
                what: call.what.to_owned(),
                expected: config.digest,
                found,
            }),
        }
    }
}

pub(super) fn nonsense(call: &Call<'_>, detail: String) -> RegistryError {
    let (host, what) = (call.endpoint.name.clone(), call.what.to_owned());
    RegistryError::Protocol { host, what, detail }
}

fn accept() -> String {
    media_type::DOCUMENTS.join(", ")
}

pub(super) fn pull_scope(endpoint: &Endpoint) -> Scopes {
    vec![format!("repository:{}:pull", endpoint.repository)]
}
