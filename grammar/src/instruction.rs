//! The 18 instructions as syntax, one file each. Adding one starts here: the compiler names every other place.

use crate::source::{Span, Spanned};
use crate::tree::Statement;
use crate::word::Word;

/// An instruction's own syntax. What all have in common (flags, words, heredocs, lines) is in [`Statement`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// `ADD`
    Add(Add),
    /// `ARG`
    Arg(Arg),
    /// `CMD`
    Cmd(Command),
    /// `COPY`
    Copy(Copy),
    /// `ENTRYPOINT`
    Entrypoint(Command),
    /// `ENV`
    Env(Pairs),
    /// `EXPOSE`
    Expose(Expose),
    /// `FROM`
    From(From),
    /// `HEALTHCHECK`
    Healthcheck(Healthcheck),
    /// `LABEL`
    Label(Pairs),
    /// `MAINTAINER`
    Maintainer(Maintainer),
    /// `ONBUILD`
    Onbuild(Onbuild),
    /// `RUN`
    Run(Run),
    /// `SHELL`
    Shell(Shell),
    /// `STOPSIGNAL`
    Stopsignal(Stopsignal),
    /// `USER`
    User(User),
    /// `VOLUME`
    Volume(Volume),
    /// `WORKDIR`
    Workdir(Workdir),
    /// Not an instruction, or one broken beyond use; a diagnostic says why.
    Invalid(Span),
}

/// A command line: one string for the shell, or words as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Given to the stage's SHELL.
    Shell(Word),
    /// JSON form: executed as it is.
    Exec(Vec<Word>),
}

/// `CMD` and `ENTRYPOINT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What to run.
    pub line: CommandLine,
}

/// `FROM [--platform=P] IMAGE [AS NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The image or stage, not expanded.
    pub image: Word,
    /// `AS NAME`, as written (names are compared in lower case).
    pub name: Option<Spanned<String>>,
    /// `AS` as written, for lint rules.
    pub as_keyword: Option<Spanned<String>>,
    /// `--platform`
    pub platform: Option<Word>,
}

/// `ARG NAME[=DEFAULT] …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// Each declared name with its default.
    pub args: Vec<ArgDeclaration>,
}

/// One name that an ARG declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgDeclaration {
    /// The name, as a word: BuildKit expands it, too.
    pub name: Word,
    /// The default; `None` if there was no `=`.
    pub default: Option<Word>,
}

/// `ENV` and `LABEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// Names and values.
    pub pairs: Vec<(Word, Word)>,
    /// Whether the old form without `=` was used.
    pub legacy: bool,
}

/// Where `COPY` and `ADD` take from and put to, and the flags they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Paths; heredocs are not among them (see [`Statement::heredocs`]).
    pub sources: Vec<Source>,
    /// The destination.
    pub destination: Word,
    /// `--chown`
    pub chown: Option<Word>,
    /// `--chmod`
    pub chmod: Option<Word>,
    /// `--link`
    pub link: bool,
    /// `--exclude`, repeatable
    pub exclude: Vec<Word>,
}

/// One source of a `COPY` or `ADD`, in the order written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path, wildcard, URL or git reference.
    Path(Word),
    /// The heredoc with this index in [`Statement::heredocs`].
    Heredoc(usize),
}

/// `COPY`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Sources, destination, shared flags.
    pub transfer: Transfer,
    /// `--from`
    pub from: Option<Word>,
    /// `--parents`
    pub parents: bool,
}

/// `ADD`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// Sources, destination, shared flags.
    pub transfer: Transfer,
    /// `--checksum`
    pub checksum: Option<Word>,
    /// `--keep-git-dir`; `None` if not given
    pub keep_git_dir: Option<bool>,
    /// `--unpack`; `None` if not given: archives are unpacked, downloads are not
    pub unpack: Option<bool>,
}

/// `EXPOSE PORT…`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expose {
    /// Ports, ranges, protocols, as written.
    pub ports: Vec<Word>,
}

/// `HEALTHCHECK`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// `HEALTHCHECK NONE`
    None,
    /// `HEALTHCHECK [options] CMD …`
    Check {
        /// The command.
        line: CommandLine,
        /// Durations in nanoseconds, already checked; 0 if not given.
        timings: HealthTimings,
        /// `--retries`
        retries: i64,
    },
}

/// The durations of a health check, in nanoseconds; 0 if not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealthTimings {
    /// `--interval`
    pub interval: i64,
    /// `--timeout`
    pub timeout: i64,
    /// `--start-period`
    pub start_period: i64,
    /// `--start-interval`
    pub start_interval: i64,
}

/// `MAINTAINER NAME`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintainer {
    /// Who.
    pub name: Word,
}

/// `ONBUILD INSTRUCTION`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The instruction as parsed now, for diagnostics and tools. `None` if what follows is no instruction: BuildKit
    /// accepts that until the trigger runs.
    pub trigger: Option<Box<Statement>>,
    /// What is stored in the image: the instruction's text with its heredoc bodies.
    pub expression: Word,
}

/// `RUN`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command; for a RUN with heredocs the line that names them.
    pub line: CommandLine,
    /// `--mount`, repeatable, in order
    pub mounts: Vec<Mount>,
    /// `--network`
    pub network: Option<Word>,
    /// `--security`
    pub security: Option<Word>,
    /// `--device`, repeatable
    pub devices: Vec<Word>,
}

/// One `--mount=key=value,…`, keys checked, values not yet expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The whole value of the flag.
    pub text: Word,
    /// The fields in order; a key without `=` has no value.
    pub fields: Vec<(Spanned<String>, Option<Word>)>,
}

/// `SHELL ["…"]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// The words.
    pub words: Vec<Word>,
}

/// `STOPSIGNAL`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopsignal {
    /// Name or number.
    pub signal: Word,
}

/// `USER`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `user[:group]`
    pub user: Word,
}

/// `VOLUME`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Paths.
    pub paths: Vec<Word>,
}

/// `WORKDIR`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workdir {
    /// The folder.
    pub path: Word,
}
