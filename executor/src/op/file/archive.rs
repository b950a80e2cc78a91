//! ADD of a tar: unpacks it into a draft, whatever it is called and however it is packed.
//!
//! The destination is the root for everything in the archive: absolute names, `..` and links stay inside. The archive is
//! read once, as a stream; contents go to one spool file, of which the layer's files are parts.

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::sync::Arc;

use store::layer::index::{join, parent};
use store::layer::tar::{Limits, Member, MemberKind, TarError, TarReader};
use store::{Entry, FileDigest, Kind};

use crate::cancel::Cancel;
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

/// Where an archive goes, and what is let in.
#[derive(Debug)]
pub(crate) struct Goal<'a> {
    /// The folder.
    pub(crate) dest: &'a [u8],
    /// Whose everything becomes; `None` for the owners in the archive.
    pub(crate) owner: Option<Owner>,
    /// What is let in.
    pub(crate) guard: Guard,
    /// Stops it.
    pub(crate) stop: &'a Cancel,
}

/// What of an archive is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// What an image may hold; names that lead outside lead inside.
    Image,
    /// What a build context may hold: files, folders and links, none of which has a name that leads outside.
    Context,
}

impl Guard {
    fn limits(self) -> Limits {
        match self {
            Guard::Image => Limits::default(),
            // More than any project has.
            Guard::Context => Limits { content: 64 << 30, members: 2 << 20, ..Limits::default() },
        }
    }

    /// Fails if a member is not let in.
    fn check(self, member: &Member) -> Result<(), Cause> {
        if self == Guard::Image {
            return Ok(());
        }
        let refuse = |what: &str| {
            let name = display(&member.path);
            Err(Cause::File {
                message: format!("the archive of the build context holds `{name}`, {what}"),
                help: Some("a context holds files, folders and links below its own folder".into()),
                span: None,
            })
        };
        let climbs = |path: &[u8]| path.split(|byte| *byte == b'/').any(|name| name == b"..");
        match &member.kind {
            _ if climbs(&member.path) => refuse("which lies outside of it"),
            MemberKind::Hardlink(target) if climbs(target) => {
                refuse("a hard link to something outside of it")
            }
            MemberKind::Char(..) | MemberKind::Block(..) => refuse("a device"),
            MemberKind::Fifo => refuse("a named pipe"),
            MemberKind::File(_)
            | MemberKind::Dir
            | MemberKind::Hardlink(_)
            | MemberKind::Symlink(_)
            | MemberKind::Other(_) => Ok(()),
        }
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
    goal: &Goal<'_>,
) -> Result<bool, Cause> {
    let Goal { dest, owner, guard, stop } = *goal;
    let Ok(plain) = decompress(packed) else { return Ok(false) };
    let mut archive = TarReader::new(plain, guard.limits());
    let first = match archive.next() {
        Ok(Some(first)) => first,
        Err(error) if guard == Guard::Context => return Err(broken(error)),
        Ok(None) | Err(_) => return Ok(false),
    };
    draft
        .make_folders(dest, NewFolder { mode: 0o755, owner: owner.unwrap_or(ROOT), mtime: None })?;
    let mut unpacking = Unpacking { draft, spool, dest, owner };
    guard.check(&first)?;
    unpacking.member(first, &mut archive)?;
    while let Some(member) = archive.next().map_err(broken)? {
        if stop.is_cancelled() {
            return Err(Cause::Cancelled);
        }
        guard.check(&member)?;
        unpacking.member(member, &mut archive)?;
    }
    Ok(true)
}

fn broken(error: TarError) -> Cause {
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
    fn member(&mut self, member: Member, content: impl Read) -> Result<(), Cause> {
        let name = clean_bytes(&member.path);
        if name.is_empty() {
            return Ok(());
        }
        let path = self.place(&name)?;
        if let Some(hidden) = base_name(&path).strip_prefix(b".wh.") {
            self.whiteout(parent(&path), hidden);
            return Ok(());
        }
        let mut entry = self.metadata(&member, path);
        let mut place = None;
        entry.kind = match member.kind {
            MemberKind::Dir => Kind::Dir { opaque: false },
            MemberKind::Symlink(target) => {
                entry.mode = 0o777;
                Kind::Symlink { target }
            }
            MemberKind::Hardlink(target) => return self.hard_link(entry, &target),
            MemberKind::Char(major, minor) => Kind::Char { major, minor },
            MemberKind::Block(major, minor) => Kind::Block { major, minor },
            MemberKind::Fifo => Kind::Fifo,
            MemberKind::File(_) => {
                let added = self.spool.add(content);
                let (content, size, digest) = added.map_err(|error| broken(error.into()))?;
                place = Some(content);
                Kind::File { size, digest }
            }
            MemberKind::Other(kind) => {
                return Err(Cause::file(format!(
                    "the archive holds `{}` of a kind that cannot be unpacked ({})",
                    display(&name),
                    kind.escape_ascii()
                )));
            }
        };
        self.draft.put(entry, place);
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

    fn metadata(&self, member: &Member, path: Vec<u8>) -> Entry {
        let owner = self.owner.unwrap_or(Owner { uid: member.uid, gid: member.gid });
        // Of extended attributes only this one is kept in layers.
        let capability = b"security.capability";
        let xattrs = member.xattrs.get(&capability[..]);
        Entry {
            path,
            kind: Kind::Fifo, // the caller knows better
            mode: member.mode,
            uid: owner.uid,
            gid: owner.gid,
            mtime: member.mtime,
            xattrs: xattrs.map(|value| (capability.to_vec(), value.clone())).into_iter().collect(),
        }
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

#[cfg(test)]
mod tests {
    use store::Mtime;
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
        unpacked_by(Guard::Image, bytes)
    }

    fn unpacked_by(guard: Guard, bytes: &[u8]) -> Result<Vec<String>, Cause> {
        let mut draft = Draft::new(None, Mtime::default());
        let mut spool = Spool::new(tempfile::tempfile().unwrap());
        let stop = Cancel::default();
        let goal = Goal { dest: b"out", owner: None, guard, stop: &stop };
        if !unpack(&mut draft, &mut spool, bytes, &goal)? {
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
    fn contexts_are_guarded() {
        for (name, kind, text, want) in [
            ("../up", EntryType::Regular, "x", "lies outside"),
            ("a/../../up", EntryType::Regular, "x", "lies outside"),
            ("hard", EntryType::Link, "../../etc/passwd", "outside of it"),
            ("hard", EntryType::Link, "/etc/passwd", "not there"),
            ("disk", EntryType::Block, "", "a device"),
            ("null", EntryType::Char, "", "a device"),
            ("pipe", EntryType::Fifo, "", "a named pipe"),
        ] {
            let error = unpacked_by(Guard::Context, &packed(&[(name, kind, text)])).unwrap_err();
            assert!(error.to_string().contains(want), "{name}: {error}");
        }
        let links =
            packed(&[("out", EntryType::Symlink, "/etc"), ("out/x", EntryType::Regular, "x")]);
        let want = ["out/", "out/etc/", "out/etc/x 1", "out/out -> /etc"];
        assert_eq!(unpacked_by(Guard::Context, &links).unwrap(), want);
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
}
