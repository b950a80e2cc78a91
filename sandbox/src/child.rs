//! What the child does between clone and exec: the program, step by step.
//!
//! Nothing in here allocates or takes a lock: the child is a copy of a process with other threads.

mod files;
mod mounts;
mod program;
mod rights;
mod walk;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, CWD, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::mount::{FsOpenFlags, fsopen};

use crate::plan::{Slot, Step, SysOp};
use crate::{report, seccomp, sys};

use walk::{Make, open_or_make};

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
            SysOp::JoinGroup(path) => files::write_to(path, b"0"),
            SysOp::Unshare(namespaces) => sys::unshare(*namespaces),
            SysOp::NewSession => rustix::process::setsid().map(drop),
            SysOp::NewKeyring => sys::new_session_keyring(),
            SysOp::PrivateMounts => mounts::separate(),
            SysOp::HostName(name) => rustix::system::sethostname(name),
            SysOp::LoopbackUp => sys::loopback_up(),
            SysOp::NewFileSystem { kind, options, attributes, into } => {
                let context = fsopen(kind.as_c_str(), FsOpenFlags::FSOPEN_CLOEXEC)?;
                self.configure(&context, options, *attributes, *into)
            }
            SysOp::NewOverlay { overlay, attributes, into } => {
                self.new_overlay(overlay, *attributes, *into)
            }
            SysOp::OldOverlay { base, options, at, attributes, into } => {
                rustix::process::chdir(base.as_c_str())?;
                self.put(*into, mounts::old_overlay(options, at, *attributes)?)
            }
            SysOp::Attach(slot, path) => mounts::attach(self.get(*slot)?, CWD, path),
            SysOp::MakeFolder(at, name, mode) => {
                fs::mkdirat(self.get(*at)?, name.as_c_str(), Mode::from_raw_mode(*mode))
            }
            SysOp::MakeFile { at, name, content, owner, mode } => {
                files::make_file(self.get(*at)?, name, content, *owner, *mode)
            }
            SysOp::MakeDevice(at, name, device) => {
                files::make_device(self.get(*at)?, name, *device)
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
            SysOp::MakeReadOnly(path) => mounts::make_read_only(path),
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
            SysOp::BoundCapabilities(keep) => rights::bound_capabilities(*keep),
            SysOp::Filter => sys::install_filter(seccomp::filter()),
            SysOp::BecomeUser { groups, gid, uid } => rights::become_user(groups, *gid, *uid),
            SysOp::KeepCapabilities(keep) => rights::keep_capabilities(*keep),
            SysOp::DieWithParent => rights::die_with_parent(),
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
