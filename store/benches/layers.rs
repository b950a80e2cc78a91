//! Where the time of a layer goes: tar and hash, compression, the difference that a RUN made, the stat cache, the index.
//!
//! `cargo bench -p dfc-store`; what is written goes to a folder of its own in the system's temporary folder.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use oci::manifest::Compression;
use store::{
    CachedFile, ContextCache, Entry, FileDigest, Kind, LayerIndex, Mtime, ScanOptions, Source,
    Store, TreeView,
};
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// Files of a layer, and bytes in each: as in a large context.
const FILES: usize = 2_000;
const SIZE: usize = 10_400;
/// Files of a context for the stat cache.
const MANY: usize = 20_000;

/// A store that goes when this goes.
struct Scratch {
    store: Store,
    _folder: TempDir,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().unwrap();
    Scratch { store: Store::open(folder.path()).unwrap(), _folder: folder }
}

/// Text that gzip makes a third of: words of a small language, in an order without a period.
fn text(seed: usize, size: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut bytes = Vec::with_capacity(size + 16);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = (state % 2_000).wrapping_mul(0x9e37_79b9) % 0xff_ffff;
        bytes.extend_from_slice(format!("{word:x} ").as_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn path(number: usize) -> Vec<u8> {
    format!("{:03}/{number:06}.txt", number / 100).into_bytes()
}

fn entry(path: Vec<u8>, kind: Kind) -> Entry {
    let mode = if matches!(kind, Kind::Dir { .. }) { 0o755 } else { 0o644 };
    let mtime = Mtime { secs: 1_700_000_000, nanos: 0 };
    Entry { path, kind, mode, uid: 0, gid: 0, mtime, xattrs: Vec::new() }
}

fn folders(files: usize) -> impl Iterator<Item = Entry> {
    let folder = |number| format!("{number:03}").into_bytes();
    (0..files.div_ceil(100)).map(move |it| entry(folder(it), Kind::Dir { opaque: false }))
}

/// An index and its contents, in memory, in the index's order.
fn layer(files: usize, size: usize) -> (LayerIndex, Vec<Vec<u8>>) {
    let contents: Vec<Vec<u8>> = (0..files).map(|number| text(number, size)).collect();
    let file = |(number, content): (usize, &Vec<u8>)| {
        let digest = FileDigest(*blake3::hash(content).as_bytes());
        entry(path(number), Kind::File { size: content.len() as u64, digest })
    };
    let entries = folders(files).chain(contents.iter().enumerate().map(file)).collect();
    (LayerIndex::new(entries).unwrap(), contents)
}

/// Tar, its digest, compression, the blob's digest, and writing it: `none` is all but compression.
#[divan::bench(args = ["none", "gzip", "zstd"])]
fn pack(bencher: Bencher<'_, '_>, how: &str) {
    let compression = match how {
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        _ => Compression::None,
    };
    let (index, contents) = layer(FILES, SIZE);
    let scratch = scratch();
    let id = scratch.store.add_index(index).unwrap();
    let source = |_: usize, entry: &Entry| {
        let name = String::from_utf8_lossy(entry.name());
        let number: usize = name.trim_end_matches(".txt").parse().unwrap();
        Ok(Source::Reader(Box::new(Cursor::new(contents[number].clone()))))
    };
    bencher
        .counter(BytesCount::new(FILES * SIZE))
        .bench_local(|| scratch.store.pack_sourced(id, &source, compression, None).unwrap());
}

/// One large file: compression alone counts.
#[divan::bench(args = ["gzip", "zstd"])]
fn compress(bencher: Bencher<'_, '_>, how: &str) {
    let compression = if how == "gzip" { Compression::Gzip } else { Compression::Zstd };
    let content = text(0, FILES * SIZE);
    let digest = FileDigest(*blake3::hash(&content).as_bytes());
    let kind = Kind::File { size: content.len() as u64, digest };
    let index = LayerIndex::new(vec![entry(b"large".to_vec(), kind)]).unwrap();
    let scratch = scratch();
    let id = scratch.store.add_index(index).unwrap();
    let source = |_: usize, _: &Entry| Ok(Source::Reader(Box::new(Cursor::new(content.clone()))));
    bencher
        .counter(BytesCount::new(FILES * SIZE))
        .bench_local(|| scratch.store.pack_sourced(id, &source, compression, None).unwrap());
}

fn write_files(folder: &Path) {
    for number in 0..FILES {
        let path = folder.join(String::from_utf8(path(number)).unwrap());
        if usize::is_multiple_of(number, 100) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        fs::write(path, text(number, SIZE)).unwrap();
    }
}

/// An overlay's upper folder to an index, over nothing (`new`) and over a layer that has the same files (`same`).
#[divan::bench(args = ["new", "same"])]
fn overlay_diff(bencher: Bencher<'_, '_>, below: &str) {
    let scratch = scratch();
    let folder = scratch.store.new_folder().unwrap();
    write_files(&folder.fs());
    let scan = |below: Option<&TreeView>| {
        scratch.store.scan_upper(&folder.fs(), below, &ScanOptions::default()).unwrap()
    };
    let view = (below == "same").then(|| TreeView::new(&[std::sync::Arc::new(scan(None))]));
    bencher.counter(ItemsCount::new(FILES)).bench_local(|| scan(view.as_ref()));
}

/// Reading and writing the stat cache of a context.
#[divan::bench(args = ["load", "save"])]
fn stat_cache(bencher: Bencher<'_, '_>, what: &str) {
    let file = |number: usize| {
        let time = Mtime { secs: 1_700_000_000, nanos: 0 };
        let digest = FileDigest(*blake3::hash(&number.to_le_bytes()).as_bytes());
        let (ino, size) = (number as u64, SIZE as u64);
        let cached =
            CachedFile { dev: 1, ino, size, mtime: time, ctime: time, mode: 0o100_644, digest };
        (path(number), cached)
    };
    let cache = ContextCache { files: (0..MANY).map(file).collect() };
    let scratch = scratch();
    let root = Path::new("/context");
    scratch.store.save_context_cache(root, &cache).unwrap();
    let bencher = bencher.counter(ItemsCount::new(MANY));
    if what == "load" {
        bencher.bench_local(|| scratch.store.context_cache(root).unwrap());
    } else {
        bencher.bench_local(|| scratch.store.save_context_cache(root, &cache).unwrap());
    }
}

/// The digest of what a step made.
#[divan::bench]
fn result_digest(bencher: Bencher<'_, '_>) {
    let file = |number: usize| {
        let digest = FileDigest(*blake3::hash(&number.to_le_bytes()).as_bytes());
        entry(path(number), Kind::File { size: SIZE as u64, digest })
    };
    let index = LayerIndex::new(folders(MANY).chain((0..MANY).map(file)).collect()).unwrap();
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| index.result_digest());
}
