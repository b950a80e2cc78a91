//! The `git` program, run so that nothing but the repository is fetched: no configuration of the user or the machine,
//! no hooks, no helper programs, no question to anybody, and no other way than http, https, git and ssh.
//!
//! Names, passwords and tokens go to it in its environment, never on its command line, and as a header that belongs to
//! the repository's address: git itself knows none, and can repeat none.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use compiler::StepId;
use compiler::op::GitSource;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::env::OutsideError;
use crate::error::Cause;
use crate::run::Cx;
use crate::status::{Event, Stream};

/// More than this git may not answer: the list of the branches of a very large repository.
const MAX_ANSWER: u64 = 64 << 20;
/// So much of what it says is kept for an error.
const MAX_SAID: usize = 16 << 10;
/// After this time people want to know how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// The program, about to work for one source.
pub(super) struct Git<'a, 'b> {
    pub(super) cx: &'a Cx<'b>,
    step: StepId,
    source: &'a GitSource,
    /// The address without name and password.
    url: String,
    config: Vec<(String, String)>,
    ssh: String,
    agent: Option<std::path::PathBuf>,
}

impl<'a, 'b> Git<'a, 'b> {
    /// Makes ready; reads the secrets that are for the repository. `private` is a folder for files of ours.
    ///
    /// # Errors
    /// The address is one that git would take for something else; a secret cannot be read.
    pub(super) fn new(
        cx: &'a Cx<'b>,
        step: StepId,
        source: &'a GitSource,
        private: &Path,
    ) -> Result<Git<'a, 'b>, Cause> {
        let url = source.url.as_str().to_owned();
        if url.starts_with('-') || url.split("://").next().is_some_and(|it| it.contains("::")) {
            return Err(Cause::file(format!("`{url}` is no address of a git repository")));
        }
        let mut config: Vec<(String, String)> = FIXED_CONFIG
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        if let Some(header) = authorization(cx, source)? {
            let name = format!("http.{}.extraHeader", scope(&url));
            config.push((name, format!("Authorization: {header}")));
        }
        let ssh = ssh_command(private, cx.env.settings.git.known_hosts.as_deref());
        let agent = cx.env.secrets.ssh_socket("default");
        Ok(Git { cx, step, source, url, config, ssh, agent })
    }

    /// What git is told where the repository is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Runs git in a folder and gives what it answered.
    ///
    /// # Errors
    /// It fails, or the build is stopped.
    pub(super) fn run(&self, at: Option<&Path>, args: &[&str]) -> Result<String, Cause> {
        self.cx.check()?;
        let mut child = self.command(at, args).spawn().map_err(|error| Cause::File {
            message: format!("cannot run `git`: {error}"),
            help: Some("install git; it fetches the repositories of ADD and contexts".into()),
            span: None,
        })?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let stop = self.cx.stop.on_cancel(move || {
            if let Some(group) = group {
                // It may have ended by itself.
                let _ = kill_process_group(group, Signal::TERM);
            }
        });
        let (answer, said) = self.listen(&mut child);
        let status = child.wait();
        drop(stop);
        self.cx.check()?;
        let read = |error: io::Error| Cause::file(format!("cannot read what git says: {error}"));
        match status.map_err(read)?.success() {
            true => Ok(String::from_utf8_lossy(&answer.map_err(read)?).into_owned()),
            false => Err(self.failed(&said)),
        }
    }

    fn command(&self, at: Option<&Path>, args: &[&str]) -> Command {
        let settings = &self.cx.env.settings.git;
        let mut command = Command::new("git");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: its helpers are stopped with it.
        command.process_group(0);
        command.env_clear().envs(settings.env.iter().map(|(name, value)| (name, value)));
        command.envs(FIXED_ENV.iter().copied()).env("GIT_SSH_COMMAND", &self.ssh);
        if let Some(agent) = &self.agent {
            command.env("SSH_AUTH_SOCK", agent);
        }
        command.env("GIT_CONFIG_COUNT", self.config.len().to_string());
        for (number, (name, value)) in self.config.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), name);
            command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        // Not below a repository of somebody else's.
        command.env("GIT_CEILING_DIRECTORIES", self.cx.env.store.root());
        command.current_dir(at.unwrap_or(self.cx.env.store.root()));
        command
    }

    /// Reads both of its outputs to their ends.
    fn listen(&self, child: &mut Child) -> (io::Result<Vec<u8>>, Said) {
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        std::thread::scope(|scope| {
            let answer = scope.spawn(move || {
                let mut bytes = Vec::new();
                let mut stdout = stdout.take(MAX_ANSWER + 1);
                stdout.read_to_end(&mut bytes)?;
                if bytes.len() as u64 > MAX_ANSWER {
                    return Err(io::Error::other("it is too much"));
                }
                Ok(bytes)
            });
            let said = self.hear(stderr);
            let answer = answer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (answer, said)
        })
    }

    /// The last lines of standard error. Once it takes long, everything git says is told, above all how far it is.
    fn hear(&self, mut stderr: impl Read) -> Said {
        let clock = Instant::now();
        let mut said = Said::default();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            let bytes = &buffer[..count];
            said.take(bytes);
            if said.is_told || clock.elapsed() >= PATIENCE {
                said.is_told = true;
                self.tell(bytes.to_vec());
            }
        }
        said
    }

    fn tell(&self, bytes: Vec<u8>) {
        self.cx.tell(Event::Log { step: self.step, stream: Stream::Stderr, bytes });
    }

    fn failed(&self, said: &Said) -> Cause {
        let lines = said.lines();
        if !said.is_told && !lines.is_empty() {
            self.tell(format!("{}\n", lines.join("\n")).into_bytes());
        }
        let causes = ["fatal: ", "error: ", "ERROR: "];
        let why = lines.iter().find_map(|line| {
            let line: &str = line;
            // What ssh says of it tells more than what git makes of it.
            let of_ssh = ["Permission denied (", "Host key verification failed", "ssh: "];
            let is_of_ssh = of_ssh.iter().any(|words| line.contains(words));
            let why = causes.iter().find_map(|word| line.strip_prefix(word));
            if is_of_ssh { Some(line) } else { why }
        });
        let line = why.or(lines.last().copied()).unwrap_or("it said nothing");
        let wants = |words: &[&str]| words.iter().any(|word| said.text.contains(word));
        let help = if wants(&["could not read Username", "Authentication failed", "error: 403"]) {
            Some("give a token with --secret id=GIT_AUTH_TOKEN,env=NAME".to_owned())
        } else if wants(&["Permission denied (publickey"]) {
            Some("give a key: run ssh-add, and pass --ssh default".to_owned())
        } else if wants(&["Host key verification failed"]) {
            Some("the host has another key than the one in ~/.ssh/known_hosts".to_owned())
        } else {
            None
        };
        let message = format!("git cannot fetch `{}`: {line}", self.source.url);
        Cause::Outside(OutsideError { message, help })
    }
}

/// What git said on standard error.
#[derive(Debug, Default)]
struct Said {
    text: String,
    /// Whether it was told already.
    is_told: bool,
}

impl Said {
    fn take(&mut self, bytes: &[u8]) {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        if self.text.len() > 2 * MAX_SAID {
            let end = (self.text.len() - MAX_SAID..).find(|at| self.text.is_char_boundary(*at));
            self.text.drain(..end.unwrap_or(self.text.len()));
        }
    }

    /// Without those that only say how far it is.
    fn lines(&self) -> Vec<&str> {
        let lines = self.text.split(['\n', '\r']).map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.contains("% (")).collect()
    }
}

/// What git is told in its environment, whatever the user's says.
const FIXED_ENV: [(&str, &str); 8] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_ALLOW_PROTOCOL", "http:https:git:ssh"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("HOME", "/dev/null"),
    ("LC_ALL", "C"),
];

/// Settings that programs could be run by are switched off, and silence is not borne for ever.
const FIXED_CONFIG: [(&str, &str); 11] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.logAllRefUpdates", "false"),
    ("core.autocrlf", "false"),
    ("advice.detachedHead", "false"),
    ("init.defaultBranch", "master"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
];

/// The value of the header that says who asks, from the secrets that BuildKit takes, or from the address.
fn authorization(cx: &Cx<'_>, source: &GitSource) -> Result<Option<String>, Cause> {
    let is_http = source.url.as_str().starts_with("http");
    if !is_http {
        return Ok(None);
    }
    let host = source.url.host_and_port();
    for (name, is_token) in [
        (format!("GIT_AUTH_HEADER.{host}"), false),
        (format!("GIT_AUTH_TOKEN.{host}"), true),
        ("GIT_AUTH_HEADER".to_owned(), false),
        ("GIT_AUTH_TOKEN".to_owned(), true),
    ] {
        let Some(value) = cx.env.secrets.secret(&name)? else { continue };
        let value = String::from_utf8_lossy(&value).trim().to_owned();
        return Ok(Some(match is_token {
            true => basic("x-access-token", &value),
            false => value,
        }));
    }
    Ok(source.url.credentials().map(|(name, password)| basic(&name, &password)))
}

/// The value of an `Authorization` header.
pub(in crate::op::source) fn basic(name: &str, password: &str) -> String {
    format!("basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

/// Which addresses a token is good for: the repository, or all of GitHub, where submodules are private alike.
fn scope(url: &str) -> &str {
    let hosts = ["https://github.com/", "https://www.github.com/"];
    hosts.into_iter().find(|host| url.starts_with(host)).unwrap_or(url)
}

/// How ssh is called: without the user's configuration, asking nobody. A host that is known must be the one that is
/// known; a new one is believed, as BuildKit does, for this once.
fn ssh_command(private: &Path, known_hosts: Option<&Path>) -> String {
    let mut files = vec![private.join("known_hosts")];
    files.extend(known_hosts.map(Path::to_owned));
    let quoted = |path: &std::path::PathBuf| {
        let text = path.to_str()?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
        text.chars().all(is_plain).then(|| text.to_owned())
    };
    let files: Vec<String> = files.iter().filter_map(quoted).collect();
    format!(
        "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
         -o 'UserKnownHostsFile={}'",
        files.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_is_bounded_and_without_percents() {
        let mut said = Said::default();
        said.take(b"Receiving objects:  45% (9/20), 1 MiB\rfatal: no ");
        said.take("such thing é\n".repeat(10_000).as_bytes());
        said.take(b"\nlast");
        assert!(said.text.len() <= 2 * MAX_SAID);
        assert_eq!(said.lines().last(), Some(&"last"));
        let mut said = Said::default();
        said.take(b"Receiving objects:  45% (9/20), 1 MiB\rfatal: no\n");
        assert_eq!(said.lines(), ["fatal: no"]);
    }

    #[test]
    fn tokens_are_for_one_repository_or_all_of_github() {
        assert_eq!(scope("https://github.com/a/b.git"), "https://github.com/");
        assert_eq!(scope("https://github.com.evil/a.git"), "https://github.com.evil/a.git");
        assert_eq!(basic("x-access-token", "t"), "basic eC1hY2Nlc3MtdG9rZW46dA==");
    }

    #[test]
    fn ssh_asks_nobody() {
        let command = ssh_command(Path::new("/store/tmp/1"), Some(Path::new("/odd place/known")));
        assert!(command.contains("BatchMode=yes"));
        assert!(command.ends_with("'UserKnownHostsFile=/store/tmp/1/known_hosts'"), "{command}");
    }
}
