//! Mounting: by the calls that first make a mount and then give it a place.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    self, FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags,
    MoveMountFlags, OpenTreeFlags, UnmountFlags,
};

use super::walk::{Made, Make, open_inside, open_or_make};
use super::{Child, Done};
use crate::plan::{Attributes, From, Missing, Overlay, Slot};
use crate::{report, sys};

impl Child<'_> {
    /// Mounts an overlay, layer by layer.
    pub(super) fn new_overlay(
        &mut self,
        overlay: &Overlay,
        attributes: Attributes,
        into: Slot,
    ) -> Done {
        rustix::process::chdir(overlay.base.as_c_str())?;
        let context = mount::fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        for lower in &overlay.lowers {
            let set = mount::fsconfig_set_string(context.as_fd(), c"lowerdir+", lower.as_c_str());
            set.inspect_err(|_| self.words.listen(&context))?;
        }
        if let Some((upper, work)) = &overlay.upper {
            let upper = mount::fsconfig_set_string(context.as_fd(), c"upperdir", upper.as_c_str());
            upper.inspect_err(|_| self.words.listen(&context))?;
            let work = mount::fsconfig_set_string(context.as_fd(), c"workdir", work.as_c_str());
            work.inspect_err(|_| self.words.listen(&context))?;
        }
        self.configure(&context, &overlay.options, attributes, into)
    }

    /// Sets the options of a file system, and mounts it without a place.
    pub(super) fn configure(
        &mut self,
        context: &OwnedFd,
        options: &[(CString, Option<CString>)],
        attributes: Attributes,
        into: Slot,
    ) -> Done {
        for (key, value) in options {
            let set = match value {
                Some(value) => {
                    mount::fsconfig_set_string(context.as_fd(), key.as_c_str(), value.as_c_str())
                }
                None => mount::fsconfig_set_flag(context.as_fd(), key.as_c_str()),
            };
            set.inspect_err(|_| self.words.listen(context))?;
        }
        mount::fsconfig_create(context.as_fd()).inspect_err(|_| self.words.listen(context))?;
        let attributes = MountAttrFlags::from_bits_retain(attributes.0 as u32);
        let made = mount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes);
        let made = made.inspect_err(|_| self.words.listen(context))?;
        self.put(into, made)
    }

    /// Copies a mount, without a place.
    pub(super) fn copy_mount(&self, from: &From, recursive: bool) -> Result<OwnedFd, Errno> {
        let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        if recursive {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        let inside = |folder: BorrowedFd<'_>, path: &CStr| {
            let opened = open_inside(folder, path)?;
            mount::open_tree(&opened, c"", flags | OpenTreeFlags::AT_EMPTY_PATH)
        };
        match from {
            From::Path(path) => mount::open_tree(CWD, path.as_c_str(), flags),
            From::Inside { folder, path } => {
                let folder =
                    fs::open(folder.as_c_str(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
                inside(folder.as_fd(), path)
            }
            From::Slot(slot, path) => inside(self.get(*slot)?, path),
        }
    }

    /// Changes the root.
    pub(super) fn pivot(&mut self, new_root: Slot, root: Slot) -> Done {
        rustix::process::fchdir(self.get(new_root)?)?;
        rustix::process::pivot_root(c".", c".")?;
        // The old root is now mounted over the new one: what `.` leads to is taken off.
        mount::unmount(c".", UnmountFlags::DETACH)?;
        rustix::process::chdir(c"/")?;
        let fd = fs::open(c"/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        self.put(root, fd)
    }

    /// Gives a mount its place inside the root.
    pub(super) fn place(
        &self,
        mount: Slot,
        root: Slot,
        target: &CStr,
        missing: Missing,
        takes_mode: bool,
    ) -> Done {
        let mount = self.get(mount)?;
        let file = FileType::from_raw_mode(fs::fstat(mount)?.st_mode) != FileType::Directory;
        let mut is_new = false;
        let mut made = |made: Made<'_>| {
            is_new = true;
            match missing {
                Missing::Keep => Ok(()),
                Missing::Stub => {
                    let (before, after) = (made.parent_before, made.parent_after);
                    let times = [
                        before.st_mtime,
                        before.st_mtime_nsec as i64,
                        after.st_mtime,
                        after.st_mtime_nsec as i64,
                    ];
                    report::tell_stub(self.report, made.path, times)
                }
            }
        };
        let target =
            open_or_make(self.get(root)?, target, Make { file, owner: (0, 0) }, &mut made)?;
        if takes_mode {
            let mode = if is_new { 0o1777 } else { fs::fstat(&target)?.st_mode & 0o7777 };
            fs::chmodat(mount, c".", Mode::from_raw_mode(mode), AtFlags::empty())?;
        }
        attach(mount, target.as_fd(), c"")
    }
}

/// Separates the mounts from those of the machine.
pub(super) fn separate() -> Done {
    mount::mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
}

/// Mounts an overlay at a path, all options in one string.
pub(super) fn old_overlay(
    options: &CStr,
    at: &CStr,
    attributes: Attributes,
) -> Result<OwnedFd, Errno> {
    let flags = MountFlags::from_bits_retain(0);
    mount::mount(c"overlay", at, c"overlay", flags, options)?;
    let fd = fs::open(at, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    sys::add_mount_attributes(fd.as_fd(), attributes.0, false)?;
    Ok(fd)
}

/// Mounts a path over itself, read-only.
pub(super) fn make_read_only(path: &CStr) -> Done {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let copy = mount::open_tree(CWD, path, flags)?;
    sys::add_mount_attributes(copy.as_fd(), Attributes::RDONLY.0, true)?;
    attach(copy.as_fd(), CWD, path)
}

/// Gives a mount its place at a path of `folder`, or at `folder` itself.
pub(super) fn attach(mount: BorrowedFd<'_>, folder: BorrowedFd<'_>, path: &CStr) -> Done {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    mount::move_mount(mount, c"", folder, path, flags)
}
