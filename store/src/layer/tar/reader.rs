//! [`TarReader`]: the members of a tar one after the other, from any stream.
//!
//! Understands v7, ustar, PAX (long names, links, sizes, owners, fractions of seconds, xattrs), GNU long names, and
//! sparse files of both kinds. Nothing in a header makes it hold more than [`Limits`] says in memory.

use std::collections::BTreeMap;
use std::io::{self, Read};

use tar::{EntryType, GnuExtSparseHeader, GnuHeader, Header};

use super::{BLOCK, padding};
use crate::layer::index::Mtime;

/// What a tar may make us do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The sum of all sizes, in bytes.
    pub content: u64,
    /// How many members.
    pub members: u64,
    /// The length of a path, in bytes.
    pub path: usize,
}

impl Default for Limits {
    /// More than any image has, less than a disk: 1 TiB in 8 million members, paths as long as the kernel's.
    fn default() -> Limits {
        Limits { content: 1 << 40, members: 8 << 20, path: 4096 }
    }
}

/// What any archive may unpack to, however small it is, in bytes.
const ALWAYS: u64 = 16 << 30;
/// How many times its packed size a larger one may: a little more than gzip can do.
const RATIO: u64 = 1100;

impl Limits {
    /// For an archive that is packed into so many bytes. Who packs more into them means harm.
    pub fn of_packed(bytes: u64) -> Limits {
        let usual = Limits::default();
        Limits { content: bytes.saturating_mul(RATIO).clamp(ALWAYS, usual.content), ..usual }
    }
}

/// The extension headers of one member may take this much together.
const MAX_EXTENSION: u64 = 1 << 20;
/// A sparse file may have this many pieces.
const MAX_PIECES: usize = 1 << 20;

/// Why a tar cannot be read, or is not let in.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream or the disk failed.
    #[error("{}", crate::error::reason(.0))]
    Io(#[from] io::Error),
    /// It ends in the middle.
    #[error("the archive ends in the middle")]
    Truncated,
    /// A header that is none.
    #[error("not a tar archive: {0}")]
    Header(&'static str),
    /// Names, links and attributes of one member that are too long to be true.
    #[error("a header of the archive has more than 1 MiB of names and attributes")]
    Extension,
    /// A path that leads out of the root.
    #[error("`{}` in the archive leads out of the root", .0.escape_ascii())]
    Escape(Vec<u8>),
    /// A path too long for any file system.
    #[error("`{}…` in the archive is too long for a path", .0[..64.min(.0.len())].escape_ascii())]
    PathTooLong(Vec<u8>),
    /// Something below a file.
    #[error("`{}` in the archive lies below something that is no folder", .0.escape_ascii())]
    BelowFile(Vec<u8>),
    /// Links that lead nowhere.
    #[error("too many links on the way to `{}` in the archive", .0.escape_ascii())]
    TooManyLinks(Vec<u8>),
    /// A hard link that names a folder, or nothing.
    #[error("the hard link `{}` in the archive does not name a file", .0.escape_ascii())]
    Link(Vec<u8>),
    /// Too big.
    #[error("the archive unpacks to more than {0} bytes")]
    TooBig(u64),
    /// Too many members.
    #[error("the archive has more than {0} members")]
    TooMany(u64),
    /// The file system refused a file.
    #[error("cannot write `{}`: {}", .path.escape_ascii(), crate::error::reason(.source))]
    Write {
        /// Its path in the layer.
        path: Vec<u8>,
        /// Why.
        source: io::Error,
    },
}

/// One member of a tar, as written: the path may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, uncleaned.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modified.
    pub mtime: Mtime,
    /// Extended attributes by name.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular file of so many bytes.
    File(u64),
    /// A folder.
    Dir,
    /// Another name of a member.
    Hardlink(Vec<u8>),
    /// A symbolic link.
    Symlink(Vec<u8>),
    /// A character device: major, minor.
    Char(u32, u32),
    /// A block device: major, minor.
    Block(u32, u32),
    /// A named pipe.
    Fifo,
    /// Something that layers do not have (a volume label, say).
    Other(u8),
}

/// Walks a tar. Between two calls of [`TarReader::next`], [`Read`] gives the content of the member.
#[derive(Debug)]
pub struct TarReader<R> {
    inner: R,
    limits: Limits,
    members: u64,
    content: u64,
    /// Bytes of the current content still in the stream, and the padding after them.
    stored: u64,
    padding: u64,
    /// The pieces of a sparse file still to come, last first: offset and length; and where in the file we are.
    pieces: Vec<(u64, u64)>,
    at: u64,
    size: u64,
}

/// What extension headers say of the member after them.
#[derive(Debug, Default)]
struct Extension {
    bytes: u64,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: BTreeMap<Vec<u8>, Vec<u8>>,
    /// `GNU.sparse.offset` and `.numbytes` repeat, so they cannot be in the map.
    pieces: Vec<u64>,
}

impl<R: Read> TarReader<R> {
    /// Reads a plain tar.
    pub fn new(inner: R, limits: Limits) -> TarReader<R> {
        TarReader {
            inner,
            limits,
            members: 0,
            content: 0,
            stored: 0,
            padding: 0,
            pieces: Vec::new(),
            at: 0,
            size: 0,
        }
    }

    /// The stream, wherever it is.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// The next member; what was not read of the one before is skipped. `None` at the end of the archive.
    #[expect(
        clippy::should_implement_trait,
        reason = "reading can fail, and members borrow the reader for content"
    )]
    pub fn next(&mut self) -> Result<Option<Member>, TarError> {
        self.skip(self.stored + self.padding)?;
        self.stored = 0;
        self.padding = 0;
        let mut extension = Extension::default();
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            self.members += 1;
            if self.members > self.limits.members {
                return Err(TarError::TooMany(self.limits.members));
            }
            let size = number(&header.as_old().size, header.entry_size())?;
            match header.entry_type() {
                EntryType::GNULongName => {
                    extension.path = Some(until_nul(self.extension(&mut extension.bytes, size)?));
                }
                EntryType::GNULongLink => {
                    extension.link = Some(until_nul(self.extension(&mut extension.bytes, size)?));
                }
                EntryType::XHeader => {
                    let text = self.extension(&mut extension.bytes, size)?;
                    parse_pax(&text, &mut extension)?;
                }
                // Global headers hold a commit's id or the like; what they could say of members, nobody writes.
                EntryType::XGlobalHeader => drop(self.extension(&mut extension.bytes, size)?),
                _ => return self.member(&header, size, extension).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        header: &Header,
        size: u64,
        mut extension: Extension,
    ) -> Result<Member, TarError> {
        let mut stored = extension.number(b"size")?.unwrap_or(size);
        let mut path = extension.pax.remove(&b"path"[..]).or(extension.path.take());
        let mut path = path.take().unwrap_or_else(|| header_path(header));
        let link = extension.pax.remove(&b"linkpath"[..]).or(extension.link.take());
        let link = link.unwrap_or_else(|| {
            header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default()
        });
        let kind = header.entry_type();
        let has_content =
            matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse)
                || !is_known(kind);
        if !has_content {
            // A hard link may repeat its target's size, but no content follows.
            stored = 0;
        }
        self.stored = stored;
        self.padding = padding(stored);
        self.size = stored;
        self.at = 0;
        self.pieces.clear();
        if kind == EntryType::GNUSparse {
            let gnu = header.as_gnu().ok_or(TarError::Header("a sparse file without a map"))?;
            self.old_sparse(gnu)?;
        } else if let Some(name) = self.pax_sparse(&mut extension)? {
            path = name;
        }
        if path.len() > self.limits.path {
            return Err(TarError::PathTooLong(path));
        }
        self.content = self.content.saturating_add(self.size);
        if self.content > self.limits.content {
            return Err(TarError::TooBig(self.limits.content));
        }
        let device = || -> Result<(u32, u32), TarError> {
            let bad = |_| TarError::Header("a device number is none");
            let major = header.device_major().map_err(bad)?.unwrap_or_default();
            Ok((major, header.device_minor().map_err(bad)?.unwrap_or_default()))
        };
        let kind = match kind {
            // Before ustar a folder was a file whose name ends so.
            EntryType::Regular if path.ends_with(b"/") => MemberKind::Dir,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                MemberKind::File(self.size)
            }
            EntryType::Link => MemberKind::Hardlink(link),
            EntryType::Symlink => MemberKind::Symlink(link),
            EntryType::Directory => MemberKind::Dir,
            EntryType::Char => device().map(|(major, minor)| MemberKind::Char(major, minor))?,
            EntryType::Block => device().map(|(major, minor)| MemberKind::Block(major, minor))?,
            EntryType::Fifo => MemberKind::Fifo,
            other => MemberKind::Other(other.as_byte()),
        };
        let small = |number: u64| {
            u32::try_from(number).map_err(|_| TarError::Header("an owner is too big"))
        };
        let uid = extension
            .number(b"uid")?
            .map_or_else(|| number(&header.as_old().uid, header.uid()), Ok)?;
        let gid = extension
            .number(b"gid")?
            .map_or_else(|| number(&header.as_old().gid, header.gid()), Ok)?;
        let mode = header.mode().map(u64::from);
        let mode = number(&header.as_old().mode, mode)? as u32 & 0o7777;
        let mtime = match extension.pax.get(&b"mtime"[..]) {
            Some(text) => parse_time(text).ok_or(TarError::Header("a time is no number"))?,
            // Times before 1970 stand there in two's complement.
            None => Mtime {
                secs: number(&header.as_old().mtime, header.mtime())?.cast_signed(),
                nanos: 0,
            },
        };
        let xattrs = extension.pax.into_iter().filter_map(|(key, value)| {
            key.strip_prefix(b"SCHILY.xattr.").map(|name| (name.to_vec(), value))
        });
        let xattrs = xattrs.filter(|(name, _)| !name.is_empty() && !name.contains(&0)).collect();
        Ok(Member { path, kind, mode, uid: small(uid)?, gid: small(gid)?, mtime, xattrs })
    }

    /// The next header; `None` at the end, which is a block of zeros, or the end of the stream.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(TarError::Truncated),
                Ok(n) => filled += n,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err.into()),
            }
        }
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        let field: u32 = block[148..156].iter().map(|&byte| u32::from(byte)).sum();
        let expected = header.cksum().map_err(|_| TarError::Header("no checksum"))?;
        if sum - field + 8 * u32::from(b' ') != expected {
            return Err(TarError::Header("the checksum of a header is wrong"));
        }
        Ok(Some(header))
    }

    fn extension(&mut self, so_far: &mut u64, size: u64) -> Result<Vec<u8>, TarError> {
        *so_far = so_far.saturating_add(size);
        if *so_far > MAX_EXTENSION {
            return Err(TarError::Extension);
        }
        let mut bytes = vec![0; size as usize];
        self.exactly(&mut bytes)?;
        self.skip(padding(size))?;
        Ok(bytes)
    }

    /// The map of a sparse file of old GNU tars: four pieces in the header, more in blocks after it.
    fn old_sparse(&mut self, gnu: &GnuHeader) -> Result<(), TarError> {
        const BAD: TarError = TarError::Header("bad map of a sparse file");
        let mut pieces = Vec::new();
        let mut add = |list: &[tar::GnuSparseHeader]| -> Result<(), TarError> {
            for piece in list.iter().filter(|piece| !piece.is_empty()) {
                let bad = |_| BAD;
                pieces.push((piece.offset().map_err(bad)?, piece.length().map_err(bad)?));
            }
            if pieces.len() > MAX_PIECES { Err(BAD) } else { Ok(()) }
        };
        add(&gnu.sparse)?;
        let mut more = gnu.is_extended();
        while more {
            let mut block = GnuExtSparseHeader::new();
            self.exactly(block.as_mut_bytes())?;
            add(&block.sparse)?;
            more = block.is_extended();
        }
        let real = gnu.real_size().map_err(|_| BAD)?;
        self.set_pieces(pieces, real)
    }

    /// The map of a sparse file in PAX headers (versions 0.0 and 0.1) or before the content (1.0), and its real name.
    fn pax_sparse(&mut self, extension: &mut Extension) -> Result<Option<Vec<u8>>, TarError> {
        const BAD: TarError = TarError::Header("bad map of a sparse file");
        let pax = |extension: &mut Extension, key: &[u8]| extension.pax.remove(key);
        let major = extension.number(b"GNU.sparse.major")?;
        let real = match extension.number(b"GNU.sparse.realsize")? {
            Some(real) => real,
            None => match extension.number(b"GNU.sparse.size")? {
                Some(real) => real,
                None => return Ok(None),
            },
        };
        let numbers = if major == Some(1) {
            self.map_in_content()?
        } else if let Some(map) = pax(extension, b"GNU.sparse.map") {
            let parts = map.split(|&byte| byte == b',').filter(|part| !part.is_empty());
            parts.map(parse_number).collect::<Option<Vec<u64>>>().ok_or(BAD)?
        } else {
            std::mem::take(&mut extension.pieces)
        };
        if numbers.len() % 2 != 0 || numbers.len() / 2 > MAX_PIECES {
            return Err(BAD);
        }
        let pieces = numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        self.set_pieces(pieces, real)?;
        Ok(pax(extension, b"GNU.sparse.name"))
    }

    /// Version 1.0: decimal numbers, one a line, in the first blocks of the content.
    fn map_in_content(&mut self) -> Result<Vec<u64>, TarError> {
        const BAD: TarError = TarError::Header("bad map of a sparse file");
        let mut text: Vec<u8> = Vec::new();
        let mut numbers: Vec<u64> = Vec::new();
        loop {
            let wanted = numbers.first().map(|count| count.saturating_mul(2).saturating_add(1));
            if wanted.is_some_and(|wanted| numbers.len() as u64 >= wanted) {
                numbers.remove(0);
                return Ok(numbers);
            }
            let Some(end) = text.iter().position(|&byte| byte == b'\n') else {
                let mut block = [0; BLOCK];
                if self.stored < BLOCK as u64 || text.len() > BLOCK {
                    return Err(BAD);
                }
                self.exactly(&mut block)?;
                self.stored -= BLOCK as u64;
                text.extend(block);
                continue;
            };
            numbers.push(parse_number(&text[..end]).ok_or(BAD)?);
            text.drain(..=end);
            if numbers.len() > 2 * MAX_PIECES {
                return Err(BAD);
            }
        }
    }

    /// Takes a map: pieces in order that do not overlap, lie in the file, and are as long as what is stored.
    fn set_pieces(&mut self, mut pieces: Vec<(u64, u64)>, real: u64) -> Result<(), TarError> {
        let mut at = 0;
        let mut sum = 0_u64;
        for &(offset, len) in &pieces {
            let end = offset.checked_add(len).filter(|&end| offset >= at && end <= real);
            at = end.ok_or(TarError::Header("bad map of a sparse file"))?;
            sum += len;
        }
        if sum != self.stored {
            return Err(TarError::Header("the map of a sparse file does not fit its content"));
        }
        pieces.retain(|&(_, len)| len > 0);
        pieces.reverse();
        self.pieces = pieces;
        self.size = real;
        Ok(())
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), TarError> {
        self.inner.read_exact(bytes).map_err(|err| match err.kind() {
            io::ErrorKind::UnexpectedEof => TarError::Truncated,
            _ => TarError::Io(err),
        })
    }

    fn skip(&mut self, count: u64) -> Result<(), TarError> {
        if io::copy(&mut (&mut self.inner).take(count), &mut io::sink())? < count {
            return Err(TarError::Truncated);
        }
        Ok(())
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size - self.at;
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        // A file without a map is one piece.
        let sparse = self.size != self.at + self.stored || !self.pieces.is_empty();
        let (offset, len) = match self.pieces.last() {
            Some(&piece) => piece,
            None if sparse => (self.size, 0),
            None => (self.at, left),
        };
        if self.at < offset {
            let hole = usize::try_from(offset - self.at).unwrap_or(usize::MAX).min(want);
            buffer[..hole].fill(0);
            self.at += hole as u64;
            return Ok(hole);
        }
        let rest = offset + len - self.at;
        let want = usize::try_from(rest).unwrap_or(usize::MAX).min(want);
        let taken = self.inner.read(&mut buffer[..want])?;
        if taken == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive ends in the middle",
            ));
        }
        self.at += taken as u64;
        self.stored -= taken as u64;
        if taken as u64 == rest {
            self.pieces.pop();
        }
        Ok(taken)
    }
}

impl Extension {
    fn number(&self, key: &[u8]) -> Result<Option<u64>, TarError> {
        let Some(text) = self.pax.get(key) else { return Ok(None) };
        parse_number(text).map(Some).ok_or(TarError::Header("a number in a header is none"))
    }
}

fn is_known(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Link
            | EntryType::Symlink
            | EntryType::Directory
            | EntryType::Char
            | EntryType::Block
            | EntryType::Fifo
    )
}

/// The name in the header itself; ustar's prefix counts, GNU headers have times in its place.
fn header_path(header: &Header) -> Vec<u8> {
    header.path_bytes().into_owned()
}

/// A field that is a number; one that was left empty is zero.
fn number(field: &[u8], parsed: io::Result<u64>) -> Result<u64, TarError> {
    match parsed {
        Ok(number) => Ok(number),
        Err(_) if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Ok(0),
        Err(_) => Err(TarError::Header("a field that should be a number is none")),
    }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

fn parse_number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn parse_pax(mut text: &[u8], extension: &mut Extension) -> Result<(), TarError> {
    const BAD: TarError = TarError::Header("a PAX header is broken");
    while !text.is_empty() {
        let space = text.iter().position(|&byte| byte == b' ').ok_or(BAD)?;
        let len = parse_number(&text[..space]).and_then(|len| usize::try_from(len).ok());
        let len = len.filter(|&len| len > space + 1 && len <= text.len()).ok_or(BAD)?;
        let record = text[space + 1..len].strip_suffix(b"\n").ok_or(BAD)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or(BAD)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if matches!(key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
            extension.pieces.push(parse_number(value).ok_or(BAD)?);
        } else if value.is_empty() && !key.starts_with(b"SCHILY.xattr.") {
            // An empty value takes back what an earlier header said.
            extension.pax.remove(key);
        } else {
            extension.pax.insert(key.to_vec(), value.to_vec());
        }
        text = &text[len..];
    }
    Ok(())
}

/// `[-]SECONDS[.FRACTION]`
fn parse_time(text: &[u8]) -> Option<Mtime> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let secs: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{:0<9}", &fraction[..fraction.len().min(9)]);
    let nanos: u32 = digits.parse().ok()?;
    if text.starts_with('-') && nanos > 0 {
        // -1.25 is 0.75 seconds after -2.
        return Some(Mtime { secs: secs.checked_sub(1)?, nanos: 1_000_000_000 - nanos });
    }
    Some(Mtime { secs, nanos })
}
