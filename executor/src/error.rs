//! [`BuildError`]: which step failed, and why.

use std::io;
use std::path::PathBuf;

use compiler::graph::Span;
use compiler::{BuildGraph, StepId};

use crate::env::OutsideError;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct BuildError {
    /// Which step, unless it was none's fault.
    pub step: Option<StepId>,
    /// What people call the step; empty without a step.
    pub name: String,
    /// The very word that is at fault, else the step's instruction.
    pub span: Option<Span>,
    /// The step's instruction.
    pub step_span: Option<Span>,
    /// Why.
    pub cause: Box<Cause>,
}

impl BuildError {
    /// The failure of a step, or of none.
    pub(crate) fn new(graph: &BuildGraph, step: Option<StepId>, cause: Cause) -> BuildError {
        let name = step.map(|id| graph.step(id).name.clone()).unwrap_or_default();
        let step_span = step.and_then(|id| graph.step(id).span);
        let span = cause.span().or(step_span);
        BuildError { step, name, span, step_span, cause: Box::new(cause) }
    }

    /// What to do, if there is something to say beyond the message.
    pub fn help(&self) -> Option<String> {
        self.cause.help()
    }
}

/// Why a step failed. Messages follow BuildKit's where it has one.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// A command ended with another code than 0.
    #[error("process \"{command}\" did not complete successfully: exit code: {code}")]
    ExitCode {
        /// The words of the command, joined with blanks.
        command: String,
        /// What it ended with; 128 + N for signal N.
        code: i32,
        /// The last lines it wrote.
        tail: Vec<String>,
        /// Whether the kernel killed it because memory ran out.
        out_of_memory: bool,
    },
    /// The command could not be started.
    #[error("process \"{command}\" could not be started: {source}")]
    NotStarted {
        /// The words of the command, joined with blanks.
        command: String,
        /// Why.
        source: Box<sandbox::SandboxError>,
        /// What the command is for, if this machine is another.
        foreign: Option<Box<oci::Platform>>,
    },
    /// A file operation cannot be done as asked.
    #[error("{message}")]
    File {
        /// What is wrong, naming the path.
        message: String,
        /// What to do.
        help: Option<String>,
        /// The word that is at fault.
        span: Option<Span>,
    },
    /// A device that no command can have.
    #[error("{0}")]
    Exec(String),
    /// A name in `USER` is not in the tree.
    #[error("{message}")]
    User {
        /// Which, and where it was looked for.
        message: String,
        /// The word of the USER, if it is in this file.
        span: Option<Span>,
    },
    /// A required secret was not given.
    #[error("secret {id}: not found")]
    SecretMissing {
        /// Its id.
        id: String,
        /// The flag that asks for it.
        span: Option<Span>,
    },
    /// A required agent socket was not given.
    #[error("unset ssh forward key {id}")]
    AgentMissing {
        /// Its id.
        id: String,
        /// The flag that asks for it.
        span: Option<Span>,
    },
    /// A context that the graph names was not given.
    #[error("the build context `{0}` was not given")]
    NoContext(String),
    /// A pattern in a .dockerignore or `--exclude` is broken.
    #[error("{0}")]
    Pattern(String),
    /// Images, downloads, secrets.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// A cache of another machine does not hold what it says.
    #[error("the cache {name} cannot be used: {why}")]
    Import {
        /// Its position.
        source_number: usize,
        /// What it is called.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A step needs what another made that counts as cached, but is not kept anywhere.
    #[error("what a cached step made is not kept")]
    Hollow,
    /// The store.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A file of the user could not be read.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// The build was stopped.
    #[error("the build was stopped")]
    Cancelled,
}

impl Cause {
    /// A file operation that cannot be done, with nothing to say beyond that.
    pub(crate) fn file(message: impl Into<String>) -> Cause {
        Cause::File { message: message.into(), help: None, span: None }
    }

    /// The same with the word that is at fault, if none is known yet.
    #[must_use]
    pub(crate) fn at(mut self, word: Option<Span>) -> Cause {
        match &mut self {
            Cause::File { span, .. }
            | Cause::User { span, .. }
            | Cause::SecretMissing { span, .. }
            | Cause::AgentMissing { span, .. } => *span = span.or(word),
            Cause::ExitCode { .. }
            | Cause::NotStarted { .. }
            | Cause::Exec(_)
            | Cause::NoContext(_)
            | Cause::Pattern(_)
            | Cause::Outside(_)
            | Cause::Import { .. }
            | Cause::Hollow
            | Cause::Store(_)
            | Cause::Io { .. }
            | Cause::Threads(_)
            | Cause::Cancelled => {}
        }
        self
    }

    /// The word that is at fault.
    fn span(&self) -> Option<Span> {
        match self {
            Cause::File { span, .. }
            | Cause::User { span, .. }
            | Cause::SecretMissing { span, .. }
            | Cause::AgentMissing { span, .. } => *span,
            Cause::ExitCode { .. }
            | Cause::NotStarted { .. }
            | Cause::Exec(_)
            | Cause::NoContext(_)
            | Cause::Pattern(_)
            | Cause::Outside(_)
            | Cause::Import { .. }
            | Cause::Hollow
            | Cause::Store(_)
            | Cause::Io { .. }
            | Cause::Threads(_)
            | Cause::Cancelled => None,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Cause::ExitCode { out_of_memory: true, .. } => {
                Some("the command ran out of memory; give it more with --memory".into())
            }
            Cause::File { help, .. } => help.clone(),
            Cause::User { .. } => Some(
                "make it by an earlier RUN, such as `RUN useradd NAME`, or write a number".into(),
            ),
            Cause::Outside(outside) => outside.help.clone(),
            Cause::SecretMissing { id, .. } => {
                Some(format!("give it with --secret id={id},src=FILE"))
            }
            Cause::AgentMissing { id, .. } => Some(format!("give it with --ssh {id}")),
            Cause::NotStarted { source, foreign: Some(platform), .. } if is_foreign(source) => {
                Some(emulator(platform))
            }
            Cause::NotStarted { source, .. } if no_shell(source) => {
                let form = r#"RUN ["/program", "argument"]"#;
                Some(format!("the image has no shell; start a program that it has: {form}"))
            }
            Cause::ExitCode { .. }
            | Cause::NotStarted { .. }
            | Cause::Exec(_)
            | Cause::NoContext(_)
            | Cause::Pattern(_)
            | Cause::Import { .. }
            | Cause::Hollow
            | Cause::Store(_)
            | Cause::Io { .. }
            | Cause::Threads(_)
            | Cause::Cancelled => None,
        }
    }
}

/// Whether the kernel does not know the format of a program, or not where its emulator is.
fn is_foreign(error: &sandbox::SandboxError) -> bool {
    let sandbox::SandboxError::ProgramNotStarted { source, .. } = error else { return false };
    let known = [rustix::io::Errno::NOEXEC, rustix::io::Errno::NOENT];
    known.iter().any(|errno| source.raw_os_error() == Some(errno.raw_os_error()))
}

/// How a machine learns to run programs of another.
fn emulator(platform: &oci::Platform) -> String {
    format!(
        "this machine runs no programs of {platform}: register an emulator with binfmt_misc \
         (Debian: apt-get install qemu-user-static binfmt-support; or: docker run --privileged \
         tonistiigi/binfmt --install {}), with the flag F, or run the command in a stage \
         FROM --platform=$BUILDPLATFORM and copy its result",
        platform.architecture
    )
}

fn no_shell(error: &sandbox::SandboxError) -> bool {
    matches!(error, sandbox::SandboxError::ProgramNotFound { program } if program == "/bin/sh")
}
