//! Calling programs, with errors that name the call.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// The cargo that runs this.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(crate::workspace());
    command
}

/// Runs a command to its end, its output passed through; any end but success is an error.
pub(crate) fn run(command: &mut Command) -> Outcome {
    println!("$ {}", said(command));
    let status = command.status().map_err(|problem| format!("{}: {problem}", said(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", said(command))) }
}

/// Whether a command runs to a good end; nothing is shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What a command prints; any end but success is an error.
pub(crate) fn output(command: &mut Command) -> io::Result<String> {
    let done = command.stderr(Stdio::null()).output()?;
    if !done.status.success() {
        return Err(io::Error::other(format!("{}: {}", said(command), done.status)));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// A command as one would type it.
pub(crate) fn said(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The place of a program on the `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // Debian keeps some programs where an ordinary user's PATH does not look.
    env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).find_map(|folder| {
        let file = folder.join(program);
        let found = fs::metadata(&file).ok()?;
        (found.is_file() && found.permissions().mode() & 0o111 != 0).then_some(file)
    })
}

/// Whether this process may install packages.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0)
}

/// Ends a child by a signal that it may act on, then by one that it may not.
pub(crate) fn stop(child: &mut Child) {
    let pid = child.id().to_string();
    succeeds(Command::new("kill").args(["-TERM", &pid]));
    let patience = Instant::now() + Duration::from_secs(10);
    while Instant::now() < patience {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    // It is gone already if this fails.
    let _ = child.kill();
    let _ = child.wait();
}
