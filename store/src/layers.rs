//! Layers in the store: making, finding and reading them.
//!
//! A layer is put together in `tmp/`, renamed to `layers/ID`, and its row is committed last; the row decides. A folder
//! without a row is what a killed process left; whoever gets its number next moves it away.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::Digest;
use oci::manifest::{Compression, Descriptor};
use rusqlite::{Connection, OptionalExtension, params};
use rustix::fs::{Mode, OFlags};

use crate::compress::packer;
use crate::db::{digest, note_unsynced};
use crate::error::{Doing, StoreError, on};
use crate::folder::Folder;
use crate::layer::codec;
use crate::layer::files::{Earlier, write_files};
use crate::layer::index::{LayerIndex, TreeDigest};
use crate::layer::layout::OverlayForm;
use crate::layer::scan::{self, ScanOptions};
use crate::layer::stamps::Stamps;
use crate::layer::view::TreeView;
use crate::layer_record::{Keep, LayerId, LayerRecord, Packed};
use crate::lease::Lease;
use crate::source::ContentSource;
use crate::store::{Store, now};

/// A packed form is only claimed by a manifest; nobody has compared blob and diff id.
const DECLARED: &str = "declared";

/// A layer put together in `tmp/`.
pub(crate) struct Staged {
    /// What becomes `layers/ID`.
    path: PathBuf,
    result: TreeDigest,
    index: LayerIndex,
}

impl Staged {
    /// Where what belongs to the layer is put.
    pub(crate) fn folder(&self) -> &Path {
        &self.path
    }
}

impl Store {
    /// What is known of a layer.
    pub fn layer(&self, id: LayerId) -> Result<LayerRecord, StoreError> {
        let record = self.db.read("read a layer", |db| read_layer(db, id))?;
        record.ok_or(StoreError::NoLayer(id))
    }

    /// A layer's index, from memory if it was read before.
    pub fn index(&self, id: LayerId) -> Result<Arc<LayerIndex>, StoreError> {
        if let Some(index) = self.cached_indexes().get(&id) {
            return Ok(Arc::clone(index));
        }
        let path = self.layer_folder(id).join("index");
        let bytes = match fs::read(&path) {
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
                let record = self.layer(id)?;
                return Err(match record.result {
                    Some(_) => StoreError::Damaged(id),
                    None => StoreError::NotFetched(id),
                });
            }
            other => other.doing(|| on("read", &path))?,
        };
        let (index, _) = codec::decode(&bytes).map_err(|_| StoreError::Damaged(id))?;
        let index = Arc::new(index);
        self.cached_indexes().insert(id, Arc::clone(&index));
        Ok(index)
    }

    /// A chain of layers, bottom first, as one tree.
    pub fn view(&self, layers: &[LayerId]) -> Result<TreeView, StoreError> {
        let indexes: Vec<_> = layers.iter().map(|&id| self.index(id)).collect::<Result<_, _>>()?;
        Ok(TreeView::new(&indexes))
    }

    /// The layer with this plain tar; one whose content is here before one that is only declared.
    pub fn layer_by_diff_id(&self, diff_id: &Digest) -> Result<Option<LayerId>, StoreError> {
        let held = self.hold()?;
        let found = self.db.read("look for a layer", |db| by_diff_id(db, diff_id))?;
        if let Some(id) = found {
            self.lease(&held, Lease::Layer(id));
        }
        Ok(found)
    }

    /// Names a layer whose blob stays where it is for now; [`Store::import_layer`] fills it later.
    pub fn declare_layer(
        &self,
        diff_id: &Digest,
        blob: &Descriptor,
    ) -> Result<LayerId, StoreError> {
        let held = self.hold()?;
        let id = self.db.write("declare a layer", |db| {
            let doing = || "declare a layer".to_owned();
            let id = match by_diff_id(db, diff_id).doing(doing)? {
                Some(id) => id,
                None => insert_layer(db, Some(diff_id), None, 0).doing(doing)?,
            };
            let packed = Packed {
                diff_id: *diff_id,
                blob: blob.digest,
                size: blob.size,
                compression: blob.compression().unwrap_or(Compression::Gzip),
                epoch: None,
            };
            insert_packed(db, id, &packed, DECLARED).doing(doing)?;
            Ok(id)
        })?;
        self.lease(&held, Lease::Layer(id));
        Ok(id)
    }

    /// Reads an overlay's upper folder. What is the same in the tree below is left out, except for folders in which
    /// something changed.
    pub fn scan_upper(
        &self,
        upper: &Path,
        below: Option<&TreeView>,
        options: &ScanOptions,
    ) -> Result<LayerIndex, StoreError> {
        scan::scan_upper(upper, OverlayForm::of_this_process(), below, options, self.pool())
    }

    /// Compares a whole tree with the one it was copied from; `copied` was taken right after the copy. Its files are not in overlay form: make a layer of it
    /// with [`Store::add_sourced`] and a [`crate::FolderSource`].
    pub fn scan_against(
        &self,
        folder: &Path,
        (below, copied): (&TreeView, &Stamps),
        options: &ScanOptions,
    ) -> Result<LayerIndex, StoreError> {
        scan::scan_against(folder, (below, copied), options, self.pool())
    }

    /// Makes a layer of a folder whose `fs/` is in overlay form: the upper folder that the index was made of.
    pub fn adopt(&self, folder: Folder, index: LayerIndex) -> Result<LayerId, StoreError> {
        let staged = self.stage(index)?;
        let fs = staged.path.join("fs");
        fs::rename(folder.fs(), &fs).doing(|| on("move a layer to", &fs))?;
        self.register(staged, None, None)
    }

    /// Makes a layer of an index alone. Its contents must follow by [`Store::pack_sourced`] before anything refers to it.
    pub fn add_index(&self, index: LayerIndex) -> Result<LayerId, StoreError> {
        self.register(self.stage(index)?, None, None)
    }

    /// Makes a layer of an index whose contents come from elsewhere. Each is read once, and must have the size that
    /// its entry says.
    pub fn add_sourced(
        &self,
        index: LayerIndex,
        source: &dyn ContentSource,
        keep: Keep,
    ) -> Result<LayerId, StoreError> {
        match keep {
            Keep::Files => {
                let staged = self.stage(index)?;
                self.write_fs(&staged.index, source, None, &staged.path)?;
                self.register(staged, None, None)
            }
            Keep::Packed { compression, epoch } => {
                let packed = self.pack_index(&index, source, compression, epoch)?;
                let staged = self.stage(index)?;
                self.register(staged, None, Some((&packed, packer(compression))))
            }
        }
    }

    /// As [`Store::add_sourced`] with [`Keep::Files`]; a file that an earlier layer has just so is not made again but gets
    /// another name, and its content is not read.
    pub fn add_like(
        &self,
        index: LayerIndex,
        source: &dyn ContentSource,
        earlier: LayerId,
    ) -> Result<LayerId, StoreError> {
        let earlier = self.earlier(earlier);
        let staged = self.stage(index)?;
        self.write_fs(&staged.index, source, earlier.as_ref(), &staged.path)?;
        self.register(staged, None, None)
    }

    /// The files of a layer, if it has any and they are all as they should be.
    fn earlier(&self, id: LayerId) -> Option<Earlier> {
        let fs = self.layer_folder(id).join("fs");
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = rustix::fs::open(&fs, flags, Mode::empty()).ok()?;
        let is_whole = self.skipped(id).is_ok_and(|skipped| skipped.is_empty());
        let index = self.index(id).ok().filter(|_| is_whole)?;
        Some(Earlier { index, root })
    }

    /// Paths of a layer that could not be laid out as they are, because this process may not make devices or set some
    /// attribute. The index and the packed layer have them all the same.
    pub fn skipped(&self, id: LayerId) -> Result<Vec<Vec<u8>>, StoreError> {
        let path = self.layer_folder(id).join("skipped");
        match fs::read(&path) {
            Ok(bytes) => postcard::from_bytes(&bytes).map_err(|_| StoreError::Damaged(id)),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(err) => Err(err).doing(|| on("read", &path)),
        }
    }

    /// Writes `fs/` into a folder, and `skipped` beside it if there is something to say.
    pub(crate) fn write_fs(
        &self,
        index: &LayerIndex,
        source: &dyn ContentSource,
        earlier: Option<&Earlier>,
        folder: &Path,
    ) -> Result<(), StoreError> {
        let fs = make_fs(folder)?;
        let form = OverlayForm::of_this_process();
        let skipped = write_files(index, source, earlier, &fs, form, self.pool())?;
        write_skipped(folder, &skipped)
    }

    /// Begins a layer in `tmp/`: a folder with the index in it.
    pub(crate) fn stage(&self, index: LayerIndex) -> Result<Staged, StoreError> {
        let path = self.litter.fresh_path("layer");
        fs::create_dir(&path).doing(|| on("create", &path))?;
        let result = index.result_digest();
        let file = path.join("index");
        fs::write(&file, codec::encode(&index, &result)).doing(|| on("write", &file))?;
        Ok(Staged { path, result, index })
    }

    /// Puts a staged layer in place. One from outside that is here already is not made again.
    pub(crate) fn register(
        &self,
        staged: Staged,
        diff_id: Option<&Digest>,
        packed: Option<(&Packed, &str)>,
    ) -> Result<LayerId, StoreError> {
        let Staged { path, result, index } = staged;
        let size = index.content_size().cast_signed();
        let doing = || "add a layer".to_owned();
        let held = self.hold()?;
        let (id, used, is_new) = self.db.write("add a layer", |db| {
            let known = match diff_id {
                Some(diff_id) => by_diff_id(db, diff_id).doing(doing)?,
                None => None,
            };
            if let Some(id) = known {
                let is_here =
                    read_layer(db, id).doing(doing)?.is_some_and(|it| it.result.is_some());
                if is_here {
                    if let Some((packed, packer)) = packed {
                        insert_packed(db, id, packed, packer).doing(doing)?;
                    }
                    return Ok((id, false, false));
                }
            }
            let id = match known {
                Some(id) => id,
                None => insert_layer(db, diff_id, None, 0).doing(doing)?,
            };
            let sql = "UPDATE layer SET result = ?2, size = ?3 WHERE id = ?1";
            db.execute(sql, params![id.0, result.0, size]).doing(doing)?;
            if let Some((packed, packer)) = packed {
                insert_packed(db, id, packed, packer).doing(doing)?;
            }
            note_unsynced(db, &format!("layer:{id}"), &self.boot).doing(doing)?;
            let place = self.layer_folder(id);
            self.remove_path(&place)?;
            fs::rename(&path, &place).doing(|| on("move a layer to", &place))?;
            Ok((id, true, known.is_none()))
        })?;
        if is_new {
            self.made().layers.insert(id);
        }
        self.lease(&held, Lease::Layer(id));
        drop(held);
        if used {
            self.cached_indexes().insert(id, Arc::new(index));
        } else {
            self.remove_path(&path)?;
        }
        Ok(id)
    }

    /// Remembers a packed form.
    pub(crate) fn put_packed(
        &self,
        id: LayerId,
        packed: &Packed,
        packer: &str,
    ) -> Result<(), StoreError> {
        self.db.read("note a packed layer", |db| insert_packed(db, id, packed, packer))
    }

    /// The packed forms of a layer that are known to be true.
    pub(crate) fn true_forms(&self, id: LayerId) -> Result<Vec<Packed>, StoreError> {
        self.db.read("read a layer", |db| {
            let sql = "SELECT * FROM packed WHERE layer = ?1 AND packer <> ?2 ORDER BY rowid";
            db.prepare_cached(sql)?.query_map(params![id.0, DECLARED], read_packed)?.collect()
        })
    }

    /// Locks a layer's folder for making files in it.
    pub(crate) fn lock_layer(&self, id: LayerId) -> Result<File, StoreError> {
        let path = self.layer_folder(id).join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.doing(|| on("open", &path))?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)
            .doing(|| on("lock", &path))?;
        Ok(file)
    }
}

/// An empty `fs/` in a folder.
pub(crate) fn make_fs(folder: &Path) -> Result<PathBuf, StoreError> {
    let fs = folder.join("fs");
    fs::create_dir_all(&fs).doing(|| on("create", &fs))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&fs, mode).doing(|| on("set the mode of", &fs))?;
    Ok(fs)
}

pub(crate) fn write_skipped(folder: &Path, skipped: &[Vec<u8>]) -> Result<(), StoreError> {
    if skipped.is_empty() {
        return Ok(());
    }
    let path = folder.join("skipped");
    let bytes = postcard::to_stdvec(skipped).expect("a list of byte strings has a form");
    fs::write(&path, bytes).doing(|| on("write", &path))
}

fn insert_layer(
    db: &Connection,
    diff_id: Option<&Digest>,
    result: Option<&TreeDigest>,
    size: i64,
) -> rusqlite::Result<LayerId> {
    let sql = "INSERT INTO layer (diff_id, result, size, used) VALUES (?1, ?2, ?3, ?4)";
    let diff_id = diff_id.map(|it| it.as_bytes().as_slice());
    db.prepare_cached(sql)?.execute(params![diff_id, result.map(|it| it.0), size, now()])?;
    Ok(LayerId(db.last_insert_rowid()))
}

fn insert_packed(
    db: &Connection,
    id: LayerId,
    packed: &Packed,
    packer: &str,
) -> rusqlite::Result<()> {
    let Packed { diff_id, blob, size, compression, epoch } = packed;
    // What was only declared is replaced by what is known; never the other way round.
    let sql = "INSERT INTO packed (layer, diff_id, blob, size, compression, packer, epoch)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT DO UPDATE SET diff_id = ?2, size = ?4, compression = ?5, packer = ?6, epoch = ?7
               WHERE packer = 'declared'";
    let (diff_id, blob) = (diff_id.as_bytes(), blob.as_bytes());
    let compression = compression_name(*compression);
    let values = params![id.0, diff_id, blob, size.cast_signed(), compression, packer, epoch];
    db.prepare_cached(sql)?.execute(values).map(drop)
}

fn by_diff_id(db: &Connection, diff_id: &Digest) -> rusqlite::Result<Option<LayerId>> {
    let sql = "SELECT id FROM layer
               WHERE diff_id = ?1 OR id IN (SELECT layer FROM packed WHERE diff_id = ?1 AND packer <> 'declared')
               ORDER BY result IS NULL, id LIMIT 1";
    let id = |row: &rusqlite::Row<'_>| row.get(0).map(LayerId);
    db.prepare_cached(sql)?.query_row([diff_id.as_bytes()], id).optional()
}

fn read_layer(db: &Connection, id: LayerId) -> rusqlite::Result<Option<LayerRecord>> {
    let sql = "SELECT diff_id, result, size FROM layer WHERE id = ?1";
    let row = db.prepare_cached(sql)?.query_row([id.0], |row| {
        let diff_id: Option<[u8; 32]> = row.get(0)?;
        let result: Option<[u8; 32]> = row.get(1)?;
        let size: i64 = row.get(2)?;
        Ok(LayerRecord {
            id,
            diff_id: diff_id.map(Digest::from_bytes),
            result: result.map(TreeDigest),
            size: size.cast_unsigned(),
            packed: Vec::new(),
        })
    });
    let Some(mut record) = row.optional()? else { return Ok(None) };
    let mut ask = db.prepare_cached("SELECT * FROM packed WHERE layer = ?1 ORDER BY rowid")?;
    record.packed = ask.query_map([id.0], read_packed)?.collect::<Result<_, _>>()?;
    Ok(Some(record))
}

fn read_packed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Packed> {
    let compression: String = row.get("compression")?;
    let size: i64 = row.get("size")?;
    Ok(Packed {
        diff_id: digest(row, "diff_id")?,
        blob: digest(row, "blob")?,
        size: size.cast_unsigned(),
        compression: match compression.as_str() {
            "none" => Compression::None,
            "zstd" => Compression::Zstd,
            _ => Compression::Gzip,
        },
        epoch: row.get("epoch")?,
    })
}

fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

#[cfg(test)]
mod tests;
