//! What may go, and how it goes.
//!
//! What another open store uses stays ([`crate::lease`]): a blob on its way into a manifest, a layer on its way into a
//! record, the images that somebody has looked up. Nobody waits for long: under the lock rows go, in one transaction,
//! and folders and blobs are renamed into `tmp/`; their bytes are removed after that. A killed prune leaves files without
//! rows, which the next one removes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oci::manifest::media_type;
use oci::{Digest, ImageConfig, Manifest};
use rusqlite::{Transaction, params};
use rustix::fs::{FlockOperation, flock};

use crate::db::digest;
use crate::error::{Doing, StoreError, on};
use crate::layer_record::LayerId;
use crate::lease::Leased;
use crate::reserve;
use crate::store::Store;

/// What `prune` removes. What no image with a name and no record needs always goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunePolicy {
    /// Remove only what nobody used since then (seconds since 1970).
    pub unused_since: Option<i64>,
    /// Stop when what is left for the cache takes at most this many bytes.
    pub keep_storage: Option<u64>,
    /// Also remove images without a name.
    pub untagged: bool,
    /// Also remove these images, but for those that have a name.
    pub images: Vec<Digest>,
    /// Whether they go whatever their names.
    pub named: bool,
    /// Also remove cache mounts.
    pub caches: bool,
    /// Leave the results of steps: only images go, and what only they need.
    pub keep_records: bool,
    /// Change nothing, and tell what would go.
    pub dry_run: bool,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Images.
    pub images: Vec<Digest>,
    /// Number of step records.
    pub records: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of blobs.
    pub blobs: usize,
    /// Bytes that became free.
    pub bytes: u64,
}

/// What images need.
#[derive(Default)]
pub(crate) struct Needed {
    pub(crate) blobs: BTreeSet<Digest>,
    pub(crate) diff_ids: BTreeSet<Digest>,
}

/// What is to go: the paths under which it lies, and what it is.
struct Plan {
    pruned: Pruned,
    paths: Vec<PathBuf>,
}

/// A layer and what holds it.
pub(crate) struct Held {
    pub(crate) by_image: bool,
    /// Whether another open store uses it.
    is_leased: bool,
    pub(crate) records: usize,
    used: i64,
    bytes: u64,
}

impl Store {
    /// Removes what the policy lets go.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process was stopped in the middle of something, or cannot note what it uses since
    /// the disk is full.
    pub fn prune(&self, policy: &PrunePolicy) -> Result<Pruned, StoreError> {
        let mut gone = Vec::new();
        let mut pruned = self.alone(|leased| {
            let make = |db: &Transaction<'_>| self.plan(db, policy, leased);
            if policy.dry_run {
                let mut plan = self.db.foresee("look for what can go", make)?;
                plan.pruned.bytes = plan.paths.iter().map(|path| disk_usage(path)).sum();
                return Ok(plan.pruned);
            }
            let plan = self.db.write("prune", make)?;
            self.cached_indexes().clear();
            for path in &plan.paths {
                gone.extend(self.move_away(path)?);
            }
            Ok(plan.pruned)
        })?;
        for path in gone {
            pruned.bytes += disk_usage(&path);
            self.remove_path(&path)?;
        }
        reserve::fill(self.root());
        Ok(pruned)
    }

    /// Removes rows, and looks for what then has none.
    fn plan(
        &self,
        db: &Transaction<'_>,
        policy: &PrunePolicy,
        leased: &Leased,
    ) -> Result<Plan, StoreError> {
        let doing = || "prune".to_owned();
        let mut pruned = Pruned::default();
        if policy.untagged {
            pruned.images = remove_untagged(db, policy.unused_since, leased).doing(doing)?;
        }
        for image in policy.images.iter().filter(|image| !leased.blobs.contains(image)) {
            let sql = "DELETE FROM image WHERE manifest = ?1
                       AND (?2 OR manifest NOT IN (SELECT manifest FROM tag))";
            let values = params![image.as_bytes(), policy.named];
            if db.execute(sql, values).doing(doing)? > 0 {
                pruned.images.push(*image);
            }
        }
        let needed = self.needed(db, leased)?;
        let mut layers = self.held_layers(db, &needed)?;
        for (_, held) in layers.iter_mut().filter(|(id, _)| leased.layers.contains(id)) {
            held.is_leased = true;
        }
        if !policy.keep_records {
            pruned.records = remove_records(db, policy, &mut layers).doing(doing)?;
        }
        pruned.layers = remove_layers(db, policy, &layers).doing(doing)?;
        let mut paths = self.layer_folders_without_row(db)?;
        let blobs = self.blobs_without_need(db, policy, needed)?;
        pruned.blobs = blobs.len();
        paths.extend(blobs);
        if !policy.keep_records {
            paths.extend(self.old("contexts", policy.unused_since)?);
            paths.extend(self.old("resolved", policy.unused_since)?);
        }
        if policy.caches {
            paths.extend(self.old("caches", policy.unused_since)?);
        }
        Ok(Plan { pruned, paths })
    }

    /// What the images of the database refer to, and those that somebody uses.
    pub(crate) fn needed(
        &self,
        db: &Transaction<'_>,
        leased: &Leased,
    ) -> Result<Needed, StoreError> {
        let mut images: Vec<(Digest, String)> = db
            .prepare_cached("SELECT manifest, media_type FROM image")
            .and_then(|mut ask| {
                let rows = ask.query_map([], |row| Ok((digest(row, "manifest")?, row.get(1)?)))?;
                rows.collect()
            })
            .doing(|| "list images".into())?;
        // What is not in the database any more is known by its own words.
        images.extend(leased.blobs.iter().map(|blob| (*blob, String::new())));
        let mut needed = Needed::default();
        for (image, kind) in images {
            let found = self.needed_of(&image, &kind);
            needed.blobs.extend(found.blobs);
            needed.diff_ids.extend(found.diff_ids);
        }
        Ok(needed)
    }

    /// What one image refers to. One whose blobs are damaged holds nothing more; that it is listed is enough.
    pub(crate) fn needed_of(&self, image: &Digest, kind: &str) -> Needed {
        let mut needed = Needed::default();
        needed.blobs.insert(*image);
        let is_big =
            kind.is_empty() && self.blob_size(image).is_ok_and(|size| size > oci::MAX_MANIFEST);
        if media_type::is_index(kind) || is_big {
            return needed;
        }
        let Ok(bytes) = self.read_blob(image) else { return needed };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else { return needed };
        needed.blobs.extend(manifest.layers.iter().map(|layer| layer.digest));
        needed.blobs.insert(manifest.config.digest);
        let Ok(bytes) = self.read_blob(&manifest.config.digest) else { return needed };
        let Ok(config) = serde_json::from_slice::<ImageConfig>(&bytes) else { return needed };
        needed.diff_ids.extend(config.rootfs.diff_ids);
        needed
    }

    pub(crate) fn held_layers(
        &self,
        db: &Transaction<'_>,
        needed: &Needed,
    ) -> Result<BTreeMap<LayerId, Held>, StoreError> {
        let read = || -> rusqlite::Result<BTreeMap<LayerId, Held>> {
            let sql = "SELECT id, used, size, diff_id,
                       (SELECT count(*) FROM step_layer WHERE layer = id) AS records,
                       (SELECT coalesce(sum(size), 0) FROM packed WHERE layer = id) AS packed
                       FROM layer";
            let mut ask = db.prepare_cached(sql)?;
            let mut rows = ask.query([])?;
            let mut layers = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let id = LayerId(row.get("id")?);
                let diff_id: Option<[u8; 32]> = row.get("diff_id")?;
                let by_image =
                    diff_id.is_some_and(|it| needed.diff_ids.contains(&Digest::from_bytes(it)));
                let (files, packed): (i64, i64) = (row.get("size")?, row.get("packed")?);
                let is_laid_out = self.layer_folder(id).join("fs").is_dir();
                let bytes = if is_laid_out { files + packed } else { packed };
                let (records, used): (i64, i64) = (row.get("records")?, row.get("used")?);
                let records = usize::try_from(records).unwrap_or(usize::MAX);
                layers.insert(
                    id,
                    Held {
                        by_image,
                        is_leased: false,
                        records,
                        used,
                        bytes: bytes.cast_unsigned(),
                    },
                );
            }
            let mut ask = db.prepare_cached("SELECT layer, diff_id FROM packed")?;
            let mut rows = ask.query([])?;
            while let Some(row) = rows.next()? {
                if needed.diff_ids.contains(&digest(row, "diff_id")?)
                    && let Some(held) = layers.get_mut(&LayerId(row.get(0)?))
                {
                    held.by_image = true;
                }
            }
            Ok(layers)
        };
        read().doing(|| "list layers".into())
    }

    /// The folders of layers that have no row.
    fn layer_folders_without_row(&self, db: &Transaction<'_>) -> Result<Vec<PathBuf>, StoreError> {
        let known: rusqlite::Result<BTreeSet<String>> =
            db.prepare_cached("SELECT id FROM layer").and_then(|mut ask| {
                ask.query_map([], |row| row.get::<_, i64>(0).map(|id| id.to_string()))?.collect()
            });
        let known = known.doing(|| "list layers".into())?;
        let folder = self.root.join("layers");
        let loose = names(&folder)?.into_iter().filter(|name| !known.contains(name));
        Ok(loose.map(|name| folder.join(name)).collect())
    }

    /// Blobs that nothing needs.
    fn blobs_without_need(
        &self,
        db: &Transaction<'_>,
        policy: &PrunePolicy,
        mut needed: Needed,
    ) -> Result<Vec<PathBuf>, StoreError> {
        crate::blocks::forget_lost(db).doing(|| "forget blocks".into())?;
        let packed: rusqlite::Result<Vec<Digest>> = db
            .prepare_cached("SELECT blob FROM packed")
            .and_then(|mut ask| ask.query_map([], |row| digest(row, "blob"))?.collect());
        needed.blobs.extend(packed.doing(|| "list layers".into())?);
        let loose = self.all_blobs()?.into_iter().filter(|blob| !needed.blobs.contains(blob));
        let paths = loose.map(|blob| self.blob_path(&blob));
        Ok(paths.filter(|path| is_older(path, policy.unused_since)).collect())
    }

    pub(crate) fn all_blobs(&self) -> Result<Vec<Digest>, StoreError> {
        let folder = self.root.join("blobs/sha256");
        let mut blobs = Vec::new();
        for name in names(&folder)? {
            if let Ok(digest) = format!("sha256:{name}").parse() {
                blobs.push(digest);
            }
        }
        Ok(blobs)
    }

    /// What is old in a folder, and in nobody's use.
    fn old(&self, folder: &str, since: Option<i64>) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.root.join(folder);
        let mut old = Vec::new();
        for name in names(&folder)? {
            let path = folder.join(name);
            // A cache mount in use stays. Nobody can begin to use it now.
            let lock = fs::File::open(path.join("lock"));
            let in_use =
                |lock: &fs::File| flock(lock, FlockOperation::NonBlockingLockExclusive).is_err();
            if is_older(&path, since) && !lock.as_ref().is_ok_and(in_use) {
                old.push(path);
            }
        }
        Ok(old)
    }
}

/// Removes images without a name. One that somebody uses stays: a build has put it there and is about to name it.
fn remove_untagged(
    db: &Transaction<'_>,
    since: Option<i64>,
    leased: &Leased,
) -> rusqlite::Result<Vec<Digest>> {
    let sql = "SELECT manifest FROM image WHERE manifest NOT IN (SELECT manifest FROM tag)
               AND manifest NOT IN (SELECT m.manifest FROM member m JOIN tag t ON m.parent = t.manifest)
               AND added < ?1";
    let since = since.unwrap_or(i64::MAX);
    let mut ask = db.prepare_cached(sql)?;
    let unnamed: Vec<Digest> =
        ask.query_map([since], |row| digest(row, "manifest"))?.collect::<Result<_, _>>()?;
    let mut delete = db.prepare_cached("DELETE FROM image WHERE manifest = ?1")?;
    let free = unnamed.into_iter().filter(|image| !leased.blobs.contains(image));
    free.map(|image| delete.execute([image.as_bytes()]).map(|_| image)).collect()
}

/// Removes records, those first that were not used for the longest time. Those whose layers an image needs stay.
fn remove_records(
    db: &Transaction<'_>,
    policy: &PrunePolicy,
    layers: &mut BTreeMap<LayerId, Held>,
) -> rusqlite::Result<usize> {
    let cached = layers.values().filter(|held| !held.by_image);
    let mut total: u64 = cached.map(|held| held.bytes).sum();
    let since = policy.unused_since.unwrap_or(i64::MAX);
    let mut ask = db.prepare_cached("SELECT id FROM step WHERE used < ?1 ORDER BY used, id")?;
    let records: Vec<i64> = ask.query_map([since], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut removed = 0;
    for record in records {
        if policy.keep_storage.is_some_and(|keep| total <= keep) {
            break;
        }
        let mut ask = db.prepare_cached("SELECT layer FROM step_layer WHERE step = ?1")?;
        let used: Vec<i64> =
            ask.query_map([record], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let of_image = |layer: &i64| layers.get(&LayerId(*layer)).is_some_and(|it| it.by_image);
        if !used.is_empty() && used.iter().all(of_image) {
            // Nothing would become free, and the image could not be built from the cache.
            continue;
        }
        for layer in used {
            if let Some(held) = layers.get_mut(&LayerId(layer)) {
                held.records = held.records.saturating_sub(1);
                if held.records == 0 && !held.by_image {
                    total = total.saturating_sub(held.bytes);
                }
            }
        }
        db.prepare_cached("DELETE FROM step WHERE id = ?1")?.execute(params![record])?;
        removed += 1;
    }
    Ok(removed)
}

/// Removes layers that nothing holds. (A step used a short time ago still has its record.)
fn remove_layers(
    db: &Transaction<'_>,
    policy: &PrunePolicy,
    layers: &BTreeMap<LayerId, Held>,
) -> rusqlite::Result<usize> {
    // What is removed with an image goes whether the cache is big or not.
    let keep = policy.keep_storage.filter(|_| !policy.keep_records);
    let since = policy.unused_since.unwrap_or(i64::MAX);
    let free = |held: &Held| !held.by_image && !held.is_leased && held.records == 0;
    let mut total: u64 = layers.values().filter(|held| !held.by_image).map(|held| held.bytes).sum();
    let mut unheld: Vec<_> =
        layers.iter().filter(|(_, held)| free(held) && held.used < since).collect();
    unheld.sort_by_key(|(id, held)| (held.used, **id));
    let mut removed = 0;
    for (id, held) in unheld {
        if keep.is_some_and(|keep| total <= keep) {
            break;
        }
        total = total.saturating_sub(held.bytes);
        db.prepare_cached("DELETE FROM layer WHERE id = ?1")?.execute([id.0])?;
        removed += 1;
    }
    Ok(removed)
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).doing(|| on("read", folder))? {
        let name = entry.doing(|| on("read", folder))?.file_name();
        names.extend(name.into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Whether a file was last changed before a time; always, if there is none.
fn is_older(path: &Path, since: Option<i64>) -> bool {
    let Some(since) = since else { return true };
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.mtime() < since)
}

/// The blocks of a file, or of all files in a folder, in bytes. What cannot be read takes nothing.
pub(crate) fn disk_usage(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let mut bytes = metadata.blocks() * 512;
    if metadata.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        bytes += entries.map(|entry| disk_usage(&entry.path())).sum::<u64>();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use oci::Reference;
    use oci::manifest::{Compression, Descriptor};

    use super::*;
    use crate::record::{Meanwhile, StepRecord};
    use crate::testing::{small_layer, store};

    fn record(store: &Store, layers: Vec<LayerId>) {
        let record = StepRecord { layers, ..crate::testing::record(LayerId(0)) };
        store.put_record(&record, b"", Meanwhile::Nothing).unwrap();
    }

    /// A tagged image with one layer.
    fn image(store: &Store) -> (LayerId, Digest) {
        let layer = small_layer(store);
        let packed = store.pack(layer, Compression::Gzip, None).unwrap();
        let mut config = ImageConfig::default();
        config.rootfs.diff_ids = vec![packed.diff_id];
        let config = store.put_blob(&config.to_json()).unwrap();
        let config = Descriptor::new(media_type::OCI_CONFIG, config, 1);
        let layers = vec![Descriptor::new(media_type::OCI_LAYER_GZIP, packed.blob, packed.size)];
        let manifest = Manifest::oci(config, layers).to_json();
        (layer, store.put_manifest(&manifest, media_type::OCI_MANIFEST).unwrap())
    }

    #[test]
    fn what_images_and_records_need_stays() {
        let (_folder, store) = store();
        let (kept, manifest) = image(&store);
        let name = Reference::parse("kept").unwrap();
        store.tag(&name, &manifest).unwrap();
        record(&store, vec![kept]);
        let loose = small_layer(&store);
        let recorded = small_layer(&store);
        record(&store, vec![recorded]);
        store.put_blob(b"loose").unwrap();
        let before = store.usage().unwrap();
        assert!(before.reclaimable() > 0 && before.reclaimable() < before.blobs + before.layers);
        let old = PrunePolicy { unused_since: Some(1), ..PrunePolicy::default() };
        assert_eq!(store.prune(&old).unwrap(), Pruned::default(), "all of it is newer");
        let roomy = PrunePolicy { keep_storage: Some(u64::MAX), ..PrunePolicy::default() };
        let pruned = store.prune(&roomy).unwrap();
        assert_eq!((pruned.records, pruned.layers, pruned.blobs), (0, 0, 1));
        let pruned =
            store.prune(&PrunePolicy { untagged: true, ..PrunePolicy::default() }).unwrap();
        assert_eq!((pruned.records, pruned.layers, pruned.images.len()), (1, 2, 0));
        assert!(pruned.bytes > 0);
        assert!(store.layer(loose).is_err() && store.layer(recorded).is_err());
        store.lay_out(kept).unwrap();
        assert_eq!(store.usage().unwrap().reclaimable(), 0);
        store.untag(&name).unwrap();
        let pruned =
            store.prune(&PrunePolicy { untagged: true, ..PrunePolicy::default() }).unwrap();
        assert_eq!((pruned.images, pruned.layers, pruned.blobs), (vec![manifest], 1, 3));
    }

    #[test]
    fn an_image_that_another_has_looked_up_stays_whole() {
        let (folder, store) = store();
        let (layer, manifest) = image(&store);
        let other = Store::open(folder.path()).unwrap();
        other.image(&manifest).unwrap();
        store.remove_image(&manifest, false).unwrap();
        let pruned = store.prune(&PrunePolicy::default()).unwrap();
        assert_eq!((pruned.layers, pruned.blobs), (0, 0));
        other.lay_out(layer).unwrap();
        drop(other);
        let pruned = store.prune(&PrunePolicy::default()).unwrap();
        assert_eq!((pruned.layers, pruned.blobs), (1, 3));
    }

    #[test]
    fn a_cache_mount_in_use_stays() {
        let (_folder, store) = store();
        let all = PrunePolicy { caches: true, ..PrunePolicy::default() };
        let used = store.try_cache_mount("x", crate::Sharing::Locked).unwrap().unwrap();
        store.prune(&all).unwrap();
        assert!(used.path().is_dir());
        drop(used);
        store.prune(&all).unwrap();
        assert!(!store.root().join("caches").read_dir().unwrap().any(|_| true));
    }

    #[test]
    fn caches_and_folders_without_a_row_go() {
        let (folder, store) = store();
        drop(store.try_cache_mount("x", crate::Sharing::Locked).unwrap());
        fs::create_dir_all(folder.path().join("layers/77/fs")).unwrap();
        store.prune(&PrunePolicy { caches: true, ..PrunePolicy::default() }).unwrap();
        for name in ["layers", "caches"] {
            assert_eq!(fs::read_dir(folder.path().join(name)).unwrap().count(), 0, "{name}");
        }
    }
}
