//! [`Stream`]: bytes that may take several answers, for what broke off goes on where it stopped. So come the blobs of
//! registries and the files behind URLs.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::Client;
use crate::error::RegistryError;
use crate::progress::Progress;
use crate::transport::{Failure, FailureKind, Reply};

/// So much must pass between two breaks for the second to count as the first.
pub(super) const HEADWAY: u64 = 64 << 10;
/// What comes with fewer bytes a second has fallen silent.
const SLOWEST: u64 = 1 << 10;

/// Bytes on their way into a sink.
pub(super) struct Stream<'a> {
    /// Takes them.
    pub(super) sink: &'a mut dyn Write,
    /// How many it has.
    pub(super) have: u64,
    /// How many there are, if that is known.
    pub(super) size: Option<u64>,
    /// More are refused.
    pub(super) limit: u64,
    /// Whether the rest can be asked for, should they break off.
    pub(super) can_go_on: bool,
    /// How long they may be silent.
    pub(super) stall: Duration,
    /// Is told how many there are already.
    pub(super) advanced: &'a dyn Fn(u64),
    /// May stop them.
    pub(super) progress: &'a dyn Progress,
}

/// Why no more are taken.
pub(super) enum Stop {
    /// Somebody wants it so.
    Cancelled,
    /// There are so many at least.
    TooMany(u64),
    /// The sink does not take them.
    Sink(io::Error),
    /// They broke off, and too often.
    Broken(Failure),
    /// What is left cannot be had.
    Refused(RegistryError),
}

impl Client {
    /// Takes all bytes. `ask` asks for those that are not here yet, and says where its answer begins.
    pub(super) fn stream(
        &self,
        stream: &mut Stream<'_>,
        (what, attempts): (&str, u32),
        mut ask: impl FnMut(&mut Stream<'_>) -> Result<(Reply, u64), RegistryError>,
    ) -> Result<(), Stop> {
        let mut breaks = 0;
        loop {
            let (reply, start) = ask(stream).map_err(Stop::Refused)?;
            let before = stream.have;
            let Some(failure) = stream.take(reply, start)? else { return Ok(()) };
            if stream.progress.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            if stream.have - before >= HEADWAY {
                breaks = 0;
            }
            breaks += 1;
            if breaks >= attempts || (stream.have > 0 && !stream.can_go_on) {
                return Err(Stop::Broken(failure));
            }
            stream.progress.retrying(what, &failure.detail);
            self.wait(stream.progress, breaks, None).map_err(Stop::Refused)?;
        }
    }
}

impl Stream<'_> {
    /// Takes what an answer brings that begins at `start`; `Some` if it broke off.
    fn take(&mut self, reply: Reply, start: u64) -> Result<Option<Failure>, Stop> {
        // A server without ranges sends again what is here already.
        let mut skip = self.have.saturating_sub(start);
        let mut reader = reply.into_reader();
        let mut buffer = vec![0; 128 << 10];
        let (mut since, mut received) = (Instant::now(), 0);
        loop {
            if self.progress.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let is_whole = self.size.is_none_or(|size| self.have == size);
            let count = match reader.read(&mut buffer) {
                Ok(0) if is_whole => return Ok(None),
                Ok(0) => {
                    let detail = "the connection broke".to_owned();
                    return Ok(Some(Failure { kind: FailureKind::Broken, detail }));
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // All is here; how the connection ends does not matter.
                Err(_) if is_whole && self.size.is_some() => return Ok(None),
                Err(error) => return Ok(Some(Failure::from(error))),
            };
            received += count as u64;
            if since.elapsed() >= self.stall {
                if received < SLOWEST * self.stall.as_secs() {
                    let detail = "it sent next to nothing".to_owned();
                    return Ok(Some(Failure { kind: FailureKind::Silent, detail }));
                }
                (since, received) = (Instant::now(), 0);
            }
            let skipped = (skip as usize).min(count);
            skip -= skipped as u64;
            let fresh = &buffer[skipped..count];
            let have = self.have + fresh.len() as u64;
            if have > self.limit {
                return Err(Stop::TooMany(have));
            }
            self.sink.write_all(fresh).map_err(Stop::Sink)?;
            self.have = have;
            (self.advanced)(have);
        }
    }
}

/// Where in the whole an answer begins.
pub(super) fn start_of(reply: &Reply) -> u64 {
    let range = (reply.status == 206).then(|| reply.text_header("content-range")).flatten();
    let start =
        range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    start.unwrap_or(0)
}
