//! Layers through the store: made, packed, imported, laid out.

use std::io::{self, Read};
use std::sync::Mutex;

use super::*;
use crate::LayOut;
use crate::layer::index::{Entry, FileDigest, Kind, Mtime};
use crate::layer::testing::{dir, file, symlink};
use crate::source::Source;
use crate::testing::{is_root, own, small_layer, store};

/// Entries with their contents.
fn sample() -> (LayerIndex, impl ContentSource) {
    let big: Vec<u8> = (0..1_200_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let mut entries = vec![
        dir("d"),
        file("d/big", &big),
        file("d/small", b"hello"),
        file("d/empty", b""),
        symlink("link", "d/small"),
        Entry { kind: Kind::Hardlink { target: b"d/small".to_vec() }, ..file("twin", b"") },
    ];
    let long = format!("d/{}/{}", "p".repeat(120), "n".repeat(120));
    entries.push(dir(&format!("d/{}", "p".repeat(120))));
    entries.push(file(&long, b"long"));
    entries[1].mtime = Mtime { secs: 1_700_000_000, nanos: 123_000_000 };
    entries[2].mtime = Mtime { secs: -1, nanos: 500_000_000 };
    let index = LayerIndex::new(entries.into_iter().map(own).collect()).unwrap();
    let open = move |_: usize, entry: &Entry| -> io::Result<Source> {
        let bytes = match entry.name() {
            b"big" => big.clone(),
            b"small" => b"hello".to_vec(),
            b"empty" => Vec::new(),
            _ => b"long".to_vec(),
        };
        Ok(Source::Reader(Box::new(io::Cursor::new(bytes))))
    };
    (index, open)
}

const KEEP_GZIP: Keep = Keep::Packed { compression: Compression::Gzip, epoch: None };

#[test]
fn packing_straight_and_from_files_is_the_same() {
    let (_folder, store) = store();
    let (index, source) = sample();
    let straight = store.add_sourced(index.clone(), &source, KEEP_GZIP).unwrap();
    let files = store.add_sourced(index.clone(), &source, Keep::Files).unwrap();
    assert_ne!(straight, files);
    let a = store.pack(straight, Compression::Gzip, None).unwrap();
    let b = store.pack(files, Compression::Gzip, None).unwrap();
    assert_eq!(a, b);
    assert_eq!(store.layer_by_diff_id(&a.diff_id).unwrap(), Some(straight));
    for compression in [Compression::None, Compression::Zstd] {
        let a = store.pack(straight, compression, None).unwrap();
        let b = store.pack(files, compression, None).unwrap();
        assert_eq!(a, b);
        assert_eq!(store.blob_size(&a.blob).unwrap(), a.size);
    }
    assert!(store.index(straight).unwrap().entries() == index.entries());
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let (_folder, store) = store();
    let (index, source) = sample();
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let mut blobs = Vec::new();
        for threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut blob = Vec::new();
            let how = crate::compress::How { compression, memory: None, pool: &pool };
            let done = crate::layer::pack::pack(&index, &source, Some(0), how, &mut blob);
            let diff_id = done.unwrap().content;
            blobs.push((diff_id, Digest::of(&blob)));
            let (found, mut stream) = crate::compress::decompress(blob.as_slice()).unwrap();
            assert_eq!(found, compression);
            let mut tar = Vec::new();
            stream.read_to_end(&mut tar).unwrap();
            assert_eq!(Digest::of(&tar), diff_id);
        }
        assert_eq!(blobs[0], blobs[1]);
    }
    drop(store);
}

#[test]
fn an_epoch_clamps_times() {
    let (_folder, store) = store();
    let (index, source) = sample();
    let id = store.add_sourced(index.clone(), &source, Keep::Files).unwrap();
    let plain = store.pack(id, Compression::None, None).unwrap();
    let clamped = store.pack(id, Compression::None, Some(1000)).unwrap();
    assert_ne!(plain.diff_id, clamped.diff_id);
    let (_elsewhere, other) = super::tests::store();
    let bytes = fs::read(store.blob_path(&clamped.blob)).unwrap();
    other.put_blob(&bytes).unwrap();
    let imported = other.import_layer(&clamped.blob, &clamped.diff_id, LayOut::No).unwrap();
    let imported = other.index(imported).unwrap();
    assert_eq!(imported.result_digest(), index.result_digest());
    assert_eq!(imported.get(b"d/big").unwrap().mtime, Mtime { secs: 1000, nanos: 0 });
    assert_eq!(imported.get(b"d/small").unwrap().mtime.secs, -1, "what is earlier stays");
}

#[test]
fn what_is_packed_is_imported_as_it_was() {
    let (_here, store) = store();
    let (index, source) = sample();
    let id = store.add_sourced(index.clone(), &source, KEEP_GZIP).unwrap();
    for compression in [Compression::Gzip, Compression::None, Compression::Zstd] {
        let packed = store.pack(id, compression, None).unwrap();
        let (_there, other) = super::tests::store();
        other.put_blob(&fs::read(store.blob_path(&packed.blob)).unwrap()).unwrap();
        let descriptor = Descriptor::new(compression.oci_layer(), packed.blob, packed.size);
        let declared = other.declare_layer(&packed.diff_id, &descriptor).unwrap();
        assert!(matches!(other.index(declared), Err(StoreError::NotFetched(_))));
        assert_eq!(other.pack(declared, compression, None).unwrap(), packed);
        let imported = other.import_layer(&packed.blob, &packed.diff_id, LayOut::No).unwrap();
        assert_eq!(imported, declared);
        assert_eq!(*other.index(imported).unwrap(), index);
        let fs = other.lay_out(imported).unwrap();
        assert_eq!(fs::read(fs.join("twin")).unwrap(), b"hello");
        let scanned = other.scan_upper(&fs, None, &ScanOptions::default()).unwrap();
        assert_eq!(scanned, index);
        let position = index.position(b"d/small").unwrap();
        let mut text = String::new();
        other.open_file(imported, position).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        let again = other.import_layer(&packed.blob, &packed.diff_id, LayOut::Yes).unwrap();
        assert_eq!(again, imported);
    }
}

#[test]
fn a_wrong_diff_id_is_noticed() {
    let (_folder, store) = store();
    let id = small_layer(&store);
    let packed = store.pack(id, Compression::Gzip, None).unwrap();
    let (_there, other) = super::tests::store();
    other.put_blob(&fs::read(store.blob_path(&packed.blob)).unwrap()).unwrap();
    let error = other.import_layer(&packed.blob, &Digest::of(b"?"), LayOut::Yes).unwrap_err();
    assert!(matches!(error, StoreError::Digest { .. }), "{error}");
    assert_eq!(fs::read_dir(other.root().join("layers")).unwrap().count(), 0);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named() {
    let (_folder, store) = store();
    for (size, found) in [(4, 5), (6, 5)] {
        let digest = FileDigest([0; 32]);
        let entry = own(Entry { kind: Kind::File { size, digest }, ..file("some/name", b"") });
        let index = LayerIndex::new(vec![entry]).unwrap();
        let hello = |_: usize, _: &Entry| Ok(Source::Reader(Box::new(io::Cursor::new(b"hello"))));
        for keep in [Keep::Files, KEEP_GZIP] {
            let error = store.add_sourced(index.clone(), &hello, keep).unwrap_err();
            let expected =
                format!("`some/name` changed while it was read: it had {size} bytes, then {found}");
            assert_eq!(error.to_string(), expected);
        }
    }
    assert_eq!(fs::read_dir(store.root().join("layers")).unwrap().count(), 0);
}

#[test]
fn an_upper_folder_is_adopted() {
    let (_folder, store) = store();
    let folder = store.new_folder().unwrap();
    fs::write(folder.fs().join("file"), "content").unwrap();
    let index = store.scan_upper(&folder.fs(), None, &ScanOptions::default()).unwrap();
    let path = folder.path().to_owned();
    let id = store.adopt(folder, index.clone()).unwrap();
    assert!(!path.exists());
    assert_eq!(fs::read(store.lay_out(id).unwrap().join("file")).unwrap(), b"content");
    let record = store.layer(id).unwrap();
    assert_eq!((record.size, record.result), (7, Some(index.result_digest())));
    assert!(matches!(store.layer(LayerId(99)), Err(StoreError::NoLayer(LayerId(99)))));
}

#[test]
fn folders_of_a_chain_take_their_owners_from_below() {
    if !is_root("folders_of_a_chain_take_their_owners_from_below") {
        return;
    }
    let (_folder, store) = store();
    let nothing = |_: usize, _: &Entry| Ok(Source::Reader(Box::new(io::Cursor::new(b"x"))));
    let add = |entries| {
        let index = LayerIndex::new(entries).unwrap();
        store.add_sourced(index, &nothing, Keep::Files).unwrap()
    };
    let tmp = Entry { mode: 0o1777, uid: 5, ..dir("tmp") };
    let base = add(vec![tmp, file("below", b"x")]);
    let linked =
        Entry { kind: Kind::Hardlink { target: b"below".to_vec() }, ..file("linked", b"") };
    let top = add(vec![file("tmp/x", b"x"), linked]);
    let paths = store.lay_out_chain(&[base, top]).unwrap();
    assert_eq!(paths[0], store.lay_out(base).unwrap());
    let metadata = fs::metadata(paths[1].join("tmp")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o7777, 0o1777);
    assert_eq!(fs::read(paths[1].join("linked")).unwrap(), b"x");
    assert_eq!(store.lay_out_chain(&[base, top]).unwrap(), paths);
    assert_eq!(store.lay_out_chain(&[top]).unwrap()[0], store.lay_out(top).unwrap());
}

#[test]
fn many_threads_and_stores_at_once() {
    let (folder, store) = store();
    let packed = store.pack(small_layer(&store), Compression::Gzip, None).unwrap();
    let blob = fs::read(store.blob_path(&packed.blob)).unwrap();
    drop(store);
    fs::remove_dir_all(folder.path()).unwrap();
    let ids = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(folder.path()).unwrap();
                small_layer(&store);
                store.put_blob(&blob).unwrap();
                let id = store.import_layer(&packed.blob, &packed.diff_id, LayOut::No).unwrap();
                store.lay_out(id).unwrap();
                ids.lock().unwrap().push(id);
            });
        }
    });
    let ids = ids.into_inner().unwrap();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(fs::read_dir(store.root().join("layers")).unwrap().count(), 9);
}

#[test]
fn a_folder_that_a_killed_process_left_is_moved_away() {
    let (folder, store) = store();
    fs::create_dir_all(folder.path().join("layers/1/fs/old")).unwrap();
    let id = small_layer(&store);
    assert_eq!(id, LayerId(1));
    assert!(!store.lay_out(id).unwrap().join("old").exists());
}
