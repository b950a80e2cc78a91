//! Why a build failed, for people: the last output of the command, then the line of the Dockerfile.

use std::fmt::Write as _;

use executor::{BuildError, Cause};
use grammar::{Diagnostic, SourceFile};

use super::human::{self, Look};
use crate::error::no_space;

/// The text; ends with a line end.
pub(crate) fn text(error: &BuildError, sources: &[SourceFile], look: Look) -> String {
    let mut text = String::new();
    let (tail, label) = match error.cause.as_ref() {
        Cause::ExitCode { tail, code, out_of_memory: false, .. } => {
            (tail.as_slice(), format!("exit code: {code}"))
        }
        Cause::ExitCode { tail, out_of_memory: true, .. } => {
            (tail.as_slice(), "out of memory".to_owned())
        }
        Cause::NotStarted { .. }
        | Cause::File { .. }
        | Cause::Exec(_)
        | Cause::User { .. }
        | Cause::SecretMissing { .. }
        | Cause::AgentMissing { .. }
        | Cause::NoContext(_)
        | Cause::Pattern(_)
        | Cause::Import { .. }
        | Cause::Hollow
        | Cause::Outside(_)
        | Cause::Store(_)
        | Cause::Io { .. }
        | Cause::Threads(_)
        | Cause::Cancelled => (&[][..], String::new()),
    };
    if !tail.is_empty() {
        let _ = writeln!(text, "------\n > {}:", error.name.replace('\n', " "));
        for line in tail {
            let _ = writeln!(text, "{}", line.trim_end_matches(['\n', '\r']));
        }
        text.push_str("------\n");
    }
    let mut diagnostic = match error.span {
        Some(span) => Diagnostic::error(code(&error.cause), error.to_string(), span).label(label),
        None => {
            let mut message = error.to_string();
            if !error.name.is_empty() {
                message = format!("{}: {message}", error.name);
            }
            Diagnostic::without_place(code(&error.cause), message)
        }
    };
    if let (Cause::User { span: Some(word), .. }, Some(run)) =
        (error.cause.as_ref(), error.step_span)
        && *word != run
    {
        // It is the RUN that fails: USER alone may name whom it likes.
        diagnostic = Diagnostic::error(code(&error.cause), error.to_string(), run)
            .label("this runs as that user")
            .also(*word, "set here");
    }
    let help = error.help().or_else(|| no_space(&diagnostic.message).map(str::to_owned));
    diagnostic.help = help;
    text.push_str(&human::diagnostics(&[diagnostic], sources, look));
    text
}

/// A stable word for each kind of failure.
fn code(cause: &Cause) -> &'static str {
    match cause {
        Cause::ExitCode { .. } => "command-failed",
        Cause::NotStarted { .. } | Cause::Exec(_) => "command-not-started",
        Cause::User { .. } => "unknown-user",
        Cause::File { .. } => "copy-failed",
        Cause::SecretMissing { .. } => "secret-missing",
        Cause::AgentMissing { .. } => "agent-missing",
        Cause::NoContext(_) => "context-missing",
        Cause::Pattern(_) => "invalid-pattern",
        Cause::Outside(_) | Cause::Import { .. } | Cause::Hollow => "not-fetched",
        Cause::Store(_) | Cause::Io { .. } | Cause::Threads(_) => "system",
        Cause::Cancelled => "stopped",
    }
}
