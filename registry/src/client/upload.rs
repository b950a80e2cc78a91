//! [`Upload`]: a blob on its way to a registry. What breaks off goes on where the registry says that it got to.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use oci::{Descriptor, Digest};
use ureq::http::{Method, Uri, header};

use super::stream::HEADWAY;
use super::{Call, Client, refusal};
use crate::error::RegistryError;
use crate::transport::{Ask, Payload, Reply};
use crate::uri;

/// How long a registry may think about a blob that it has got.
const DIGESTION: Duration = Duration::from_secs(600);
/// The size of a piece, for registries that do not take a blob whole, and for what is left of one that broke off.
const CHUNK: u64 = 16 << 20;
/// So often may it go on for nothing before it begins anew.
const IN_VAIN: u32 = 2;

/// A blob on its way to a registry.
pub(super) struct Upload<'a> {
    pub(super) blob: &'a Descriptor,
    open: &'a (dyn Fn() -> io::Result<File> + Sync),
    /// Where it went last.
    session: Option<Uri>,
    /// How many bytes the session may have got: none that are farther behind were sent.
    sent: Cell<u64>,
    /// How many bytes the registry had when it was asked; 0 in a new session.
    start: u64,
    /// The farthest that a registry ever was.
    farthest: u64,
    /// How often it went on and the registry got nothing more.
    in_vain: u32,
    /// Whether the registry is asked how far it got.
    is_trusted: bool,
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        blob: &'a Descriptor,
        open: &'a (dyn Fn() -> io::Result<File> + Sync),
    ) -> Upload<'a> {
        let (session, sent) = (None, Cell::new(0));
        Upload { blob, open, session, sent, start: 0, farthest: 0, in_vain: 0, is_trusted: true }
    }

    /// Begins at the first byte.
    pub(super) fn begin_at(&mut self, session: &Uri) {
        self.session = Some(session.clone());
        self.sent.set(0);
        self.start = 0;
    }

    /// Whether the registry may have all bytes.
    pub(super) fn is_sent(&self) -> bool {
        self.session.is_some() && self.sent.get() == self.blob.size
    }

    /// Whether it was going on when it failed, and may do better from its first byte: then it is not gone on with again.
    pub(super) fn gives_up_going_on(&mut self) -> bool {
        let was_going_on = self.start > 0;
        self.is_trusted &= !was_going_on;
        was_going_on
    }

    /// Whether the registry has so much more than ever before that this try is a first one.
    pub(super) fn has_headway(&mut self) -> bool {
        let has_headway = self.start >= self.farthest + HEADWAY;
        self.farthest = self.farthest.max(self.start);
        has_headway
    }

    /// The bytes from `from` on, `length` of them.
    fn piece<'b>(
        &'b self,
        call: &'b Call<'_>,
        from: u64,
        length: u64,
    ) -> io::Result<Box<dyn Read + 'b>> {
        let mut file = (self.open)()?;
        file.seek(SeekFrom::Start(from))?;
        let counting =
            Counting { file, at: from, sent: &self.sent, digest: self.blob.digest, call };
        Ok(Box::new(counting.take(length)))
    }
}

impl Client {
    /// Asks how far an upload got that broke off, and where it goes on. `None` if the registry does not say so, or cannot be
    /// believed: it must begin anew.
    pub(super) fn goes_on(&self, call: &Call<'_>, upload: &mut Upload<'_>) -> Option<Uri> {
        let session = upload.session.as_ref()?;
        if !upload.is_trusted || upload.sent.get() == 0 {
            return None;
        }
        let reply = self.request(call, &|_| Ask::get(session.to_string())).ok()?;
        let had = reply.text_header("range").and_then(bytes_of);
        let had = had.filter(|had| *had <= upload.sent.get())?;
        if upload.start > 0 {
            upload.in_vain = if had > upload.start { 0 } else { upload.in_vain + 1 };
        }
        if upload.in_vain >= IN_VAIN {
            upload.is_trusted = false;
            return None;
        }
        // Who names no other place means this one.
        let next = location(call, &reply).unwrap_or_else(|_| session.clone());
        upload.session = Some(next.clone());
        upload.start = had;
        Some(next)
    }

    /// Sends what the registry does not have: a blob whole, but in pieces if the registry does not take it whole or has a
    /// part of it.
    pub(super) fn send(
        &self,
        call: &Call<'_>,
        upload: &mut Upload<'_>,
        session: &Uri,
    ) -> Result<(), RegistryError> {
        let once = Call { attempts: 1, scopes: call.scopes.clone(), ..*call };
        if upload.start > 0 {
            return self.send_pieces(&once, upload, session);
        }
        let size = upload.blob.size;
        let whole = || upload.piece(&once, 0, size);
        let reply = self.ask(&once, &|_| {
            closing(session, upload.blob)
                .with(header::CONTENT_TYPE, "application/octet-stream")
                .carrying(Payload::Stream { length: size, open: &whole })
        })?;
        match reply.status {
            200..=299 => Ok(()),
            405 | 411 | 413 => self.send_pieces(&once, upload, session),
            _ => Err(refusal(call, reply)),
        }
    }

    fn send_pieces(
        &self,
        once: &Call<'_>,
        upload: &mut Upload<'_>,
        session: &Uri,
    ) -> Result<(), RegistryError> {
        let (mut session, mut start) = (session.clone(), upload.start);
        while start < upload.blob.size {
            let length = CHUNK.min(upload.blob.size - start);
            let piece = || upload.piece(once, start, length);
            let reply = self.request(once, &|_| Ask {
                stall: Some(DIGESTION),
                ..Ask::new(Method::PATCH, session.to_string())
                    .with(header::CONTENT_TYPE, "application/octet-stream")
                    .with(header::CONTENT_RANGE, format!("{start}-{}", start + length - 1))
                    .carrying(Payload::Stream { length, open: &piece })
            })?;
            session = location(once, &reply)?;
            upload.session = Some(session.clone());
            start += length;
        }
        self.request(once, &|_| closing(&session, upload.blob)).map(drop)
    }
}

/// Ends an upload.
fn closing<'a>(session: &Uri, blob: &Descriptor) -> Ask<'a> {
    let address = uri::with_query(&session.to_string(), "digest", &blob.digest.to_string());
    Ask { stall: Some(DIGESTION), ..Ask::new(Method::PUT, address) }
}

/// How many bytes a `Range` speaks of; `None` if it is none that begins at the first, or if it may mean that there are none.
fn bytes_of(range: &str) -> Option<u64> {
    let range = range.trim();
    let last = range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?;
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    // Registries write `0-0` for nothing, too.
    let last: u64 = last.parse().ok().filter(|last| is_number && *last > 0)?;
    last.checked_add(1)
}

/// Tells how far a file was read.
struct Counting<'a> {
    file: File,
    /// Where the next byte stands.
    at: u64,
    /// The farthest that was read.
    sent: &'a Cell<u64>,
    digest: Digest,
    call: &'a Call<'a>,
}

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.call.progress.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let count = self.file.read(buffer)?;
        self.at += count as u64;
        self.sent.set(self.sent.get().max(self.at));
        self.call.progress.advanced(&self.digest, self.at);
        Ok(count)
    }
}

pub(super) fn location(call: &Call<'_>, reply: &Reply) -> Result<Uri, RegistryError> {
    let text = reply.text_header("location").unwrap_or_default();
    let found = Some(text).filter(|text| !text.is_empty());
    found.and_then(|text| uri::join(&reply.address, text)).ok_or_else(|| RegistryError::Protocol {
        host: call.endpoint.name.clone(),
        what: call.what.to_owned(),
        detail: "it does not say where to upload".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_make_no_sense_are_none() {
        for (range, expected) in [
            ("0-9", Some(10)),
            ("bytes=0-9", Some(10)),
            (" 0-65535 ", Some(65536)),
            ("0-0", None),
            ("1-9", None),
            ("0-", None),
            ("0--9", None),
            ("0-+9", None),
            ("0-9/10", None),
            ("bytes 0-9", None),
            ("", None),
            ("0-18446744073709551615", None),
            ("0-99999999999999999999", None),
        ] {
            assert_eq!(bytes_of(range), expected, "{range}");
        }
    }
}
