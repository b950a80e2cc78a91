//! gzip: each block is a member of its own, so that one that was compressed before is taken as it is. A gzip file is a
//! series of members by definition, and reads as their contents one after the other.

use std::cell::RefCell;
use std::io;

use libdeflater::{CompressionLvl, Compressor};

/// Changes whenever the bytes do.
pub(crate) const PACKER: &str = "gzip 2: libdeflate 1.26, level 2, members of 1 MiB";
/// As small as zlib's 6, in half the time.
const LEVEL: i32 = 2;

thread_local! {
    /// Its tables are made once a thread.
    static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
}

/// Compresses a block.
pub(super) fn compress(plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = kept.get_or_insert_with(|| {
            Compressor::new(CompressionLvl::new(LEVEL).expect("libdeflate knows levels to 12"))
        });
        packed.resize(compressor.gzip_compress_bound(plain.len()), 0);
        let length = compressor.gzip_compress(plain, packed).map_err(io::Error::other)?;
        packed.truncate(length);
        Ok(())
    })
}
