//! Archives as streams, whatever compressed them.

use std::io::{self, BufReader, Read};

use crate::compress::decompress;

/// A stream uncompressed: gzip, bzip2, xz, zstd or plain, as its first bytes say.
pub(super) fn plain<'a>(stream: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    let mut head = Vec::with_capacity(6);
    (&mut stream).take(6).read_to_end(&mut head)?;
    let whole = io::Cursor::new(head.clone()).chain(stream);
    Ok(match head.as_slice() {
        [b'B', b'Z', b'h', ..] => {
            Box::new(bzip2::read::MultiBzDecoder::new(BufReader::with_capacity(256 << 10, whole)))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let whole = BufReader::with_capacity(256 << 10, whole);
            Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(whole))
        }
        _ => decompress(whole)?.1,
    })
}
