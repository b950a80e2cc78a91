//! Bytes on disk: blobs, layers, images, records. A library: it prints nothing and reads no environment.
//!
//! ```text
//! DFC_HOME/
//!   store.db                SQLite, WAL: images, names, layers, records of steps, history of builds (db/schema.rs)
//!   lock                    shared while something is found, exclusive while something is removed (lease.rs)
//!   blobs/sha256/HEX        manifests, configs, packed layers; with an index.json it would be an OCI layout
//!   layers/ID/index         what the layer holds: paths, metadata, blake3 of contents (layer/codec.rs)
//!   layers/ID/fs/           the layer as files, if something needed it: overlayfs's whiteouts and opaque folders
//!   layers/ID/fs-HASH/      the same over one particular chain, where a layer leaves something open to those below
//!   layers/ID/skipped       paths of fs/ that this process had not the right to make as they are
//!   layers/ID/lock          held while fs/ is made
//!   caches/HASH/{fs,ready}  cache mounts (cache_mount.rs)
//!   contexts/HASH           stat caches of local contexts (context.rs)
//!   resolved/HASH           what names of base images stood for (resolved.rs)
//!   reserve                 room to give on a full disk (reserve.rs)
//!   tmp/PID-RANDOM/         half-made things of one open store, and what it uses; its `lock` is held while the owner lives
//! ```
//!
//! # What a crash leaves
//!
//! - Everything is made in `tmp/`, renamed into place whole, and becomes part of the store by its row, committed last.
//!   A killed process leaves litter in `tmp/`, which the next [`Store::open`] sweeps, or a folder or blob without a row,
//!   which the next owner of the name replaces, or [`Store::prune`] removes.
//! - No file is flushed by itself: for a layer of ten thousand files that would take longer than making it. What was
//!   written is noted in the table `unsynced` with the machine's boot id. [`Store::sync`] flushes the file system once
//!   and strikes the notes off; whoever opens the store a minute after something was put does that. A store that finds
//!   notes of an earlier boot reads what they name, and removes what is not whole: after a power failure work may be
//!   missing, but nothing is there in part (torn.rs).
//! - A full disk is an error that says what was being written; what was half-made goes with the error.
//!
//! # Many processes
//!
//! Writers take turns in SQLite, readers never wait. Two processes that make the same blob or import the same layer
//! both come to an end, and one copy stays. `fs/` of a layer is made by one while the others wait. Nothing that an open
//! store has found or made is pruned while it is open.
//!
//! # Damage
//!
//! Bytes that were changed behind the store's back are noticed before they are used, at the price of what is read anyway:
//! a manifest, config or index by its digest whenever it is read; a packed layer by digest and diff id when it is
//! unpacked, packed anew or exported, and by its size when it is found; a file of a layer by its size when it is opened
//! and by its digest when it goes into another layer. Files that a RUN reads through its overlay are not compared.
//! An image that is loaded or imported is held against its own words, layer by layer, before it counts.
//! [`Store::forget_damaged`] removes what was found damaged, so that it is fetched or made again.
//!
//! # Parts
//!
//! - [`Store`] has all operations, by topic: blobs ([`BlobWriter`]), layers ([`LayerRecord`], [`Keep`], [`Folder`]),
//!   images ([`ImageRecord`]), records ([`StepRecord`]), [`ContextCache`], [`CacheMount`], pruning ([`PrunePolicy`]).
//! - [`LayerIndex`] and [`TreeView`] answer questions about trees without files.
//! - [`ContentSource`] is where contents come from: a context, another layer ([`FolderSource`]), a merged tree
//!   ([`Flat`]).
//! - [`layer::tar`] reads tars of any origin; [`archive`] holds images as files.

#![forbid(unsafe_code)]

pub mod archive;
mod blob;
mod blocks;
mod cache_mount;
mod compress;
mod context;
mod damage;
mod db;
mod error;
mod flat;
mod folder;
mod gc;
mod image;
pub mod layer;
mod layer_import;
mod layer_pack;
mod layer_record;
mod layers;
mod lease;
mod past;
mod record;
mod reserve;
mod resolved;
mod source;
mod store;
mod take_back;
#[cfg(test)]
mod testing;
mod torn;
mod usage;

pub use blob::BlobWriter;
pub use cache_mount::{CacheMount, Sharing};
pub use context::{CachedFile, ContextCache};
pub use damage::CheckedBlob;
pub use error::StoreError;
pub use flat::Flat;
pub use folder::Folder;
pub use gc::{PrunePolicy, Pruned};
pub use image::ImageRecord;
pub use layer::index::{Entry, FileDigest, Kind, LayerIndex, Mtime, TreeDigest};
pub use layer::scan::{ScanOptions, Xattrs};
pub use layer::stamps::Stamps;
pub use layer::view::{Content, Follow, Node, Place, ResolveError, Resolved, TreeView};
pub use layer_record::{Keep, LayOut, LayerId, LayerRecord, Packed};
pub use past::PastStep;
pub use record::{BuildRecord, Key, Meanwhile, RecordId, StepRecord};
pub use resolved::RememberedImage;
pub use source::{ContentSource, FolderSource, Source};
pub use store::Store;
pub use usage::{ImageUsage, MountUsage, Usage};
