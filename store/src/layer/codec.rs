//! The form of an index on disk (`layers/ID/index`), version 1.
//!
//! ```text
//! "dfc-index" 1      magic and version
//! blake3 of the rest 32 bytes
//! result digest      32 bytes
//! number of entries  varint
//! per entry          bytes of the path shared with the entry before (varint), the rest of the path,
//!                    kind and metadata, seconds (zigzag), nanoseconds
//! ```
//!
//! Numbers are LEB128 varints, texts have their length before them. Sorted paths share most of their bytes with the
//! one before, so a big index stays small and is read in one pass.

use super::index::{Entry, FileDigest, Kind, LayerIndex, Mtime, TreeDigest};

const MAGIC: &[u8; 10] = b"dfc-index\x01";
/// No file system has longer paths; a longer one is damage.
const MAX_TEXT: u64 = 1 << 20;

/// The file cannot be read as an index: of another version, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the layer's index is damaged or of another version")]
pub(crate) struct BadIndex;

/// Writes an index down.
pub(crate) fn encode(index: &LayerIndex, result: &TreeDigest) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + index.entries().len() * 64);
    body.extend(result.0);
    put_number(&mut body, index.entries().len() as u64);
    let mut before: &[u8] = b"";
    for entry in index.entries() {
        let shared = before.iter().zip(&entry.path).take_while(|(a, b)| a == b).count();
        put_number(&mut body, shared as u64);
        put_bytes(&mut body, &entry.path[shared..]);
        put_rest(&mut body, entry);
        let secs = entry.mtime.secs;
        put_number(&mut body, ((secs << 1) ^ (secs >> 63)).cast_unsigned());
        put_number(&mut body, u64::from(entry.mtime.nanos));
        before = &entry.path;
    }
    let mut bytes = Vec::with_capacity(body.len() + MAGIC.len() + 32);
    bytes.extend(MAGIC);
    bytes.extend(blake3::hash(&body).as_bytes());
    bytes.append(&mut body);
    bytes
}

/// Reads an index with its result digest.
pub(crate) fn decode(bytes: &[u8]) -> Result<(LayerIndex, TreeDigest), BadIndex> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(BadIndex)?;
    let (sum, body) = rest.split_at_checked(32).ok_or(BadIndex)?;
    if blake3::hash(body).as_bytes() != sum {
        return Err(BadIndex);
    }
    let mut input = Input(body);
    let result = TreeDigest(input.array()?);
    let count = input.number()?;
    // Every entry takes at least eight bytes, so the count cannot make us reserve much more than the file's size.
    let count = usize::try_from(count).ok().filter(|&n| n <= body.len() / 8).ok_or(BadIndex)?;
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    for _ in 0..count {
        let before = entries.last().map_or(&b""[..], |entry| &entry.path);
        let shared = usize::try_from(input.number()?).map_err(|_| BadIndex)?;
        let shared = before.get(..shared).ok_or(BadIndex)?;
        let suffix = input.bytes()?;
        let mut path = Vec::with_capacity(shared.len() + suffix.len());
        path.extend_from_slice(shared);
        path.extend_from_slice(suffix);
        entries.push(input.entry(path)?);
    }
    if !input.0.is_empty() {
        return Err(BadIndex);
    }
    // The checksum says that these are the bytes of an index that was checked when it was made.
    Ok((LayerIndex::from_checked(entries), result))
}

/// Everything of an entry but its path and time.
pub(super) fn put_rest(out: &mut Vec<u8>, entry: &Entry) {
    let Entry { path: _, kind, mode, uid, gid, mtime: _, xattrs } = entry;
    match kind {
        Kind::Whiteout => out.push(0),
        Kind::Dir { opaque: false } => out.push(1),
        Kind::Dir { opaque: true } => out.push(2),
        Kind::File { size, digest } => {
            out.push(3);
            put_number(out, *size);
            out.extend(digest.0);
        }
        Kind::Hardlink { target } => {
            out.push(4);
            put_bytes(out, target);
        }
        Kind::Symlink { target } => {
            out.push(5);
            put_bytes(out, target);
        }
        Kind::Char { major, minor } => {
            out.push(6);
            put_number(out, u64::from(*major));
            put_number(out, u64::from(*minor));
        }
        Kind::Block { major, minor } => {
            out.push(7);
            put_number(out, u64::from(*major));
            put_number(out, u64::from(*minor));
        }
        Kind::Fifo => out.push(8),
    }
    for number in [*mode, *uid, *gid] {
        put_number(out, u64::from(number));
    }
    put_number(out, xattrs.len() as u64);
    for (name, value) in xattrs {
        put_bytes(out, name);
        put_bytes(out, value);
    }
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], BadIndex> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(BadIndex)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, BadIndex> {
        Ok(self.take(1)?[0])
    }

    fn array(&mut self) -> Result<[u8; 32], BadIndex> {
        self.take(32)?.try_into().map_err(|_| BadIndex)
    }

    fn number(&mut self) -> Result<u64, BadIndex> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(BadIndex)
    }

    fn small(&mut self) -> Result<u32, BadIndex> {
        u32::try_from(self.number()?).map_err(|_| BadIndex)
    }

    fn bytes(&mut self) -> Result<&'a [u8], BadIndex> {
        let len = self.number()?;
        if len > MAX_TEXT {
            return Err(BadIndex);
        }
        self.take(len as usize)
    }

    fn entry(&mut self, path: Vec<u8>) -> Result<Entry, BadIndex> {
        let kind = match self.byte()? {
            0 => Kind::Whiteout,
            1 => Kind::Dir { opaque: false },
            2 => Kind::Dir { opaque: true },
            3 => Kind::File { size: self.number()?, digest: FileDigest(self.array()?) },
            4 => Kind::Hardlink { target: self.bytes()?.to_vec() },
            5 => Kind::Symlink { target: self.bytes()?.to_vec() },
            6 => Kind::Char { major: self.small()?, minor: self.small()? },
            7 => Kind::Block { major: self.small()?, minor: self.small()? },
            8 => Kind::Fifo,
            _ => return Err(BadIndex),
        };
        let [mode, uid, gid] = [self.small()?, self.small()?, self.small()?];
        let mut xattrs = Vec::new();
        for _ in 0..self.number()? {
            xattrs.push((self.bytes()?.to_vec(), self.bytes()?.to_vec()));
        }
        let secs = self.number()?;
        let secs = (secs >> 1).cast_signed() ^ -((secs & 1).cast_signed());
        let mtime = Mtime { secs, nanos: self.small()? };
        Ok(Entry { path, kind, mode, uid, gid, mtime, xattrs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{dir, file, symlink};

    #[test]
    fn an_index_comes_back_as_it_was() {
        let mut special = file("a/b", b"x");
        special.mtime = Mtime { secs: -5, nanos: 999_999_999 };
        special.xattrs = vec![(b"security.capability".to_vec(), vec![0, 1, 2])];
        let mut device = file("dev/null", b"");
        device.kind = Kind::Char { major: 1, minor: 3 };
        let entries = vec![dir("a"), special, symlink("a/c", "../x"), dir("dev"), device];
        let index = LayerIndex::new(entries).unwrap();
        let result = index.result_digest();
        assert_eq!(decode(&encode(&index, &result)), Ok((index, result)));
    }

    #[test]
    fn damage_is_noticed() {
        let index = LayerIndex::new(vec![dir("a"), file("a/b", b"x")]).unwrap();
        let good = encode(&index, &index.result_digest());
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1;
            assert_eq!(decode(&bad), Err(BadIndex), "byte {position}");
            assert_eq!(decode(&good[..position]), Err(BadIndex), "cut at {position}");
        }
    }
}
