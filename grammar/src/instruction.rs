//! The 18 instructions as syntax, one file each. Adding one starts here: the compiler names every other place.

mod add;
mod arg;
mod cmd;
mod command;
mod copy;
mod entrypoint;
mod env;
mod expose;
mod from;
mod healthcheck;
mod keyword;
mod label;
mod maintainer;
mod mount;
mod onbuild;
mod pairs;
mod run;
mod shell;
mod stopsignal;
mod transfer;
mod user;
mod volume;
mod workdir;

use crate::diagnostic::Diagnostic;
use crate::lines::LogicalLine;
use crate::shape::Shape;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Flag, Heredoc};
use crate::word::Word;

pub use add::Add;
pub use arg::{Arg, ArgDeclaration};
pub use command::{Command, CommandLine};
pub use copy::Copy;
pub use expose::Expose;
pub use from::From;
pub use healthcheck::{HealthTimings, Healthcheck};
pub use keyword::Keyword;
pub use maintainer::Maintainer;
pub use mount::{Device, Mount};
pub use onbuild::Onbuild;
pub(crate) use onbuild::{expression, trigger};
pub use pairs::Pairs;
pub use run::Run;
pub use shell::Shell;
pub use stopsignal::Stopsignal;
pub use transfer::{Source, SourceHeredoc, Transfer};
pub use user::User;
pub use volume::Volume;
pub use workdir::Workdir;

/// An instruction's own syntax. What all have in common (flags, words, heredocs, lines) is in [`Statement`](crate::tree::Statement).
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

/// What an instruction is read from: its shape and its heredocs.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    kind: Keyword,
    keyword: Span,
    flags: &'a [Flag],
    args: &'a [Word],
    json: bool,
    legacy: bool,
    heredocs: &'a [Heredoc],
    /// From the first word behind the flags to the last, or behind the keyword and flags if there is none.
    place: Span,
}

/// Reads an instruction from its shape. `heredocs` are the bodies that follow the line.
pub(crate) fn read(
    line: &LogicalLine<'_>,
    shape: &Shape,
    heredocs: &[Heredoc],
    trigger: Option<Onbuild>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Instruction> {
    let Some(kind) = shape.kind else {
        diagnostics.push(unknown(shape));
        return None;
    };
    let draft = Draft {
        kind,
        keyword: shape.keyword.span,
        flags: &shape.flags,
        args: &shape.args,
        json: shape.json,
        legacy: shape.legacy,
        heredocs,
        place: line.span(shape.rest.clone()),
    };
    if !shape.usable {
        return None;
    }
    Some(match kind {
        Keyword::Add => Instruction::Add(add::read(&draft, diagnostics)?),
        Keyword::Arg => Instruction::Arg(arg::read(&draft, diagnostics)?),
        Keyword::Cmd => Instruction::Cmd(cmd::read(&draft, diagnostics)?),
        Keyword::Copy => Instruction::Copy(copy::read(&draft, diagnostics)?),
        Keyword::Entrypoint => Instruction::Entrypoint(entrypoint::read(&draft, diagnostics)?),
        Keyword::Env => Instruction::Env(env::read(&draft, diagnostics)?),
        Keyword::Expose => Instruction::Expose(expose::read(&draft, diagnostics)?),
        Keyword::From => Instruction::From(from::read(&draft, diagnostics)?),
        Keyword::Healthcheck => Instruction::Healthcheck(healthcheck::read(&draft, diagnostics)?),
        Keyword::Label => Instruction::Label(label::read(&draft, diagnostics)?),
        Keyword::Maintainer => Instruction::Maintainer(maintainer::read(&draft, diagnostics)?),
        Keyword::Onbuild => Instruction::Onbuild(onbuild::read(&draft, trigger?, diagnostics)?),
        Keyword::Run => Instruction::Run(run::read(&draft, diagnostics)?),
        Keyword::Shell => Instruction::Shell(shell::read(&draft, diagnostics)?),
        Keyword::Stopsignal => Instruction::Stopsignal(stopsignal::read(&draft, diagnostics)?),
        Keyword::User => Instruction::User(user::read(&draft, diagnostics)?),
        Keyword::Volume => Instruction::Volume(volume::read(&draft, diagnostics)?),
        Keyword::Workdir => Instruction::Workdir(workdir::read(&draft, diagnostics)?),
    })
}

fn unknown(shape: &Shape) -> Diagnostic {
    let keyword = &shape.keyword;
    let message = format!("unknown instruction: {}", keyword.value);
    let error = Diagnostic::error("unknown-instruction", message, keyword.span);
    let names = Keyword::ALL.iter().map(|known| known.name());
    match suggest::nearest(&keyword.value, names) {
        _ if keyword.value.ends_with(':') => {
            error.help("this looks like YAML; a Dockerfile begins with `FROM IMAGE`")
        }
        Some(near) => {
            let near = suggest::in_case_of(near, &keyword.value);
            error.help(format!("did you mean `{near}`?")).fix(format!("replace by `{near}`"), near)
        }
        None => error,
    }
}

impl Draft<'_> {
    /// The keyword in upper case.
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The words, or the keyword if there are none.
    fn args_span(&self) -> Span {
        if self.place.is_empty() { self.keyword } else { self.place }
    }

    /// Where a word would stand if there were one.
    fn end_span(&self) -> Span {
        self.place
    }

    fn at_least_one_error(&self) -> Diagnostic {
        let message = format!("{} requires at least one argument", self.name());
        Diagnostic::error("missing-argument", message, self.args_span())
            .help(format!("write `{}`", self.kind.form()))
    }

    fn at_least_one(&self, diagnostics: &mut Vec<Diagnostic>) -> Option<()> {
        if self.args.is_empty() {
            diagnostics.push(self.at_least_one_error());
            return None;
        }
        Some(())
    }

    fn exactly_one(&self, diagnostics: &mut Vec<Diagnostic>) -> Option<Word> {
        let [word] = self.args else {
            let message = format!("{} requires exactly one argument", self.name());
            let error = Diagnostic::error("missing-argument", message, self.args_span());
            diagnostics.push(error.help(format!("write `{}`", self.kind.form())));
            return None;
        };
        Some(word.clone())
    }

    fn blank_name(&self, beside: &Word) -> Diagnostic {
        let message = format!("{} names can not be blank", self.name());
        let mut span = beside.span;
        // The equals sign stands right before the value.
        span.start = span.start.saturating_sub(1);
        Diagnostic::error("blank-name", message, span).label("a name is missing before the `=`")
    }
}
