//! Records of executed steps and builds: what the cache answers from, and what `explain` and `history` tell.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{Doing, StoreError};
use crate::layer::index::TreeDigest;
use crate::layer_record::LayerId;
use crate::lease::Lease;
use crate::store::{Store, now};

/// A record used again within this many seconds is not marked anew: that would cost a write per cached step.
const USED_GRAIN: i64 = 3600;
/// No pre-image is bigger; a bigger one is damage.
const MAX_PREIMAGE: usize = 1 << 30;

const BY_CONTENT: &str = "SELECT * FROM step WHERE content = ?1 ORDER BY id DESC LIMIT 1";
const BY_RESULT: &str =
    "SELECT * FROM step WHERE definition = ?1 AND result = ?2 ORDER BY id LIMIT 1";
/// So many builds are remembered.
const MAX_BUILDS: i64 = 1000;

/// A blake3 key of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

/// A record's name, for its pre-image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub i64);

/// A step that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// What the step is.
    pub definition_key: Key,
    /// What the step is, over the content of its inputs.
    pub content_key: Key,
    /// What it made.
    pub result: TreeDigest,
    /// The layers it made, bottom first; empty if it changed nothing.
    pub layers: Vec<LayerId>,
    /// The place in the project (file, stage, position): the next build finds this step's earlier self by it.
    pub slot: String,
    /// For people: `RUN make`.
    pub name: String,
    /// How long it took.
    pub duration: Duration,
    /// When it began, seconds since 1970.
    pub started: i64,
}

/// What a record of a step that was made meanwhile, by another process or thread, is to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// One of the same content is taken in place of the new one, whatever it made; else as of `Result`.
    Content,
    /// One of the same definition and result lends its layers to the new one.
    Result,
    /// Nothing: what is recorded came from elsewhere, and stays what it is there.
    Nothing,
}

/// A finished build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRecord {
    /// The Dockerfile's path.
    pub project: String,
    /// The target stage.
    pub target: String,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// How long it took.
    pub duration: Duration,
    /// `done`, or the first line of the error.
    pub outcome: String,
    /// Anything else, as JSON; the store does not look into it.
    pub detail: String,
}

impl Store {
    /// Records an executed step with the pre-image of its key, unless its like was recorded meanwhile: whatever was
    /// recorded first stays, and all who ran the step go on with the same layers. Gives what counts.
    pub fn put_record(
        &self,
        record: &StepRecord,
        preimage: &[u8],
        meanwhile: Meanwhile,
    ) -> Result<(RecordId, StepRecord), StoreError> {
        let doing = || "record a step".to_owned();
        let preimage = zstd::bulk::compress(preimage, 1)
            .map_err(|source| StoreError::Io { doing: doing(), source })?;
        let held = self.hold()?;
        let (id, record) = self.db.write("record a step", |db| {
            let known = match meanwhile {
                Meanwhile::Content => read_record(db, BY_CONTENT, params![record.content_key.0]),
                Meanwhile::Result | Meanwhile::Nothing => Ok(None),
            };
            if let Some((id, _, known)) = known.doing(doing)? {
                set_place(db, &record.slot, id).doing(doing)?;
                return Ok((id, known));
            }
            let mut record = record.clone();
            if meanwhile != Meanwhile::Nothing {
                let same = params![record.definition_key.0, record.result.0];
                if let Some((_, _, same)) = read_record(db, BY_RESULT, same).doing(doing)? {
                    (record.layers, record.started) = (same.layers, same.started);
                }
            }
            for &layer in &record.layers {
                let is_here = db.prepare_cached("SELECT 1 FROM layer WHERE id = ?1");
                if !is_here.and_then(|mut ask| ask.exists([layer.0])).doing(doing)? {
                    return Err(StoreError::NoLayer(layer));
                }
            }
            let id = insert_record(db, &record, &preimage).doing(doing)?;
            set_place(db, &record.slot, id).doing(doing)?;
            Ok((id, record))
        })?;
        for layer in &record.layers {
            self.lease(&held, Lease::Layer(*layer));
        }
        Ok((id, record))
    }

    /// The newest record with this content key. Its layers are all here.
    pub fn record_by_content_key(&self, key: &Key) -> Result<Option<StepRecord>, StoreError> {
        Ok(self.record_of_content(key)?.map(|(_, record)| record))
    }

    /// As [`Store::record_by_content_key`], and notes that a place in a project has come to this record: the next miss
    /// there is explained against it.
    pub fn record_for_slot(&self, key: &Key, slot: &str) -> Result<Option<StepRecord>, StoreError> {
        let Some((id, record)) = self.record_of_content(key)? else { return Ok(None) };
        let known: Option<i64> = self.db.read("read a place of a project", |db| {
            let mut ask = db.prepare_cached("SELECT step FROM place WHERE slot = ?1")?;
            ask.query_row([slot], |row| row.get(0)).optional()
        })?;
        if known != Some(id.0) {
            let doing = || "note a place of a project".to_owned();
            self.db
                .write("note a place of a project", |db| set_place(db, slot, id).doing(doing))?;
        }
        Ok(Some(record))
    }

    /// As [`Store::record_by_content_key`], but it does not count as a use: nothing is written.
    pub fn peek_record(&self, key: &Key) -> Result<Option<StepRecord>, StoreError> {
        Ok(self.find_record(BY_CONTENT, params![key.0])?.map(|(_, _, record)| record))
    }

    /// The content keys under which steps of a definition are recorded that made a layer.
    pub fn content_keys(&self, definition: &Key, layer: LayerId) -> Result<Vec<Key>, StoreError> {
        self.db.read("look for keys", |db| {
            let sql =
                "SELECT DISTINCT content FROM step JOIN step_layer ON step_layer.step = step.id
                       WHERE step_layer.layer = ?2 AND step.definition = ?1 ORDER BY content";
            let mut ask = db.prepare_cached(sql)?;
            ask.query_map(params![definition.0, layer.0], |row| row.get(0).map(Key))?.collect()
        })
    }

    fn record_of_content(&self, key: &Key) -> Result<Option<(RecordId, StepRecord)>, StoreError> {
        let found = self.find_record(BY_CONTENT, params![key.0])?;
        found.map(|(id, used, record)| self.mark_used(id, used).map(|()| (id, record))).transpose()
    }

    /// The oldest record of the same definition that made the same: its layers are kept in place of new ones.
    pub fn record_by_definition_and_result(
        &self,
        definition: &Key,
        result: &TreeDigest,
    ) -> Result<Option<StepRecord>, StoreError> {
        let found = self.find_record(BY_RESULT, params![definition.0, result.0])?;
        found.map(|(id, used, record)| self.mark_used(id, used).map(|()| record)).transpose()
    }

    /// The record that a place in a project stands at: the last one that ran or was found there.
    pub fn last_record_of_slot(
        &self,
        slot: &str,
    ) -> Result<Option<(RecordId, StepRecord)>, StoreError> {
        let sql =
            "SELECT step.* FROM place JOIN step ON step.id = place.step WHERE place.slot = ?1";
        Ok(self.find_record(sql, params![slot])?.map(|(id, _, record)| (id, record)))
    }

    /// The newest record of a definition, whatever project it ran in.
    pub fn last_record_of_definition(
        &self,
        definition: &Key,
    ) -> Result<Option<(RecordId, StepRecord)>, StoreError> {
        let sql = "SELECT * FROM step WHERE definition = ?1 ORDER BY id DESC LIMIT 1";
        Ok(self.find_record(sql, params![definition.0])?.map(|(id, _, record)| (id, record)))
    }

    /// The pre-image of a record's key.
    pub fn preimage(&self, id: RecordId) -> Result<Option<Vec<u8>>, StoreError> {
        let packed: Option<Vec<u8>> = self.db.read("read a pre-image", |db| {
            let mut ask = db.prepare_cached("SELECT preimage FROM step WHERE id = ?1")?;
            ask.query_row([id.0], |row| row.get(0)).optional()
        })?;
        let Some(packed) = packed else { return Ok(None) };
        let size = zstd::zstd_safe::get_frame_content_size(&packed).ok().flatten().unwrap_or(0);
        let size = usize::try_from(size).unwrap_or(MAX_PREIMAGE).min(MAX_PREIMAGE);
        let preimage = zstd::bulk::decompress(&packed, size);
        preimage.doing(|| format!("read the pre-image of record {}", id.0)).map(Some)
    }

    /// Records a finished build; those of long ago are forgotten.
    pub fn put_build(&self, build: &BuildRecord) -> Result<(), StoreError> {
        let BuildRecord { project, target, started, duration, outcome, detail } = build;
        let sql = "INSERT INTO build (project, target, started, duration, outcome, detail)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![project, target, started, nanos(*duration), outcome, detail];
        let doing = || "record a build".to_owned();
        self.db.write("record a build", |db| {
            db.prepare_cached(sql).and_then(|mut it| it.execute(values)).doing(doing)?;
            let sql = "DELETE FROM build WHERE id <= ?1";
            let oldest = db.last_insert_rowid() - MAX_BUILDS;
            db.prepare_cached(sql).and_then(|mut it| it.execute([oldest])).doing(doing)?;
            Ok(())
        })
    }

    /// The last builds, the newest first.
    pub fn builds(&self, limit: usize) -> Result<Vec<BuildRecord>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.db.read("list builds", |db| {
            let mut ask = db.prepare_cached("SELECT * FROM build ORDER BY id DESC LIMIT ?1")?;
            ask.query_map([limit], read_build)?.collect()
        })
    }

    fn find_record(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<(RecordId, i64, StepRecord)>, StoreError> {
        let held = self.hold()?;
        let found = self.db.read("look for a record", |db| read_record(db, sql, params))?;
        for layer in found.iter().flat_map(|(_, _, record)| &record.layers) {
            self.lease(&held, Lease::Layer(*layer));
        }
        Ok(found)
    }

    fn mark_used(&self, id: RecordId, used: i64) -> Result<(), StoreError> {
        let now = now();
        if now - used < USED_GRAIN {
            return Ok(());
        }
        let sql = "UPDATE step SET used = ?2 WHERE id = ?1";
        self.db.execute("mark a record as used", sql, params![id.0, now]).map(drop)
    }
}

fn insert_record(
    db: &Connection,
    record: &StepRecord,
    preimage: &[u8],
) -> rusqlite::Result<RecordId> {
    let StepRecord { definition_key, content_key, result, layers, slot, name, duration, started } =
        record;
    let sql = "INSERT INTO step
               (definition, content, result, slot, name, duration, started, used, preimage)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        definition_key.0,
        content_key.0,
        result.0,
        slot,
        name,
        nanos(*duration),
        started,
        now(),
        preimage
    ];
    db.prepare_cached(sql)?.execute(values)?;
    let id = db.last_insert_rowid();
    let sql = "INSERT INTO step_layer (step, position, layer) VALUES (?1, ?2, ?3)";
    for (position, layer) in (0_i64..).zip(layers) {
        db.prepare_cached(sql)?.execute(params![id, position, layer.0])?;
    }
    Ok(RecordId(id))
}

/// Notes where a place in a project stands. If the record is gone (another process pruned), nothing is noted: the note
/// only serves to explain.
fn set_place(db: &Connection, slot: &str, id: RecordId) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO place (slot, step) SELECT ?1, id FROM step WHERE id = ?2";
    db.prepare_cached(sql)?.execute(params![slot, id.0]).map(drop)
}

/// A record with its name and when it was last used.
fn read_record(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> rusqlite::Result<Option<(RecordId, i64, StepRecord)>> {
    let row = |row: &Row<'_>| Ok((RecordId(row.get("id")?), row.get("used")?, read_step(row)?));
    let found = db.prepare_cached(sql)?.query_row(params, row).optional()?;
    let Some((id, used, mut record)) = found else { return Ok(None) };
    record.layers = read_layers(db, id)?;
    Ok(Some((id, used, record)))
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn duration(row: &Row<'_>) -> rusqlite::Result<Duration> {
    let nanos: i64 = row.get("duration")?;
    Ok(Duration::from_nanos(nanos.unsigned_abs()))
}

fn read_layers(db: &Connection, id: RecordId) -> rusqlite::Result<Vec<LayerId>> {
    let sql = "SELECT layer FROM step_layer WHERE step = ?1 ORDER BY position";
    db.prepare_cached(sql)?.query_map([id.0], |row| row.get(0).map(LayerId))?.collect()
}

fn read_step(row: &Row<'_>) -> rusqlite::Result<StepRecord> {
    Ok(StepRecord {
        definition_key: Key(row.get("definition")?),
        content_key: Key(row.get("content")?),
        result: TreeDigest(row.get("result")?),
        layers: Vec::new(),
        slot: row.get("slot")?,
        name: row.get("name")?,
        duration: duration(row)?,
        started: row.get("started")?,
    })
}

fn read_build(row: &Row<'_>) -> rusqlite::Result<BuildRecord> {
    Ok(BuildRecord {
        project: row.get("project")?,
        target: row.get("target")?,
        started: row.get("started")?,
        duration: duration(row)?,
        outcome: row.get("outcome")?,
        detail: row.get("detail")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{small_layer, store};

    fn record(content: u8, result: u8, layers: Vec<LayerId>) -> StepRecord {
        StepRecord {
            definition_key: Key([1; 32]),
            content_key: Key([content; 32]),
            result: TreeDigest([result; 32]),
            layers,
            slot: "Dockerfile:0:1".into(),
            name: "RUN make".into(),
            duration: Duration::from_millis(1500),
            started: 1_700_000_000,
        }
    }

    #[test]
    fn records_come_back() {
        let (_folder, store) = store();
        let (a, b) = (small_layer(&store), small_layer(&store));
        let first = record(2, 3, vec![b, a]);
        let (id, _) = store.put_record(&first, b"", Meanwhile::Content).unwrap();
        assert_eq!(store.preimage(id).unwrap(), Some(Vec::new()));
        let second = record(4, 5, vec![]);
        let preimage = vec![b'x'; 3 << 20];
        store.put_record(&second, &preimage, Meanwhile::Content).unwrap();
        assert_eq!(store.record_by_content_key(&Key([2; 32])).unwrap(), Some(first.clone()));
        assert_eq!(store.record_by_content_key(&Key([9; 32])).unwrap(), None);
        let kept = store.record_by_definition_and_result(&Key([1; 32]), &TreeDigest([3; 32]));
        assert_eq!(kept.unwrap(), Some(first), "the earlier one");
        let (id, last) = store.last_record_of_slot("Dockerfile:0:1").unwrap().unwrap();
        assert_eq!(last, second);
        assert_eq!(store.preimage(id).unwrap(), Some(preimage));
        assert_eq!(store.preimage(RecordId(99)).unwrap(), None);
    }

    #[test]
    fn what_was_recorded_first_stays() {
        let (_folder, store) = store();
        let (a, b) = (small_layer(&store), small_layer(&store));
        let first = record(2, 3, vec![a]);
        let (id, _) = store.put_record(&first, b"", Meanwhile::Content).unwrap();
        // The same step that made something else at the same moment.
        let late = StepRecord { started: 9, ..record(2, 4, vec![b]) };
        let counts = store.put_record(&late, b"", Meanwhile::Content).unwrap();
        assert_eq!(counts, (id, first.clone()));
        // Its like made the same of other files.
        let like = StepRecord { started: 9, ..record(5, 3, vec![b]) };
        let (_, counts) = store.put_record(&like, b"", Meanwhile::Content).unwrap();
        assert_eq!(
            (counts.content_key, counts.layers, counts.started),
            (Key([5; 32]), vec![a], 1_700_000_000)
        );
        // It was to run in any case, and made something else.
        let (_, counts) = store.put_record(&late, b"", Meanwhile::Result).unwrap();
        assert_eq!(counts, late);
        assert_eq!(store.record_by_content_key(&Key([2; 32])).unwrap(), Some(late));
    }

    #[test]
    fn a_place_follows_what_is_found_there() {
        let (_folder, store) = store();
        let (first, second) = (record(2, 3, vec![]), record(4, 5, vec![]));
        store.put_record(&first, b"", Meanwhile::Content).unwrap();
        store.put_record(&second, b"", Meanwhile::Content).unwrap();
        let at = |slot: &str| store.last_record_of_slot(slot).unwrap().map(|(_, record)| record);
        assert_eq!(at("Dockerfile:0:1"), Some(second.clone()));
        store.record_for_slot(&Key([2; 32]), "Dockerfile:0:1").unwrap();
        assert_eq!(at("Dockerfile:0:1"), Some(first), "the edit was taken back");
        assert_eq!(at("elsewhere:0:1"), None);
        store.record_for_slot(&Key([4; 32]), "elsewhere:0:1").unwrap();
        assert_eq!(at("elsewhere:0:1"), Some(second.clone()));
        let newest = store.last_record_of_definition(&Key([1; 32])).unwrap();
        assert_eq!(newest.map(|(_, record)| record), Some(second));
    }

    #[test]
    fn a_record_that_is_gone_meanwhile_has_no_place() {
        let (folder, store) = store();
        let (id, _) = store.put_record(&record(2, 3, vec![]), b"", Meanwhile::Content).unwrap();
        let other = Store::open(folder.path()).unwrap();
        other.prune(&crate::PrunePolicy::default()).unwrap();
        let note = |db: &rusqlite::Transaction<'_>| set_place(db, "x", id).doing(String::new);
        store.db.write("note a place", note).unwrap();
        assert_eq!(store.last_record_of_slot("x").unwrap(), None);
    }

    #[test]
    fn builds_come_back_newest_first() {
        let (_folder, store) = store();
        let build = |target: &str| BuildRecord {
            project: "Dockerfile".into(),
            target: target.into(),
            started: 5,
            duration: Duration::from_secs(2),
            outcome: "done".into(),
            detail: "{}".into(),
        };
        for target in ["a", "b", "c"] {
            store.put_build(&build(target)).unwrap();
        }
        assert_eq!(store.builds(2).unwrap(), [build("c"), build("b")]);
    }
}
