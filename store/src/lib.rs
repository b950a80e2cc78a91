//! Bytes on disk: blobs, layers, images, records.
