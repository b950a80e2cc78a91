//! [`Runner`]: the seam between steps and processes; tests put a fake there.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use sandbox::{Exit, SandboxError, Spec};

use crate::cancel::Cancel;
use crate::status::Stream;

/// Takes what a command writes.
pub(crate) type Log<'a> = &'a mut dyn FnMut(Stream, &[u8]);

/// Runs commands.
pub(crate) trait Runner: Sync {
    /// Runs one to its end, killed if the build is stopped.
    ///
    /// # Errors
    /// It cannot be started.
    fn run(&self, spec: &Spec, stop: &Cancel, log: Log<'_>) -> Result<Exit, SandboxError>;

    /// Tries whether trees in a folder can be laid over each other.
    ///
    /// # Errors
    /// Says why they cannot.
    fn can_overlay(&self, folder: &Path) -> Result<(), SandboxError>;
}

/// Runs commands in the sandbox.
#[derive(Debug)]
pub(crate) struct InSandbox;

/// A line that goes on for longer than this is told of in pieces.
const MAX_PENDING: usize = 8 << 10;

impl Runner for InSandbox {
    fn run(&self, spec: &Spec, stop: &Cancel, log: Log<'_>) -> Result<Exit, SandboxError> {
        let mut running = sandbox::spawn(spec)?;
        let killer = running.killer();
        let _guard = stop.on_cancel(move || killer.kill());
        let mut pipes = [
            running.stdout.take().map(|pipe| Pipe::new(pipe, Stream::Stdout)),
            running.stderr.take().map(|pipe| Pipe::new(pipe, Stream::Stderr)),
        ];
        // One thread for both pipes: the command is reaped by the thread that started it, so this one waits anyway.
        while pipes.iter().any(Option::is_some) {
            let ready: Vec<bool> = {
                let mut fds: Vec<PollFd<'_>> = pipes
                    .iter()
                    .flatten()
                    .map(|pipe| PollFd::from_borrowed_fd(pipe.from.as_fd(), PollFlags::IN))
                    .collect();
                match poll(&mut fds, None) {
                    Ok(_) => fds.iter().map(|fd| !fd.revents().is_empty()).collect(),
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => break,
                }
            };
            let mut ready = ready.into_iter();
            for slot in &mut pipes {
                let Some(pipe) = slot else { continue };
                if ready.next() == Some(true) && !pipe.read(log) {
                    *slot = None;
                }
            }
        }
        drop(pipes);
        running.wait()
    }

    fn can_overlay(&self, folder: &Path) -> Result<(), SandboxError> {
        sandbox::can_overlay(folder)
    }
}

/// One of a command's outputs.
struct Pipe {
    from: OwnedFd,
    stream: Stream,
    /// What came without the end of its line.
    pending: Vec<u8>,
}

impl Pipe {
    fn new(from: OwnedFd, stream: Stream) -> Pipe {
        Pipe { from, stream, pending: Vec::new() }
    }

    /// Reads what is there and tells of whole lines; `false` at the end.
    fn read(&mut self, log: Log<'_>) -> bool {
        let mut buffer = [0; 16 << 10];
        let read = match rustix::io::read(&self.from, &mut buffer) {
            Ok(read) => read,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return true,
            Err(_) => 0,
        };
        if read == 0 {
            if !self.pending.is_empty() {
                log(self.stream, &self.pending);
            }
            return false;
        }
        self.pending.extend_from_slice(&buffer[..read]);
        let whole = match self.pending.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => end + 1,
            None if self.pending.len() > MAX_PENDING => self.pending.len(),
            None => 0,
        };
        if whole > 0 {
            log(self.stream, &self.pending[..whole]);
            self.pending.drain(..whole);
        }
        true
    }
}
