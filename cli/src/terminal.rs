//! A terminal of its own for a command: what is typed goes in, what it writes comes out, and it learns of a changed
//! window. Ctrl-C reaches the command as it would in a shell.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use signal_hook::consts::SIGWINCH;
use signal_hook::iterator::{Handle, Signals};

/// Our terminal passed on to a command. Dropped, ours is as it was.
pub(crate) struct Terminal {
    before: Termios,
    output: Option<JoinHandle<()>>,
    windows: Handle,
}

impl Terminal {
    /// Makes a terminal and joins it with ours; gives the side for the command.
    ///
    /// # Errors
    /// Standard input is no terminal, or the kernel gives no other.
    pub(crate) fn open() -> io::Result<(Terminal, OwnedFd)> {
        let before = tcgetattr(rustix::stdio::stdin())?;
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name, flags, Mode::empty())?;
        take_over_size(&master);

        let mut signals = Signals::new([SIGWINCH])?;
        let windows = signals.handle();
        let sized = master.try_clone()?;
        // Ends with `windows`.
        std::thread::spawn(move || {
            for _ in signals.forever() {
                take_over_size(&sized);
            }
        });
        let mut typed_into = File::from(master.try_clone()?);
        // Ends with the process: a read from our terminal cannot be taken back.
        std::thread::spawn(move || {
            let mut stdin = io::stdin();
            copy(&mut stdin, &mut typed_into);
        });
        let mut written = File::from(master);
        let output = std::thread::spawn(move || copy(&mut written, &mut io::stdout()));

        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?;
        Ok((Terminal { before, output: Some(output), windows }, slave))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The command's side is closed by now, so the rest of its output is there and then comes the end.
        if let Some(output) = self.output.take() {
            let _ = output.join();
        }
        self.windows.close();
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Gives a terminal the size of ours.
fn take_over_size(to: impl AsFd) {
    if let Ok(size) = tcgetwinsize(rustix::stdio::stdin()) {
        let _ = tcsetwinsize(to, size);
    }
}

/// Copies at once what comes, until an end or an error (a terminal whose other side is closed gives one).
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if to.write_all(&buffer[..count]).and_then(|()| to.flush()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
