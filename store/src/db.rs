//! The database `store.db`: SQLite in WAL mode, so that readers of other processes never wait, and writers take turns.
//!
//! Commits are not flushed to the disk one by one (`synchronous = NORMAL`): a killed process loses nothing by that,
//! and what a power failure may lose is in the table `unsynced` ([`crate::torn`]).

mod schema;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oci::Digest;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use crate::error::{Doing, StoreError};
use crate::layer_record::LayerId;

/// How long a writer waits for the others. Their transactions are short; only a stopped process takes that long.
const BUSY: Duration = Duration::from_secs(60);

/// The open database.
#[derive(Debug)]
pub(crate) struct Db {
    connection: Mutex<Connection>,
}

impl Db {
    pub(crate) fn open(path: &Path) -> Result<Db, StoreError> {
        let doing = || format!("open `{}`", path.display());
        let mut connection = Connection::open(path).doing(doing)?;
        connection.busy_timeout(BUSY).doing(doing)?;
        connection.set_prepared_statement_cache_capacity(64);
        set_wal(&connection).doing(doing)?;
        connection.pragma_update(None, "synchronous", "NORMAL").doing(doing)?;
        connection.pragma_update(None, "foreign_keys", true).doing(doing)?;
        migrate(&mut connection)?;
        Ok(Db { connection: Mutex::new(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks something.
    pub(crate) fn read<T>(
        &self,
        doing: &str,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        ask(&self.lock()).doing(|| doing.to_owned())
    }

    /// Changes something, all or nothing. Other writers wait, so `change` must be short.
    pub(crate) fn write<T>(
        &self,
        doing: &str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transact(doing, |it| it.commit(), change)
    }

    /// As [`Db::write`], and takes all of it back.
    pub(crate) fn foresee<T>(
        &self,
        doing: &str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transact(doing, |it| it.rollback(), change)
    }

    fn transact<T>(
        &self,
        doing: &str,
        end: fn(Transaction<'_>) -> rusqlite::Result<()>,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(|| doing.to_owned())?;
        let value = change(&transaction)?;
        end(transaction).doing(|| doing.to_owned())?;
        Ok(value)
    }

    /// One statement that changes something; how many rows.
    pub(crate) fn execute(
        &self,
        doing: &str,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<usize, StoreError> {
        self.read(doing, |db| db.prepare_cached(sql)?.execute(params))
    }

    /// The newest thing that is on its way to the disk.
    pub(crate) fn last_unsynced(&self) -> Result<i64, StoreError> {
        self.read("read what is not synced", |db| {
            db.query_row("SELECT coalesce(max(id), 0) FROM unsynced", [], |row| row.get(0))
        })
    }

    /// Strikes off what has reached the disk.
    pub(crate) fn strike_off_unsynced(&self, boot: &str, last: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM unsynced WHERE boot = ?1 AND id <= ?2";
        self.execute("note what is synced", sql, params![boot, last]).map(drop)
    }

    /// What was on its way to the disk when the machine went down.
    pub(crate) fn torn(&self, boot: &str) -> Result<Vec<String>, StoreError> {
        self.read("read what is not synced", |db| {
            let mut ask =
                db.prepare_cached("SELECT DISTINCT name FROM unsynced WHERE boot <> ?1")?;
            ask.query_map([boot], |row| row.get(0))?.collect()
        })
    }

    pub(crate) fn strike_off_torn(&self, boot: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM unsynced WHERE boot <> ?1";
        self.execute("note what is lost", sql, [boot]).map(drop)
    }

    /// Forgets what a layer holds, and the steps that made it; its name stays.
    pub(crate) fn forget_layer_content(&self, id: LayerId) -> Result<(), StoreError> {
        self.write("forget a layer", |db| {
            forget_steps_of(db, id)
                .and_then(|()| {
                    db.execute("UPDATE layer SET result = NULL, size = 0 WHERE id = ?1", [id.0])
                })
                .and_then(|_| {
                    db.execute("DELETE FROM layer WHERE id = ?1 AND diff_id IS NULL", [id.0])
                })
                .doing(|| "forget a layer".into())?;
            Ok(())
        })
    }
}

fn forget_steps_of(db: &Connection, id: LayerId) -> rusqlite::Result<()> {
    let sql = "DELETE FROM step WHERE id IN (SELECT step FROM step_layer WHERE layer = ?1)";
    db.execute(sql, [id.0]).map(drop)
}

/// Notes that something is on its way to the disk.
pub(crate) fn note_unsynced(db: &Connection, name: &str, boot: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO unsynced (name, boot) VALUES (?1, ?2)")?
        .execute(params![name, boot])
        .map(drop)
}

/// A digest out of a column.
pub(crate) fn digest(row: &Row<'_>, column: &str) -> rusqlite::Result<Digest> {
    Ok(Digest::from_bytes(row.get(column)?))
}

/// Turns WAL on. While another process does the same for a new database, SQLite answers "busy" without waiting.
fn set_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::DatabaseBusy && tries < 600 =>
            {
                tries += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let doing = || "set up the tables".to_owned();
    let version = |db: &Connection| -> rusqlite::Result<i64> {
        db.pragma_query_value(None, "user_version", |row| row.get(0))
    };
    let known = schema::STEPS.len() as i64;
    let found = version(connection).doing(doing)?;
    if found == known {
        return Ok(());
    }
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(doing)?;
    // Another process may have been faster.
    let found = version(&transaction).doing(doing)?;
    for step in schema::STEPS.iter().skip(usize::try_from(found).unwrap_or_default()) {
        transaction.execute_batch(step).doing(doing)?;
    }
    transaction.pragma_update(None, "user_version", known.max(found)).doing(doing)?;
    transaction.commit().doing(doing)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::record::Key;
    use crate::store::Store;

    /// A store as an older dfc left it: with so many steps of the schema, an image with a name, and a step with a layer.
    fn older(version: usize) -> tempfile::TempDir {
        let folder = tempfile::TempDir::new().unwrap();
        let db = Connection::open(folder.path().join("store.db")).unwrap();
        for step in &schema::STEPS[..version] {
            db.execute_batch(step).unwrap();
        }
        db.pragma_update(None, "user_version", version as i64).unwrap();
        let hash = "zeroblob(32)";
        db.execute_batch(&format!(
            "INSERT INTO layer VALUES (7, NULL, {hash}, 5, 1);
             INSERT INTO packed VALUES (7, {hash}, {hash}, 9, 'gzip', 'x', NULL);
             INSERT INTO step VALUES (3, {hash}, {hash}, {hash}, 'place', 'RUN x', 1, 2, 3, x'');
             INSERT INTO step_layer VALUES (3, 0, 7);
             INSERT INTO image VALUES ({hash}, 'm', NULL, NULL, NULL, 1, 2);
             INSERT INTO tag VALUES ('docker.io', 'library/old', 'latest', {hash});"
        ))
        .unwrap();
        if version >= 2 {
            db.execute_batch("INSERT INTO place VALUES ('place', 3);").unwrap();
        }
        folder
    }

    #[test]
    fn stores_of_every_earlier_version_are_kept() {
        for version in 1..schema::STEPS.len() {
            let folder = older(version);
            for _ in 0..2 {
                let store = Store::open(folder.path()).unwrap();
                let name = oci::Reference::parse("old").unwrap();
                assert!(store.image_named(&name).unwrap().is_some(), "version {version}");
                let (id, record) = store.last_record_of_slot("place").unwrap().unwrap();
                assert_eq!((id.0, record.layers.as_slice()), (3, &[LayerId(7)][..]));
                assert!(store.record_by_content_key(&Key([0; 32])).unwrap().is_some());
                assert_eq!(store.layer(LayerId(7)).unwrap().packed.len(), 1);
            }
        }
    }

    #[test]
    fn a_migration_that_is_interrupted_is_not_half_done() {
        let folder = older(1);
        let path = folder.path().join("store.db");
        let mut db = Connection::open(&path).unwrap();
        let transaction = db.transaction().unwrap();
        transaction.execute_batch(schema::STEPS[1]).unwrap();
        drop(transaction);
        drop(db);
        Store::open(folder.path()).unwrap();
        let db = Connection::open(&path).unwrap();
        let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, schema::STEPS.len() as i64);
    }
}
