//! What the child does between clone and exec: the program, step by step.
//!
//! Nothing in here allocates or takes a lock: the child is a copy of a process with other threads.

mod program;
mod walk;

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;
use rustix::mount::{
    self, FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags,
    MoveMountFlags, OpenTreeFlags, UnmountFlags,
};
use rustix::thread::{self, CapabilitySet, CapabilitySets};

use crate::plan::{Attributes, From, Missing, Overlay, Slot, Step, SysOp};
use crate::{report, seccomp, sys};

use walk::{Made, Make, open_or_make};

/// What the child was given, and what it opens.
#[derive(Debug)]
pub(crate) struct Child<'a> {
    /// One place per [`Slot`].
    pub(crate) slots: &'a mut [Option<OwnedFd>],
    /// Where failures and stubs are told.
    pub(crate) report: BorrowedFd<'a>,
    /// What becomes standard output and errors; `None` leaves the caller's.
    pub(crate) outputs: Option<(BorrowedFd<'a>, BorrowedFd<'a>)>,
    /// What becomes the controlling terminal.
    pub(crate) terminal: Option<BorrowedFd<'a>>,
    /// What the file system itself said about a failure.
    words: Words,
}

/// A failure: the errno, with the words of the file system in [`Child::words`].
type Done = Result<(), Errno>;

impl<'a> Child<'a> {
    /// Before anything was done.
    pub(crate) fn new(slots: &'a mut [Option<OwnedFd>], report: BorrowedFd<'a>) -> Self {
        Self {
            slots,
            report,
            outputs: None,
            terminal: None,
            words: Words { buffer: [0; 256], length: 0 },
        }
    }

    /// Executes the program; comes back only if a step fails.
    pub(crate) fn run(&mut self, program: &[Step]) {
        // What is made has exactly the mode that is asked for; the command gets its own mask later.
        rustix::process::umask(Mode::empty());
        for (position, step) in program.iter().enumerate() {
            self.words.length = 0;
            if let Err(errno) = self.execute(&step.op)
                && !step.optional
            {
                report::tell_failure(self.report, position, errno, self.words.bytes());
                return;
            }
        }
    }

    fn execute(&mut self, op: &SysOp) -> Done {
        match op {
            SysOp::JoinGroup(path) => write_to(path, b"0"),
            SysOp::Unshare(namespaces) => sys::unshare(*namespaces),
            SysOp::NewSession => rustix::process::setsid().map(drop),
            SysOp::NewKeyring => sys::new_session_keyring(),
            SysOp::PrivateMounts => mount::mount_change(
                c"/",
                MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
            ),
            SysOp::HostName(name) => rustix::system::sethostname(name),
            SysOp::LoopbackUp => sys::loopback_up(),
            SysOp::NewFileSystem { kind, options, attributes, into } => {
                let context = mount::fsopen(kind.as_c_str(), FsOpenFlags::FSOPEN_CLOEXEC)?;
                self.configure(&context, options, *attributes, *into)
            }
            SysOp::NewOverlay { overlay, attributes, into } => {
                self.new_overlay(overlay, *attributes, *into)
            }
            SysOp::OldOverlay { base, options, at, attributes, into } => {
                rustix::process::chdir(base.as_c_str())?;
                let flags = MountFlags::from_bits_retain(0);
                mount::mount(c"overlay", at.as_c_str(), c"overlay", flags, options.as_c_str())?;
                let fd = fs::open(at.as_c_str(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
                sys::add_mount_attributes(fd.as_fd(), attributes.0, false)?;
                self.put(*into, fd)
            }
            SysOp::Attach(slot, path) => attach(self.get(*slot)?, CWD, path),
            SysOp::MakeFolder(at, name, mode) => {
                fs::mkdirat(self.get(*at)?, name.as_c_str(), Mode::from_raw_mode(*mode))
            }
            SysOp::MakeFile { at, name, content, owner, mode } => {
                make_file(self.get(*at)?, name, content, *owner, *mode)
            }
            SysOp::MakeDevice(at, name, device) => {
                let mode = Mode::from_raw_mode(0o666);
                fs::mknodat(
                    self.get(*at)?,
                    name.as_c_str(),
                    FileType::CharacterDevice,
                    mode,
                    *device,
                )
            }
            SysOp::MakeLink(at, name, target) => {
                fs::symlinkat(target.as_c_str(), self.get(*at)?, name.as_c_str())
            }
            SysOp::CopyMount { from, recursive, attributes, into } => {
                let copy = self.copy_mount(from, *recursive)?;
                sys::add_mount_attributes(copy.as_fd(), attributes.0, *recursive)?;
                self.put(*into, copy)
            }
            SysOp::Pivot(new_root, root) => self.pivot(*new_root, *root),
            SysOp::Place { mount, root, target, missing, takes_mode } => {
                self.place(*mount, *root, target, *missing, *takes_mode)
            }
            SysOp::MakeReadOnly(path) => {
                let flags = OpenTreeFlags::OPEN_TREE_CLONE
                    | OpenTreeFlags::OPEN_TREE_CLOEXEC
                    | OpenTreeFlags::AT_RECURSIVE;
                let copy = mount::open_tree(CWD, path.as_c_str(), flags)?;
                sys::add_mount_attributes(copy.as_fd(), Attributes::RDONLY.0, true)?;
                attach(copy.as_fd(), CWD, path)
            }
            SysOp::SetAttributes(slot, attributes) => {
                sys::add_mount_attributes(self.get(*slot)?, attributes.0, false)
            }
            SysOp::MakeCwd { root, path, owner } => {
                let make = Make { file: false, owner: *owner };
                open_or_make(self.get(*root)?, path, make, &mut |_| Ok(())).map(drop)
            }
            SysOp::OpenInput(path, into) => {
                let fd =
                    fs::open(path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
                self.put(*into, fd)
            }
            SysOp::ConnectStdio { input, owner } => self.connect_stdio(*input, *owner),
            SysOp::Limit(resource, limit) => rustix::process::setrlimit(*resource, *limit),
            SysOp::Umask(mask) => {
                rustix::process::umask(Mode::from_raw_mode(*mask));
                Ok(())
            }
            SysOp::ChangeFolder(path) => rustix::process::chdir(path.as_c_str()),
            SysOp::BoundCapabilities(keep) => bound_capabilities(*keep),
            SysOp::Filter => sys::install_filter(seccomp::filter()),
            SysOp::BecomeUser { groups, gid, uid } => {
                if let Some(groups) = groups {
                    thread::set_thread_groups(groups)?;
                }
                let (gid, uid) = (Gid::from_raw(*gid), Uid::from_raw(*uid));
                thread::set_thread_res_gid(gid, gid, gid)?;
                thread::set_thread_res_uid(uid, uid, uid)
            }
            SysOp::KeepCapabilities(keep) => keep_capabilities(*keep),
            SysOp::DieWithParent => rustix::process::set_parent_process_death_signal(Some(
                rustix::process::Signal::KILL,
            )),
            SysOp::DefaultSignals => {
                sys::default_signals();
                Ok(())
            }
            SysOp::Execute { candidates, arguments, environment } => {
                let (errno, found) = program::execute_first(candidates, arguments, environment);
                if found && errno == Errno::NOENT {
                    self.words.say(b"interpreter");
                }
                Err(errno)
            }
        }
    }

    fn get(&self, slot: Slot) -> Result<BorrowedFd<'_>, Errno> {
        self.slots.get(slot.0).and_then(Option::as_ref).map(AsFd::as_fd).ok_or(Errno::BADF)
    }

    fn put(&mut self, slot: Slot, fd: OwnedFd) -> Done {
        *self.slots.get_mut(slot.0).ok_or(Errno::BADF)? = Some(fd);
        Ok(())
    }

    fn new_overlay(&mut self, overlay: &Overlay, attributes: Attributes, into: Slot) -> Done {
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

    fn configure(
        &mut self,
        context: &OwnedFd,
        options: &[(std::ffi::CString, Option<std::ffi::CString>)],
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

    fn copy_mount(&self, from: &From, recursive: bool) -> Result<OwnedFd, Errno> {
        let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        if recursive {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        let inside = |folder: BorrowedFd<'_>, path: &CStr| {
            let opened = fs::openat2(
                folder,
                path,
                OFlags::PATH | OFlags::CLOEXEC,
                Mode::empty(),
                ResolveFlags::IN_ROOT,
            )?;
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

    fn pivot(&mut self, new_root: Slot, root: Slot) -> Done {
        rustix::process::fchdir(self.get(new_root)?)?;
        rustix::process::pivot_root(c".", c".")?;
        // The old root is now mounted over the new one: what `.` leads to is taken off.
        mount::unmount(c".", UnmountFlags::DETACH)?;
        rustix::process::chdir(c"/")?;
        let fd = fs::open(c"/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        self.put(root, fd)
    }

    fn place(
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

    fn connect_stdio(&self, input: Option<Slot>, owner: (u32, u32)) -> Done {
        let owner = (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)));
        if let Some(terminal) = self.terminal {
            rustix::process::ioctl_tiocsctty(terminal)?;
            fs::fchown(terminal, owner.0, owner.1)?;
            rustix::stdio::dup2_stdin(terminal)?;
            rustix::stdio::dup2_stdout(terminal)?;
            return rustix::stdio::dup2_stderr(terminal);
        }
        if let Some(input) = input {
            rustix::stdio::dup2_stdin(self.get(input)?)?;
        }
        if let Some((out, err)) = self.outputs {
            fs::fchown(out, owner.0, owner.1)?;
            fs::fchown(err, owner.0, owner.1)?;
            rustix::stdio::dup2_stdout(out)?;
            rustix::stdio::dup2_stderr(err)?;
        }
        Ok(())
    }
}

fn attach(mount: BorrowedFd<'_>, folder: BorrowedFd<'_>, path: &CStr) -> Done {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    mount::move_mount(mount, c"", folder, path, flags)
}

fn make_file(
    at: BorrowedFd<'_>,
    name: &CStr,
    content: &[u8],
    owner: (u32, u32),
    mode: u32,
) -> Done {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = fs::openat(at, name, flags, Mode::from_raw_mode(0o600))?;
    write_all(&file, content)?;
    if owner != (0, 0) {
        fs::fchown(&file, Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)))?;
    }
    fs::fchmod(&file, Mode::from_raw_mode(mode))
}

fn write_to(path: &CStr, bytes: &[u8]) -> Done {
    let file = fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    write_all(&file, bytes)
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Done {
    while !bytes.is_empty() {
        let written = rustix::io::write(file, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

fn bound_capabilities(keep: u64) -> Done {
    for number in 0..64 {
        let bit = CapabilitySet::from_bits_retain(1 << number);
        if keep & (1 << number) != 0 {
            continue;
        }
        match thread::remove_capability_from_bounding_set(bit) {
            // The first number that the kernel does not know.
            Err(Errno::INVAL) => break,
            other => other?,
        }
    }
    Ok(())
}

fn keep_capabilities(keep: u64) -> Done {
    thread::clear_ambient_capability_set()?;
    let now = thread::capabilities(None)?;
    let keep = CapabilitySet::from_bits_retain(keep);
    let permitted = now.permitted & keep;
    let sets = CapabilitySets {
        effective: now.effective & keep,
        permitted,
        inheritable: CapabilitySet::empty(),
    };
    thread::set_capabilities(None, sets)
}

/// What a file system says about a failure, besides the errno.
#[derive(Debug)]
struct Words {
    buffer: [u8; 256],
    length: usize,
}

impl Words {
    /// Reads the message that the kernel keeps for the context of a mount.
    fn listen(&mut self, context: &OwnedFd) {
        self.length = rustix::io::read(context, &mut self.buffer).unwrap_or(0);
    }

    fn say(&mut self, words: &[u8]) {
        if let Some(place) = self.buffer.get_mut(..words.len()) {
            place.copy_from_slice(words);
            self.length = words.len();
        }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}
