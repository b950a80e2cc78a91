//! Blobs: streamed, resumed where they broke off, checked, several at a time.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use oci::{Descriptor, Digest, Reference};
use store::{BlobWriter, Store, StoreError};
use ureq::http::header;

use super::resolve::{RemoteImage, nonsense, pull_scope};
use super::stream::{Stop, Stream, start_of};
use super::{Call, Client, failed};
use crate::endpoint::Endpoint;
use crate::error::RegistryError;
use crate::progress::Progress;
use crate::transport::Ask;

/// So many blobs of one image, fetched and checked, wait for the others before they go into the store.
const WAITING: usize = 128;

/// Takes a blob and tells what it was.
pub(crate) trait Sink: Write {
    /// Ends it; an error if it has another digest.
    fn finish(self, host: &str, digest: &Digest) -> Result<(), RegistryError>;
}

impl Sink for BlobWriter<'_> {
    fn finish(self, host: &str, digest: &Digest) -> Result<(), RegistryError> {
        match BlobWriter::finish(self, Some(digest)) {
            Ok(_) => Ok(()),
            Err(StoreError::Digest { expected, found, .. }) => {
                Err(wrong_digest(host, expected, found))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A blob of an image whose other blobs are not all here yet.
struct Checked<'a, 'b> {
    writer: BlobWriter<'a>,
    done: &'b Mutex<Vec<(BlobWriter<'a>, Digest)>>,
}

impl Write for Checked<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Sink for Checked<'_, '_> {
    fn finish(self, host: &str, digest: &Digest) -> Result<(), RegistryError> {
        let found = self.writer.digest();
        if found != *digest {
            return Err(wrong_digest(host, *digest, found));
        }
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push((self.writer, found));
        Ok(())
    }
}

fn wrong_digest(host: &str, expected: Digest, found: Digest) -> RegistryError {
    let (host, what) = (host.to_owned(), format!("blob {}", expected.short()));
    RegistryError::WrongDigest { host, what, expected, found }
}

impl Client {
    /// Fetches the config and the layers of an image into the store, those that are not there yet.
    ///
    /// # Errors
    /// The first that cannot be had; the others are stopped.
    pub fn fetch_image(
        &self,
        image: &RemoteImage,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<(), RegistryError> {
        self.fetch_blobs(&image.reference, &image.manifest.layers, store, progress)?;
        store.put_blob(&image.config_bytes)?;
        Ok(())
    }

    /// Fetches blobs into the store, several at a time, those that are not there yet. If one turns out to be wrong, none of
    /// the others stays; if the connection is lost, what has come is kept for the next time.
    ///
    /// # Errors
    /// The first that cannot be had; the others are stopped.
    pub fn fetch_blobs(
        &self,
        reference: &Reference,
        blobs: &[Descriptor],
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<(), RegistryError> {
        let done: Mutex<Vec<(BlobWriter<'_>, Digest)>> = Mutex::default();
        let all_done = |most: usize| {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            let ready = if done.len() > most { std::mem::take(&mut *done) } else { Vec::new() };
            drop(done);
            ready.into_iter().try_for_each(|(writer, digest)| {
                writer.finish(Some(&digest)).map(drop).map_err(RegistryError::from)
            })
        };
        let limit = self.config.limits.downloads;
        let fetched = self.in_parallel(blobs, limit, progress, |blob, progress| {
            progress.started(&blob.digest, blob.size);
            if store.has_blob(&blob.digest) {
                progress.finished(&blob.digest, true);
                return Ok(());
            }
            let begin = || Ok(Checked { writer: store.blob_writer()?, done: &done });
            self.fetch_with(reference, blob, progress, begin)?;
            progress.finished(&blob.digest, false);
            all_done(WAITING)
        });
        match &fetched {
            Err(error) if !error.is_unavailable() && !matches!(error, RegistryError::Cancelled) => {
            }
            Ok(()) | Err(_) => all_done(0)?,
        }
        fetched
    }

    /// Fetches a blob into the store, if it is not there yet.
    ///
    /// # Errors
    /// If it cannot be had, or is not what its digest says.
    pub fn fetch_blob(
        &self,
        reference: &Reference,
        blob: &Descriptor,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<(), RegistryError> {
        progress.started(&blob.digest, blob.size);
        if store.has_blob(&blob.digest) {
            progress.finished(&blob.digest, true);
            return Ok(());
        }
        self.fetch_with(reference, blob, progress, || Ok(store.blob_writer()?))?;
        progress.finished(&blob.digest, false);
        Ok(())
    }

    /// Fetches a blob from the first host that has it; each begins with a new sink.
    pub(crate) fn fetch_with<S: Sink>(
        &self,
        reference: &Reference,
        blob: &Descriptor,
        progress: &dyn Progress,
        begin: impl Fn() -> Result<S, RegistryError>,
    ) -> Result<(), RegistryError> {
        let what = format!("blob {} of {}", blob.digest.short(), reference.familiar());
        self.with_endpoints(Endpoint::for_blob(reference, &self.config)?, progress, |endpoint| {
            let call = self.call(endpoint, pull_scope(endpoint), &what, progress);
            let mut sink = begin()?;
            self.download(&call, blob, &mut sink)?;
            sink.finish(&endpoint.name, &blob.digest)
        })
    }

    /// Streams a blob from one host. Just as many bytes as expected are written, but their digest is not checked.
    pub(super) fn download(
        &self,
        call: &Call<'_>,
        blob: &Descriptor,
        sink: &mut dyn Write,
    ) -> Result<(), RegistryError> {
        let rest = format!("blobs/{}", blob.digest);
        let wrong_size = |found| RegistryError::WrongSize {
            host: call.endpoint.name.clone(),
            what: call.what.to_owned(),
            expected: blob.size,
            found,
        };
        let mut stream = Stream {
            sink,
            have: 0,
            size: Some(blob.size),
            limit: blob.size,
            can_go_on: true,
            stall: call.stall,
            advanced: &|have| call.progress.advanced(&blob.digest, have),
            progress: call.progress,
        };
        let taken = self.stream(&mut stream, (call.what, call.attempts), |stream| {
            let reply = self.request(call, &|link| {
                let ask = Ask::get(call.endpoint.address(link, &rest));
                match stream.have {
                    0 => ask,
                    have => ask.with(header::RANGE, format!("bytes={have}-")),
                }
            })?;
            let coding = reply.text_header("content-encoding").filter(|it| *it != "identity");
            if let Some(coding) = coding {
                let detail = format!("it is packed as `{coding}`, which nobody asked for");
                return Err(nonsense(call, detail));
            }
            let start = start_of(&reply);
            if start > stream.have {
                return Err(wrong_size(start));
            }
            match reply.length().map(|length| start.saturating_add(length)) {
                Some(found) if found != blob.size => Err(wrong_size(found)),
                Some(_) | None => Ok((reply, start)),
            }
        });
        taken.map_err(|stop| match stop {
            Stop::Cancelled => RegistryError::Cancelled,
            Stop::TooMany(found) => wrong_size(found),
            Stop::Sink(source) => RegistryError::Write { digest: blob.digest, source },
            Stop::Broken(failure) => failed(call, failure),
            Stop::Refused(error) => error,
        })
    }

    /// Does something with each blob, several at a time; the first error stops the others.
    pub(crate) fn in_parallel(
        &self,
        blobs: &[Descriptor],
        limit: usize,
        progress: &dyn Progress,
        work: impl Fn(&Descriptor, &dyn Progress) -> Result<(), RegistryError> + Sync,
    ) -> Result<(), RegistryError> {
        let mut known = BTreeSet::new();
        let unique: Vec<_> = blobs.iter().filter(|blob| known.insert(blob.digest)).collect();
        let threads = limit.clamp(1, unique.len().max(1));
        let queue: Mutex<VecDeque<&Descriptor>> = Mutex::new(unique.into());
        let first_error = Mutex::new(None);
        let stopping = Stopping { inner: progress, stop: AtomicBool::new(false) };
        let worker = || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(blob) = next.filter(|_| !stopping.is_cancelled()) else { return };
                if let Err(error) = work(blob, &stopping) {
                    stopping.stop.store(true, Ordering::Relaxed);
                    let mut first = first_error.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(worker);
            }
            worker();
        });
        let first = first_error.into_inner().unwrap_or_else(PoisonError::into_inner);
        match first {
            Some(error) => Err(error),
            None if progress.is_cancelled() => Err(RegistryError::Cancelled),
            None => Ok(()),
        }
    }
}

/// Cancels what is left when one of many fails.
struct Stopping<'a> {
    inner: &'a dyn Progress,
    stop: AtomicBool,
}

impl Progress for Stopping<'_> {
    fn started(&self, digest: &Digest, size: u64) {
        self.inner.started(digest, size);
    }

    fn advanced(&self, digest: &Digest, bytes: u64) {
        self.inner.advanced(digest, bytes);
    }

    fn finished(&self, digest: &Digest, already_there: bool) {
        self.inner.finished(digest, already_there);
    }

    fn retrying(&self, what: &str, why: &str) {
        self.inner.retrying(what, why);
    }

    fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.inner.is_cancelled()
    }
}
