//! Blocks of packed layers, to be used again: a layer that differs from an earlier one in a few files has most of its
//! blocks from that one's blob, and only the others are compressed.
//!
//! A row says where in which blob a block is; the bytes stay where they are, so that nothing is stored twice. Rows whose
//! blob is gone are of no use, and go with the next prune.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use oci::Digest;
use rusqlite::{Connection, OptionalExtension, params};

use crate::compress::{BlockKey, Memory, Note};
use crate::db::digest;
use crate::error::{Doing, StoreError};
use crate::store::Store;

/// No block is longer.
const MAX_LENGTH: usize = 16 << 20;

/// The blocks of this store's blobs.
pub(crate) struct KnownBlocks<'a> {
    store: &'a Store,
    /// Blobs that blocks were looked for in; `None` for those that are gone.
    blobs: Mutex<HashMap<Digest, Option<Arc<File>>>>,
}

struct Place {
    blob: Digest,
    start: u64,
    length: usize,
    checksum: [u8; 32],
}

impl<'a> KnownBlocks<'a> {
    pub(crate) fn new(store: &'a Store) -> KnownBlocks<'a> {
        KnownBlocks { store, blobs: Mutex::default() }
    }

    fn blob(&self, digest: &Digest) -> Option<Arc<File>> {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || self.store.open_blob(digest).ok().map(Arc::new);
        blobs.entry(*digest).or_insert_with(open).clone()
    }
}

impl Memory for KnownBlocks<'_> {
    fn recall(&self, key: &BlockKey, packed: &mut Vec<u8>) -> Option<[u8; 32]> {
        // A store that cannot be read is noticed where it matters.
        let place = self.store.db.read("look for a block", |db| place(db, key)).ok()??;
        let blob = self.blob(&place.blob)?;
        packed.resize(place.length, 0);
        blob.read_exact_at(packed, place.start).ok()?;
        (*blake3::hash(packed).as_bytes() == place.checksum).then_some(place.checksum)
    }
}

fn place(db: &Connection, key: &BlockKey) -> rusqlite::Result<Option<Place>> {
    let sql = "SELECT blob, start, length, checksum FROM block WHERE key = ?1";
    let found = db.prepare_cached(sql)?.query_row([key], |row| {
        let (start, length): (i64, i64) = (row.get("start")?, row.get("length")?);
        Ok(Place {
            blob: digest(row, "blob")?,
            start: start.cast_unsigned(),
            length: usize::try_from(length).unwrap_or(usize::MAX),
            checksum: row.get("checksum")?,
        })
    });
    Ok(found.optional()?.filter(|place| place.length <= MAX_LENGTH))
}

impl Store {
    /// Notes where the blocks of a blob are.
    pub(crate) fn note_blocks(&self, blob: &Digest, notes: &[Note]) -> Result<(), StoreError> {
        if notes.is_empty() {
            return Ok(());
        }
        self.db.write("note the blocks of a blob", |db| {
            let doing = || "note the blocks of a blob".to_owned();
            // The newer blob is the one that is likely to stay.
            let sql = "INSERT OR REPLACE INTO block (key, blob, start, length, checksum)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut insert = db.prepare_cached(sql).doing(doing)?;
            for Note { key, checksum, offset, length } in notes {
                let (start, length) = (offset.cast_signed(), length.cast_signed());
                insert
                    .execute(params![key, blob.as_bytes(), start, length, checksum])
                    .doing(doing)?;
            }
            Ok(())
        })
    }
}

/// Forgets the blocks of blobs that no layer has any more.
pub(crate) fn forget_lost(db: &Connection) -> rusqlite::Result<()> {
    db.execute("DELETE FROM block WHERE blob NOT IN (SELECT blob FROM packed)", []).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use oci::manifest::Compression;

    use super::*;
    use crate::layer::index::LayerIndex;
    use crate::layer::testing::file;
    use crate::layer_record::Packed;
    use crate::source::Source;
    use crate::testing::store;

    /// A layer of files with these contents, packed.
    fn pack(store: &Store, contents: &[Vec<u8>]) -> Packed {
        let files = contents.iter().enumerate();
        let entries = files.map(|(number, content)| file(&format!("{number:03}"), content));
        let index = LayerIndex::new(entries.collect()).unwrap();
        let source = |position: usize, _: &crate::Entry| {
            Ok(Source::Reader(Box::new(std::io::Cursor::new(contents[position].clone()))))
        };
        let id = store.add_index(index).unwrap();
        store.pack_sourced(id, &source, Compression::Gzip, None).unwrap()
    }

    fn rows(store: &Store) -> i64 {
        let count =
            |db: &Connection| db.query_row("SELECT count(*) FROM block", [], |row| row.get(0));
        store.db.read("count", count).unwrap()
    }

    #[test]
    fn a_blob_of_known_blocks_is_the_one_without_and_damage_is_not_taken_over() {
        let (folder, kept) = store();
        let (_other, fresh) = store();
        let mut contents: Vec<Vec<u8>> =
            (0..40u32).map(|number| number.to_le_bytes().repeat(25_000)).collect();
        let first = pack(&kept, &contents);
        assert!(rows(&kept) > 3);
        contents[20] = b"changed".to_vec();
        let expected = pack(&fresh, &contents);
        assert_eq!(pack(&kept, &contents), expected);
        // Whatever was damaged in the blobs is compressed anew.
        for blob in [first.blob, expected.blob] {
            let path = kept.blob_path(&blob);
            let bytes: Vec<u8> = fs::read(&path).unwrap().iter().map(|byte| !byte).collect();
            fs::write(&path, bytes).unwrap();
        }
        assert_eq!(pack(&kept, &contents), expected);
        kept.read_blob(&expected.blob).unwrap();
        drop(folder);
    }
}
