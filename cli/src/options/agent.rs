//! `--ssh ID=KEY`: an agent of our own for keys in files, which lives as long as the build. OpenSSH's programs do it, so
//! that every kind of key is known.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running agent.
#[derive(Debug)]
pub(crate) struct Agent {
    folder: TempDir,
    child: Child,
}

impl Agent {
    /// Starts an agent that has these keys.
    ///
    /// # Errors
    /// Says what does not work, naming the key.
    pub(crate) fn start(keys: &[PathBuf]) -> Result<Agent, String> {
        let failed = |doing: &str, error: io::Error| format!("cannot {doing}: {error}");
        let folder = tempfile::Builder::new().prefix("dfc-ssh-").tempdir();
        let folder = folder.map_err(|error| failed("make a folder for an agent", error))?;
        let mut command = Command::new("ssh-agent");
        // It lives as long as the command that it is given, and that as long as we hold the other end of its input.
        command.arg("-a").arg(folder.path().join("agent"));
        command.args(["sh", "-c", "echo; exec cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| missing("ssh-agent", &error))?;
        let mut agent = Agent { folder, child };
        let mut ready = String::new();
        let output = agent.child.stdout.take().expect("asked for above");
        let read = BufReader::new(output).read_line(&mut ready);
        if read.map_err(|error| failed("hear from ssh-agent", error))? == 0 {
            return Err("ssh-agent does not start".into());
        }
        keys.iter().try_for_each(|key| agent.add(key))?;
        Ok(agent)
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    fn add(&self, key: &Path) -> Result<(), String> {
        let cannot = |why: &str| format!("cannot use the key `{}`: {why}", key.display());
        let file = File::open(key).map_err(|error| cannot(&crate::error::reason(&error)))?;
        let mut command = Command::new("ssh-add");
        // By its input, so that whoever may read the file may use it; and nobody is asked for a passphrase.
        command.args(["-q", "-"]).stdin(file).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env("SSH_AUTH_SOCK", self.socket());
        command.env("SSH_ASKPASS", "/bin/false").env("SSH_ASKPASS_REQUIRE", "force");
        let mut child = command.spawn().map_err(|error| missing("ssh-add", &error))?;
        let mut said = String::new();
        if let Some(mut errors) = child.stderr.take() {
            // What it says is a courtesy; its status counts.
            let _ = errors.read_to_string(&mut said);
        }
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err(cannot(
                match said.to_lowercase().contains("passphrase") || said.trim().is_empty() {
                    true => {
                        "it has a passphrase; add it to an agent with ssh-add, and give the agent: --ssh default"
                    }
                    false => said.lines().next().unwrap_or_default(),
                },
            )),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The command is at its end; the agent looks for that now and then.
        let _ = self.child.wait();
    }
}

fn missing(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("`{program}` is missing (Debian: openssh-client); it holds keys of files")
        }
        _ => format!("cannot start `{program}`: {error}"),
    }
}
