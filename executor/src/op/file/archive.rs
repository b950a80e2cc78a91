//! ADD of a tar: unpacks it into a draft, whatever it is called and however it is packed.
//!
//! The destination is the root for everything in the archive: absolute names, `..` and links stay inside. The archive is
//! read once, as a stream; contents go to one spool file, of which the layer's files are parts.

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::sync::Arc;

use store::layer::index::{join, parent};
use store::{Entry, FileDigest, Kind, Mtime};

use crate::content::Content;
use crate::draft::{Draft, NewFolder};
use crate::error::Cause;
use crate::op::file::owner::Owner;
use crate::tree::{Last, Step, base_name, clean_bytes, display, resolve};

/// Where contents of archives go until they are in a layer.
#[derive(Debug)]
pub(crate) struct Spool {
    file: Arc<File>,
    end: u64,
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };

impl Spool {
    /// Takes an empty file that is open for reading and writing.
    pub(crate) fn new(file: File) -> Spool {
        Spool { file: Arc::new(file), end: 0 }
    }

    /// Takes a content in; its digest is made on the way.
    fn add(&mut self, mut from: impl Read) -> io::Result<(Content, u64, FileDigest)> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 128 << 10];
        let mut size = 0;
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[..read]);
            (&*self.file).write_all(&buffer[..read])?;
            size += read as u64;
        }
        let content = Content::Part { file: Arc::clone(&self.file), offset: self.end, size };
        self.end += size;
        Ok((content, size, FileDigest(*hasher.finalize().as_bytes())))
    }
}

/// Unpacks a file if it is an archive; `false` if it is none, and then nothing happened.
///
/// # Errors
/// The archive is broken, or does not fit with what is at the destination.
pub(crate) fn unpack(
    draft: &mut Draft<'_>,
    spool: &mut Spool,
    packed: impl Read,
    dest: &[u8],
    owner: Option<Owner>,
) -> Result<bool, Cause> {
    let Ok(plain) = decompress(packed) else { return Ok(false) };
    let mut archive = tar::Archive::new(plain);
    let mut members = archive.entries().map_err(broken)?;
    let Some(Ok(first)) = members.next() else { return Ok(false) };
    draft
        .make_folders(dest, NewFolder { mode: 0o755, owner: owner.unwrap_or(ROOT), mtime: None })?;
    let mut unpacking = Unpacking { draft, spool, dest, owner };
    unpacking.member(first)?;
    for member in members {
        unpacking.member(member.map_err(broken)?)?;
    }
    Ok(true)
}

fn broken(error: io::Error) -> Cause {
    Cause::file(format!("the archive is broken: {error}"))
}

/// Takes the compression off, which the first bytes tell.
fn decompress<'a>(packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut head = Vec::with_capacity(10);
    let mut packed = packed;
    packed.by_ref().take(10).read_to_end(&mut head)?;
    let whole = BufReader::with_capacity(128 << 10, io::Cursor::new(head.clone()).chain(packed));
    Ok(match head.as_slice() {
        [0x1f, 0x8b, 8, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(whole)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(whole))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Box::new(zstd::stream::read::Decoder::with_buffer(whole)?)
        }
        _ => Box::new(whole),
    })
}

struct Unpacking<'a, 'b> {
    draft: &'a mut Draft<'b>,
    spool: &'a mut Spool,
    dest: &'a [u8],
    owner: Option<Owner>,
}

impl Unpacking<'_, '_> {
    fn member<R: Read>(&mut self, mut member: tar::Entry<'_, R>) -> Result<(), Cause> {
        let name = clean_bytes(&member.path_bytes());
        if name.is_empty() || member.header().entry_type().is_pax_global_extensions() {
            return Ok(());
        }
        let path = self.place(&name)?;
        if let Some(hidden) = base_name(&path).strip_prefix(b".wh.") {
            self.whiteout(parent(&path), hidden);
            return Ok(());
        }
        let mut entry = self.metadata(&mut member, path)?;
        let mut content = None;
        let header = member.header();
        let number = |number: io::Result<Option<u32>>| number.ok().flatten().unwrap_or(0);
        let device = (number(header.device_major()), number(header.device_minor()));
        let kind = header.entry_type();
        entry.kind = if kind.is_dir() {
            Kind::Dir { opaque: false }
        } else if kind.is_symlink() {
            entry.mode = 0o777;
            Kind::Symlink { target: link_name(&member).to_vec() }
        } else if kind.is_hard_link() {
            let target = link_name(&member).to_vec();
            return self.hard_link(entry, &target);
        } else if kind.is_character_special() {
            Kind::Char { major: device.0, minor: device.1 }
        } else if kind.is_block_special() {
            Kind::Block { major: device.0, minor: device.1 }
        } else if kind.is_fifo() {
            Kind::Fifo
        } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            let (place, size, digest) = self.file(&mut member)?;
            content = Some(place);
            Kind::File { size, digest }
        } else {
            return Err(Cause::file(format!(
                "the archive holds `{}` of a kind that cannot be unpacked ({kind:?})",
                display(&name)
            )));
        };
        self.draft.put(entry, content);
        Ok(())
    }

    /// Where a member goes: links above it are followed inside the destination, missing folders are made.
    fn place(&mut self, name: &[u8]) -> Result<Vec<u8>, Cause> {
        let look = |path: &[u8]| Ok(Step::of(self.draft.get(&join(self.dest, path)).as_ref()));
        let above = resolve(&look, parent(name), Last::Follow)?;
        let folder = if above.is_empty() { self.dest.to_vec() } else { join(self.dest, &above) };
        self.draft.make_folders(&folder, NewFolder { mode: 0o755, owner: ROOT, mtime: None })?;
        Ok(join(&folder, base_name(name)))
    }

    fn metadata<R: Read>(
        &self,
        member: &mut tar::Entry<'_, R>,
        path: Vec<u8>,
    ) -> Result<Entry, Cause> {
        let header = member.header();
        let id = |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
        let owner = self.owner.unwrap_or(Owner { uid: id(header.uid()), gid: id(header.gid()) });
        let mut entry = Entry {
            path,
            kind: Kind::Fifo, // the caller knows better
            mode: header.mode().map_err(broken)? & 0o7777,
            uid: owner.uid,
            gid: owner.gid,
            mtime: Mtime { secs: header_time(header), nanos: 0 },
            xattrs: Vec::new(),
        };
        for extension in member.pax_extensions().map_err(broken)?.into_iter().flatten() {
            let extension = extension.map_err(broken)?;
            let value = extension.value_bytes();
            let as_id = || std::str::from_utf8(value).ok()?.parse().ok();
            match extension.key_bytes() {
                b"mtime" => entry.mtime = pax_time(value).unwrap_or(entry.mtime),
                b"uid" if self.owner.is_none() => entry.uid = as_id().unwrap_or(entry.uid),
                b"gid" if self.owner.is_none() => entry.gid = as_id().unwrap_or(entry.gid),
                // Of extended attributes only this one is kept in layers.
                b"SCHILY.xattr.security.capability" => {
                    entry.xattrs = vec![(b"security.capability".to_vec(), value.to_vec())];
                }
                _ => {}
            }
        }
        Ok(entry)
    }

    fn file<R: Read>(
        &mut self,
        member: &mut tar::Entry<'_, R>,
    ) -> Result<(Content, u64, FileDigest), Cause> {
        let sparse = member.header().entry_type().is_gnu_sparse();
        let promised = member.size();
        let (content, size, digest) = self.spool.add(&mut *member).map_err(broken)?;
        if !sparse && size != promised {
            return Err(Cause::file("the archive is broken: it ends inside a file".to_owned()));
        }
        Ok((content, size, digest))
    }

    fn hard_link(&mut self, mut entry: Entry, target: &[u8]) -> Result<(), Cause> {
        let target = self.place(&clean_bytes(target))?;
        let Some(there) = self.draft.get(&target) else {
            return Err(Cause::file(format!(
                "the archive links `/{}` to `/{}`, which is not there",
                display(&entry.path),
                display(&target)
            )));
        };
        match &there.kind {
            Kind::File { .. } | Kind::Hardlink { .. } => {
                if self.draft.link_to(entry, &target) {
                    return Ok(());
                }
                Err(Cause::file(format!("cannot link to `/{}`", display(&target))))
            }
            Kind::Dir { .. } | Kind::Whiteout => {
                Err(Cause::file(format!("the archive links to the folder `/{}`", display(&target))))
            }
            Kind::Symlink { .. } | Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => {
                entry = Entry { path: entry.path, ..there };
                self.draft.put(entry, None);
                Ok(())
            }
        }
    }

    /// A member named as a whiteout is one in the image.
    fn whiteout(&mut self, folder: &[u8], hidden: &[u8]) {
        if hidden == b".wh..opq" {
            self.draft.make_opaque(folder);
        } else if !hidden.is_empty() && !hidden.starts_with(b".wh.") {
            self.draft.hide(&join(folder, hidden));
        }
    }
}

fn link_name<'a, R: Read>(member: &'a tar::Entry<'_, R>) -> std::borrow::Cow<'a, [u8]> {
    member.link_name_bytes().unwrap_or_default()
}

/// The time in a header; base-256 numbers may be negative.
fn header_time(header: &tar::Header) -> i64 {
    header.mtime().map_or(0, |time| i64::try_from(time).unwrap_or(0))
}

/// `1600000000.123456789`, perhaps negative.
fn pax_time(text: &[u8]) -> Option<Mtime> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let secs: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u32 = digits.parse().ok()?;
    Some(match whole.starts_with('-') && nanos > 0 {
        true => Mtime { secs: secs - 1, nanos: 1_000_000_000 - nanos },
        false => Mtime { secs, nanos },
    })
}

#[cfg(test)]
mod tests {
    use tar::EntryType;

    use super::*;

    fn packed(members: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, text) in members {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o640);
            header.set_mtime(1_600_000_000);
            let is_link = matches!(kind, EntryType::Link | EntryType::Symlink);
            let body = if is_link { "" } else { *text };
            header.set_size(body.len() as u64);
            if is_link {
                header.set_link_name(text).unwrap();
            }
            let field = &mut header.as_old_mut().name;
            field[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, body.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> Result<Vec<String>, Cause> {
        let mut draft = Draft::new(None, Mtime::default());
        let mut spool = Spool::new(tempfile::tempfile().unwrap());
        if !unpack(&mut draft, &mut spool, bytes, b"out", None)? {
            return Ok(vec!["none".into()]);
        }
        let (index, _) = draft.finish()?;
        let show = |entry: &Entry| {
            let what = match &entry.kind {
                Kind::Dir { .. } => "/".to_owned(),
                Kind::File { size, .. } => format!(" {size}"),
                Kind::Symlink { target } | Kind::Hardlink { target } => {
                    format!(" -> {}", display(target))
                }
                Kind::Whiteout | Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => {
                    String::new()
                }
            };
            format!("{}{what}", display(&entry.path))
        };
        Ok(index.entries().iter().map(show).collect())
    }

    #[test]
    fn everything_stays_inside_the_destination() {
        let bytes = packed(&[
            ("../../escaped", EntryType::Regular, "x"),
            ("/abs/file", EntryType::Regular, "abs"),
            ("link", EntryType::Symlink, "/abs"),
            ("link/new", EntryType::Regular, "12"),
            ("hard", EntryType::Link, "abs/file"),
        ]);
        let want = [
            "out/",
            "out/abs/",
            "out/abs/file 3",
            "out/abs/new 2",
            "out/escaped 1",
            "out/hard -> out/abs/file",
            "out/link -> /abs",
        ];
        assert_eq!(unpacked(&bytes).unwrap(), want);
    }

    #[test]
    fn what_is_no_archive_is_left_alone() {
        for bytes in [&b""[..], b"just text", &[0; 10240], b"\x1f\x8b\x08broken", b"BZh"] {
            assert_eq!(unpacked(bytes).unwrap(), ["none"]);
        }
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let bytes = packed(&[("one", EntryType::Regular, &"x".repeat(2000))]);
        assert!(unpacked(&bytes[..1024]).unwrap_err().to_string().contains("broken"));
    }

    #[test]
    fn times_have_fractions_and_signs() {
        assert_eq!(pax_time(b"5.25"), Some(Mtime { secs: 5, nanos: 250_000_000 }));
        assert_eq!(pax_time(b"-5.25"), Some(Mtime { secs: -6, nanos: 750_000_000 }));
        assert_eq!(pax_time(b"x"), None);
    }
}
