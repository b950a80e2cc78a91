//! Compressors that use all processors and give the same bytes whatever their number.
//!
//! The stream is cut into blocks of a fixed size. Every block is compressed on its own by a thread of the pool, and
//! written in order: gzip blocks together are one member ([`gzip`]), zstd blocks are frames one after the other
//! ([`zstd`]). How many are on their way at once is bounded, and with it the memory.

pub(crate) mod gzip;
pub(crate) mod zstd;

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use oci::manifest::Compression;
use rayon::ThreadPool;

/// Compresses one block.
pub(crate) trait BlockCodec: Send + Sync + 'static {
    /// Bytes in a block; the last one may be shorter.
    fn block(&self) -> usize;
    /// Compresses a block. `before` is the end of the block before it, as a dictionary; `last` marks the end of the
    /// stream, which may be an empty block.
    fn compress(&self, before: &[u8], block: &[u8], last: bool) -> io::Result<Vec<u8>>;
    /// How much of the block before is of use.
    fn window(&self) -> usize;
    /// What comes first.
    fn head(&self) -> Vec<u8>;
    /// What comes last, for so much content with that checksum.
    fn tail(&self, crc: u32, size: u64) -> Vec<u8>;
    /// The checksum of a block, if the format has one.
    fn checksum(&self, block: &[u8]) -> crc32fast::Hasher;
}

/// A compressed block on its way: bytes, and the checksum of what they were.
type Pending = Receiver<io::Result<(Vec<u8>, crc32fast::Hasher)>>;

/// Compresses what is written, block by block, in a pool's threads.
pub(crate) struct BlockWriter<'a, W> {
    out: W,
    codec: Arc<dyn BlockCodec>,
    pool: &'a ThreadPool,
    block: Vec<u8>,
    before: Vec<u8>,
    pending: VecDeque<Pending>,
    crc: crc32fast::Hasher,
    size: u64,
}

impl<'a, W: Write> BlockWriter<'a, W> {
    pub(crate) fn new(
        mut out: W,
        codec: Arc<dyn BlockCodec>,
        pool: &'a ThreadPool,
    ) -> io::Result<Self> {
        out.write_all(&codec.head())?;
        let block = Vec::with_capacity(codec.block());
        let crc = crc32fast::Hasher::new();
        let pending = VecDeque::new();
        Ok(BlockWriter { out, codec, pool, block, before: Vec::new(), pending, crc, size: 0 })
    }

    fn submit(&mut self, last: bool) -> io::Result<()> {
        // Two blocks a thread keep all of them busy while the oldest is waited for.
        while self.pending.len() >= 2 * self.pool.current_num_threads() {
            self.collect()?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(self.codec.block()));
        let window = block.len().saturating_sub(self.codec.window());
        let before = std::mem::replace(&mut self.before, block[window..].to_vec());
        self.size += block.len() as u64;
        let (send, receive) = sync_channel(1);
        let codec = Arc::clone(&self.codec);
        self.pool.spawn(move || {
            let checksum = codec.checksum(&block);
            let bytes = codec.compress(&before, &block, last);
            // Nobody waits any more if writing failed.
            let _ = send.send(bytes.map(|bytes| (bytes, checksum)));
        });
        self.pending.push_back(receive);
        Ok(())
    }

    fn collect(&mut self) -> io::Result<()> {
        let Some(oldest) = self.pending.pop_front() else { return Ok(()) };
        let (bytes, checksum) =
            oldest.recv().map_err(|_| io::Error::other("a compressing thread died"))??;
        self.crc.combine(&checksum);
        self.out.write_all(&bytes)
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        if self.size == 0 {
            // A single block needs no other thread.
            self.size = self.block.len() as u64;
            self.crc.combine(&self.codec.checksum(&self.block));
            let bytes = self.codec.compress(&[], &self.block, true)?;
            self.out.write_all(&bytes)?;
            self.out.write_all(&self.codec.tail(self.crc.finalize(), self.size))?;
            return Ok(self.out);
        }
        self.submit(true)?;
        while !self.pending.is_empty() {
            self.collect()?;
        }
        self.out.write_all(&self.codec.tail(self.crc.finalize(), self.size))?;
        Ok(self.out)
    }
}

impl<W: Write> Write for BlockWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full block is kept until more comes, so that the last one is known to be the last.
        if self.block.len() == self.codec.block() {
            self.submit(false)?;
        }
        let room = self.codec.block() - self.block.len();
        let taken = room.min(bytes.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A compressor of any kind.
pub(crate) enum Compressor<'a, W> {
    Plain(W),
    Blocks(BlockWriter<'a, W>),
}

impl<'a, W: Write> Compressor<'a, W> {
    pub(crate) fn new(out: W, compression: Compression, pool: &'a ThreadPool) -> io::Result<Self> {
        let codec: Arc<dyn BlockCodec> = match compression {
            Compression::None => return Ok(Compressor::Plain(out)),
            Compression::Gzip => Arc::new(gzip::Gzip),
            Compression::Zstd => Arc::new(zstd::Zstd),
        };
        BlockWriter::new(out, codec, pool).map(Compressor::Blocks)
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Compressor::Plain(out) => Ok(out),
            Compressor::Blocks(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::Plain(out) => out.write(bytes),
            Compressor::Blocks(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What made a blob: recorded with it, so that another version's blob is known to be another.
pub(crate) fn packer(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "tar 1",
        Compression::Gzip => gzip::PACKER,
        Compression::Zstd => zstd::PACKER,
    }
}

/// A stream uncompressed, whatever its first bytes say it is: gzip, zstd, or plain.
pub(crate) fn decompress<'a>(
    stream: impl Read + Send + 'a,
) -> io::Result<(Compression, Box<dyn Read + Send + 'a>)> {
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    let mut head = Vec::with_capacity(4);
    (&mut stream).take(4).read_to_end(&mut head)?;
    let whole = io::Cursor::new(head.clone()).chain(stream);
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => {
            let whole = BufReader::with_capacity(256 << 10, whole);
            (Compression::Gzip, Box::new(flate2::bufread::MultiGzDecoder::new(whole)))
        }
        // A frame, or a skippable one before it.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            let mut decoder = ::zstd::stream::read::Decoder::new(whole)?;
            // 128 MiB, what `zstd -d` allows.
            decoder.window_log_max(27)?;
            (Compression::Zstd, Box::new(decoder))
        }
        _ => (Compression::None, Box::new(whole)),
    })
}
