//! A tar of a whole tree as one layer: what `docker import` takes.

use std::io::Read;

use oci::manifest::Compression;

use super::stream::plain;
use crate::compress::squeeze_stream;
use crate::error::{Doing, StoreError};
use crate::layer_record::{LayOut, Packed};
use crate::store::Store;

/// Reads a tar, compressed or not, into the store as a layer. It keeps its bytes and is packed with gzip.
///
/// # Errors
/// It is no tar, or one that leads out of its root.
pub fn read(store: &Store, stream: impl Read + Send) -> Result<Packed, StoreError> {
    let doing = || "read the archive".to_owned();
    let mut stream = plain(stream).doing(doing)?;
    let mut blob = store.blob_writer()?;
    let done = squeeze_stream(store.how(Compression::Gzip), &mut stream, &mut blob)?;
    if done.bytes == 0 {
        let why = "it is empty".to_owned();
        return Err(StoreError::Archive { what: "the archive cannot be imported".into(), why });
    }
    let diff_id = done.content;
    let (blob, size) = blob.finish(None)?;
    store.import_layer(&blob, &diff_id, LayOut::No)?;
    Ok(Packed { diff_id, blob, size, compression: Compression::Gzip, epoch: None })
}
