//! Compression by all processors that gives the same bytes whatever their number.
//!
//! What is compressed is cut into blocks. Each is compressed on its own by a thread of the pool, and written in order:
//! gzip blocks are members ([`gzip`]), zstd blocks frames ([`zstd`]), one after the other, which every decoder reads as
//! one stream. How many are on their way at once is bounded, and with it the memory. A block that was compressed before
//! is taken from where it is ([`Memory`]).

pub(crate) mod gzip;
pub(crate) mod zstd;

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use oci::Digest;
use oci::digest::Hasher;
use oci::manifest::Compression;
use rayon::{Scope, ThreadPool};

use crate::error::{Doing, StoreError};

/// Smaller blocks are compressed sooner than they are looked up.
const WORTH_KNOWING: usize = 64 << 10;

/// Says which bytes went in, and what made others of them.
pub(crate) type BlockKey = [u8; 32];

/// Where blocks are that were compressed before.
pub(crate) trait Memory: Sync {
    /// Appends a compressed block; `None` if it is not known, or is not what it was.
    fn recall(&self, key: &BlockKey, packed: &mut Vec<u8>) -> Option<[u8; 32]>;
}

/// A compressed block, to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    /// What it was made of.
    pub(crate) key: BlockKey,
    /// blake3 of the compressed bytes.
    pub(crate) checksum: [u8; 32],
    /// Where it begins in the whole.
    pub(crate) offset: u64,
    /// In bytes.
    pub(crate) length: u64,
}

/// Bytes in a block, at most.
pub(crate) fn block_size(compression: Compression) -> usize {
    match compression {
        Compression::None | Compression::Gzip => 1 << 20,
        // Where frames are smaller, zstd finds less that repeats.
        Compression::Zstd => 2 << 20,
    }
}

/// Some plain bytes, and what they become.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) plain: Vec<u8>,
    packed: Vec<u8>,
    known: Option<(BlockKey, [u8; 32])>,
}

impl Block {
    fn squeeze(&mut self, compression: Compression, memory: Option<&dyn Memory>) -> io::Result<()> {
        let compress = match compression {
            Compression::None => return Ok(()),
            Compression::Gzip => gzip::compress,
            Compression::Zstd => zstd::compress,
        };
        let Some(memory) = memory.filter(|_| self.plain.len() >= WORTH_KNOWING) else {
            return compress(&self.plain, &mut self.packed);
        };
        let mut key = blake3::Hasher::new_derive_key(packer(compression));
        let key = *key.update(&self.plain).finalize().as_bytes();
        let checksum = match memory.recall(&key, &mut self.packed) {
            Some(checksum) => checksum,
            None => {
                self.packed.clear();
                compress(&self.plain, &mut self.packed)?;
                *blake3::hash(&self.packed).as_bytes()
            }
        };
        self.known = Some((key, checksum));
        Ok(())
    }

    fn clear(&mut self) {
        self.plain.clear();
        self.packed.clear();
        self.known = None;
    }
}

/// How something is compressed.
#[derive(Clone, Copy)]
pub(crate) struct How<'a> {
    /// In which form.
    pub(crate) compression: Compression,
    /// What was compressed before.
    pub(crate) memory: Option<&'a dyn Memory>,
    /// Who does it.
    pub(crate) pool: &'a ThreadPool,
}

/// What came of compressing.
#[derive(Debug)]
pub(crate) struct Squeezed {
    /// Digest of what went in.
    pub(crate) content: Digest,
    /// How many bytes went in.
    pub(crate) bytes: u64,
    /// The blocks.
    pub(crate) notes: Vec<Note>,
}

/// Puts blocks together in order: what went in is hashed, what comes out is written.
struct Joint<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
    bytes: u64,
    offset: u64,
    notes: Vec<Note>,
}

impl<'a> Joint<'a> {
    fn new(out: &'a mut dyn Write) -> Joint<'a> {
        Joint { out, hasher: Hasher::default(), bytes: 0, offset: 0, notes: Vec::new() }
    }

    fn add(&mut self, block: &Block, compression: Compression) -> io::Result<()> {
        self.hasher.update(&block.plain);
        self.bytes += block.plain.len() as u64;
        let bytes = if compression == Compression::None { &block.plain } else { &block.packed };
        self.out.write_all(bytes)?;
        let length = bytes.len() as u64;
        let note = |(key, checksum)| Note { key, checksum, offset: self.offset, length };
        self.notes.extend(block.known.map(note));
        self.offset += length;
        Ok(())
    }

    fn finish(self) -> Squeezed {
        Squeezed { content: self.hasher.finish(), bytes: self.bytes, notes: self.notes }
    }
}

/// A block on its way.
type Pending = Receiver<Result<Block, StoreError>>;

/// Compresses the blocks that it is given, in a pool's threads.
pub(crate) struct Blocks<'r, 'scope> {
    scope: &'r Scope<'scope>,
    how: How<'scope>,
    joint: Joint<'r>,
    pending: VecDeque<Pending>,
    most: usize,
    /// Their memory is used again.
    spare: Vec<Block>,
}

impl<'scope> Blocks<'_, 'scope> {
    /// An empty block.
    pub(crate) fn fresh(&mut self) -> Result<Block, StoreError> {
        while self.pending.len() >= self.most {
            self.collect()?;
        }
        Ok(self.spare.pop().unwrap_or_default())
    }

    /// The next block, which is filled in the pool as well.
    pub(crate) fn push(
        &mut self,
        mut block: Block,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError> + Send + 'scope,
    ) {
        let (send, receive) = sync_channel(1);
        let How { compression, memory, .. } = self.how;
        self.scope.spawn(move |_| {
            let done = fill(&mut block.plain).and_then(|()| {
                block.squeeze(compression, memory).doing(|| "compress".to_owned())?;
                Ok(block)
            });
            // Nobody waits any more if writing failed.
            let _ = send.send(done);
        });
        self.pending.push_back(receive);
    }

    fn collect(&mut self) -> Result<(), StoreError> {
        let Some(oldest) = self.pending.pop_front() else { return Ok(()) };
        let died = |_| io::Error::other("a compressing thread died");
        let mut block = oldest.recv().map_err(died).doing(|| "compress".to_owned())??;
        let added = self.joint.add(&block, self.how.compression);
        added.map_err(|error| StoreError::from_io(error, || "write a compressed layer".into()))?;
        block.clear();
        self.spare.push(block);
        Ok(())
    }
}

/// Compresses the blocks that `produce` gives.
pub(crate) fn squeeze<'scope>(
    how: How<'scope>,
    out: &mut dyn Write,
    produce: impl FnOnce(&mut Blocks<'_, 'scope>) -> Result<(), StoreError>,
) -> Result<Squeezed, StoreError> {
    how.pool.in_place_scope(|scope| {
        // Two blocks a thread keep all of them busy while the oldest is waited for.
        let threads = how.pool.current_num_threads();
        let most = (2 * threads).min(threads + 8);
        let (pending, spare) = (VecDeque::new(), Vec::new());
        let joint = Joint::new(out);
        let mut blocks = Blocks { scope, how, joint, pending, most, spare };
        produce(&mut blocks)?;
        while !blocks.pending.is_empty() {
            blocks.collect()?;
        }
        Ok(blocks.joint.finish())
    })
}

/// Compresses a single block, for which no other thread is woken.
pub(crate) fn squeeze_one(
    how: How<'_>,
    out: &mut dyn Write,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<Squeezed, StoreError> {
    let mut block = Block::default();
    fill(&mut block.plain)?;
    block.squeeze(how.compression, how.memory).doing(|| "compress".to_owned())?;
    let mut joint = Joint::new(out);
    let added = joint.add(&block, how.compression);
    added.map_err(|error| StoreError::from_io(error, || "write a compressed layer".into()))?;
    Ok(joint.finish())
}

/// Compresses a stream to its end.
pub(crate) fn squeeze_stream(
    how: How<'_>,
    stream: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<Squeezed, StoreError> {
    let size = block_size(how.compression) as u64;
    squeeze(how, out, |blocks| {
        let mut is_first = true;
        loop {
            let mut block = blocks.fresh()?;
            let mut part = (&mut *stream).take(size);
            part.read_to_end(&mut block.plain).doing(|| "read what is to be compressed".into())?;
            // Of nothing at all there is one empty block, so that the result has a form.
            if block.plain.is_empty() && !is_first {
                return Ok(());
            }
            is_first = false;
            blocks.push(block, |_| Ok(()));
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    /// Text that compresses, but not to nothing.
    fn text(len: usize) -> Vec<u8> {
        let mut state = 1u32;
        let word = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"etaoin shrdlu\n"[(state >> 24) as usize % 14]
        };
        (0..len).map(word).collect()
    }

    #[test]
    fn any_number_of_threads_gives_the_same_and_it_comes_back() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            for len in [0, 1, block_size(compression), 5_000_000] {
                let content = text(len);
                let squeezed = |threads| {
                    let (pool, mut out) = (pool(threads), Vec::new());
                    let how = How { compression, memory: None, pool: &pool };
                    let done = squeeze_stream(how, &mut content.as_slice(), &mut out).unwrap();
                    assert_eq!((done.content, done.bytes), (Digest::of(&content), len as u64));
                    out
                };
                let packed = squeezed(1);
                assert!(packed == squeezed(4), "{compression:?}, {len} bytes");
                let (found, mut stream) = decompress(packed.as_slice()).unwrap();
                let mut back = Vec::new();
                stream.read_to_end(&mut back).unwrap();
                assert!(back == content, "{compression:?}, {len} bytes");
                assert_eq!(found, compression);
            }
        }
    }

    /// Remembers nothing but a lie.
    struct Liar;

    impl Memory for Liar {
        fn recall(&self, _: &BlockKey, packed: &mut Vec<u8>) -> Option<[u8; 32]> {
            packed.extend(b"half a bl");
            None
        }
    }

    #[test]
    fn what_is_remembered_badly_is_compressed_again() {
        let (pool, content) = (pool(2), text(300_000));
        let plain = How { compression: Compression::Gzip, memory: None, pool: &pool };
        let how = How { memory: Some(&Liar), ..plain };
        let (mut one, mut two) = (Vec::new(), Vec::new());
        squeeze_stream(plain, &mut content.as_slice(), &mut one).unwrap();
        let done = squeeze_stream(how, &mut content.as_slice(), &mut two).unwrap();
        assert!(one == two);
        let [note] = *done.notes.as_slice() else { panic!("one block") };
        assert_eq!((note.offset, note.length), (0, two.len() as u64));
        assert_eq!(note.checksum, *blake3::hash(&two).as_bytes());
    }
}
