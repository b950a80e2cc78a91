//! An index and its contents to a blob, in one pass: tar, its digest (the diff id), compression, and the blob's digest.
//!
//! The tar is cut into blocks between its members, and inside big ones ([`cuts`]); threads read and compress them. Where
//! a cut is depends on few members before it: behind a file that was added or changed, the blocks are soon as they were,
//! and are not compressed again.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::index::{Entry, Kind, LayerIndex, Mtime};
use super::tar::TarWriter;
use crate::compress::{Block, Blocks, How, Squeezed, block_size, squeeze, squeeze_one};
use crate::error::{Doing, StoreError};
use crate::source::{ContentSource, Source};

/// What headers take, about.
const HEAD: u64 = 1536;

/// Writes the layer's tar, compressed, to `out`.
pub(crate) fn pack(
    index: &LayerIndex,
    source: &dyn ContentSource,
    epoch: Option<i64>,
    how: How<'_>,
    out: &mut dyn Write,
) -> Result<Squeezed, StoreError> {
    let members = Members { index, source, epoch };
    let cuts = cuts(index, block_size(how.compression) as u64);
    let end = Cut { entry: index.entries().len(), offset: 0 };
    if let [start] = *cuts.as_slice() {
        return squeeze_one(how, out, |plain| members.whole(start.entry..end.entry, true, plain));
    }
    squeeze(how, out, |blocks| {
        let members = &members;
        let mut big: Option<Big> = None;
        for (number, start) in cuts.iter().enumerate() {
            let next = cuts.get(number + 1);
            let (is_last, next) = (next.is_none(), *next.unwrap_or(&end));
            let mut block = blocks.fresh()?;
            let mut first = start.entry;
            if start.offset > 0 {
                let piece = match (next.entry == start.entry).then_some(next.offset) {
                    Some(offset) => start.offset..offset,
                    None => start.offset..content_size(&index.entries()[start.entry]),
                };
                let mut open = big.take().expect("what is cut was begun in the block before");
                members.piece(&mut open, piece, &mut block.plain)?;
                if next.entry == start.entry {
                    big = Some(open);
                    blocks.push(block, |_| Ok(()));
                    continue;
                }
                first += 1;
            }
            if next.offset == 0 {
                push_whole(blocks, block, members, first..next.entry, is_last);
                continue;
            }
            members.whole(first..next.entry, false, &mut block.plain)?;
            big = Some(members.begin(next.entry, next.offset, &mut block.plain)?);
            blocks.push(block, |_| Ok(()));
        }
        Ok(())
    })
}

fn push_whole<'scope>(
    blocks: &mut Blocks<'_, 'scope>,
    block: Block,
    members: &Members<'scope>,
    range: Range<usize>,
    is_last: bool,
) {
    let members = *members;
    blocks.push(block, move |plain| members.whole(range, is_last, plain));
}

/// Where a block begins: at an entry, and after so many bytes of its content, which blocks before have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    entry: usize,
    offset: u64,
}

/// Cuts a tar into blocks of about `most` bytes or less; a longer file into pieces of so many.
fn cuts(index: &LayerIndex, most: u64) -> Vec<Cut> {
    let mut cuts = vec![Cut { entry: 0, offset: 0 }];
    let mut filled = 0;
    for (entry, it) in index.entries().iter().enumerate() {
        let size = content_size(it);
        let length = HEAD + size;
        // Some members end a block that is half full, whatever is before them: the bigger the likelier, so that one comes
        // every quarter of a block.
        let ends = || filled >= most / 2 && mark(&it.path) % (most / 4) < length;
        if filled > 0 && (filled + length > most || ends()) {
            cuts.push(Cut { entry, offset: 0 });
            filled = 0;
        }
        filled += length;
        let mut offset = most;
        while offset < size {
            cuts.push(Cut { entry, offset });
            filled = size - offset;
            offset += most;
        }
    }
    cuts
}

/// A number by which a path is marked: FNV-1a.
fn mark(path: &[u8]) -> u64 {
    let step = |mark: u64, byte: &u8| (mark ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let mark = path.iter().fold(0xcbf2_9ce4_8422_2325, step);
    // The lower bits alone say little of the earlier bytes.
    mark ^ (mark >> 32)
}

fn content_size(entry: &Entry) -> u64 {
    match entry.kind {
        Kind::File { size, .. } => size,
        Kind::Whiteout
        | Kind::Dir { .. }
        | Kind::Hardlink { .. }
        | Kind::Symlink { .. }
        | Kind::Char { .. }
        | Kind::Block { .. }
        | Kind::Fifo => 0,
    }
}

/// What becomes members of a tar.
#[derive(Clone, Copy)]
struct Members<'a> {
    index: &'a LayerIndex,
    source: &'a dyn ContentSource,
    epoch: Option<i64>,
}

/// A file that is longer than a block, open.
struct Big {
    entry: usize,
    content: Source,
    hasher: Option<blake3::Hasher>,
}

impl Members<'_> {
    /// Appends some entries with their contents, and the end of the tar.
    fn whole(
        &self,
        range: Range<usize>,
        is_last: bool,
        plain: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        for position in range {
            let entry = self.header(position, plain)?;
            let Kind::File { size, digest } = entry.kind else { continue };
            if size == 0 {
                continue;
            }
            let start = plain.len();
            let is_watched = self.content(position, entry, size, plain)?;
            // The index was made of the same bytes, so others have come between.
            if !is_watched && *blake3::hash(&plain[start..]).as_bytes() != digest.0 {
                return Err(changed(entry, size, size));
            }
            TarWriter::new(&mut *plain).pad(size).doing(|| doing(entry))?;
        }
        if is_last {
            TarWriter::new(plain).finish().doing(|| "pack a layer".to_owned())?;
        }
        Ok(())
    }

    fn header(&self, position: usize, plain: &mut Vec<u8>) -> Result<&Entry, StoreError> {
        let entry = &self.index.entries()[position];
        let clamped = clamp(entry, self.epoch);
        let shown = clamped.as_ref().unwrap_or(entry);
        let mut tar = TarWriter::new(plain);
        tar.header(shown).doing(|| doing(entry))?;
        if entry.kind == (Kind::Dir { opaque: true }) {
            tar.opaque(shown).doing(|| doing(entry))?;
        }
        Ok(entry)
    }

    /// Appends a content, which must have its size; whether others see to it that it is the right one.
    fn content(
        &self,
        position: usize,
        entry: &Entry,
        size: u64,
        plain: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let mut content = self.source.open(position, entry).doing(|| doing(entry))?;
        let is_watched = matches!(content, Source::Watched(_));
        let start = plain.len();
        // Room for one byte more, which must not come.
        let end = start + usize::try_from(size).expect("it fits into a block") + 1;
        plain.resize(end, 0);
        let found = read_all(&mut content, &mut plain[start..]).doing(|| doing(entry))?;
        if found as u64 != size {
            return Err(changed(entry, size, found as u64));
        }
        plain.truncate(end - 1);
        Ok(is_watched)
    }

    /// Appends the header and the first bytes of a big file.
    fn begin(&self, entry: usize, length: u64, plain: &mut Vec<u8>) -> Result<Big, StoreError> {
        let it = self.header(entry, plain)?;
        let content = self.source.open(entry, it).doing(|| doing(it))?;
        let hasher = (!matches!(content, Source::Watched(_))).then(blake3::Hasher::new);
        let mut big = Big { entry, content, hasher };
        self.piece(&mut big, 0..length, plain)?;
        Ok(big)
    }

    /// Appends the next piece of a big file, and what follows its end.
    fn piece(
        &self,
        big: &mut Big,
        range: Range<u64>,
        plain: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let entry = &self.index.entries()[big.entry];
        let size = content_size(entry);
        let start = plain.len();
        let length = usize::try_from(range.end - range.start).expect("it fits into a block");
        plain.resize(start + length, 0);
        let found = read_all(&mut big.content, &mut plain[start..]).doing(|| doing(entry))?;
        if found < length {
            return Err(changed(entry, size, range.start + found as u64));
        }
        if let Some(hasher) = &mut big.hasher {
            hasher.update(&plain[start..]);
        }
        if range.end < size {
            return Ok(());
        }
        if read_all(&mut big.content, &mut [0]).doing(|| doing(entry))? > 0 {
            return Err(changed(entry, size, size + 1));
        }
        if let (Some(hasher), Kind::File { digest, .. }) = (&big.hasher, &entry.kind)
            && *hasher.finalize().as_bytes() != digest.0
        {
            return Err(changed(entry, size, size));
        }
        TarWriter::new(plain).pad(size).doing(|| doing(entry))
    }
}

fn doing(entry: &Entry) -> String {
    format!("pack `{}`", entry.path.escape_ascii())
}

fn changed(entry: &Entry, expected: u64, found: u64) -> StoreError {
    StoreError::Changed { path: entry.path.escape_ascii().to_string(), expected, found }
}

/// Reads until the buffer is full or nothing comes any more; how much came.
fn read_all(content: &mut Source, buffer: &mut [u8]) -> io::Result<usize> {
    let mut found = 0;
    while found < buffer.len() {
        match content.read(&mut buffer[found..]) {
            Ok(0) => break,
            Ok(length) => found += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

pub(crate) fn write_tar<W: Write>(
    index: &LayerIndex,
    source: &dyn ContentSource,
    epoch: Option<i64>,
    out: W,
) -> Result<W, StoreError> {
    let mut tar = TarWriter::new(out);
    let mut buffer = vec![0; 256 << 10];
    for (position, entry) in index.entries().iter().enumerate() {
        let doing = || format!("pack `{}`", entry.path.escape_ascii());
        let clamped = clamp(entry, epoch);
        let entry = clamped.as_ref().unwrap_or(entry);
        tar.header(entry).doing(doing)?;
        match &entry.kind {
            Kind::Dir { opaque: true } => tar.opaque(entry).doing(doing)?,
            Kind::File { size, digest } if *size > 0 => {
                let mut content = source.open(position, entry).doing(doing)?;
                let is_watched = matches!(content, Source::Watched(_));
                let mut hasher = (!is_watched).then(blake3::Hasher::new);
                copy_exactly(&mut content, *size, entry, &mut buffer, |bytes| {
                    if let Some(hasher) = &mut hasher {
                        hasher.update(bytes);
                    }
                    tar.inner().write_all(bytes)
                })?;
                // The index was made of the same bytes, so others have come between.
                if hasher.is_some_and(|hasher| *hasher.finalize().as_bytes() != digest.0) {
                    return Err(changed(entry, *size, *size));
                }
                tar.pad(*size).doing(doing)?;
            }
            Kind::Dir { opaque: false } | Kind::File { .. } | Kind::Whiteout => {}
            Kind::Hardlink { .. } | Kind::Symlink { .. } => {}
            Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => {}
        }
    }
    tar.finish().doing(|| "pack a layer".to_owned())
}

/// Copies a content that must have the size its entry says.
pub(crate) fn copy_exactly(
    content: &mut dyn Read,
    size: u64,
    entry: &Entry,
    buffer: &mut [u8],
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), StoreError> {
    let doing = |verb: &str| format!("{verb} `{}`", entry.path.escape_ascii());
    let mut found = 0;
    loop {
        let len = match content.read(buffer) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
            other => other.doing(|| doing("read"))?,
        };
        found += len as u64;
        if found > size || (len == 0 && found < size) {
            return Err(changed(entry, size, found.min(size + 1)));
        }
        if len == 0 {
            return Ok(());
        }
        write(&buffer[..len]).doing(|| doing("write"))?;
    }
}

/// The entry with a time not later than the epoch, if it is later.
fn clamp(entry: &Entry, epoch: Option<i64>) -> Option<Entry> {
    let limit = Mtime { secs: epoch?, nanos: 0 };
    (entry.mtime > limit).then(|| Entry { mtime: limit, ..entry.clone() })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use oci::Digest;
    use oci::manifest::Compression;

    use super::*;
    use crate::compress::{BlockKey, Memory, decompress};
    use crate::layer::testing::{dir, file};

    /// Files of these sizes, and what is in each.
    fn layer(sizes: &[(u32, usize)]) -> (LayerIndex, Vec<Vec<u8>>) {
        let content = |number: u32, size: usize| -> Vec<u8> {
            let mut state = number;
            let byte = |_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 28) as u8 + b'a'
            };
            (0..size).map(byte).collect()
        };
        let contents: Vec<Vec<u8>> =
            sizes.iter().map(|(number, size)| content(*number, *size)).collect();
        let mut entries = vec![dir("d")];
        for ((number, _), content) in sizes.iter().zip(&contents) {
            entries.push(file(&format!("d/{number:05}"), content));
        }
        (LayerIndex::new(entries).unwrap(), contents)
    }

    #[derive(Default)]
    struct Seen(Mutex<Vec<BlockKey>>);

    impl Memory for Seen {
        fn recall(&self, key: &BlockKey, _: &mut Vec<u8>) -> Option<[u8; 32]> {
            self.0.lock().unwrap().push(*key);
            None
        }
    }

    fn packed(sizes: &[(u32, usize)], threads: usize) -> (Vec<u8>, Vec<u8>, Vec<BlockKey>) {
        let (index, contents) = layer(sizes);
        let source = |position: usize, _: &Entry| {
            let content = contents[position - 1].clone();
            Ok(Source::Reader(Box::new(io::Cursor::new(content))))
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (seen, mut out) = (Seen::default(), Vec::new());
        let how = How { compression: Compression::Gzip, memory: Some(&seen), pool: &pool };
        let done = pack(&index, &source, None, how, &mut out).unwrap();
        let mut plain = Vec::new();
        decompress(out.as_slice()).unwrap().1.read_to_end(&mut plain).unwrap();
        assert_eq!(done.content, Digest::of(&plain));
        assert!(plain == write_tar(&index, &source, None, Vec::new()).unwrap(), "one tar");
        (out, plain, seen.0.into_inner().unwrap())
    }

    #[test]
    fn blocks_together_are_the_tar_whatever_the_threads() {
        let big = [(1, 10), (2, 3_500_000), (3, 1 << 20), (4, 2 << 20), (5, 0), (6, 700_000)];
        for sizes in [&big[..], &big[..1], &big[1..2], &[(1, (1 << 20) + 1)], &[]] {
            assert!(packed(sizes, 1).0 == packed(sizes, 4).0, "{sizes:?}");
        }
        let small: Vec<(u32, usize)> = (0..600).map(|number| (number, 10_000)).collect();
        assert!(packed(&small, 1).0 == packed(&small, 4).0);
    }

    #[test]
    fn a_file_that_comes_between_changes_few_blocks() {
        let mut sizes: Vec<(u32, usize)> = (0..1200).map(|number| (2 * number, 10_000)).collect();
        let (_, _, before) = packed(&sizes, 2);
        sizes.insert(300, (2 * 299 + 1, 12_345));
        sizes[700].1 += 100;
        let (_, _, after) = packed(&sizes, 2);
        let new = after.iter().filter(|key| !before.contains(key)).count();
        assert!(before.len() >= 12 && new <= 6, "{new} of {}", after.len());
    }

    #[test]
    fn a_content_of_another_size_or_another_content_is_refused() {
        let (index, contents) = layer(&[(1, 100), (2, 1_500_000)]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let how = How { compression: Compression::None, memory: None, pool: &pool };
        for (spoilt, change) in (1..=2).flat_map(|file| [(file, 0), (file, 1), (file, 2)]) {
            let source = |position: usize, _: &Entry| {
                let mut content = contents[position - 1].clone();
                match (position == spoilt, change) {
                    (true, 0) => drop(content.pop()),
                    (true, 1) => content.push(0),
                    (true, _) => content[50] = 0,
                    (false, _) => {}
                }
                Ok(Source::Reader(Box::new(io::Cursor::new(content))))
            };
            let error = pack(&index, &source, None, how, &mut io::sink()).unwrap_err();
            assert!(matches!(error, StoreError::Changed { .. }), "{spoilt} {change}: {error}");
        }
    }
}
