//! zstd in parallel: frames of a fixed size, one after the other, which every decoder reads as one stream.

use std::io;

use super::BlockCodec;

/// Changes whenever the bytes do.
pub(crate) const PACKER: &str = "zstd 1: zstd 1.5, level 3, frames of 4 MiB";
const LEVEL: i32 = 3;
const BLOCK: usize = 4 << 20;

pub(crate) struct Zstd;

impl BlockCodec for Zstd {
    fn block(&self) -> usize {
        BLOCK
    }

    fn window(&self) -> usize {
        0
    }

    fn compress(&self, _: &[u8], block: &[u8], _: bool) -> io::Result<Vec<u8>> {
        zstd::bulk::compress(block, LEVEL)
    }

    fn head(&self) -> Vec<u8> {
        Vec::new()
    }

    fn tail(&self, _: u32, _: u64) -> Vec<u8> {
        Vec::new()
    }

    fn checksum(&self, _: &[u8]) -> crc32fast::Hasher {
        crc32fast::Hasher::new()
    }
}
