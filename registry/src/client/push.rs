//! Pushing: blobs that the registry does not have, then the manifests.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use oci::{Descriptor, Digest, Reference};
use store::Store;
use ureq::http::{Method, Uri, header};

use super::{Call, Client, refusal};
use crate::auth::Scopes;
use crate::endpoint::Endpoint;
use crate::error::RegistryError;
use crate::progress::Progress;
use crate::retry;
use crate::transport::{Ask, Payload, Reply};
use crate::uri;

/// How long a registry may think about a blob that it has got.
const DIGESTION: Duration = Duration::from_secs(600);
/// The size of a piece, for registries that do not take a blob whole.
const CHUNK: u64 = 16 << 20;

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
        let mut attempt = 0;
        loop {
            let with_mount = source.take();
            if with_mount.is_none() {
                // Before an upload is begun, which does not wait for ever.
                (from.bring)(progress)?;
            }
            let scopes = push_scopes(&endpoint, with_mount.as_ref());
            let call = Call { scopes, ..self.call(&endpoint, Scopes::new(), &what, progress) };
            let session = match self.begin(&call, blob, with_mount.as_ref()) {
                Ok(Session::Mounted) => {
                    progress.finished(&blob.digest, true);
                    return Ok(());
                }
                Ok(Session::At(address)) => address,
                // Who may not read there uploads.
                Err(_) if with_mount.is_some() && !progress.is_cancelled() => continue,
                Err(error) => return Err(error),
            };
            let why = match self.upload(&call, blob, &session, from.open) {
                Ok(()) => {
                    progress.finished(&blob.digest, false);
                    return Ok(());
                }
                Err(_) if progress.is_cancelled() => return Err(RegistryError::Cancelled),
                Err(error) if attempt + 1 >= call.attempts => return Err(error),
                Err(RegistryError::Unreachable { detail, .. }) => detail,
                Err(RegistryError::Status { status, .. }) if retry::is_passing(status) => {
                    format!("it answered {status}")
                }
                Err(error) => return Err(error),
            };
            attempt += 1;
            progress.retrying(&what, &why);
            self.wait(progress, attempt, None)?;
        }
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

    /// Opens an upload, or has the blob mounted.
    fn begin(
        &self,
        call: &Call<'_>,
        blob: &Descriptor,
        source: Option<&Endpoint>,
    ) -> Result<Session, RegistryError> {
        let make = |link| {
            let mut address = call.endpoint.address(link, "blobs/uploads/");
            if let Some(source) = source {
                address = uri::with_query(&address, "mount", &blob.digest.to_string());
                address = uri::with_query(&address, "from", &source.repository);
            }
            Ask::new(Method::POST, address)
        };
        let reply = self.request(call, &make)?;
        match (reply.status, source) {
            (201, Some(_)) => Ok(Session::Mounted),
            _ => Ok(Session::At(location(call, &reply)?)),
        }
    }

    /// Sends a blob whole; in pieces if the registry does not take it whole.
    fn upload(
        &self,
        call: &Call<'_>,
        blob: &Descriptor,
        session: &Uri,
        open: &(dyn Fn() -> io::Result<File> + Sync),
    ) -> Result<(), RegistryError> {
        let once = Call { attempts: 1, scopes: call.scopes.clone(), ..*call };
        let count =
            |base: u64, file| Counting { file, base, count: 0, digest: blob.digest, call: &once };
        let whole = || -> io::Result<Box<dyn Read + '_>> { Ok(Box::new(count(0, open()?))) };
        let address = uri::with_query(&session.to_string(), "digest", &blob.digest.to_string());
        let reply = self.ask(&once, &|_| Ask {
            stall: Some(DIGESTION),
            ..Ask::new(Method::PUT, address.clone())
                .with(header::CONTENT_TYPE, "application/octet-stream")
                .carrying(Payload::Stream { length: blob.size, open: &whole })
        })?;
        match reply.status {
            200..=299 => return Ok(()),
            405 | 411 | 413 => {}
            _ => return Err(refusal(call, reply)),
        }
        let mut session = session.clone();
        let mut start = 0;
        while start < blob.size {
            let length = CHUNK.min(blob.size - start);
            let piece = || -> io::Result<Box<dyn Read + '_>> {
                let mut file = open()?;
                file.seek(SeekFrom::Start(start))?;
                Ok(Box::new(count(start, file).take(length)))
            };
            let reply = self.request(&once, &|_| Ask {
                stall: Some(DIGESTION),
                ..Ask::new(Method::PATCH, session.to_string())
                    .with(header::CONTENT_TYPE, "application/octet-stream")
                    .with(header::CONTENT_RANGE, format!("{start}-{}", start + length - 1))
                    .carrying(Payload::Stream { length, open: &piece })
            })?;
            session = location(call, &reply)?;
            start += length;
        }
        let address = uri::with_query(&session.to_string(), "digest", &blob.digest.to_string());
        self.request(&once, &|_| Ask {
            stall: Some(DIGESTION),
            ..Ask::new(Method::PUT, address.clone())
        })?;
        Ok(())
    }
}

enum Session {
    Mounted,
    At(Uri),
}

/// Tells how far a file was read.
struct Counting<'a> {
    file: File,
    base: u64,
    count: u64,
    digest: Digest,
    call: &'a Call<'a>,
}

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.call.progress.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let count = self.file.read(buffer)?;
        self.count += count as u64;
        self.call.progress.advanced(&self.digest, self.base + self.count);
        Ok(count)
    }
}

fn location(call: &Call<'_>, reply: &Reply) -> Result<Uri, RegistryError> {
    let text = reply.text_header("location").unwrap_or_default();
    let found = Some(text).filter(|text| !text.is_empty());
    found.and_then(|text| uri::join(&reply.address, text)).ok_or_else(|| RegistryError::Protocol {
        host: call.endpoint.name.clone(),
        what: call.what.to_owned(),
        detail: "it does not say where to upload".to_owned(),
    })
}

fn push_scopes(endpoint: &Endpoint, source: Option<&Endpoint>) -> Scopes {
    let mut scopes = vec![format!("repository:{}:pull,push", endpoint.repository)];
    scopes.extend(source.map(|source| format!("repository:{}:pull", source.repository)));
    scopes
}
