//! What `CMD` and `ENTRYPOINT` share, and the command line that `RUN` and `HEALTHCHECK` have, too.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `CMD` and `ENTRYPOINT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What to run.
    pub line: CommandLine,
}

/// A command line: one string for the shell, or words as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Given to the stage's SHELL; empty if nothing was written, which is no mistake.
    Shell(Word),
    /// JSON form: executed as it is.
    Exec(Vec<Word>),
}

impl Command {
    /// Reads a command without flags.
    pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Command> {
        FlagReader::new(draft.flags, &[], diagnostics);
        Some(Command { line: CommandLine::read(draft, draft.args) })
    }
}

impl CommandLine {
    /// Takes an instruction's words.
    pub(super) fn read(draft: &Draft<'_>, args: &[Word]) -> CommandLine {
        match args {
            _ if draft.json => CommandLine::Exec(args.to_vec()),
            [text, ..] => CommandLine::Shell(text.clone()),
            [] => CommandLine::Shell(Word::verbatim("", draft.end_span())),
        }
    }
}
