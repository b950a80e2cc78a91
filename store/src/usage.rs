//! What the store takes on disk, and what of it belongs to which image.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;

use oci::Digest;

use crate::db::digest;
use crate::error::StoreError;
use crate::gc::{disk_usage, names};
use crate::layer_record::LayerId;
use crate::store::Store;

/// What the store takes on disk, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blobs.
    pub blobs: u64,
    /// Layers: indexes and files.
    pub layers: u64,
    /// The database, stat caches and half-made things.
    pub other: u64,
    /// Each image, but for those that an image of several platforms consists of.
    pub images: Vec<ImageUsage>,
    /// Number of those with a name.
    pub named: usize,
    /// What images hold.
    pub held: u64,
    /// Of that, what no image with a name holds.
    pub held_unnamed: u64,
    /// What no image holds: results of steps.
    pub cache: u64,
    /// Number of steps whose results are known.
    pub steps: usize,
    /// Of them, those whose results are in images.
    pub steps_in_images: usize,
    /// Cache mounts.
    pub mounts: Vec<MountUsage>,
}

/// What an image takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUsage {
    /// Digest of its manifest, or of the index of several.
    pub manifest: Digest,
    /// What it holds together with others.
    pub shared: u64,
    /// What goes with it.
    pub own: u64,
}

/// What a cache mount takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountUsage {
    /// Its key: the id, and what else makes it another.
    pub key: String,
    /// Its files.
    pub bytes: u64,
    /// When something was last added or removed at its top, seconds since 1970.
    pub changed: i64,
}

impl Usage {
    /// Cache mounts together.
    pub fn caches(&self) -> u64 {
        self.mounts.iter().map(|mount| mount.bytes).sum()
    }

    /// What no image with a name needs.
    pub fn reclaimable(&self) -> u64 {
        self.held_unnamed + self.cache + self.caches()
    }
}

/// Something on disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Blob(Digest),
    Layer(LayerId),
}

/// Its size, and who holds it.
#[derive(Default)]
struct Holders {
    bytes: u64,
    images: usize,
    is_named: bool,
}

/// An image, and whether it has a name.
struct Holder {
    manifest: Digest,
    is_named: bool,
    parts: Vec<(Digest, String)>,
}

impl Store {
    /// What the store takes on disk. Reads all of its folders.
    ///
    /// # Errors
    /// The database or a folder cannot be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let at = |name: &str| disk_usage(&self.root().join(name));
        let mut usage = Usage {
            other: ["contexts", "resolved", "tmp", "store.db", "store.db-wal"].map(at).iter().sum(),
            mounts: self.mounts()?,
            ..Usage::default()
        };
        let mut things = self.things(&mut usage)?;
        let by_diff_id = self.layers_by_diff_id()?;
        let holders = self.holders()?;
        let held: Vec<BTreeSet<Thing>> =
            holders.iter().map(|holder| self.held(holder, &by_diff_id)).collect();
        for (holder, held) in holders.iter().zip(&held) {
            for thing in held {
                if let Some(found) = things.get_mut(thing) {
                    found.images += 1;
                    found.is_named |= holder.is_named;
                }
            }
        }
        usage.named = holders.iter().filter(|holder| holder.is_named).count();
        for (holder, held) in holders.iter().zip(&held) {
            let (mut shared, mut own) = (0, 0);
            for found in held.iter().filter_map(|thing| things.get(thing)) {
                *(if found.images > 1 { &mut shared } else { &mut own }) += found.bytes;
            }
            usage.images.push(ImageUsage { manifest: holder.manifest, shared, own });
        }
        for found in things.values() {
            match (found.images, found.is_named) {
                (0, _) => usage.cache += found.bytes,
                (_, true) => usage.held += found.bytes,
                (_, false) => {
                    usage.held += found.bytes;
                    usage.held_unnamed += found.bytes;
                }
            }
        }
        self.count_steps(&things, &mut usage)?;
        Ok(usage)
    }

    /// What an image consists of.
    fn held(
        &self,
        holder: &Holder,
        by_diff_id: &BTreeMap<Digest, Vec<LayerId>>,
    ) -> BTreeSet<Thing> {
        let mut held = BTreeSet::new();
        for (part, kind) in &holder.parts {
            let needed = self.needed_of(part, kind);
            held.extend(needed.blobs.iter().map(|blob| Thing::Blob(*blob)));
            let layers = needed.diff_ids.iter().filter_map(|id| by_diff_id.get(id)).flatten();
            held.extend(layers.map(|layer| Thing::Layer(*layer)));
        }
        held
    }

    /// Blobs and layers, nobody's so far.
    fn things(&self, usage: &mut Usage) -> Result<BTreeMap<Thing, Holders>, StoreError> {
        let mut things = BTreeMap::new();
        for blob in self.all_blobs()? {
            let bytes = disk_usage(&self.blob_path(&blob));
            usage.blobs += bytes;
            things.insert(Thing::Blob(blob), Holders { bytes, ..Holders::default() });
        }
        for name in names(&self.root().join("layers"))? {
            let bytes = disk_usage(&self.root().join("layers").join(&name));
            usage.layers += bytes;
            if let Ok(id) = name.parse() {
                things.insert(Thing::Layer(LayerId(id)), Holders { bytes, ..Holders::default() });
            }
        }
        Ok(things)
    }

    fn layers_by_diff_id(&self) -> Result<BTreeMap<Digest, Vec<LayerId>>, StoreError> {
        self.db.read("list layers", |db| {
            let sql = "SELECT id, diff_id FROM layer WHERE diff_id IS NOT NULL
                       UNION SELECT layer, diff_id FROM packed";
            let mut layers: BTreeMap<Digest, Vec<LayerId>> = BTreeMap::new();
            let mut ask = db.prepare_cached(sql)?;
            let mut rows = ask.query([])?;
            while let Some(row) = rows.next()? {
                layers.entry(digest(row, "diff_id")?).or_default().push(LayerId(row.get(0)?));
            }
            Ok(layers)
        })
    }

    /// The images, each with its members; a member without a name of its own is none.
    fn holders(&self) -> Result<Vec<Holder>, StoreError> {
        let images = self.images()?;
        let members: BTreeSet<Digest> =
            images.iter().flat_map(|image| image.members.iter().copied()).collect();
        let kinds: BTreeMap<Digest, &str> =
            images.iter().map(|image| (image.manifest, image.media_type.as_str())).collect();
        let whole = images
            .iter()
            .filter(|image| !image.names.is_empty() || !members.contains(&image.manifest));
        let holder = whole.map(|image| {
            let parts = std::iter::once(&image.manifest).chain(&image.members);
            let parts = parts.filter_map(|it| Some((*it, (*kinds.get(it)?).to_owned()))).collect();
            Holder { manifest: image.manifest, is_named: !image.names.is_empty(), parts }
        });
        Ok(holder.collect())
    }

    fn count_steps(
        &self,
        things: &BTreeMap<Thing, Holders>,
        usage: &mut Usage,
    ) -> Result<(), StoreError> {
        let made: Vec<(i64, Option<i64>)> = self.db.read("list steps", |db| {
            let sql = "SELECT step.id, step_layer.layer FROM step
                       LEFT JOIN step_layer ON step_layer.step = step.id";
            let mut ask = db.prepare_cached(sql)?;
            ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let mut steps: BTreeMap<i64, bool> = BTreeMap::new();
        for (step, layer) in made {
            let in_image = layer.is_some_and(|layer| {
                things.get(&Thing::Layer(LayerId(layer))).is_some_and(|it| it.images > 0)
            });
            *steps.entry(step).or_insert(true) &= in_image;
        }
        usage.steps = steps.len();
        usage.steps_in_images = steps.values().filter(|in_image| **in_image).count();
        Ok(())
    }

    fn mounts(&self) -> Result<Vec<MountUsage>, StoreError> {
        let folder = self.root().join("caches");
        let mut mounts = Vec::new();
        for name in names(&folder)? {
            let path = folder.join(&name);
            let key = std::fs::read_to_string(path.join("key")).unwrap_or(name);
            let changed = std::fs::metadata(path.join("fs")).map(|it| it.mtime()).unwrap_or(0);
            mounts.push(MountUsage { key, bytes: disk_usage(&path), changed });
        }
        Ok(mounts)
    }
}
