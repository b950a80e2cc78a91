//! An index and its contents to a blob, in one pass: tar, its digest (the diff id), compression, and the blob's digest.

use std::io::{self, Read, Write};

use oci::Digest;
use oci::digest::Sha256Writer;
use oci::manifest::Compression;
use rayon::ThreadPool;

use super::index::{Entry, Kind, LayerIndex, Mtime};
use super::tar::TarWriter;
use crate::compress::Compressor;
use crate::error::{Doing, StoreError};
use crate::source::{ContentSource, Source};

/// Writes the layer's tar, compressed, to `out`; the digest of the plain tar.
pub(crate) fn pack(
    index: &LayerIndex,
    source: &dyn ContentSource,
    (compression, epoch): (Compression, Option<i64>),
    out: &mut dyn Write,
    pool: &ThreadPool,
) -> Result<Digest, StoreError> {
    let doing = || "pack a layer".to_owned();
    let compressor = Compressor::new(out, compression, pool).doing(doing)?;
    // Headers are small: the compressor and the hash get them in bigger pieces.
    let buffered = io::BufWriter::with_capacity(256 << 10, Sha256Writer::new(compressor));
    let buffered = write_tar(index, source, epoch, buffered)?;
    let hashed = buffered.into_inner().map_err(io::IntoInnerError::into_error).doing(doing)?;
    let (compressor, diff_id, _) = hashed.finish();
    compressor.finish().doing(doing)?;
    Ok(diff_id)
}

pub(crate) fn write_tar<W: Write>(
    index: &LayerIndex,
    source: &dyn ContentSource,
    epoch: Option<i64>,
    out: W,
) -> Result<W, StoreError> {
    let mut tar = TarWriter::new(out);
    let mut buffer = vec![0; 256 << 10];
    for (position, entry) in index.entries().iter().enumerate() {
        let doing = || format!("pack `{}`", entry.path.escape_ascii());
        let clamped = clamp(entry, epoch);
        let entry = clamped.as_ref().unwrap_or(entry);
        tar.header(entry).doing(doing)?;
        match &entry.kind {
            Kind::Dir { opaque: true } => tar.opaque(entry).doing(doing)?,
            Kind::File { size, digest } if *size > 0 => {
                let mut content = source.open(position, entry).doing(doing)?;
                let is_watched = matches!(content, Source::Watched(_));
                let mut hasher = (!is_watched).then(blake3::Hasher::new);
                copy_exactly(&mut content, *size, entry, &mut buffer, |bytes| {
                    if let Some(hasher) = &mut hasher {
                        hasher.update(bytes);
                    }
                    tar.inner().write_all(bytes)
                })?;
                // The index was made of the same bytes, so others have come between.
                if hasher.is_some_and(|hasher| *hasher.finalize().as_bytes() != digest.0) {
                    let path = entry.path.escape_ascii().to_string();
                    return Err(StoreError::Changed { path, expected: *size, found: *size });
                }
                tar.pad(*size).doing(doing)?;
            }
            Kind::Dir { opaque: false } | Kind::File { .. } | Kind::Whiteout => {}
            Kind::Hardlink { .. } | Kind::Symlink { .. } => {}
            Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => {}
        }
    }
    tar.finish().doing(|| "pack a layer".to_owned())
}

/// Copies a content that must have the size its entry says.
pub(crate) fn copy_exactly(
    content: &mut dyn Read,
    size: u64,
    entry: &Entry,
    buffer: &mut [u8],
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), StoreError> {
    let doing = |verb: &str| format!("{verb} `{}`", entry.path.escape_ascii());
    let mut found = 0;
    loop {
        let len = match content.read(buffer) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
            other => other.doing(|| doing("read"))?,
        };
        found += len as u64;
        if found > size || (len == 0 && found < size) {
            let path = entry.path.escape_ascii().to_string();
            return Err(StoreError::Changed { path, expected: size, found: found.min(size + 1) });
        }
        if len == 0 {
            return Ok(());
        }
        write(&buffer[..len]).doing(|| doing("write"))?;
    }
}

/// The entry with a time not later than the epoch, if it is later.
fn clamp(entry: &Entry, epoch: Option<i64>) -> Option<Entry> {
    let limit = Mtime { secs: epoch?, nanos: 0 };
    (entry.mtime > limit).then(|| Entry { mtime: limit, ..entry.clone() })
}
