//! How a command fails: [`CliError`], and the exit status of each kind.

use std::io;
use std::process::ExitCode;

/// Why a command did not do what it was asked. Exit status 1, but for a wrong command line (2), what is
/// not reproducible (3), Ctrl-C (130) and a reader that went away (0).
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line was wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// What to type instead.
        help: Option<String>,
    },
    /// The command line was right, and yet it did not work.
    #[error("{message}")]
    Failed {
        /// What did not work.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A command could not be started in an image; ends with docker's status for it.
    #[error("{message}")]
    NotStarted {
        /// Why.
        message: String,
        /// What to do.
        help: Option<String>,
        /// 127 if there is no such program, 126 if it cannot be executed, 125 for anything else.
        status: u8,
    },
    /// It did not work, and everything about it is printed already.
    #[error("failed")]
    Reported,
    /// Two builds of the same are not the same (`--verify`), and what differs is printed already.
    #[error("not reproducible")]
    NotReproducible,
    /// The user stopped it (Ctrl-C).
    #[error("stopped")]
    Interrupted,
    /// Who reads our output is gone.
    #[error("broken pipe")]
    BrokenPipe,
}

impl CliError {
    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> CliError {
        CliError::Usage { message: message.into(), help: None }
    }

    /// Something that did not work.
    pub(crate) fn failed(message: impl Into<String>) -> CliError {
        CliError::Failed { message: message.into(), help: None }
    }

    /// A failure of a library, with its causes in one line.
    pub(crate) fn caused(error: &dyn std::error::Error) -> CliError {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            // Many messages end with their cause already.
            if !message.to_lowercase().contains(&text.to_lowercase()) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        match no_space(&message) {
            Some(help) => CliError::failed(message).help(help),
            None => CliError::failed(message),
        }
    }

    /// Adds what to do.
    pub(crate) fn help(self, text: impl Into<String>) -> CliError {
        let help = Some(text.into());
        match self {
            CliError::Usage { message, .. } => CliError::Usage { message, help },
            CliError::Failed { message, .. } => CliError::Failed { message, help },
            CliError::NotStarted { message, status, .. } => {
                CliError::NotStarted { message, help, status }
            }
            CliError::Reported => CliError::Reported,
            CliError::NotReproducible => CliError::NotReproducible,
            CliError::Interrupted => CliError::Interrupted,
            CliError::BrokenPipe => CliError::BrokenPipe,
        }
    }

    /// The file system refused something: `doing` says what, as in "cannot read `x`".
    pub(crate) fn io(doing: impl std::fmt::Display, error: &io::Error) -> CliError {
        CliError::failed(format!("{doing}: {}", reason(error)))
    }

    /// An error of writing our own output.
    pub(crate) fn output(error: &io::Error) -> CliError {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return CliError::BrokenPipe;
        }
        CliError::io("cannot write to standard output", error)
    }

    /// The status the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CliError::Usage { .. } => ExitCode::from(2),
            CliError::Failed { .. } | CliError::Reported => ExitCode::FAILURE,
            CliError::NotStarted { status, .. } => ExitCode::from(*status),
            CliError::NotReproducible => ExitCode::from(3),
            // What shells give for a command that Ctrl-C ended.
            CliError::Interrupted => ExitCode::from(130),
            CliError::BrokenPipe => ExitCode::SUCCESS,
        }
    }

    /// What to do, if there is something to say.
    pub(crate) fn advice(&self) -> Option<&str> {
        match self {
            CliError::Usage { help, .. }
            | CliError::Failed { help, .. }
            | CliError::NotStarted { help, .. } => help.as_deref(),
            CliError::Reported
            | CliError::NotReproducible
            | CliError::Interrupted
            | CliError::BrokenPipe => None,
        }
    }
}

/// What to do about a full disk, if that is what a message is about: it may come from any depth of any library.
pub(crate) fn no_space(message: &str) -> Option<&'static str> {
    // The system's words, and SQLite's for a full disk and for a file that it could not make longer.
    let words = ["no space left on device", "database or disk is full", "trying to resize"];
    let message = message.to_lowercase();
    words.iter().any(|words| message.contains(words)).then_some(
        "make room, with `dfc prune` for instance, or set DFC_HOME to a folder on another disk",
    )
}

/// The system's words for an error, in lower case and without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

impl From<store::StoreError> for CliError {
    fn from(error: store::StoreError) -> CliError {
        if let store::StoreError::Io { source, .. } = &error
            && source.kind() == io::ErrorKind::BrokenPipe
        {
            return CliError::BrokenPipe;
        }
        CliError::caused(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write `x`: permission denied")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_cause_is_said_once() {
        let error = CliError::caused(&Outer(io::Error::from_raw_os_error(13)));
        assert_eq!(error.to_string(), "cannot write `x`: permission denied");
    }

    #[test]
    fn a_full_disk_is_known_in_any_words() {
        assert!(no_space("disk I/O error: (trying to resize an existing segment)").is_some());
        assert!(no_space("cannot write: No space left on device").is_some());
        assert!(no_space("permission denied").is_none());
    }
}
