//! Archives as streams, whatever compressed them, and no longer than what was compressed makes believable.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::compress::decompress;
use crate::layer::tar::{Limits, TarError};

/// A stream uncompressed: gzip, bzip2, xz, zstd or plain, as its first bytes say.
pub(super) fn plain<'a>(stream: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let taken = Arc::new(AtomicU64::new(0));
    let stream = Counted { stream, taken: Arc::clone(&taken) };
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    let mut head = Vec::with_capacity(6);
    (&mut stream).take(6).read_to_end(&mut head)?;
    let whole = io::Cursor::new(head.clone()).chain(stream);
    let stream: Box<dyn Read + Send + 'a> = match head.as_slice() {
        [b'B', b'Z', b'h', ..] => {
            Box::new(bzip2::read::MultiBzDecoder::new(BufReader::with_capacity(256 << 10, whole)))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let whole = BufReader::with_capacity(256 << 10, whole);
            Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(whole))
        }
        _ => decompress(whole)?.1,
    };
    Ok(Box::new(Bounded { stream, taken, given: 0 }))
}

/// Counts what is read.
struct Counted<R> {
    stream: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.taken.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Ends with an error where it gives more than what was taken so far can honestly hold.
struct Bounded<R> {
    stream: R,
    taken: Arc<AtomicU64>,
    given: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.given += length as u64;
        let limit = Limits::of_packed(self.taken.load(Ordering::Relaxed)).content;
        if self.given > limit {
            return Err(io::Error::other(TarError::TooBig(limit)));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_where_it_gives_too_much() {
        let taken = Arc::new(AtomicU64::new(1 << 20));
        let limit = Limits::of_packed(1 << 20).content;
        let bounded = |given| Bounded { stream: io::repeat(0), taken: Arc::clone(&taken), given };
        assert_eq!(bounded(limit - 8).read(&mut [0; 8]).unwrap(), 8);
        assert!(bounded(limit - 7).read(&mut [0; 8]).is_err());
        let mut whole = plain(&b"as it is"[..]).unwrap();
        let mut text = String::new();
        whole.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), taken.load(Ordering::Relaxed)), ("as it is", 1 << 20));
    }
}
