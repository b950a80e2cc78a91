//! zstd: each block is a frame.

use std::cell::RefCell;
use std::io;

use zstd::bulk::Compressor;

/// Changes whenever the bytes do.
pub(crate) const PACKER: &str = "zstd 2: zstd 1.5, level 3, frames of 2 MiB";
const LEVEL: i32 = 3;

thread_local! {
    /// Its tables are made once a thread.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses a block.
pub(super) fn compress(plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        packed.clear();
        packed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        compressor.compress_to_buffer(plain, packed).map(drop)
    })
}
