//! A store for tests.

use std::io::Cursor;
use std::time::Duration;

use tempfile::TempDir;

use crate::layer::index::{Entry, LayerIndex, TreeDigest};
use crate::layer::testing;
use crate::layer_record::{Keep, LayerId};
use crate::record::{Key, StepRecord};
use crate::source::Source;
use crate::store::Store;

/// An empty store in a folder that is removed at the end.
pub(crate) fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// An entry's owner becomes whoever runs the test, so that it can be laid out.
pub(crate) fn own(mut entry: Entry) -> Entry {
    entry.uid = rustix::process::geteuid().as_raw();
    entry.gid = rustix::process::getegid().as_raw();
    entry
}

/// A layer `a/b` with the content `hello`, as files.
pub(crate) fn small_layer(store: &Store) -> LayerId {
    let entries = vec![own(testing::dir("a")), own(testing::file("a/b", b"hello"))];
    let index = LayerIndex::new(entries).unwrap();
    let hello = |_: usize, _: &Entry| Ok(Source::Reader(Box::new(Cursor::new(b"hello"))));
    store.add_sourced(index, &hello, Keep::Files).unwrap()
}

/// The record of a step that made a layer.
pub(crate) fn record(layer: LayerId) -> StepRecord {
    StepRecord {
        definition_key: Key([1; 32]),
        content_key: Key([2; 32]),
        result: TreeDigest([3; 32]),
        layers: vec![layer],
        slot: String::new(),
        name: String::new(),
        duration: Duration::ZERO,
        started: 0,
    }
}

/// Whether the test may make devices and change owners; says so if not.
pub(crate) fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped, needs root: {test}");
    }
    root
}
