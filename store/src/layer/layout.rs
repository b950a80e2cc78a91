//! [`TreeWriter`]: an index and its contents to a folder, in the form that overlayfs reads.
//!
//! A whiteout is a character device 0:0, an opaque folder has the attribute `trusted.overlay.opaque` (in a user
//! namespace `user.overlay.opaque`) with the value `y`.
//!
//! While contents are written, the folder holds nothing but folders and regular files, so no path can lead out of it.
//! [`TreeWriter::finish`] then makes links, devices and whiteouts, and gives every folder its metadata last.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags, makedev,
};
use rustix::io::Errno;

use super::index::{Entry, Kind, Mtime, parent};

/// The names of the overlay's attributes depend on who mounts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverlayForm {
    /// `trusted.overlay.`: root of the machine.
    Trusted,
    /// `user.overlay.`: root of a user namespace, with the mount option `userxattr`.
    User,
}

impl OverlayForm {
    /// What serves this process.
    pub(crate) fn of_this_process() -> OverlayForm {
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let whole = map.split_whitespace().eq(["0", "0", "4294967295"]);
        if whole && rustix::process::geteuid().is_root() {
            OverlayForm::Trusted
        } else {
            OverlayForm::User
        }
    }

    pub(crate) fn prefix(self) -> &'static str {
        match self {
            OverlayForm::Trusted => "trusted.overlay.",
            OverlayForm::User => "user.overlay.",
        }
    }
}

/// Writes a tree into an empty folder.
#[derive(Debug)]
pub(crate) struct TreeWriter {
    root: OwnedFd,
    form: OverlayForm,
    dirs: BTreeSet<Vec<u8>>,
    /// Devices and attributes that this process may not make.
    skipped: Vec<Vec<u8>>,
    /// Whether the regular files have their metadata already.
    settled: bool,
}

/// Why one path could not be written.
pub(crate) type Refused = (Vec<u8>, io::Error);

impl TreeWriter {
    pub(crate) fn new(folder: &Path, form: OverlayForm) -> io::Result<TreeWriter> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty())?;
        let (dirs, skipped) = (BTreeSet::new(), Vec::new());
        Ok(TreeWriter { root, form, dirs, skipped, settled: false })
    }

    /// Paths that could not be made as they are, because this process has not the right to: devices, attributes.
    pub(crate) fn skipped(&self) -> &[Vec<u8>] {
        &self.skipped
    }

    /// Makes a folder and those above it.
    pub(crate) fn make_dir(&mut self, path: &[u8]) -> io::Result<()> {
        if path.is_empty() || self.dirs.contains(path) {
            return Ok(());
        }
        self.make_dir(parent(path))?;
        rustix::fs::mkdirat(&self.root, path, Mode::from_raw_mode(0o700))?;
        self.dirs.insert(path.to_vec());
        Ok(())
    }

    /// Begins a regular file; its folder must be there.
    pub(crate) fn create(&self, path: &[u8]) -> io::Result<FileWriter> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(0o600);
        let file = rustix::fs::openat(&self.root, path, flags | OFlags::CLOEXEC, mode)?;
        Ok(FileWriter { file: file.into(), size: 0, hole: false })
    }

    /// Removes a regular file that was made here.
    pub(crate) fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.root, path, AtFlags::empty())?)
    }

    /// Removes a folder, if one was made here, and those in it; no files may be left in them.
    pub(crate) fn remove_dirs(&mut self, path: &[u8]) -> io::Result<()> {
        let inside: Vec<Vec<u8>> = self
            .dirs
            .range(path.to_vec()..)
            .take_while(|dir| dir.starts_with(path))
            .filter(|dir| *dir == path || super::index::is_below(dir, path))
            .cloned()
            .collect();
        for dir in inside.iter().rev() {
            rustix::fs::unlinkat(&self.root, dir.as_slice(), AtFlags::REMOVEDIR)?;
            self.dirs.remove(dir);
        }
        Ok(())
    }

    /// Makes a regular file a name of one of another tree, if that is the same: all metadata, the size. `false` if not.
    pub(crate) fn link_from(&self, other: &OwnedFd, entry: &Entry) -> bool {
        let (path, flags) = (entry.path.as_slice(), AtFlags::empty());
        if rustix::fs::linkat(other, path, &self.root, path, flags).is_err() {
            return false;
        }
        let is_same = rustix::fs::statat(&self.root, path, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| is_as_described(&stat, entry));
        // Whatever it is, a file of our own comes in its place.
        is_same || rustix::fs::unlinkat(&self.root, path, flags).is_err()
    }

    /// Notes that every regular file has been settled ([`FileWriter::settle`]) or linked.
    pub(crate) fn files_are_settled(&mut self, mut skipped: Vec<Vec<u8>>) {
        skipped.sort_unstable();
        self.skipped.append(&mut skipped);
        self.settled = true;
    }

    /// Gives a regular file another name.
    pub(crate) fn rename(&mut self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.make_dir(parent(to))?;
        Ok(rustix::fs::renameat(&self.root, from, &self.root, to)?)
    }

    /// Makes what is neither folder nor regular file, and sets all metadata.
    pub(crate) fn finish(&mut self, entries: &[Entry]) -> Result<(), Refused> {
        for entry in entries {
            let dir = if entry.is_dir() { &entry.path } else { parent(&entry.path) };
            self.make_dir(dir).map_err(|err| (entry.path.clone(), err))?;
        }
        let is_open = |entry: &&Entry| !self.settled && matches!(entry.kind, Kind::File { .. });
        for entry in entries.iter().filter(is_open).collect::<Vec<_>>() {
            self.metadata(entry).map_err(|err| (entry.path.clone(), err))?;
        }
        for entry in entries.iter().filter(|entry| !entry.is_dir()) {
            self.special(entry).map_err(|err| (entry.path.clone(), err))?;
        }
        let described: BTreeSet<&[u8]> =
            entries.iter().filter(|it| it.is_dir()).map(|it| it.path.as_slice()).collect();
        let implicit: Vec<Vec<u8>> =
            self.dirs.iter().filter(|dir| !described.contains(dir.as_slice())).cloned().collect();
        for path in implicit.into_iter().rev() {
            let entry = Entry { path, ..Entry::IMPLICIT_DIR };
            self.metadata(&entry).map_err(|err| (entry.path, err))?;
        }
        for entry in entries.iter().rev().filter(|entry| entry.is_dir()) {
            self.metadata(entry).map_err(|err| (entry.path.clone(), err))?;
        }
        Ok(())
    }

    fn special(&mut self, entry: &Entry) -> io::Result<()> {
        let path = entry.path.as_slice();
        let device = |kind, major, minor| {
            let mode = Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(&self.root, path, kind, mode, makedev(major, minor))
        };
        let made = match &entry.kind {
            Kind::Dir { .. } | Kind::File { .. } => return Ok(()),
            Kind::Whiteout => {
                return match device(FileType::CharacterDevice, 0, 0) {
                    // On an overlay no overlay can be made, so nobody will miss it: trees are merged by their indexes.
                    Err(Errno::PERM) => {
                        self.skipped.push(entry.path.clone());
                        Ok(())
                    }
                    other => Ok(other?),
                };
            }
            Kind::Hardlink { target } => {
                let target = target.as_slice();
                let flags = AtFlags::empty();
                return match rustix::fs::linkat(&self.root, target, &self.root, path, flags) {
                    Ok(()) => Ok(()),
                    // A file of a layer below: whoever knows that layer puts a copy here.
                    Err(Errno::NOENT) => Ok(()),
                    Err(errno) => Err(errno.into()),
                };
            }
            Kind::Symlink { target } => rustix::fs::symlinkat(target.as_slice(), &self.root, path),
            Kind::Char { major, minor } => device(FileType::CharacterDevice, *major, *minor),
            Kind::Block { major, minor } => device(FileType::BlockDevice, *major, *minor),
            Kind::Fifo => device(FileType::Fifo, 0, 0),
        };
        match made {
            Ok(()) => self.metadata(entry),
            Err(Errno::PERM) => {
                self.skipped.push(entry.path.clone());
                Ok(())
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Owner, then mode (changing the owner clears bits of it), then attributes, then the time.
    fn metadata(&mut self, entry: &Entry) -> io::Result<()> {
        let path = if entry.path.is_empty() { &b"."[..] } else { &entry.path };
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::chownat(&self.root, path, Some(uid), Some(gid), nofollow)?;
        if !matches!(entry.kind, Kind::Symlink { .. }) {
            let mode = Mode::from_raw_mode(entry.mode);
            rustix::fs::chmodat(&self.root, path, mode, AtFlags::empty())?;
        }
        self.xattrs(entry)?;
        rustix::fs::utimensat(&self.root, path, &times(entry.mtime), nofollow)?;
        Ok(())
    }

    fn xattrs(&mut self, entry: &Entry) -> io::Result<()> {
        let opaque = entry.kind == Kind::Dir { opaque: true };
        if entry.xattrs.is_empty() && !opaque {
            return Ok(());
        }
        let mut path = format!("/proc/self/fd/{}/", self.root.as_raw_fd()).into_bytes();
        path.extend_from_slice(&entry.path);
        for (name, value) in &entry.xattrs {
            if is_of_overlay(name) {
                continue;
            }
            let flags = XattrFlags::empty();
            match rustix::fs::lsetxattr(path.as_slice(), name.as_slice(), value, flags) {
                Ok(()) => {}
                Err(errno) if is_no_right(errno) => self.skipped.push(entry.path.clone()),
                Err(errno) => return Err(errno.into()),
            }
        }
        if opaque {
            let name = format!("{}opaque", self.form.prefix());
            match rustix::fs::lsetxattr(path.as_slice(), name.as_str(), b"y", XattrFlags::empty()) {
                // As with whiteouts.
                Err(Errno::PERM | Errno::OPNOTSUPP) => self.skipped.push(entry.path.clone()),
                other => other?,
            }
        }
        Ok(())
    }
}

/// An attribute of the overlay in somebody's tar would make the kernel see a tree that we do not.
fn is_of_overlay(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}

/// Whether an attribute cannot be set by this process, or here.
fn is_no_right(errno: Errno) -> bool {
    matches!(errno, Errno::PERM | Errno::OPNOTSUPP | Errno::INVAL | Errno::ACCESS)
}

/// Whether a file is what its entry says, as far as `stat` tells.
fn is_as_described(stat: &Stat, entry: &Entry) -> bool {
    let Kind::File { size, .. } = entry.kind else { return false };
    let Mtime { secs, nanos } = entry.mtime;
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && stat.st_mode & 0o7777 == entry.mode
        && (stat.st_uid, stat.st_gid) == (entry.uid, entry.gid)
        && u64::try_from(stat.st_size) == Ok(size)
        && (stat.st_mtime, stat.st_mtime_nsec as u32) == (secs, nanos)
}

fn times(mtime: Mtime) -> Timestamps {
    let time = Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// Writes one file; longer runs of zeros become holes.
#[derive(Debug)]
pub(crate) struct FileWriter {
    file: File,
    size: u64,
    hole: bool,
}

/// What is all zeros is left out in pieces of this size, which is every file system's block size or a multiple of it.
const HOLE: usize = 64 << 10;

impl FileWriter {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(HOLE) {
            let empty = piece.len() == HOLE && piece.iter().all(|&byte| byte == 0);
            if empty {
                self.file.seek(SeekFrom::Current(HOLE as i64))?;
            } else {
                self.file.write_all(piece)?;
            }
            self.hole = empty;
            self.size += piece.len() as u64;
        }
        Ok(())
    }

    /// The file itself, for copies that the kernel makes. It must be empty so far.
    pub(crate) fn raw(&mut self) -> &mut File {
        &mut self.file
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        self.end()
    }

    fn end(&self) -> io::Result<()> {
        if self.hole { self.file.set_len(self.size) } else { Ok(()) }
    }

    /// As [`FileWriter::finish`], and gives the file its metadata; whether this process may not set some attribute.
    pub(crate) fn settle(self, entry: &Entry, own: (u32, u32)) -> io::Result<bool> {
        self.end()?;
        // Owner, then mode (changing the owner clears bits of it), then attributes, then the time.
        if (entry.uid, entry.gid) != own {
            let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
            rustix::fs::fchown(&self.file, Some(uid), Some(gid))?;
        }
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(entry.mode))?;
        let mut is_refused = false;
        for (name, value) in &entry.xattrs {
            if is_of_overlay(name) {
                continue;
            }
            match rustix::fs::fsetxattr(&self.file, name.as_slice(), value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(errno) if is_no_right(errno) => is_refused = true,
                Err(errno) => return Err(errno.into()),
            }
        }
        rustix::fs::futimens(&self.file, &times(entry.mtime))?;
        Ok(is_refused)
    }
}
