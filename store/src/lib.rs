//! Bytes on disk: blobs, layers, images, records.

#![forbid(unsafe_code)]

mod cache_mount;
mod context;
mod error;
mod folder;
mod gc;
mod image;
pub mod layer;
mod layer_record;
mod pending;
mod record;
mod source;

pub use cache_mount::{CacheMount, Sharing};
pub use context::{CachedFile, ContextCache};
pub use error::StoreError;
pub use folder::Folder;
pub use gc::{PrunePolicy, Pruned, Usage};
pub use image::ImageRecord;
pub use layer::index::{Entry, FileDigest, Kind, LayerIndex, Mtime, TreeDigest};
pub use layer::view::{Content, Follow, Node, Place, ResolveError, Resolved, TreeView};
pub use layer_record::{Keep, LayOut, LayerId, LayerRecord, Packed};
pub use pending::{BlobWriter, ScanOptions, Store, Xattrs};
pub use record::{BuildRecord, Key, RecordId, StepRecord};
pub use source::{ContentSource, Source};
