//! Opens a path inside a root, and makes what is missing of it, without ever leaving the root.
//!
//! Links are followed by hand, one component at a time, since what a link points to may have to be made as well
//! (`/etc/resolv.conf` is a dangling link in many images). Each component is opened with `RESOLVE_NO_SYMLINKS`: whoever
//! swaps a folder for a link meanwhile gets an error. No memory is allocated.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, fstat, mkdirat, openat, openat2,
};
use rustix::io::Errno;

const LONGEST: usize = 4096;
const MOST_LINKS: usize = 40;
const MOST_ATTEMPTS: usize = 10_000;

/// How to make what is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Make {
    /// Whether the last component is a file; a folder otherwise.
    pub(super) file: bool,
    /// Owner and group of what is made.
    pub(super) owner: (u32, u32),
}

/// Something that was made.
#[derive(Debug)]
pub(super) struct Made<'a> {
    /// Path in the root, without a leading slash, free of links.
    pub(super) path: &'a [u8],
    /// The folder it is in, before.
    pub(super) parent_before: Stat,
    /// The folder it is in, after.
    pub(super) parent_after: Stat,
}

/// Opens `path` inside `root`, making what is missing, each time telling `made`.
pub(super) fn open_or_make(
    root: BorrowedFd<'_>,
    path: &CStr,
    make: Make,
    made: &mut dyn FnMut(Made<'_>) -> Result<(), Errno>,
) -> Result<OwnedFd, Errno> {
    // Nearly always all of it is there, and the kernel finds it in one call. It gives up with EAGAIN if the path goes
    // upwards while something is renamed or mounted anywhere; the way by hand does not go upwards.
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match openat2(root, path, flags, Mode::empty(), resolve) {
        Err(Errno::NOENT | Errno::AGAIN) => {}
        other => return other,
    }
    let mut todo = Text::new(path.to_bytes())?;
    let mut done = Text::new(b"")?;
    let mut links = 0;
    while let Some((start, end)) = todo.first_component() {
        let mut name = Text::new(todo.bytes().get(start..end).unwrap_or_default())?;
        todo.drop_front(end);
        match name.bytes() {
            b"." => continue,
            b".." => {
                done.pop_component();
                continue;
            }
            _ => {}
        }
        let is_last = todo.first_component().is_none();
        let parent_length = done.length;
        done.push_component(name.bytes())?;
        let fd = match open_plain(root, done.c_str()) {
            Err(Errno::NOENT) => {
                let mut parent = Text::new(done.bytes().get(..parent_length).unwrap_or_default())?;
                let parent = open_plain(root, parent.c_str())?;
                let parent_before = fstat(&parent)?;
                make_one(&parent, name.c_str(), make.file && is_last, make.owner)?;
                made(Made { path: done.bytes(), parent_before, parent_after: fstat(&parent)? })?;
                open_plain(root, done.c_str())?
            }
            other => other?,
        };
        if FileType::from_raw_mode(fstat(&fd)?.st_mode) == FileType::Symlink {
            links += 1;
            if MOST_LINKS < links {
                return Err(Errno::LOOP);
            }
            let mut buffer = [std::mem::MaybeUninit::uninit(); LONGEST];
            let (target, _) = rustix::fs::readlinkat_raw(&fd, c"", &mut buffer)?;
            if target.first() == Some(&b'/') {
                done.clear();
            } else {
                done.pop_component();
            }
            todo.put_front(target)?;
        }
    }
    open_plain(root, done.c_str())
}

/// Opens what is there at `path` inside `root`, links resolved inside.
pub(super) fn open_inside(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let mut result = Err(Errno::AGAIN);
    for _ in 0..MOST_ATTEMPTS {
        result = openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
        // Something was renamed or mounted somewhere while the path went upwards.
        if !matches!(result, Err(Errno::AGAIN)) {
            break;
        }
    }
    result
}

/// Opens a path that is free of links; the last component may be one, and is then opened itself.
fn open_plain(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { c"." } else { path };
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS)
}

fn make_one(parent: &OwnedFd, name: &CStr, file: bool, owner: (u32, u32)) -> Result<(), Errno> {
    if file {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        drop(openat(parent, name, flags, Mode::from_raw_mode(0o644))?);
    } else {
        mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
    }
    if owner == (0, 0) {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
    rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
}

/// A path in a buffer of fixed size, always followed by a zero byte.
struct Text {
    buffer: [u8; LONGEST + 1],
    length: usize,
}

impl Text {
    fn new(bytes: &[u8]) -> Result<Self, Errno> {
        let mut text = Self { buffer: [0; LONGEST + 1], length: 0 };
        text.append(bytes)?;
        Ok(text)
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    fn c_str(&mut self) -> &CStr {
        self.set_length(self.length);
        CStr::from_bytes_until_nul(&self.buffer).unwrap_or(c"")
    }

    fn clear(&mut self) {
        self.set_length(0);
    }

    fn set_length(&mut self, length: usize) {
        self.length = length.min(LONGEST);
        if let Some(byte) = self.buffer.get_mut(self.length) {
            *byte = 0;
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let end = self.length + bytes.len();
        if LONGEST < end {
            return Err(Errno::NAMETOOLONG);
        }
        self.buffer.get_mut(self.length..end).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(bytes);
        self.set_length(end);
        Ok(())
    }

    /// Start and end of the first component.
    fn first_component(&self) -> Option<(usize, usize)> {
        let start = self.bytes().iter().position(|byte| *byte != b'/')?;
        let end = self.bytes().iter().skip(start).position(|byte| *byte == b'/');
        Some((start, end.map_or(self.length, |length| start + length)))
    }

    fn push_component(&mut self, name: &[u8]) -> Result<(), Errno> {
        if self.length != 0 {
            self.append(b"/")?;
        }
        self.append(name)
    }

    fn pop_component(&mut self) {
        self.set_length(self.bytes().iter().rposition(|byte| *byte == b'/').unwrap_or(0));
    }

    fn drop_front(&mut self, count: usize) {
        self.buffer.copy_within(count.min(self.length)..self.length, 0);
        self.set_length(self.length.saturating_sub(count));
    }

    /// Puts `front` before what is there.
    fn put_front(&mut self, front: &[u8]) -> Result<(), Errno> {
        let end = front.len() + self.length;
        if LONGEST < end {
            return Err(Errno::NAMETOOLONG);
        }
        self.buffer.copy_within(0..self.length, front.len());
        self.buffer.get_mut(..front.len()).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(front);
        self.set_length(end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use super::*;

    /// Opens `path` in `root` and returns what was made and what was opened, as a path.
    fn open(root: &Path, path: &str, file: bool) -> Result<(Vec<String>, PathBuf), Errno> {
        let fd = rustix::fs::open(root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let ids = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let mut all = Vec::new();
        let opened = open_or_make(
            fd.as_fd(),
            &CString::new(path).unwrap(),
            Make { file, owner: ids },
            &mut |made| {
                all.push(String::from_utf8(made.path.to_vec()).unwrap());
                Ok(())
            },
        )?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&opened);
        let real = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        Ok((
            all,
            real.strip_prefix(root.canonicalize().unwrap()).map(Path::to_owned).unwrap_or(real),
        ))
    }

    #[test]
    fn what_is_missing_is_made_with_its_parents() {
        let root = tempfile::tempdir().unwrap();
        let (made, opened) = open(root.path(), "/a/b/./c/", false).unwrap();
        assert_eq!(
            (made, opened),
            (vec!["a".into(), "a/b".into(), "a/b/c".into()], PathBuf::from("a/b/c"))
        );
        let (made, opened) = open(root.path(), "/a/x/../b/file", true).unwrap();
        assert_eq!(
            (made, opened),
            (vec!["a/x".into(), "a/b/file".into()], PathBuf::from("a/b/file"))
        );
        assert!(root.path().join("a/b/file").is_file());
        assert_eq!(open(root.path(), "/", false).unwrap(), (vec![], PathBuf::new()));
    }

    #[test]
    fn links_stay_inside_and_dangling_ones_are_completed() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("absolute")).unwrap();
        symlink("../../../../..", root.path().join("up")).unwrap();
        symlink("../run/real", root.path().join("dangling")).unwrap();
        let inside = outside.path().strip_prefix("/").unwrap();
        assert_eq!(open(root.path(), "/absolute/x", false).unwrap().1, inside.join("x"));
        assert_eq!(open(root.path(), "/up/y", false).unwrap().1, PathBuf::from("y"));
        assert_eq!(
            open(root.path(), "/dangling", true).unwrap(),
            (vec!["run".into(), "run/real".into()], "run/real".into())
        );
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn endless_links_and_files_in_the_way_are_refused() {
        let root = tempfile::tempdir().unwrap();
        symlink("b", root.path().join("a")).unwrap();
        symlink("a", root.path().join("b")).unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(open(root.path(), "/a/x", false).unwrap_err(), Errno::LOOP);
        assert_eq!(open(root.path(), "/file/x", false).unwrap_err(), Errno::NOTDIR);
        assert_eq!(open(root.path(), &"/x".repeat(3000), false).unwrap_err(), Errno::NAMETOOLONG);
    }
}
