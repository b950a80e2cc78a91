//! A command that runs: waiting, killing, and what is tidied up afterwards.

use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::error::SandboxError;

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
    on_one_thread: PhantomData<*const ()>,
}

impl Running {
    /// Waits for the end, kills what the command left running, and removes the stubs of mount points and the control
    /// group. Read `stdout` and `stderr` meanwhile: a full pipe stops the command.
    pub fn wait(&mut self) -> Result<Exit, SandboxError> {
        let _ = &self.pidfd;
        Err(SandboxError::NotPermitted { why: "not written yet".into(), fix: "wait".into() })
    }

    /// A handle that kills the command, for any thread; it does nothing once the command has ended.
    pub fn killer(&self) -> Killer {
        Killer { pidfd: Arc::clone(&self.pidfd) }
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
        let _ = &self.pidfd;
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
