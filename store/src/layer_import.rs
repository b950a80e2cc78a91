//! Blobs to layers, and layers to files: [`Store::import_layer`], [`Store::lay_out`], [`Store::lay_out_chain`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use oci::Digest;
use oci::digest::{Hasher, Sha256Writer};
use oci::manifest::Compression;
use rusqlite::params;

use crate::compress::decompress;
use crate::db::note_unsynced;
use crate::error::{Doing, StoreError, on};
use crate::layer::index::{Entry, Kind, LayerIndex, TreeDigest, parent};
use crate::layer::layout::{OverlayForm, TreeWriter};
use crate::layer::tar::{Limits, TarError};
use crate::layer::unpack::{Whiteouts, unpack};
use crate::layer::view::TreeView;
use crate::layer_record::{LayOut, LayerId, Packed};
use crate::layers::{make_fs, write_skipped};
use crate::source::{ContentSource, FolderSource, Source};
use crate::store::Store;

/// How much is decompressed ahead of the unpacking: eight pieces of this size.
const PIECE: usize = 256 << 10;

impl Store {
    /// Makes a layer of a blob of the store, in one bounded pass that checks the digest of the plain tar. A layer that
    /// is here already is only laid out, if that is wanted.
    pub fn import_layer(
        &self,
        blob: &Digest,
        diff_id: &Digest,
        lay_out: LayOut,
    ) -> Result<LayerId, StoreError> {
        if let Some(id) = self.layer_by_diff_id(diff_id)?
            && self.layer(id)?.result.is_some()
        {
            if lay_out == LayOut::Yes {
                self.lay_out(id)?;
            }
            return Ok(id);
        }
        let size = self.blob_size(blob)?;
        let folder = self.new_folder()?;
        let fs = (lay_out == LayOut::Yes).then(|| folder.fs());
        let unpacked = self.unpack_blob(blob, fs.as_deref())?;
        if unpacked.diff_id != *diff_id {
            return Err(self.other_tar(blob, *diff_id, unpacked.diff_id)?);
        }
        let compression = unpacked.compression;
        let packed = Packed { diff_id: *diff_id, blob: *blob, size, compression, epoch: None };
        let staged = self.stage(unpacked.index)?;
        if let Some(fs) = fs {
            let place = staged.folder().join("fs");
            fs::rename(&fs, &place).doing(|| on("move a layer to", &place))?;
            write_skipped(staged.folder(), &unpacked.skipped)?;
        }
        self.register(staged, Some(diff_id), Some((&packed, "")))
    }

    /// Holds a layer's blob against the digest of its plain tar. A layer that is not here yet is imported on the way, but not
    /// laid out.
    ///
    /// # Errors
    /// It holds something else, unpacks to too much, or is no tar.
    pub fn check_layer(&self, blob: &Digest, diff_id: &Digest) -> Result<LayerId, StoreError> {
        let Some(id) = self.layer_by_diff_id(diff_id)? else {
            return self.import_layer(blob, diff_id, LayOut::No);
        };
        if self.layer(id)?.result.is_none() {
            return self.import_layer(blob, diff_id, LayOut::No);
        }
        let forms = self.true_forms(id)?;
        let same = forms.iter().find(|form| form.diff_id == *diff_id);
        if forms.iter().any(|form| form.blob == *blob && form.diff_id == *diff_id) {
            return Ok(id);
        }
        let size = self.blob_size(blob)?;
        let doing = || format!("read blob {blob}");
        let (compression, stream) = decompress(self.open_blob(blob)?).doing(doing)?;
        let limit = Limits::of_packed(size).content;
        let mut content = Sha256Writer::new(io::sink());
        let read = io::copy(&mut stream.take(limit), &mut content);
        if read.doing(doing).map_err(|error| self.blame(blob, error))? == limit {
            let (what, source) = (format!("layer {blob}"), TarError::TooBig(limit));
            return Err(StoreError::Tar { what, source });
        }
        let (_, found, _) = content.finish();
        if found != *diff_id {
            return Err(self.other_tar(blob, *diff_id, found)?);
        }
        let epoch = same.and_then(|form| form.epoch);
        let packed = Packed { diff_id: *diff_id, blob: *blob, size, compression, epoch };
        self.put_packed(id, &packed, "")?;
        Ok(id)
    }

    /// What is to be said of a blob that holds another tar than was said.
    fn other_tar(
        &self,
        blob: &Digest,
        expected: Digest,
        found: Digest,
    ) -> Result<StoreError, StoreError> {
        self.check_blob(blob)?;
        let what = format!("the tar in blob {blob}");
        Ok(StoreError::Digest { what, expected, found })
    }

    /// As [`Store::import_layer`], for a layer that a step made on another machine: it must make the tree that was said, and
    /// is from then on as if it had been made here, no later than `epoch`.
    pub fn import_step_layer(
        &self,
        blob: &Digest,
        (diff_id, result, epoch): (&Digest, &TreeDigest, Option<i64>),
        lay_out: LayOut,
    ) -> Result<LayerId, StoreError> {
        let id = self.import_layer(blob, diff_id, lay_out)?;
        if self.layer(id)?.result != Some(*result) {
            return Err(StoreError::OtherTree { diff_id: *diff_id });
        }
        self.db.write("note a layer", |db| {
            let doing = || "note a layer".to_owned();
            let sql = "UPDATE packed SET epoch = ?3 WHERE layer = ?1 AND blob = ?2 AND packer = ''";
            db.execute(sql, params![id.0, blob.as_bytes(), epoch]).doing(doing)?;
            let sql = "UPDATE layer SET diff_id = NULL WHERE id = ?1 AND diff_id = ?2";
            db.execute(sql, params![id.0, diff_id.as_bytes()]).doing(doing)?;
            Ok(())
        })?;
        Ok(id)
    }

    /// The layer's files (`layers/ID/fs`), laid out if they are not yet.
    pub fn lay_out(&self, id: LayerId) -> Result<PathBuf, StoreError> {
        let place = self.layer_folder(id).join("fs");
        if place.is_dir() {
            self.check_sizes(id, &place)?;
            return Ok(place);
        }
        let index = self.index(id)?;
        let _lock = self.lock_layer(id)?;
        if place.is_dir() {
            return Ok(place);
        }
        let forms = self.true_forms(id)?;
        let here = forms.iter().filter(|form| self.has_form(form));
        // What is not compressed is read fastest.
        let form = here.min_by_key(|form| match form.compression {
            Compression::None => 0,
            Compression::Zstd => 1,
            Compression::Gzip => 2,
        });
        let form = form.ok_or_else(|| match forms.first() {
            Some(form) => StoreError::NoBlob(form.blob),
            None => StoreError::Damaged(id),
        })?;
        let folder = self.new_folder()?;
        let unpacked = self.unpack_blob(&form.blob, Some(&folder.fs()))?;
        if unpacked.index.result_digest() != index.result_digest() {
            self.check_blob(&form.blob)?;
            return Err(StoreError::Damaged(id));
        }
        write_skipped(&self.layer_folder(id), &unpacked.skipped)?;
        self.put_fs(id, &folder.fs(), &place)?;
        Ok(place)
    }

    /// The files of every layer of a chain, bottom first, ready for an overlay. Unlike [`Store::lay_out`], this takes
    /// what a layer leaves open from the layers below it: owner and mode of folders that it does not describe, and
    /// files that it only links to.
    pub fn lay_out_chain(&self, layers: &[LayerId]) -> Result<Vec<PathBuf>, StoreError> {
        let mut paths: Vec<PathBuf> = Vec::with_capacity(layers.len());
        for (position, &id) in layers.iter().enumerate() {
            let index = self.index(id)?;
            let path = if index.needs_below() {
                let below = self.view(&layers[..position])?;
                self.lay_out_over(id, &index, &below, &paths)?
            } else {
                self.lay_out(id)?
            };
            paths.push(path);
        }
        Ok(paths)
    }

    /// Opens the content of the regular file at a position of a layer's index, laying the layer out if needed.
    pub fn open_file(&self, id: LayerId, position: usize) -> Result<File, StoreError> {
        let index = self.index(id)?;
        let entry = index.entries().get(position).ok_or(StoreError::Damaged(id))?;
        let doing = || format!("open `{}`", entry.path.escape_ascii());
        let file = match FolderSource::open(&self.lay_out(id)?)?.file(&entry.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Damaged(id));
            }
            other => other.doing(doing)?,
        };
        match entry.kind {
            Kind::File { size, .. } if file.metadata().doing(doing)?.len() != size => {
                Err(StoreError::Damaged(id))
            }
            _ => Ok(file),
        }
    }

    /// A layer that leaves something open, laid out for one chain: `layers/ID/fs-HASH`.
    fn lay_out_over(
        &self,
        id: LayerId,
        index: &LayerIndex,
        below: &TreeView,
        paths: &[PathBuf],
    ) -> Result<PathBuf, StoreError> {
        let plain = self.lay_out(id)?;
        let (full, borrowed) = fill_in(index, below)?;
        if full == *index {
            return Ok(plain);
        }
        let name = format!("fs-{}", &full.result_digest().to_string()[..16]);
        let place = self.layer_folder(id).join(name);
        if place.is_dir() {
            return Ok(place);
        }
        let _lock = self.lock_layer(id)?;
        if place.is_dir() {
            return Ok(place);
        }
        let own = FolderSource::open(&plain)?;
        let open = |_: usize, entry: &Entry| -> io::Result<Source> {
            let Some((_, layer, path)) = borrowed.iter().find(|(name, ..)| *name == entry.path)
            else {
                return own.file(&entry.path).map(Source::File);
            };
            let folder = FolderSource::open(&paths[*layer]).map_err(io::Error::other)?;
            folder.file(path).map(Source::File)
        };
        let folder = self.new_folder()?;
        self.write_fs(&full, &open as &dyn ContentSource, None, folder.path())?;
        self.put_fs(id, &folder.fs(), &place)?;
        Ok(place)
    }

    fn put_fs(&self, id: LayerId, from: &Path, place: &Path) -> Result<(), StoreError> {
        let name = format!("layer:{id}");
        self.db.read("note a layer", |db| note_unsynced(db, &name, &self.boot))?;
        fs::rename(from, place).doing(|| on("move a layer to", place))
    }

    /// Unpacks a blob. Where that fails because the blob is damaged, that is what is said.
    fn unpack_blob(&self, blob: &Digest, fs: Option<&Path>) -> Result<Unpacked, StoreError> {
        self.try_unpack_blob(blob, fs).map_err(|error| match error {
            // A full disk is not the blob's fault.
            StoreError::Tar { source: TarError::Write { .. }, .. } => error,
            error => self.blame(blob, error),
        })
    }

    /// Unpacks a blob, with the decompression and the digest of the plain tar in a thread of their own.
    fn try_unpack_blob(&self, blob: &Digest, fs: Option<&Path>) -> Result<Unpacked, StoreError> {
        let doing = || format!("read blob {blob}");
        let (compression, stream) = decompress(self.open_blob(blob)?).doing(doing)?;
        let mut files = match fs {
            Some(fs) => {
                let folder = fs.parent().expect("it is in a folder of ours");
                let fs = make_fs(folder)?;
                let form = OverlayForm::of_this_process();
                Some(TreeWriter::new(&fs, form).doing(|| on("open", &fs))?)
            }
            None => None,
        };
        let limits = Limits::of_packed(self.blob_size(blob)?);
        let tar_error = |source| StoreError::Tar { what: format!("layer {blob}"), source };
        let (index, diff_id) = thread::scope(|scope| {
            let (send, receive) = sync_channel(8);
            let thread = scope.spawn(move || read_ahead(stream, &send));
            let mut ahead = Ahead { pieces: receive, piece: Vec::new(), at: 0 };
            let index =
                unpack(&mut ahead, limits, Whiteouts::Apply, files.as_mut()).map_err(tar_error)?;
            // The digest is over all of it, also what stands after the end mark.
            let rest = io::copy(&mut (&mut ahead).take(limits.content), &mut io::sink());
            if rest.doing(doing)? == limits.content {
                return Err(tar_error(TarError::TooBig(limits.content)));
            }
            drop(ahead);
            let diff_id = thread.join().expect("reading ahead does not panic");
            Ok((index, diff_id))
        })?;
        let skipped = files.map(|files| files.skipped().to_vec()).unwrap_or_default();
        Ok(Unpacked { index, diff_id, compression, skipped })
    }
}

struct Unpacked {
    index: LayerIndex,
    diff_id: Digest,
    compression: Compression,
    skipped: Vec<Vec<u8>>,
}

type Piece = io::Result<Vec<u8>>;

/// Reads a stream to its end and hashes it, handing the pieces on while somebody takes them.
fn read_ahead(mut stream: impl Read, send: &std::sync::mpsc::SyncSender<Piece>) -> Digest {
    let mut hasher = Hasher::default();
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut stream).take(PIECE as u64).read_to_end(&mut piece);
        hasher.update(&piece);
        let last = !matches!(read, Ok(len) if len > 0);
        let piece = read.map(|_| piece);
        if send.send(piece).is_err() || last {
            return hasher.finish();
        }
    }
}

/// The other end of [`read_ahead`].
struct Ahead {
    pieces: Receiver<Piece>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.pieces.recv() {
                Ok(piece) => {
                    self.piece = piece?;
                    self.at = 0;
                    if self.piece.is_empty() {
                        return Ok(0);
                    }
                }
                Err(_) => return Ok(0),
            }
        }
        let rest = &self.piece[self.at..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

/// For a name, the layer of the view and the path there that hold its content.
type Borrowed = Vec<(Vec<u8>, usize, Vec<u8>)>;

/// An index with what it leaves open taken from the tree below.
fn fill_in(index: &LayerIndex, below: &TreeView) -> Result<(LayerIndex, Borrowed), StoreError> {
    let mut entries = index.entries().to_vec();
    let mut borrowed = Borrowed::new();
    for entry in &mut entries {
        let Kind::Hardlink { target } = &entry.kind else { continue };
        if index.position(target).is_some() {
            continue;
        }
        let Some(node) = below.get(target) else { continue };
        let Some(content) = below.content(node) else { continue };
        let holder = below.entry(content.at).path.clone();
        borrowed.push((entry.path.clone(), content.at.layer, holder));
        entry.kind = Kind::File { size: content.size, digest: content.digest };
    }
    let mut open: Vec<Vec<u8>> = Vec::new();
    for entry in index.entries() {
        let mut dir = parent(&entry.path);
        while !dir.is_empty() && index.position(dir).is_none() {
            open.push(dir.to_vec());
            dir = parent(dir);
        }
    }
    open.sort();
    open.dedup();
    for path in open {
        let entry = match below.get(&path) {
            Some(node) if node.entry.is_dir() => {
                Entry { path, kind: Kind::Dir { opaque: false }, ..node.entry.clone() }
            }
            Some(_) | None => continue,
        };
        entries.push(entry);
    }
    Ok((LayerIndex::new(entries)?, borrowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_may_unpack_to_so_much() {
        for (packed, content) in
            [(0, 16 << 30), (1 << 20, 16 << 30), (1 << 30, 1100 << 30), (u64::MAX, 1 << 40)]
        {
            let content = std::cmp::min(content, 1 << 40);
            assert_eq!(Limits::of_packed(packed).content, content, "{packed}");
        }
    }
}
