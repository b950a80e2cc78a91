//! The binary under test: built once, found, and called.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::scratch;

/// The path of the `dfc` under test: `$DFC_BIN`, or the one of this workspace and profile, built if need be.
///
/// # Errors
/// When it does not build; every trial that asks reports the same text.
pub(crate) fn binary() -> Result<&'static Path, Failed> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BINARY.get_or_init(|| built().map_err(|problem| problem.to_string())) {
        Ok(path) => Ok(path),
        Err(problem) => Err(Failed::from(problem)),
    }
}

fn built() -> io::Result<PathBuf> {
    if let Some(given) = env::var_os("DFC_BIN") {
        // cargo runs tests in the folder of their package; a path is meant from where cargo was called.
        return Ok(crate::cases::workspace().join(given));
    }
    let this = env::current_exe()?;
    let profile = this.ancestors().nth(2).ok_or_else(|| io::Error::other("no profile folder"))?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // All binaries of the workspace, not dfc alone: the same features as `cargo test --workspace`
    // chose, so nothing is compiled twice.
    cargo.args(["build", "--quiet", "--workspace", "--bins"]);
    cargo.current_dir(crate::cases::workspace());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let done = cargo.stdin(Stdio::null()).output()?;
    if !done.status.success() {
        let text = String::from_utf8_lossy(&done.stderr);
        return Err(io::Error::other(format!("dfc does not build:\n{text}")));
    }
    Ok(profile.join("dfc"))
}

/// A `dfc` with a store of its own.
#[derive(Debug)]
pub(crate) struct Dfc {
    home: PathBuf,
    /// Removes the store when this value goes, where it is not shared.
    _own: Option<TempDir>,
}

impl Dfc {
    /// A `dfc` with an empty store, which goes when this value goes.
    pub(crate) fn new() -> io::Result<Dfc> {
        let own = scratch::fresh("store-")?;
        Ok(Dfc { home: own.path().to_owned(), _own: Some(own) })
    }

    /// A `dfc` with the store in `home`.
    pub(crate) fn at(home: &Path) -> io::Result<Dfc> {
        fs::create_dir_all(home)?;
        Ok(Dfc { home: home.to_owned(), _own: None })
    }

    /// The folder of the store.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// A call of `dfc` with this store: no terminal, no configuration or cache of the user.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Command, Failed> {
        let mut command = Command::new(binary()?);
        command.args(args).stdin(Stdio::null());
        command.env("DFC_HOME", self.home()).env("NO_COLOR", "1");
        for name in ["DOCKER_CONFIG", "SOURCE_DATE_EPOCH", "DOCKER_DEFAULT_PLATFORM"] {
            command.env_remove(name);
        }
        Ok(command)
    }

    /// Calls `dfc` and waits for it.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Done, Failed> {
        Ok(Done::from(self.command(args)?.output()?))
    }
}

/// How a call of `dfc` ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// The exit status; `None` if a signal ended it.
    pub(crate) status: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it reported.
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        Done {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Done {
    /// Runs a command to its end; one that takes longer than `limit` is killed and fails.
    pub(crate) fn within(mut command: Command, limit: Duration) -> Result<Done, Failed> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let pid = child.id().to_string();
        let (send, receive) = mpsc::channel();
        let waiting = thread::spawn(move || send.send(child.wait_with_output()));
        match receive.recv_timeout(limit) {
            Ok(output) => Ok(Done::from(output?)),
            Err(_) => {
                Command::new("kill").args(["-9", &pid]).status()?;
                let _ = waiting.join();
                Err(format!("still running after {} s, killed", limit.as_secs()).into())
            }
        }
    }

    /// This, if the exit status is `status`; else a failure that shows what was said.
    pub(crate) fn expect(self, status: i32) -> Result<Done, Failed> {
        if self.status == Some(status) {
            return Ok(self);
        }
        let Done { status: got, stdout, stderr } = self;
        let got = got.map_or("a signal".to_owned(), |got| got.to_string());
        Err(format!("exit status {got}, not {status}\n{stdout}{stderr}").into())
    }
}
