//! [`TarWriter`]: members of a layer's tar, the same bytes for the same index.
//!
//! Headers are ustar. What does not fit there (long paths, big numbers, fractions of seconds, extended attributes)
//! goes into a PAX header before it, and only then is there one. No access or change times, no names of owners.

use std::io::{self, Write};

use tar::{EntryType, Header};

use super::{BLOCK, padding};
use crate::layer::index::{Entry, Kind, Mtime};

/// The greatest numbers that fit the octal fields: seven and eleven digits.
const MAX_SMALL: u64 = 0o7_777_777;
const MAX_BIG: u64 = 0o77_777_777_777;

/// Writes a tar.
#[derive(Debug)]
pub(crate) struct TarWriter<W> {
    inner: W,
}

impl<W: Write> TarWriter<W> {
    pub(crate) fn new(inner: W) -> TarWriter<W> {
        TarWriter { inner }
    }

    /// The header of an entry. For a regular file its content must follow ([`TarWriter::inner`]), then
    /// [`TarWriter::pad`].
    pub(crate) fn header(&mut self, entry: &Entry) -> io::Result<()> {
        let mut path = entry.path.clone();
        let mut link: &[u8] = b"";
        let mut size = 0;
        let mut device = None;
        let kind = match &entry.kind {
            Kind::Whiteout => {
                let name = [b".wh.", entry.name()].concat();
                path.truncate(path.len() - entry.name().len());
                path.extend(name);
                EntryType::Regular
            }
            Kind::Dir { .. } => {
                if path.is_empty() {
                    path.push(b'.');
                }
                path.push(b'/');
                EntryType::Directory
            }
            Kind::File { size: bytes, .. } => {
                size = *bytes;
                EntryType::Regular
            }
            Kind::Hardlink { target } => {
                link = target;
                EntryType::Link
            }
            Kind::Symlink { target } => {
                link = target;
                EntryType::Symlink
            }
            Kind::Char { major, minor } => {
                device = Some((*major, *minor));
                EntryType::Char
            }
            Kind::Block { major, minor } => {
                device = Some((*major, *minor));
                EntryType::Block
            }
            Kind::Fifo => EntryType::Fifo,
        };
        let mut pax = Pax::default();
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(entry.mode);
        header.set_uid(pax.number(b"uid", u64::from(entry.uid), MAX_SMALL));
        header.set_gid(pax.number(b"gid", u64::from(entry.gid), MAX_SMALL));
        header.set_size(pax.number(b"size", size, MAX_BIG));
        header.set_mtime(pax.time(entry.mtime));
        if let Some((major, minor)) = device {
            let refused = |_| io::Error::other("a device number is too big for tar");
            header.set_device_major(major).map_err(refused)?;
            header.set_device_minor(minor).map_err(refused)?;
        }
        let fields = header.as_ustar_mut().expect("made as ustar above");
        match split_name(&path) {
            Some((prefix, name)) => {
                fields.prefix[..prefix.len()].copy_from_slice(prefix);
                fields.name[..name.len()].copy_from_slice(name);
            }
            None => {
                pax.record(b"path", &path);
                fields.name.copy_from_slice(&path[..100]);
            }
        }
        if link.len() > 100 {
            pax.record(b"linkpath", link);
        }
        let head = &link[..link.len().min(100)];
        fields.linkname[..head.len()].copy_from_slice(head);
        for (name, value) in &entry.xattrs {
            pax.record(&[b"SCHILY.xattr.", &name[..]].concat(), value);
        }
        self.extension(&pax)?;
        header.set_cksum();
        self.inner.write_all(header.as_bytes())
    }

    /// The marker that makes a folder opaque.
    pub(crate) fn opaque(&mut self, dir: &Entry) -> io::Result<()> {
        let path = crate::layer::index::join(&dir.path, b".wh..wh..opq");
        // As a whiteout of `.wh..opq` its name comes out right.
        let plain = path.len() - b".wh..wh..opq".len();
        let path = [&path[..plain], b".wh..opq"].concat();
        self.header(&Entry { path, kind: Kind::Whiteout, mtime: dir.mtime, ..Entry::IMPLICIT_DIR })
    }

    /// Where contents go.
    pub(crate) fn inner(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Fills up the last block of a content.
    pub(crate) fn pad(&mut self, size: u64) -> io::Result<()> {
        self.inner.write_all(&[0; BLOCK][..padding(size) as usize])
    }

    /// Ends the tar.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&[0; 2 * BLOCK])?;
        Ok(self.inner)
    }

    fn extension(&mut self, pax: &Pax) -> io::Result<()> {
        if pax.text.is_empty() {
            return Ok(());
        }
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(pax.text.len() as u64);
        let fields = header.as_ustar_mut().expect("made as ustar above");
        fields.name[..9].copy_from_slice(b"PaxHeader");
        header.set_cksum();
        self.inner.write_all(header.as_bytes())?;
        self.inner.write_all(&pax.text)?;
        self.pad(pax.text.len() as u64)
    }
}

/// The records of a PAX header.
#[derive(Default)]
struct Pax {
    text: Vec<u8>,
}

impl Pax {
    /// The number if it fits the header, else 0 there and the number here.
    fn number(&mut self, key: &[u8], number: u64, max: u64) -> u64 {
        if number <= max {
            return number;
        }
        self.record(key, number.to_string().as_bytes());
        0
    }

    /// The seconds for the header; fractions, and times it cannot hold, go here.
    fn time(&mut self, time: Mtime) -> u64 {
        let fits = u64::try_from(time.secs).ok().filter(|&secs| secs <= MAX_BIG);
        if fits.is_none() || time.nanos != 0 {
            let text = decimal(time);
            self.record(b"mtime", text.as_bytes());
        }
        fits.unwrap_or_default()
    }

    fn record(&mut self, key: &[u8], value: &[u8]) {
        let rest = key.len() + value.len() + 3;
        let mut len = rest + 1;
        while rest + len.to_string().len() != len {
            len = rest + len.to_string().len();
        }
        self.text.extend(format!("{len} ").as_bytes());
        self.text.extend_from_slice(key);
        self.text.push(b'=');
        self.text.extend_from_slice(value);
        self.text.push(b'\n');
    }
}

/// A time as PAX has it, without zeros at the end.
fn decimal(time: Mtime) -> String {
    if time.nanos == 0 {
        return time.secs.to_string();
    }
    let (sign, secs, nanos) = match time.secs {
        secs if secs < 0 => ("-", (secs + 1).unsigned_abs(), 1_000_000_000 - time.nanos),
        secs => ("", secs.unsigned_abs(), time.nanos),
    };
    let text = format!("{sign}{secs}.{nanos:09}");
    text.trim_end_matches('0').to_owned()
}

/// A path in ustar's two fields: at most 100 bytes, or more before a slash.
fn split_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= 100 {
        return Some((b"", path));
    }
    // The last byte may be a folder's slash, which is no place to split.
    let inner = &path[..path.len() - 1];
    let slash = inner.iter().enumerate().rev().find(|(at, byte)| **byte == b'/' && *at <= 155)?.0;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (name.len() <= 100 && !prefix.is_empty()).then_some((prefix, name))
}
