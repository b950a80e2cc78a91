//! What can go wrong: the operation and the path in words, and what to change.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a command could not be run in isolation.
///
/// That the command itself fails is no error but an [`crate::Exit`].
#[derive(Debug, Error)]
pub enum SandboxError {
    /// The program is nowhere in the search path, or not where its path says.
    #[error("there is no program `{program}` in the image")]
    ProgramNotFound {
        /// As asked for.
        program: String,
    },
    /// The program is there, and cannot be started.
    #[error("cannot start the program `{program}`: {}{hint}", reason(source))]
    ProgramNotStarted {
        /// As asked for.
        program: String,
        /// What the kernel said.
        source: io::Error,
        /// What it may mean; empty, or starts with a separator.
        hint: &'static str,
    },
    /// A system call of the preparation failed.
    #[error("cannot {doing}: {}{detail}{hint}", reason(source))]
    Setup {
        /// What was being done, with the path.
        doing: String,
        /// What the kernel said.
        source: io::Error,
        /// The file system's own words; empty, or starts with a separator.
        detail: String,
        /// What to change; empty, or starts with a separator.
        hint: &'static str,
    },
    /// The machine or the rights of the caller do not allow isolation.
    #[error("this machine does not let dfc isolate a command: {why}; {fix}")]
    NotPermitted {
        /// What is refused.
        why: String,
        /// What to change.
        fix: String,
    },
    /// A limit that no control group can enforce here.
    #[error("cannot limit {what}: {why}")]
    Limit {
        /// `memory`, `cpu`, ...
        what: &'static str,
        /// Why, and what to do.
        why: String,
    },
    /// A name of `--ulimit` that is none.
    #[error("unknown limit `{name}`; known are: {known}")]
    UnknownRlimit {
        /// As written.
        name: String,
        /// All names.
        known: String,
    },
    /// A value of the specification that cannot be meant.
    #[error("{what} `{value}` {problem}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// As given.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The ordinary user has no ids of their own to give to the build.
    #[error("user `{user}` has no subordinate {kind} ids; give some with: {fix}")]
    NoSubordinateIds {
        /// Login name, or number.
        user: String,
        /// `user` or `group`.
        kind: &'static str,
        /// The command.
        fix: String,
    },
    /// A helper program is missing.
    #[error("cannot find `{program}`, which lets an ordinary user build; install it with: {fix}")]
    MissingProgram {
        /// Its name.
        program: &'static str,
        /// The command.
        fix: &'static str,
    },
    /// Something of the machine could not be read or written.
    #[error("cannot {doing} {}: {}", path.display(), reason(source))]
    Io {
        /// `read`, `make`, ...
        doing: &'static str,
        /// What.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// The system's words for an error, in lower case and without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let first = chars.next().map(|char| char.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}
