//! A download for ADD: a tree with one file.
//!
//! The server is asked every time, with what tells it which content is known; if that is still right, nothing comes over
//! the wire. A download with a checksum that was made before is not asked for at all.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use compiler::op::HttpSource;
use compiler::reason::MissReason;
use compiler::{Role, StepId};
use oci::Digest;
use sha2::{Digest as _, Sha256};
use store::{Entry, FileDigest, Kind, Meanwhile, Mtime, TreeDigest};

use crate::cache::preimage::Preimage;
use crate::cache::{InputKey, Lookup, Ran};
use crate::content::Content;
use crate::draft::Draft;
use crate::env::{Download, DownloadSink, Downloaded};
use crate::error::Cause;
use crate::op::source::git::program::basic;
use crate::op::source::{at_hand, offline};
use crate::run::{Cx, Made, NewLayer, Outcome};
use crate::snapshot::{Layer, Snapshot};
use crate::status::Event;
use crate::verdict::Verdict;

/// The component of a record's pre-image that the server is asked with next time.
const VALIDATOR: &str = "validator";

/// Downloads the file, unless it is known to be the same.
///
/// # Errors
/// It cannot be had, or is not what its checksum says.
pub(super) fn run(cx: &Cx<'_>, id: StepId, source: &HttpSource) -> Result<Outcome, Cause> {
    let clock = Instant::now();
    let lookup = cx.lookup(id);
    let store = cx.env.store;
    let ignore = cx.graph.step(id).ignore_cache;
    let known = if ignore { None } else { lookup.last(store)? };
    if let (Some(layers), Some(_)) = (&known, &source.checksum) {
        return Ok(cached(layers.clone()));
    }
    if cx.env.downloads.is_offline() {
        return offline(cx, id, &source.url, known);
    }
    let validator = match &known {
        Some(_) => lookup.last_part(store, VALIDATOR)?,
        None => None,
    };
    let verdict = Verdict::Miss(vec![match ignore {
        true => MissReason::CacheIgnored,
        false => MissReason::NeverBuilt,
    }]);
    cx.tell(Event::Running { step: id, verdict: verdict.clone() });
    let authorization = authorization(cx, source)?;
    let folder = store.new_folder()?;
    let path = folder.path().join("download");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(&path);
    let mut sink = Sink {
        cx,
        step: id,
        file: file.map_err(|source| Cause::Io { path, source })?,
        blake3: blake3::Hasher::new(),
        sha256: source.checksum.map(|_| Sha256::new()),
        size: 0,
        total: None,
    };
    let ask = Download {
        url: &source.url,
        validator: validator.as_deref(),
        authorization: authorization.as_deref(),
        limit: MAX_DOWNLOAD,
    };
    let got = cx.env.downloads.get(&ask, &mut sink);
    cx.check()?;
    let got = got?;
    if sink.size >= TELL_EVERY {
        let (what, done) = ("downloading".to_owned(), sink.size);
        cx.tell(Event::Progress { step: id, what, done, total: Some(done) });
    }
    if got.not_modified
        && let Some(layers) = known
    {
        return Ok(cached(layers));
    }
    let took = clock.elapsed();
    let layer = keep(id, source, &lookup, sink, &got, took)?;
    Ok(Outcome {
        made: Made::Layers(Snapshot { layers: vec![layer] }),
        layers: vec![layer],
        verdict,
        fresh: None,
    })
}

fn cached(layers: Vec<Layer>) -> Outcome {
    at_hand(Made::Layers(Snapshot { layers: layers.clone() }), layers)
}

fn keep(
    id: StepId,
    source: &HttpSource,
    lookup: &Lookup,
    sink: Sink<'_, '_>,
    got: &Downloaded,
    duration: Duration,
) -> Result<Layer, Cause> {
    let cx = sink.cx;
    if let (Some(expected), Some(sha256)) = (source.checksum, sink.sha256) {
        let found = Digest::from_bytes(sha256.finalize().into());
        if found != expected {
            return Err(Cause::file(format!("digest mismatch {found}: {expected}")));
        }
    }
    let digest = FileDigest(*sink.blake3.finalize().as_bytes());
    let entry = Entry {
        path: source.file_name.clone().into_bytes(),
        kind: Kind::File { size: sink.size, digest },
        mode: 0o600,
        uid: 0,
        gid: 0,
        mtime: Mtime { secs: got.last_modified.unwrap_or(0), nanos: 0 },
        xattrs: Vec::new(),
    };
    let mut draft = Draft::new(None, cx.now());
    let content = Content::Part { file: Arc::new(sink.file), offset: 0, size: sink.size };
    draft.put(entry, Some(content));
    let (index, contents) = draft.finish()?;
    let created = cx.now().secs;
    let layer = cx.keep(id, lookup, NewLayer::Sourced(index, contents), created)?;
    let content = lookup.definition.over(&[InputKey::whole(Role::Base, id, &digest.0)]);
    let mut preimage = Preimage::new(&lookup.definition, &content);
    if let Some(validator) = &got.validator {
        preimage.add(VALIDATOR, validator);
    }
    let ran =
        Ran { result: TreeDigest(layer.digest), layer: layer.id, duration, started: layer.created };
    let like = Meanwhile::Result;
    Ok(lookup.record(cx.env.store, &[content.key()], &preimage, &ran, like)?.layer())
}

/// Who asks: as the secrets for the host say, else as the address does.
fn authorization(cx: &Cx<'_>, source: &HttpSource) -> Result<Option<String>, Cause> {
    let host = source.url.host();
    let secret = |name: String| -> Result<Option<String>, Cause> {
        let value = cx.env.secrets.secret(&name)?;
        Ok(value.map(|value| String::from_utf8_lossy(&value).trim().to_owned()))
    };
    if let Some(token) = secret(format!("HTTP_AUTH_TOKEN_{host}"))? {
        return Ok(Some(format!("Bearer {token}")));
    }
    if let Some(header) = secret(format!("HTTP_AUTH_HEADER_{host}"))? {
        return Ok(Some(header));
    }
    Ok(source.url.credentials().map(|(name, password)| basic(&name, &password)))
}

/// Takes the bytes, digesting them on the way.
struct Sink<'a, 'b> {
    cx: &'a Cx<'b>,
    step: StepId,
    file: std::fs::File,
    blake3: blake3::Hasher,
    sha256: Option<Sha256>,
    size: u64,
    total: Option<u64>,
}

impl DownloadSink for Sink<'_, '_> {
    fn begin(&mut self, size: Option<u64>) -> io::Result<()> {
        self.total = size;
        Ok(())
    }
}

/// Larger than this is no file for an image: 64 GiB.
const MAX_DOWNLOAD: u64 = 64 << 30;

/// So often is told how far a download is, in bytes.
const TELL_EVERY: u64 = 1 << 20;

impl Write for Sink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cx.stop.is_cancelled() {
            return Err(io::Error::other("the build was stopped"));
        }
        let written = self.file.write(bytes)?;
        self.blake3.update(&bytes[..written]);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(&bytes[..written]);
        }
        let before = self.size;
        self.size += written as u64;
        // The end is told when there is nothing more to come.
        let is_end = self.total == Some(self.size);
        if before / TELL_EVERY != self.size / TELL_EVERY && !is_end {
            let (step, what) = (self.step, "downloading".to_owned());
            self.cx.tell(Event::Progress { step, what, done: self.size, total: self.total });
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
