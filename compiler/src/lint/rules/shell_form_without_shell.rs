//! Shell form where there is a shell.

use grammar::instruction::{CommandLine, Healthcheck, Source};
use grammar::{Code, Diagnostic, Instruction, Statement};

use crate::lint::uses::line_of;
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds RUN, CMD, ENTRYPOINT and HEALTHCHECK in shell form in a stage that starts `FROM scratch`, and in which nothing was
/// copied that could bring `/bin/sh`.
///
/// ## Why is this bad
/// The shell form starts `/bin/sh -c`, which is not there: the step, or the container, fails with "no such file".
///
/// ## Example
/// ```dockerfile
/// FROM scratch
/// COPY server /bin/app/server
/// ENTRYPOINT /bin/app/server --port 8080
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM scratch
/// COPY server /bin/app/server
/// ENTRYPOINT ["/bin/app/server", "--port", "8080"]
/// ```
///
/// ## What it does not see
/// Base images without a shell that are not `scratch`. After an ADD, a COPY to `/` or to `/bin`, and a RUN with a mount, it
/// says nothing: that may bring a shell.
#[derive(Debug)]
pub(super) struct ShellFormWithoutShell;

impl Rule for ShellFormWithoutShell {
    fn name(&self) -> Code {
        "ShellFormWithoutShell"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let line = line_of(cx, &stage);
            // By its word: what cannot be looked up counts as empty, too.
            let is_empty = line.last().is_some_and(|it| {
                let from = &it.from.instruction;
                let is_named =
                    matches!(from, Instruction::From(from) if from.image.text == "scratch");
                it.lowered.is_scratch && is_named
            });
            let below = line[1..].iter().rev().flat_map(|it| it.statements());
            if !is_empty || below.map(|it| it.1).any(may_bring_shell) {
                continue;
            }
            let mut found = Vec::new();
            // CMD and ENTRYPOINT run when all is there.
            let has_shell = stage.statements().any(|(_, it)| may_bring_shell(it));
            for (place, statement) in stage.statements() {
                if !has_shell && is_shell_form(statement) {
                    found.push((place, statement));
                }
            }
            for (place, statement) in found {
                let keyword = &statement.keyword;
                let message = format!("{} in shell form, but there is no shell", keyword.value);
                let warning = Diagnostic::warning(self.name(), message, keyword.span)
                    .also(stage.from.head, "starts from nothing")
                    .help(format!("write `{} [\"program\", \"argument\"]`", keyword.value));
                cx.warn(place, warning);
            }
        }
    }
}

fn is_shell_form(statement: &Statement) -> bool {
    let line = if let Instruction::Run(run) = &statement.instruction {
        &run.line
    } else if let Instruction::Cmd(command) | Instruction::Entrypoint(command) =
        &statement.instruction
    {
        &command.line
    } else if let Instruction::Healthcheck(Healthcheck::Check { line, .. }) = &statement.instruction
    {
        line
    } else {
        return false;
    };
    matches!(line, CommandLine::Shell(text) if !text.text.is_empty())
        && statement.heredocs.is_empty()
}

/// Whether a stage may have a shell behind an instruction.
fn may_bring_shell(statement: &Statement) -> bool {
    let it = &statement.instruction;
    if let Instruction::Run(run) = it {
        return !run.mounts.is_empty() || matches!(run.line, CommandLine::Exec(_));
    }
    let Instruction::Copy(copy) = it else {
        return matches!(it, Instruction::Add(_) | Instruction::Shell(_) | Instruction::Onbuild(_));
    };
    if copy.parents {
        return true;
    }
    let transfer = &copy.transfer;
    let dest = crate::paths::clean(&transfer.destination.text);
    let may_name = ["/", ".", "/bin", "bin", "/bin/sh", "bin/sh", "/usr", "/usr/bin"];
    dest.contains('$')
        || !dest.starts_with('/')
        || may_name.contains(&dest.as_str()) && !transfer.sources.iter().all(is_named_file)
}

/// Whether a source is a single file by its name, and no shell.
fn is_named_file(source: &Source) -> bool {
    let Source::Path(word) = source else { return true };
    let base = word.text.rsplit('/').next().unwrap_or_default();
    base.contains('.')
        && !base.starts_with('.')
        && !base.contains(['*', '?', '[', '$'])
        && !base.contains(".tar")
}
