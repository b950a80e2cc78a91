//! [`Disk`]: a local build context as a tree, seen through its .dockerignore.
//!
//! Only what is asked for is looked at. Paths are opened beneath the context's folder and through no link, so nothing
//! outside of it is ever read, whatever changes while we look.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use compiler::ignore::{IgnoreFile, Verdict};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use store::layer::index::{join, parent};
use store::{Entry, FileDigest, Kind, Mtime};

use crate::env::LocalContext;
use crate::error::Cause;
use crate::tree::{Found, LinkId, SourceTree};

mod hash;

pub(crate) use hash::{Identity, StatCaches, hash_files};

/// A local build context.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    root: OwnedFd,
    ignore_name: String,
    ignore: IgnoreFile,
    /// What .dockerignore says of folders, by path: a walk asks once.
    verdicts: Mutex<BTreeMap<Vec<u8>, Verdict>>,
}

/// A folder of a context, open.
#[derive(Debug)]
pub(crate) struct OpenFolder<'a> {
    disk: &'a Disk,
    path: &'a [u8],
    folder: OwnedFd,
}

/// Opened beneath the root, through no link and no `/proc` magic; a mount point inside a context is fine.
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

impl Disk {
    /// Opens a context.
    ///
    /// # Errors
    /// The folder cannot be opened, or its .dockerignore is broken.
    pub(crate) fn open_context(context: &LocalContext) -> Result<Disk, Cause> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&context.root, flags, Mode::empty())
            .map_err(|errno| Cause::Io { path: context.root.clone(), source: errno.into() })?;
        let (ignore_name, ignore) = match &context.ignore {
            None => (String::new(), IgnoreFile::default()),
            Some((name, text)) => {
                let parsed = IgnoreFile::parse(name, text);
                (name.clone(), parsed.map_err(|error| Cause::Pattern(error.to_string()))?)
            }
        };
        Ok(Disk {
            path: context.root.clone(),
            root,
            ignore_name,
            ignore,
            verdicts: Mutex::default(),
        })
    }

    /// Whether a file is the one that was seen, and was not written since. Its folder is opened if it is not open.
    pub(crate) fn is_still<'a>(
        &'a self,
        open: &mut Option<OpenFolder<'a>>,
        path: &'a [u8],
        seen: &Identity,
    ) -> bool {
        let is_at = |it: &OpenFolder<'_>| std::ptr::eq(it.disk, self) && it.path == parent(path);
        if !open.as_ref().is_some_and(is_at) {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let folder = self.open_at(parent(path), flags).ok();
            *open = folder.map(|folder| OpenFolder { disk: self, path: parent(path), folder });
        }
        let Some(OpenFolder { folder, .. }) = open else { return false };
        let name = OsStr::from_bytes(crate::tree::base_name(path));
        rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| seen.is_unwritten(&stat))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// It cannot be opened, or a link is on the way.
    pub(crate) fn open(&self, path: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        Ok(File::from(self.open_at(path, flags)?))
    }

    fn open_at(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.is_empty() { &b"."[..] } else { path };
        rustix::fs::openat2(&self.root, OsStr::from_bytes(path), flags, Mode::empty(), BENEATH)
    }

    fn failed(&self, path: &[u8], errno: rustix::io::Errno) -> Cause {
        self.io_error(path, errno.into())
    }

    fn io_error(&self, path: &[u8], source: io::Error) -> Cause {
        Cause::Io { path: self.path.join(OsStr::from_bytes(path)), source }
    }

    /// What .dockerignore says of a folder, remembered.
    fn folder_verdict(&self, path: &[u8]) -> Verdict {
        if path.is_empty() || self.ignore.is_empty() {
            return Verdict::default();
        }
        let known = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        known.unwrap_or_else(|| {
            let verdict = self.ignore.enter(&self.folder_verdict(parent(path)), path);
            let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            verdicts.insert(path.to_vec(), verdict.clone());
            verdict
        })
    }

    /// Whether something in a folder with this verdict is part of the context: not ignored, or a folder in which
    /// something is not.
    fn is_visible(&self, folder: &Verdict, path: &[u8], is_dir: bool) -> Result<bool, Cause> {
        if self.ignore.is_empty() {
            return Ok(true);
        }
        let verdict = self.ignore.enter(folder, path);
        if !verdict.is_ignored {
            return Ok(true);
        }
        if !is_dir || !self.ignore.could_reinclude_below(&verdict, path) {
            return Ok(false);
        }
        for (name, stat) in self.list(path)? {
            let is_dir = FileType::from_raw_mode(stat.st_mode).is_dir();
            if self.is_visible(&verdict, &join(path, &name), is_dir)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names in a folder with what they are, sorted, ignored or not.
    fn list(&self, path: &[u8]) -> Result<Vec<(Vec<u8>, Stat)>, Cause> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let folder = self.open_at(path, flags).map_err(|errno| self.failed(path, errno))?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(|errno| self.failed(path, errno))? {
            let entry = entry.map_err(|errno| self.failed(path, errno))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            match rustix::fs::statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => names.push((name.to_vec(), stat)),
                Err(rustix::io::Errno::NOENT) => {} // went while we looked
                Err(errno) => return Err(self.failed(&join(path, name), errno)),
            }
        }
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(names)
    }

    fn found(&self, path: Vec<u8>, stat: &Stat) -> Result<Found, Cause> {
        let mode = stat.st_mode & 0o7777;
        let file_type = FileType::from_raw_mode(stat.st_mode);
        let empty = FileDigest(*blake3::Hasher::new().finalize().as_bytes());
        let device = || (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
        let kind = match file_type {
            FileType::Directory => Kind::Dir { opaque: false },
            FileType::Symlink => Kind::Symlink { target: self.read_link(&path)? },
            FileType::CharacterDevice => Kind::Char { major: device().0, minor: device().1 },
            FileType::BlockDevice => Kind::Block { major: device().0, minor: device().1 },
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::File { size: 0, digest: empty },
            FileType::RegularFile | FileType::Unknown => {
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                Kind::File { size, digest: empty }
            }
        };
        let is_file = file_type == FileType::RegularFile;
        let mtime =
            Mtime { secs: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) };
        Ok(Found {
            entry: Entry { path, kind, mode, uid: 0, gid: 0, mtime, xattrs: Vec::new() },
            link: (is_file && stat.st_nlink > 1).then_some(LinkId(stat.st_dev, stat.st_ino)),
            socket: file_type == FileType::Socket,
            seen: is_file.then(|| Identity::of(stat)),
        })
    }

    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Cause> {
        let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let link = self.open_at(path, flags).map_err(|errno| self.failed(path, errno))?;
        let target = rustix::fs::readlinkat(&link, "", Vec::new())
            .map_err(|errno| self.failed(path, errno))?;
        Ok(target.into_bytes())
    }

    fn stat(&self, path: &[u8]) -> Result<Option<Stat>, Cause> {
        use rustix::io::Errno;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let folder = match self.open_at(parent(path), flags) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(errno) => return Err(self.failed(path, errno)),
        };
        let name = OsStr::from_bytes(crate::tree::base_name(path));
        match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT | Errno::NAMETOOLONG) => Ok(None),
            Err(errno) => Err(self.failed(path, errno)),
        }
    }
}

impl SourceTree for Disk {
    fn get(&self, path: &[u8]) -> Result<Option<Found>, Cause> {
        if path.is_empty() {
            return Ok(Some(Found::plain(Entry::IMPLICIT_DIR)));
        }
        let Some(stat) = self.stat(path)? else { return Ok(None) };
        let is_dir = FileType::from_raw_mode(stat.st_mode).is_dir();
        if !self.is_visible(&self.folder_verdict(parent(path)), path, is_dir)? {
            return Ok(None);
        }
        self.found(path.to_vec(), &stat).map(Some)
    }

    fn children(&self, path: &[u8]) -> Result<Vec<Found>, Cause> {
        let mut children = Vec::new();
        let folder = self.folder_verdict(path);
        for (name, stat) in self.list(path)? {
            let child = join(path, &name);
            if self.is_visible(&folder, &child, FileType::from_raw_mode(stat.st_mode).is_dir())? {
                children.push(self.found(child, &stat)?);
            }
        }
        Ok(children)
    }

    fn ignored_by(&self, path: &[u8]) -> Option<(String, usize, String)> {
        self.stat(path).ok()??;
        let rule = self.ignore.decided_by(path).filter(|rule| !rule.is_exception)?;
        Some((self.ignore_name.clone(), rule.line, rule.pattern.clone()))
    }
}

#[cfg(test)]
mod tests;
