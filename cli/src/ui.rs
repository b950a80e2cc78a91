//! Where output goes: results to standard output, everything else to standard error. [`Ui`] is the only printer.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::env::Env;
use crate::error::CliError;
use crate::render::human::Look;

/// The user's side of a command.
#[derive(Debug)]
pub(crate) struct Ui {
    /// What the surroundings say.
    pub(crate) env: Env,
}

impl Ui {
    /// A ui in these surroundings.
    pub(crate) fn new(env: Env) -> Ui {
        Ui { env }
    }

    /// Whether results may be colored.
    pub(crate) fn color_out(&self) -> bool {
        self.env.stdout_terminal && self.env.color()
    }

    /// Whether messages may be colored.
    pub(crate) fn color_err(&self) -> bool {
        self.env.stderr_terminal && self.env.color()
    }

    /// How diagnostics on standard error may look.
    pub(crate) fn look_err(&self) -> Look {
        Look { color: self.color_err(), width: self.env.stderr_width() }
    }

    /// How results for people may look.
    pub(crate) fn look_out(&self) -> Look {
        Look { color: self.color_out(), width: self.env.stdout_width() }
    }

    /// Writes a result as it is.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), CliError> {
        self.write_bytes(text.as_bytes())
    }

    /// Writes a result that may be no text.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| CliError::output(&error))
    }

    /// Writes a result and ends the line.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        self.write(&format!("{text}\n"))
    }

    /// Tells something beside the result. That nobody hears it is no reason to stop.
    pub(crate) fn note(&mut self, text: impl Display) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Asks something; the answer is typed behind it.
    pub(crate) fn prompt(&mut self, question: &str) {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{question}").and_then(|()| err.flush());
    }

    /// Says why the command failed; gives the exit status.
    pub(crate) fn fail(&mut self, error: &CliError) -> ExitCode {
        let is_said = matches!(
            error,
            CliError::Reported
                | CliError::NotReproducible
                | CliError::Interrupted
                | CliError::BrokenPipe
        );
        if !is_said {
            let color = self.color_err();
            let word = if color { "\x1b[1;31merror\x1b[0m" } else { "error" };
            self.note(format_args!("{word}: {error}"));
            if let Some(help) = error.advice() {
                let word = if color { "\x1b[1;36mhelp\x1b[0m" } else { "help" };
                self.note(format_args!(" {word}: {help}"));
            }
        }
        error.exit_code()
    }
}
