//! Bytes on disk: blobs, layers, images, records.

#![forbid(unsafe_code)]

pub mod archive;
mod blob;
mod cache_mount;
mod compress;
mod context;
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
mod record;
mod source;
mod store;
#[cfg(test)]
mod testing;

pub use blob::BlobWriter;
pub use cache_mount::{CacheMount, Sharing};
pub use context::{CachedFile, ContextCache};
pub use error::StoreError;
pub use flat::Flat;
pub use folder::Folder;
pub use gc::{PrunePolicy, Pruned, Usage};
pub use image::ImageRecord;
pub use layer::index::{Entry, FileDigest, Kind, LayerIndex, Mtime, TreeDigest};
pub use layer::scan::{ScanOptions, Xattrs};
pub use layer::view::{Content, Follow, Node, Place, ResolveError, Resolved, TreeView};
pub use layer_record::{Keep, LayOut, LayerId, LayerRecord, Packed};
pub use record::{BuildRecord, Key, RecordId, StepRecord};
pub use source::{ContentSource, FolderSource, Source};
pub use store::Store;
