//! A command that runs: waiting, killing, and what is tidied up afterwards.

use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_send_signal, waitid};

use crate::cgroup::Groups;
use crate::error::SandboxError;
use crate::report::Stub;
use crate::stubs;

/// A command that was started.
///
/// It dies with the thread that started it (and so with the process, however that ends); for that reason it stays on
/// that thread. Dropped, it is killed and reaped. [`Running::killer`] is for other threads.
#[derive(Debug)]
pub struct Running {
    /// What the command writes to its output; `None` unless [`crate::Stdio::Pipes`]. Take it out to read it elsewhere.
    pub stdout: Option<OwnedFd>,
    /// What the command writes to its errors; as `stdout`.
    pub stderr: Option<OwnedFd>,
    pidfd: Arc<OwnedFd>,
    exit: Option<Exit>,
    leftovers: Option<Leftovers>,
    on_one_thread: PhantomData<*const ()>,
}

/// What is removed after the run.
#[derive(Debug)]
pub(crate) struct Leftovers {
    groups: Option<Groups>,
    tree: Option<PathBuf>,
    stubs: Vec<Stub>,
}

impl Leftovers {
    /// The groups of the run, and where its changes go.
    pub(crate) fn new(groups: Option<Groups>, tree: Option<PathBuf>) -> Self {
        Self { groups, tree, stubs: Vec::new() }
    }

    /// The groups of the run.
    pub(crate) fn groups(&self) -> Option<&Groups> {
        self.groups.as_ref()
    }
}

impl Running {
    pub(crate) fn new(
        pidfd: OwnedFd,
        stdout: Option<OwnedFd>,
        stderr: Option<OwnedFd>,
        leftovers: Leftovers,
    ) -> Self {
        let (pidfd, leftovers) = (Arc::new(pidfd), Some(leftovers));
        Self { stdout, stderr, pidfd, exit: None, leftovers, on_one_thread: PhantomData }
    }

    pub(crate) fn set_stubs(&mut self, stubs: Vec<Stub>) {
        if let Some(leftovers) = &mut self.leftovers {
            leftovers.stubs = stubs;
        }
    }

    /// Waits for the end, and removes the stubs of mount points and the control group. What the command left running is
    /// dead by then.
    ///
    /// Read `stdout` and `stderr` meanwhile: a full pipe stops the command. Asked again, it gives the same answer.
    pub fn wait(&mut self) -> Result<Exit, SandboxError> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        let status = loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => break status,
                Ok(None) | Err(Errno::INTR) => {}
                Err(errno) => {
                    let (doing, detail) = ("wait for the command".to_owned(), String::new());
                    return Err(SandboxError::Setup {
                        doing,
                        source: errno.into(),
                        detail,
                        hint: "",
                    });
                }
            }
        };
        let out_of_memory = self.tidy_up();
        let exit = Exit { status: exit_status(&status), out_of_memory };
        self.exit = Some(exit);
        Ok(exit)
    }

    /// A handle that kills the command, for any thread; it does nothing once the command has ended.
    pub fn killer(&self) -> Killer {
        Killer { pidfd: Arc::clone(&self.pidfd) }
    }

    /// Removes what was made for the run; says whether memory ran out.
    fn tidy_up(&mut self) -> bool {
        let Some(leftovers) = self.leftovers.take() else { return false };
        if let Some(tree) = &leftovers.tree {
            stubs::remove(tree, &leftovers.stubs);
        }
        leftovers.groups.is_some_and(|groups| groups.was_out_of_memory())
    }
}

/// Becomes readable when the command has ended, for `poll`.
impl AsFd for Running {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.exit.is_none() {
            self.killer().kill();
            // Nobody is left to tell.
            let _ = self.wait();
        }
    }
}

/// Kills a running command from another thread.
#[derive(Debug, Clone)]
pub struct Killer {
    pidfd: Arc<OwnedFd>,
}

impl Killer {
    /// Kills everything in the sandbox at once.
    pub fn kill(&self) {
        // It fails if the command has ended.
        let _ = pidfd_send_signal(&*self.pidfd, Signal::KILL);
    }
}

fn exit_status(status: &WaitIdStatus) -> ExitStatus {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, signal) => ExitStatus::Signal(signal.unwrap_or(0)),
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Code or signal.
    pub status: ExitStatus,
    /// Whether the kernel killed something in the sandbox because the memory limit was reached.
    pub out_of_memory: bool,
}

/// Code or signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It ended by itself.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl ExitStatus {
    /// The one number that shells and BuildKit give: the code, or 128 and the signal.
    pub fn number(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}
