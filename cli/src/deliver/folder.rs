//! Writing a tree into a folder that may hold things already.
//!
//! Every name is opened below its folder and no link is followed, so that neither the image nor what lies in the folder
//! leads outside of it. As with BuildKit the files belong to whoever runs dfc; modes and times are those of the image.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, linkat, makedev,
    mkdirat, mknodat, openat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use store::layer::index::{is_below, parent};
use store::{ContentSource as _, Entry, Flat, Kind, Mtime, Source};

use super::tree::cannot_write;
use crate::error::CliError;

/// A folder that is being filled.
struct Open {
    path: Vec<u8>,
    fd: OwnedFd,
    mode: u32,
    mtime: Option<Mtime>,
}

/// Writes all entries below `dest`, which is there.
pub(super) fn write(flat: &Flat, dest: &Path) -> Result<(), CliError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = openat(CWD, dest, flags, Mode::empty())
        .map_err(|error| cannot_write(dest, &error.into()))?;
    let mut open = vec![Open { path: Vec::new(), fd, mode: 0, mtime: None }];
    for (position, entry) in flat.index().entries().iter().enumerate() {
        if entry.path.is_empty() {
            // The folder itself is the user's.
            continue;
        }
        while open.len() > 1 && !is_below(&entry.path, &open[open.len() - 1].path) {
            close(open.pop()).map_err(|error| cannot_write(dest, &error))?;
        }
        let failed = |error: io::Error| cannot_write(&below(dest, &entry.path), &error);
        let folder = &open[open.len() - 1];
        debug_assert_eq!(folder.path, parent(&entry.path), "folders come before what is in them");
        let name = OsStr::from_bytes(entry.name());
        if entry.is_dir() {
            let fd = make_folder(folder.fd.as_fd(), name).map_err(failed)?;
            let (path, mode) = (entry.path.clone(), entry.mode);
            open.push(Open { path, fd, mode, mtime: Some(entry.mtime) });
            continue;
        }
        remove(folder.fd.as_fd(), name).map_err(failed)?;
        if let Kind::File { .. } = entry.kind {
            let content = flat.open(position, entry).map_err(failed)?;
            copy(folder.fd.as_fd(), name, content, entry).map_err(failed)?;
        } else {
            special(folder.fd.as_fd(), name, entry, open[0].fd.as_fd()).map_err(failed)?;
        }
    }
    while open.len() > 1 {
        close(open.pop()).map_err(|error| cannot_write(dest, &error))?;
    }
    Ok(())
}

fn below(dest: &Path, path: &[u8]) -> PathBuf {
    dest.join(OsStr::from_bytes(path))
}

/// The folder of that name, made if it is missing; what else has the name goes.
fn make_folder(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Ok(fd) => return Ok(fd),
        Err(Errno::NOENT) => {}
        Err(Errno::NOTDIR | Errno::LOOP) => unlinkat(folder, name, AtFlags::empty())?,
        Err(error) => return Err(error.into()),
    }
    mkdirat(folder, name, Mode::RWXU)?;
    Ok(openat(folder, name, flags, Mode::empty())?)
}

/// Removes what has the name, unless it is a folder: that is an error later.
fn remove(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn copy(folder: BorrowedFd<'_>, name: &OsStr, mut from: Source, entry: &Entry) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?;
    let mut to = File::from(fd);
    io::copy(&mut from, &mut to)?;
    rustix::fs::fchmod(&to, Mode::from_raw_mode(entry.mode))?;
    rustix::fs::futimens(&to, &times(entry.mtime))?;
    Ok(())
}

/// Links, devices and pipes.
fn special(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    entry: &Entry,
    root: BorrowedFd<'_>,
) -> io::Result<()> {
    let mode = Mode::from_raw_mode(entry.mode);
    match &entry.kind {
        Kind::Hardlink { target } => {
            let (mut source, components) = (None::<OwnedFd>, parent(target));
            for component in components.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
            {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let at = source.as_ref().map_or(root, AsFd::as_fd);
                source = Some(openat(at, OsStr::from_bytes(component), flags, Mode::empty())?);
            }
            let last = target.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let at = source.as_ref().map_or(root, AsFd::as_fd);
            linkat(at, OsStr::from_bytes(last), folder, name, AtFlags::empty())?;
            return Ok(());
        }
        Kind::Symlink { target } => symlinkat(OsStr::from_bytes(target), folder, name)?,
        Kind::Char { major, minor } => {
            mknodat(folder, name, FileType::CharacterDevice, mode, makedev(*major, *minor))?;
        }
        Kind::Block { major, minor } => {
            mknodat(folder, name, FileType::BlockDevice, mode, makedev(*major, *minor))?;
        }
        Kind::Fifo => mknodat(folder, name, FileType::Fifo, mode, 0)?,
        Kind::File { .. } | Kind::Dir { .. } | Kind::Whiteout => {
            unreachable!("a merged tree has no whiteouts, and files and folders are made elsewhere")
        }
    }
    Ok(utimensat(folder, name, &times(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Sets what could not be set before the folder was full.
fn close(folder: Option<Open>) -> io::Result<()> {
    let Some(Open { fd, mode, mtime: Some(mtime), .. }) = folder else { return Ok(()) };
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
    Ok(rustix::fs::futimens(&fd, &times(mtime))?)
}

fn times(mtime: Mtime) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.into() },
    }
}
