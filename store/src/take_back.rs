//! What this open store has put, for who fails halfway: a load or an import takes back what nothing refers to.
//!
//! It goes as a prune would take it ([`crate::gc`]): what an image, a step or another open store needs stays.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

use oci::Digest;
use rusqlite::Transaction;

use crate::db::digest;
use crate::error::{Doing, StoreError};
use crate::layer_record::LayerId;
use crate::lease::Leased;
use crate::store::Store;

/// What was not there before.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) blobs: BTreeSet<Digest>,
    pub(crate) layers: BTreeSet<LayerId>,
    pub(crate) images: BTreeSet<Digest>,
}

impl Store {
    /// What this open store has put.
    pub(crate) fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes images without a name, layers and blobs that this open store has put and that nothing needs. Not for one
    /// that a build works with: what a build is about to refer to would go. The images `kept` stay without a name, too.
    ///
    /// # Errors
    /// As of [`Store::prune`]; what could not be removed goes with the next one.
    pub fn take_back(&self, kept: &[Digest]) -> Result<(), StoreError> {
        let mut made = std::mem::take(&mut *self.made());
        made.images.retain(|image| !kept.contains(image));
        // On a full disk nobody can be alone: what is in use could not be noted.
        if self.leases.is_full() {
            return Ok(());
        }
        let mut gone = Vec::new();
        self.alone(|leased| {
            let paths = self.db.write("take back", |db| self.unneeded(db, &made, leased))?;
            self.cached_indexes().clear();
            for path in &paths {
                gone.extend(self.move_away(path)?);
            }
            Ok(())
        })?;
        gone.iter().try_for_each(|path| self.remove_path(path))
    }

    /// Removes rows, and gives the paths of what then has none.
    fn unneeded(
        &self,
        db: &Transaction<'_>,
        made: &Made,
        leased: &Leased,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let doing = || "take back".to_owned();
        remove_images(db, made, leased).doing(doing)?;
        let mut needed = self.needed(db, leased)?;
        let held = self.held_layers(db, &needed)?;
        let mut paths = Vec::new();
        for (id, held) in held.iter().filter(|(id, _)| made.layers.contains(id)) {
            if !held.by_image && held.records == 0 && !leased.layers.contains(id) {
                db.execute("DELETE FROM layer WHERE id = ?1", [id.0]).doing(doing)?;
                paths.push(self.layer_folder(*id));
            }
        }
        let packed: rusqlite::Result<Vec<Digest>> = db
            .prepare_cached("SELECT blob FROM packed")
            .and_then(|mut ask| ask.query_map([], |row| digest(row, "blob"))?.collect());
        needed.blobs.extend(packed.doing(doing)?);
        let loose = made.blobs.iter().filter(|blob| !needed.blobs.contains(blob));
        paths.extend(loose.map(|blob| self.blob_path(blob)));
        Ok(paths)
    }
}

/// Those of several platforms first, then what they consisted of.
fn remove_images(db: &Transaction<'_>, made: &Made, leased: &Leased) -> rusqlite::Result<()> {
    let sql = "DELETE FROM image WHERE manifest = ?1
               AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.manifest = ?1)
               AND NOT EXISTS (SELECT 1 FROM member WHERE member.manifest = ?1)";
    let mut delete = db.prepare_cached(sql)?;
    loop {
        let mut removed = 0;
        for image in made.images.iter().filter(|image| !leased.blobs.contains(image)) {
            removed += delete.execute([image.as_bytes()])?;
        }
        if removed == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use oci::manifest::{Compression, Descriptor, media_type};
    use oci::{ImageConfig, ImageIndex, Manifest, Reference};

    use super::*;
    use crate::testing::{small_layer, store};

    #[test]
    fn what_nothing_needs_is_taken_back() {
        let (folder, store) = store();
        let other = Store::open(folder.path()).unwrap();
        let (kept, lost) = (small_layer(&store), small_layer(&store));
        let packed = store.pack(kept, Compression::Gzip, None).unwrap();
        let mut config = ImageConfig::default();
        config.rootfs.diff_ids = vec![packed.diff_id];
        let bytes = config.to_json();
        let config = store.put_blob(&bytes).unwrap();
        let config = Descriptor::new(media_type::OCI_CONFIG, config, bytes.len() as u64);
        let layer = Descriptor::new(media_type::OCI_LAYER_GZIP, packed.blob, packed.size);
        let bytes = Manifest::oci(config, vec![layer]).to_json();
        let named = store.put_manifest(&bytes, media_type::OCI_MANIFEST).unwrap();
        let part = Descriptor::new(media_type::OCI_MANIFEST, named, bytes.len() as u64);
        let whole = ImageIndex::oci(vec![part]).to_json();
        let whole = store.put_manifest(&whole, media_type::OCI_INDEX).unwrap();
        let loose = store.put_blob(b"loose").unwrap();
        let used = store.put_blob(b"used by another").unwrap();
        assert!(other.has_blob(&used));
        store.tag(&Reference::parse("named").unwrap(), &named).unwrap();
        let unnamed = ImageIndex::oci(vec![]).to_json();
        let unnamed = store.put_manifest(&unnamed, media_type::OCI_INDEX).unwrap();
        store.take_back(&[unnamed]).unwrap();
        assert!(store.image(&unnamed).unwrap().is_some());
        assert!(store.layer(lost).is_err() && store.layer(kept).is_ok());
        assert!(!store.has_blob(&loose) && store.has_blob(&used));
        assert_eq!(store.image(&whole).unwrap(), None);
        assert!(store.image(&named).unwrap().is_some());
        store.lay_out(kept).unwrap();
        store.check_blob(&packed.blob).unwrap();
    }
}
