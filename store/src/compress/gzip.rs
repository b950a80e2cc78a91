//! gzip in parallel, as one member: every block but the last ends with a sync flush, which leaves it on a byte's
//! boundary, and starts with the end of the block before as its dictionary, so that nothing is lost by the cut.

use std::io;

use flate2::{Compress, FlushCompress, Status};

use super::BlockCodec;

/// Changes whenever the bytes do.
pub(crate) const PACKER: &str = "gzip 1: zlib-rs 0.6, level 6, blocks of 1 MiB";
const LEVEL: u32 = 6;
const BLOCK: usize = 1 << 20;
/// How far deflate looks back.
const WINDOW: usize = 32 << 10;

pub(crate) struct Gzip;

impl BlockCodec for Gzip {
    fn block(&self) -> usize {
        BLOCK
    }

    fn window(&self) -> usize {
        WINDOW
    }

    fn compress(&self, before: &[u8], block: &[u8], last: bool) -> io::Result<Vec<u8>> {
        let mut deflate = Compress::new(flate2::Compression::new(LEVEL), false);
        if !before.is_empty() {
            deflate.set_dictionary(before).map_err(io::Error::other)?;
        }
        let mut out = Vec::with_capacity(block.len() / 2 + 1024);
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
        loop {
            let done = usize::try_from(deflate.total_in()).expect("a block fits in memory");
            let status =
                deflate.compress_vec(&block[done..], &mut out, flush).map_err(io::Error::other)?;
            let taken = deflate.total_in() == block.len() as u64;
            // With room left in the output, deflate had nothing more to write.
            match status {
                Status::StreamEnd => return Ok(out),
                Status::Ok | Status::BufError if !last && taken && out.len() < out.capacity() => {
                    return Ok(out);
                }
                Status::Ok | Status::BufError => out.reserve(block.len() / 2 + 1024),
            }
        }
    }

    fn head(&self) -> Vec<u8> {
        // deflate, no flags, no time, no hint about the effort, system "unknown".
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
    }

    fn tail(&self, crc: u32, size: u64) -> Vec<u8> {
        // The size is kept modulo 2^32.
        [crc.to_le_bytes(), (size as u32).to_le_bytes()].concat()
    }

    fn checksum(&self, block: &[u8]) -> crc32fast::Hasher {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(block);
        hasher
    }
}
