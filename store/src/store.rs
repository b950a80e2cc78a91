//! [`Store`]: the folder, open.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::db::Db;
use crate::error::{Doing, StoreError, on};
use crate::folder::Litter;
use crate::layer::index::LayerIndex;
use crate::layer_record::LayerId;
use crate::lease::Leases;
use crate::reserve::{self, Refill};
use crate::take_back::Made;
use rayon::ThreadPool;

/// The store's folder, open. It may be used from many threads, and many processes may have it open at once.
pub struct Store {
    pub(crate) root: PathBuf,
    pub(crate) db: Db,
    /// What this store uses, for whoever prunes.
    pub(crate) leases: Leases,
    pub(crate) litter: Litter,
    pub(crate) indexes: Mutex<HashMap<LayerId, Arc<LayerIndex>>>,
    /// Layers whose files this process has looked at.
    pub(crate) checked: Mutex<HashSet<LayerId>>,
    /// What this store has put: see [`Store::take_back`].
    pub(crate) made: Mutex<Made>,
    pub(crate) boot: String,
    /// For hashing and compression: never the caller's pool, whose threads wait for these.
    pool: OnceLock<ThreadPool>,
    /// The last to go, when the database's journal is gone.
    _refill: Refill,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("root", &self.root).finish_non_exhaustive()
    }
}

const FOLDERS: [&str; 6] = ["blobs/sha256", "layers", "caches", "contexts", "resolved", "tmp"];

impl Store {
    /// Opens the store, making it if it is not there; sweeps what dead processes left in `tmp/`, and forgets what a
    /// power failure has torn.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        make_root(root)?;
        let lock = root.join("lock");
        let in_use = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&lock)
            .doing(|| on("open", &lock))?;
        let litter = Litter::claim(&root.join("tmp"))?;
        let leases = Leases::new(litter.path(), in_use);
        let db = Db::open(&root.join("store.db"))?;
        // A machine without a boot id counts as never restarted.
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let store = Store {
            root: root.to_owned(),
            db,
            leases,
            litter,
            indexes: Mutex::default(),
            checked: Mutex::default(),
            made: Mutex::default(),
            boot: boot.trim().to_owned(),
            pool: OnceLock::new(),
            _refill: Refill::default(),
        };
        store.forget_torn()?;
        // What cannot be flushed now is flushed by the next one.
        let _ = store.sync_settled();
        reserve::fill(root);
        Ok(store)
    }

    /// As [`Store::open`], for whoever is going to remove something: on a full disk the room kept for that is given.
    pub fn open_to_remove(root: &Path) -> Result<Store, StoreError> {
        let mut refill = Refill::default();
        if reserve::is_tight(root) {
            refill = Refill::giving(root);
        }
        let opened = match Store::open(root) {
            // Such as a quota, of which the file system does not tell.
            Err(error) if !matches!(error, StoreError::Newer { .. }) => {
                refill = Refill::giving(root);
                Store::open(root)
            }
            other => other,
        };
        opened.map(|store| Store { _refill: refill, ..store })
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Removes a file or folder of the store; that it is gone already is fine.
    pub(crate) fn remove_path(&self, path: &Path) -> Result<(), StoreError> {
        let Some(away) = self.move_away(path)? else { return Ok(()) };
        match fs::remove_dir_all(&away) {
            // A file.
            Err(err) if err.kind() == io::ErrorKind::NotADirectory => fs::remove_file(&away),
            other => other,
        }
        .doing(|| on("remove", path))
    }

    /// Takes a file or folder of the store away from its place, so that a reader sees the whole or nothing, whenever we
    /// are killed; where it is now. That it is gone already is fine.
    pub(crate) fn move_away(&self, path: &Path) -> Result<Option<PathBuf>, StoreError> {
        let away = self.litter.fresh_path("gone");
        match fs::rename(path, &away) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.doing(|| on("remove", path)).map(|()| Some(away)),
        }
    }

    /// `layers/ID`
    pub(crate) fn layer_folder(&self, id: LayerId) -> PathBuf {
        self.root.join("layers").join(id.0.to_string())
    }

    /// The threads for hashing and compression, one per processor; started when first needed.
    pub(crate) fn pool(&self) -> &ThreadPool {
        self.pool.get_or_init(|| {
            let builder = rayon::ThreadPoolBuilder::new().thread_name(|n| format!("store-{n}"));
            builder.build().expect("the system gives a process a few threads")
        })
    }

    pub(crate) fn checked_layers(&self) -> std::sync::MutexGuard<'_, HashSet<LayerId>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cached_indexes(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<LayerId, Arc<LayerIndex>>> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_root(root: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    if !root.exists() {
        // Layers hold files of every owner, setuid ones among them: nobody else may get at them.
        builder.mode(0o700);
        builder.create(root).doing(|| on("create", root))?;
    }
    for name in FOLDERS {
        let path = root.join(name);
        builder.create(&path).doing(|| on("create", &path))?;
    }
    Ok(())
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    #[test]
    fn opening_makes_the_folders_and_sweeps_the_dead() {
        let (folder, store) = store();
        let root = folder.path().to_owned();
        let dead = root.join("tmp/dead");
        fs::create_dir_all(dead.join("fs")).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        let second = Store::open(&root).unwrap();
        assert!(!dead.exists(), "litter without an owner is swept");
        let alive = second.new_folder().unwrap();
        let _third = Store::open(&root).unwrap();
        assert!(alive.fs().is_dir(), "what has an owner stays");
        drop(store);
    }

    #[test]
    fn a_newer_store_is_left_alone() {
        let (folder, store) = store();
        drop(store);
        let connection = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
        connection.pragma_update(None, "user_version", 1000).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Newer { found: 1000, .. })));
    }
}
