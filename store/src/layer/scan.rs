//! A folder to an index: an overlay's upper folder, or a plain folder compared with the tree it was copied from.
//!
//! Reading goes from file descriptor to file descriptor; a path is opened with `RESOLVE_BENEATH` and without links, so
//! no name in the folder leads out of it. Contents are hashed in parallel, a quarter of a megabyte at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, major, minor, openat2};
use rustix::io::Errno;

use super::index::{Entry, FileDigest, Kind, LayerIndex, Mtime, join};
use super::layout::OverlayForm;
use super::stamps::Stamps;
use super::view::{Node, TreeView};
use crate::error::{Doing, StoreError, on};

/// So few and small files are read at once: waking threads would take longer.
const FEW: usize = 32;
const LITTLE: u64 = 1 << 20;

/// What a scan keeps and leaves out.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// Paths to leave out (mount points that were made for the run), with all below them.
    pub omit: Vec<Vec<u8>>,
    /// Which extended attributes are kept.
    pub xattrs: Xattrs,
}

/// Which extended attributes a layer keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Xattrs {
    /// `security.capability` alone, as BuildKit's layers have it.
    #[default]
    Capability,
    /// All but the overlay's own.
    All,
}

/// How a folder says what is gone.
#[derive(Clone, Copy)]
enum Form<'a> {
    /// With whiteouts and opaque folders.
    Upper(OverlayForm),
    /// By not having it; with what the tree was when it was copied.
    Whole(&'a Stamps),
}

struct Scan<'a> {
    root: OwnedFd,
    folder: &'a Path,
    form: Form<'a>,
    below: Option<&'a TreeView>,
    options: &'a ScanOptions,
    found: Vec<Found>,
}

/// An entry before links are sorted out.
struct Found {
    entry: Entry,
    /// Device and inode of a file with several names.
    inode: Option<(u64, u64)>,
    /// Whether it is known, without its content, to be as it is below.
    unchanged: bool,
}

/// Reads an overlay's upper folder; what is the same in `below` is left out.
pub(crate) fn scan_upper(
    upper: &Path,
    form: OverlayForm,
    below: Option<&TreeView>,
    options: &ScanOptions,
    pool: &ThreadPool,
) -> Result<LayerIndex, StoreError> {
    Scan::new(upper, Form::Upper(form), below, options)?.run(pool)
}

/// Compares a whole tree with the one it was copied from. What is still the copy is not read; size and time alone would
/// not tell, since folders with files of the same size and time may have swapped names.
pub(crate) fn scan_against(
    folder: &Path,
    (below, copied): (&TreeView, &Stamps),
    options: &ScanOptions,
    pool: &ThreadPool,
) -> Result<LayerIndex, StoreError> {
    Scan::new(folder, Form::Whole(copied), Some(below), options)?.run(pool)
}

impl<'a> Scan<'a> {
    fn new(
        folder: &'a Path,
        form: Form<'a>,
        below: Option<&'a TreeView>,
        options: &'a ScanOptions,
    ) -> Result<Scan<'a>, StoreError> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty()).doing(|| on("open", folder))?;
        Ok(Scan { root, folder, form, below, options, found: Vec::new() })
    }

    fn run(mut self, pool: &ThreadPool) -> Result<LayerIndex, StoreError> {
        self.folder(Vec::new())?;
        self.contents(pool)?;
        let mut kept: Vec<Found> = Vec::with_capacity(self.found.len());
        // From the end: a folder is kept for what is kept in it.
        for found in std::mem::take(&mut self.found).into_iter().rev() {
            let needed = found.entry.is_dir()
                && kept
                    .last()
                    .is_some_and(|it| super::index::is_below(&it.entry.path, &found.entry.path));
            if needed || !self.is_unchanged(&found) {
                kept.push(found);
            }
        }
        kept.reverse();
        Ok(LayerIndex::new(link(kept))?)
    }

    fn folder(&mut self, path: Vec<u8>) -> Result<(), StoreError> {
        let fail = |folder: &Path| on("read", &folder.join(display(&path)));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let dir = open_below(&self.root, &path, flags).doing(|| fail(self.folder))?;
        let mut names: Vec<Vec<u8>> = Vec::new();
        for name in Dir::read_from(&dir).doing(|| fail(self.folder))? {
            let name = name.doing(|| fail(self.folder))?;
            let name = name.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable();
        let opaque = self.note_dir(&path, dir.as_fd())?;
        if matches!(self.form, Form::Whole(_)) {
            self.gone(&path, &names);
        }
        for name in names {
            let path = join(&path, &name);
            if self.options.omit.contains(&path) {
                continue;
            }
            let stat = rustix::fs::statat(&dir, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)
                .doing(|| on("read", &self.folder.join(display(&path))))?;
            self.entry(path, &name, &dir, &stat, opaque)?;
        }
        Ok(())
    }

    /// Looks at the overlay's attributes of a folder; whether it is opaque.
    fn note_dir(&mut self, path: &[u8], dir: impl AsFd) -> Result<bool, StoreError> {
        let Form::Upper(form) = self.form else { return Ok(false) };
        let mut value = [0; 8];
        let has = |what: &str, value: &mut [u8; 8]| {
            let name = format!("{}{what}", form.prefix());
            match rustix::fs::fgetxattr(&dir, name, &mut value[..]) {
                Ok(len) => Ok(Some(len)),
                Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
                Err(Errno::RANGE) => Ok(Some(0)),
                Err(errno) => Err(errno),
            }
        };
        let fail = || on("read attributes of", &self.folder.join(display(path)));
        if has("redirect", &mut value).doing(fail)?.is_some() {
            let path = String::from_utf8_lossy(path).into_owned();
            let why = "the overlay was mounted with redirect_dir";
            return Err(StoreError::Unsupported { path, why });
        }
        let opaque = has("opaque", &mut value).doing(fail)? == Some(1) && value[0] == b'y';
        // The kernel marks each folder that is made where folders are merged; a mark that hides nothing is not kept.
        let hides = || match (self.below, path.is_empty()) {
            (_, true) => false,
            (None, false) => true,
            (Some(below), false) => below.get(path).is_some_and(|node| node.entry.is_dir()),
        };
        if opaque && hides() {
            let last = self.found.last_mut().expect("a folder is noted before it is read");
            last.entry.kind = Kind::Dir { opaque: true };
        }
        Ok(opaque)
    }

    fn entry(
        &mut self,
        path: Vec<u8>,
        name: &[u8],
        dir: &OwnedFd,
        stat: &Stat,
        in_opaque: bool,
    ) -> Result<(), StoreError> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Kind::Dir { opaque: false },
            FileType::RegularFile => {
                Kind::File { size: stat.st_size.unsigned_abs(), digest: FileDigest([0; 32]) }
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(dir, name, Vec::new())
                    .doing(|| on("read", &self.folder.join(display(&path))))?;
                Kind::Symlink { target: target.into_bytes() }
            }
            FileType::CharacterDevice
                if stat.st_rdev == 0 && matches!(self.form, Form::Upper(_)) =>
            {
                // In an opaque folder, or where nothing is, there is nothing to remove.
                if in_opaque || self.below.is_some_and(|below| below.get(&path).is_none()) {
                    return Ok(());
                }
                self.push(
                    Entry { path, kind: Kind::Whiteout, mode: 0, ..Entry::IMPLICIT_DIR },
                    stat,
                );
                return Ok(());
            }
            FileType::CharacterDevice => {
                Kind::Char { major: major(stat.st_rdev), minor: minor(stat.st_rdev) }
            }
            FileType::BlockDevice => {
                Kind::Block { major: major(stat.st_rdev), minor: minor(stat.st_rdev) }
            }
            FileType::Fifo => Kind::Fifo,
            // A socket is its process's; no layer holds one.
            FileType::Socket | FileType::Unknown => return Ok(()),
        };
        let is_dir = matches!(kind, Kind::Dir { .. });
        let mtime = Mtime { secs: stat.st_mtime, nanos: stat.st_mtime_nsec as u32 };
        let mode = stat.st_mode & 0o7777;
        let (uid, gid) = (stat.st_uid, stat.st_gid);
        self.push(
            Entry { path: path.clone(), kind, mode, uid, gid, mtime, xattrs: Vec::new() },
            stat,
        );
        if is_dir { self.folder(path) } else { Ok(()) }
    }

    fn push(&mut self, entry: Entry, stat: &Stat) {
        let is_linked = !entry.is_dir() && stat.st_nlink > 1;
        let inode = is_linked.then_some((stat.st_dev, stat.st_ino));
        let mut found = Found { entry, inode, unchanged: false };
        if let (Form::Whole(copied), Some(below)) = (self.form, self.below)
            && let Kind::File { .. } = found.entry.kind
            && copied.has(&found.entry.path, stat)
        {
            let node = below.get(&found.entry.path);
            found.unchanged = node.is_some_and(|node| same_metadata(below, node, &found.entry));
        }
        self.found.push(found);
    }

    /// Whiteouts for what the tree below has in a folder and the folder has not.
    fn gone(&mut self, dir: &[u8], names: &[Vec<u8>]) {
        let Some(below) = self.below else { return };
        for (name, _) in below.children(dir) {
            let path = join(dir, name);
            if names.binary_search_by(|it| it.as_slice().cmp(name)).is_err()
                && !self.options.omit.contains(&path)
            {
                let entry = Entry { path, kind: Kind::Whiteout, mode: 0, ..Entry::IMPLICIT_DIR };
                self.found.push(Found { entry, inode: None, unchanged: false });
            }
        }
    }

    /// Reads contents and attributes.
    fn contents(&mut self, pool: &ThreadPool) -> Result<(), StoreError> {
        let root = &self.root;
        let (folder, xattrs) = (self.folder, self.options.xattrs);
        let wanted = |found: &&mut Found| {
            let kind = &found.entry.kind;
            !found.unchanged && matches!(kind, Kind::File { .. } | Kind::Dir { .. })
        };
        let todo: Vec<&mut Found> = self.found.iter_mut().filter(wanted).collect();
        let read = |found: &mut Found| -> Result<(), StoreError> {
            let entry = &mut found.entry;
            if let Kind::File { size, digest } = &mut entry.kind {
                let open = |path: &[u8]| on("read", &folder.join(display(path)));
                let file =
                    open_below(root, &entry.path, OFlags::RDONLY).doing(|| open(&entry.path))?;
                let mut file = File::from(file);
                let hashed = hash(&mut file).doing(|| open(&entry.path))?;
                (*digest, *size) = hashed;
                entry.xattrs = read_xattrs(&file, xattrs).doing(|| open(&entry.path))?;
            } else if xattrs == Xattrs::All {
                let open = || on("read", &folder.join(display(&entry.path)));
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let dir = open_below(root, &entry.path, flags).doing(open)?;
                entry.xattrs = read_xattrs(&dir, xattrs).doing(open)?;
            }
            Ok(())
        };
        let size = |found: &&mut Found| {
            if let Kind::File { size, .. } = found.entry.kind { size } else { 0 }
        };
        match todo.len() <= FEW && todo.iter().map(size).sum::<u64>() <= LITTLE {
            true => todo.into_iter().try_for_each(read),
            false => pool.install(|| todo.into_par_iter().try_for_each(read)),
        }
    }

    fn is_unchanged(&self, found: &Found) -> bool {
        let Some(below) = self.below else { return false };
        if found.unchanged {
            return true;
        }
        let entry = &found.entry;
        let Some(node) = below.get(&entry.path) else { return false };
        if node.at.is_none()
            || !same_metadata(below, node, entry)
            || node.entry.xattrs != entry.xattrs
        {
            return false;
        }
        match &entry.kind {
            Kind::File { digest, .. } => below.content(node).is_some_and(|it| it.digest == *digest),
            Kind::Dir { opaque } => !opaque,
            Kind::Symlink { .. } | Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => true,
            Kind::Whiteout | Kind::Hardlink { .. } => false,
        }
    }
}

/// Whether all that `stat` and `readlink` tell is the same; names of linked files count as files. The time of a folder
/// does not count, as for BuildKit: a file that came and went again leaves no trace.
fn same_metadata(below: &TreeView, node: Node<'_>, entry: &Entry) -> bool {
    let Entry { path: _, kind, mode, uid, gid, mtime, xattrs: _ } = entry;
    let other = node.entry;
    if (mode, uid, gid) != (&other.mode, &other.uid, &other.gid) {
        return false;
    }
    if *mtime != other.mtime && !entry.is_dir() {
        return false;
    }
    match (kind, &other.kind) {
        (Kind::File { size, .. }, Kind::File { .. } | Kind::Hardlink { .. }) => {
            below.content(node).is_some_and(|content| content.size == *size)
        }
        (Kind::Dir { .. }, Kind::Dir { .. }) => true,
        (kind, other) => kind == other,
    }
}

/// Of the files with one inode, the first keeps the content and the others become links to it.
fn link(found: Vec<Found>) -> Vec<Entry> {
    let mut first: HashMap<(u64, u64), Vec<u8>> = HashMap::new();
    let linked = |mut found: Found| {
        if let (Some(inode), Kind::File { .. }) = (found.inode, &found.entry.kind) {
            match first.get(&inode) {
                Some(target) => found.entry.kind = Kind::Hardlink { target: target.clone() },
                None => drop(first.insert(inode, found.entry.path.clone())),
            }
        }
        found.entry
    };
    found.into_iter().map(linked).collect()
}

/// Opens a path below a folder, following nothing.
pub(crate) fn open_below(
    root: &OwnedFd,
    path: &[u8],
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { &b"."[..] } else { path };
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    loop {
        match openat2(root, path, flags, Mode::empty(), resolve) {
            // Something was renamed meanwhile.
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
}

fn hash(file: &mut File) -> io::Result<(FileDigest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = [0; 64 << 10];
    let mut size = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((FileDigest(hasher.finalize().into()), size)),
            Ok(len) => {
                hasher.update(&buffer[..len]);
                size += len as u64;
            }
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
}

fn read_xattrs(file: impl AsFd, which: Xattrs) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut list = vec![0; 64 << 10];
    let mut value = vec![0; 64 << 10];
    let len = match which {
        Xattrs::Capability => {
            let name = b"security.capability\0";
            list[..name.len()].copy_from_slice(name);
            name.len()
        }
        Xattrs::All => match rustix::fs::flistxattr(&file, &mut list[..]) {
            Ok(len) => len,
            Err(Errno::OPNOTSUPP) => 0,
            Err(errno) => return Err(errno.into()),
        },
    };
    let mut found = Vec::new();
    for name in list[..len].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        if name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.") {
            continue;
        }
        match rustix::fs::fgetxattr(&file, name, &mut value[..]) {
            Ok(len) => found.push((name.to_vec(), value[..len].to_vec())),
            Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn display(path: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(path).into()
}

#[cfg(test)]
mod tests;
