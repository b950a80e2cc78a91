//! Pushing: blobs that the registry does not have, then the manifests.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;

use oci::{Descriptor, Digest, Reference};
use store::Store;
use ureq::http::{Method, Uri, header};

use super::upload::{Upload, location};
use super::{Call, Client};
use crate::auth::Scopes;
use crate::endpoint::Endpoint;
use crate::error::RegistryError;
use crate::progress::Progress;
use crate::retry;
use crate::transport::{Ask, Payload};
use crate::uri;

/// An image, or an index of several, whose blobs are in a store.
#[derive(Debug, Clone, Default)]
pub struct ImageToPush {
    /// The configs and layers of all.
    pub blobs: Vec<Descriptor>,
    /// Images that have some of the blobs; where the registry has those, it may take the blobs from there.
    pub mount_from: BTreeMap<Digest, Vec<Reference>>,
    /// Images that have the blobs which are not in the store. They are brought if the registry turns out not to have them,
    /// and not to take them from there.
    pub elsewhere: BTreeMap<Digest, Vec<Reference>>,
    /// The manifests that an index lists, with their media types; they are pushed by digest.
    pub members: Vec<(String, Vec<u8>)>,
    /// Media type of the manifest or index.
    pub media_type: String,
    /// The manifest or index.
    pub manifest: Vec<u8>,
}

/// Where a blob comes from that is pushed.
#[derive(Clone, Copy)]
pub struct BlobSource<'a> {
    /// Images that have it.
    pub mount_from: &'a [Reference],
    /// Sees to it that it can be opened; asked when nothing is left but to send it.
    pub bring: &'a (dyn Fn(&dyn Progress) -> Result<(), RegistryError> + Sync),
    /// Opens it.
    pub open: &'a (dyn Fn() -> io::Result<File> + Sync),
}

impl fmt::Debug for BlobSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobSource").field("mount_from", &self.mount_from).finish_non_exhaustive()
    }
}

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// Digest of the manifest or index.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl Client {
    /// Pushes an image under a name. Blobs that the registry has, here or in one of the other repositories, stay where they
    /// are.
    ///
    /// # Errors
    /// If the registry refuses, or a blob is not in the store.
    pub fn push_image(
        &self,
        reference: &Reference,
        image: &ImageToPush,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<Pushed, RegistryError> {
        let limit = self.config.limits.uploads;
        self.in_parallel(&image.blobs, limit, progress, |blob, progress| {
            let of = |all: &BTreeMap<Digest, Vec<Reference>>| -> Vec<Reference> {
                all.get(&blob.digest).cloned().unwrap_or_default()
            };
            let elsewhere = of(&image.elsewhere);
            let source = BlobSource {
                mount_from: &[elsewhere.clone(), of(&image.mount_from)].concat(),
                bring: &|progress| self.bring_from(&elsewhere, blob, store, progress),
                open: &|| store.open_blob(&blob.digest).map_err(io::Error::other),
            };
            self.push_blob(reference, blob, source, progress)
        })?;
        for (media_type, bytes) in &image.members {
            let pinned = reference.with_digest(Digest::of(bytes));
            self.push_manifest(&pinned, media_type, bytes, progress)?;
        }
        let digest = self.push_manifest(reference, &image.media_type, &image.manifest, progress)?;
        Ok(Pushed { digest, size: image.manifest.len() as u64 })
    }

    /// Pushes a manifest or index under its tag, or under its digest if the reference has one. Its blobs must be there.
    ///
    /// # Errors
    /// If the registry refuses, or says that it got something else.
    pub fn push_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
        progress: &dyn Progress,
    ) -> Result<Digest, RegistryError> {
        let endpoint = Endpoint::for_push(reference, &self.config)?;
        let what = reference.familiar();
        let call = self.call(&endpoint, push_scopes(&endpoint, None), &what, progress);
        let rest = format!("manifests/{}", reference.selector());
        let reply = self.request(&call, &|link| {
            Ask::new(Method::PUT, endpoint.address(link, &rest))
                .with(header::CONTENT_TYPE, media_type)
                .carrying(Payload::Bytes(bytes))
        })?;
        let digest = Digest::of(bytes);
        let told = reply.text_header("docker-content-digest").and_then(|text| text.parse().ok());
        match told {
            Some(found) if found != digest => {
                let host = endpoint.name.clone();
                Err(RegistryError::WrongDigest { host, what, expected: digest, found })
            }
            Some(_) | None => Ok(digest),
        }
    }

    /// Fetches a blob into the store from the first image that has it; nothing if it is there.
    fn bring_from(
        &self,
        images: &[Reference],
        blob: &Descriptor,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<(), RegistryError> {
        let mut first_error = None;
        for image in images {
            if store.has_blob(&blob.digest) {
                return Ok(());
            }
            match self.fetch_blob(image, blob, store, progress) {
                Ok(()) => return Ok(()),
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Pushes a blob, unless the registry has it, or can take it from another repository.
    ///
    /// # Errors
    /// If the registry refuses, or the blob cannot be read.
    pub fn push_blob(
        &self,
        reference: &Reference,
        blob: &Descriptor,
        from: BlobSource<'_>,
        progress: &dyn Progress,
    ) -> Result<(), RegistryError> {
        let endpoint = Endpoint::for_push(reference, &self.config)?;
        let what = format!("blob {} of {}", blob.digest.short(), reference.familiar());
        let sources = from.mount_from.iter();
        let sources = sources.filter(|source| source.registry == reference.registry);
        let mut sources = sources.filter_map(|it| Endpoint::for_push(it, &self.config).ok());
        let mut source = sources.find(|source| {
            source.authority == endpoint.authority && source.repository != endpoint.repository
        });
        let call = self.call(&endpoint, push_scopes(&endpoint, None), &what, progress);
        progress.started(&blob.digest, blob.size);
        if self.has_blob(&call, &blob.digest)? {
            progress.finished(&blob.digest, true);
            return Ok(());
        }
        let mut upload = Upload::new(blob, from.open);
        let mut attempt = 0;
        loop {
            let begun = match self.goes_on(&call, &mut upload) {
                Some(session) => Session::At(session),
                // It may have lost nothing but its answer.
                None if upload.is_sent() && self.has_blob(&call, &blob.digest).unwrap_or(false) => {
                    progress.finished(&blob.digest, false);
                    return Ok(());
                }
                None => self.begin_or_mount(&call, &mut upload, source.take(), &from)?,
            };
            let Session::At(session) = begun else {
                progress.finished(&blob.digest, true);
                return Ok(());
            };
            if upload.has_headway() {
                attempt = 0;
            }
            let Err(error) = self.send(&call, &mut upload, &session) else {
                progress.finished(&blob.digest, false);
                return Ok(());
            };
            if progress.is_cancelled() {
                return Err(RegistryError::Cancelled);
            }
            attempt += 1;
            // From its first byte it may do better, but not with a registry that has had enough.
            let may_begin_anew = !matches!(error, RegistryError::RateLimited { .. });
            let why = passing(&error)
                .or_else(|| {
                    (may_begin_anew && upload.gives_up_going_on()).then(|| error.to_string())
                })
                .filter(|_| attempt < call.attempts);
            let Some(why) = why else { return Err(error) };
            progress.retrying(&what, &why);
            self.wait(progress, attempt, None)?;
        }
    }

    /// Begins an upload, or has the blob mounted from the repository `source`.
    fn begin_or_mount(
        &self,
        call: &Call<'_>,
        upload: &mut Upload<'_>,
        source: Option<Endpoint>,
        from: &BlobSource<'_>,
    ) -> Result<Session, RegistryError> {
        if let Some(source) = source {
            let scopes = push_scopes(call.endpoint, Some(&source));
            match self.begin(&Call { scopes, ..*call }, upload, Some(&source)) {
                Ok(Session::At(session)) => {
                    (from.bring)(call.progress)?;
                    return Ok(Session::At(session));
                }
                Ok(Session::Mounted) => return Ok(Session::Mounted),
                // Who may not read there uploads.
                Err(_) if !call.progress.is_cancelled() => {}
                Err(error) => return Err(error),
            }
        }
        // Before an upload is begun, which does not wait for ever.
        (from.bring)(call.progress)?;
        self.begin(call, upload, None)
    }

    fn has_blob(&self, call: &Call<'_>, digest: &Digest) -> Result<bool, RegistryError> {
        let rest = format!("blobs/{digest}");
        let asked = self.request(call, &|link| {
            let address = call.endpoint.address(link, &rest);
            Ask::new(Method::HEAD, address)
        });
        match asked {
            Ok(_) => Ok(true),
            Err(RegistryError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn begin(
        &self,
        call: &Call<'_>,
        upload: &mut Upload<'_>,
        source: Option<&Endpoint>,
    ) -> Result<Session, RegistryError> {
        let make = |link| {
            let mut address = call.endpoint.address(link, "blobs/uploads/");
            if let Some(source) = source {
                address = uri::with_query(&address, "mount", &upload.blob.digest.to_string());
                address = uri::with_query(&address, "from", &source.repository);
            }
            Ask::new(Method::POST, address)
        };
        let reply = self.request(call, &make)?;
        if reply.status == 201 && source.is_some() {
            return Ok(Session::Mounted);
        }
        let session = location(call, &reply)?;
        upload.begin_at(&session);
        Ok(Session::At(session))
    }
}

enum Session {
    Mounted,
    At(Uri),
}

/// What is wrong, if it may be better next time.
fn passing(error: &RegistryError) -> Option<String> {
    if let RegistryError::Unreachable { detail, .. } = error {
        return Some(detail.clone());
    }
    let RegistryError::Status { status, .. } = error else { return None };
    retry::is_passing(*status).then(|| format!("it answered {status}"))
}

fn push_scopes(endpoint: &Endpoint, source: Option<&Endpoint>) -> Scopes {
    let mut scopes = vec![format!("repository:{}:pull,push", endpoint.repository)];
    scopes.extend(source.map(|source| format!("repository:{}:pull", source.repository)));
    scopes
}
