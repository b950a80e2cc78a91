//! Downloads that fail loudly.

use grammar::instruction::Shell;
use grammar::{Code, Diagnostic, Instruction};

use crate::lint::uses::line_of;
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds `curl … | sh` and its like without `pipefail`: a download that is piped into a program which does not mind if nothing
/// comes.
///
/// ## Why is this bad
/// The shell looks at the last program of a pipe alone. If the download fails, `sh` reads an empty script, does nothing, and the
/// step succeeds; it is even cached.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN curl -fsSL https://example.com/install.sh | sh
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// SHELL ["/bin/bash", "-o", "pipefail", "-c"]
/// RUN curl -fsSL https://example.com/install.sh | sh
/// ```
///
/// ## What it does not see
/// Pipes that begin with another program than curl or wget. Programs that fail on empty input (tar, gzip, grep, gpg and their
/// like) are left alone, as are pipes in `$(…)`.
#[derive(Debug)]
pub(super) struct PipeHidesFailure;

/// What succeeds if it reads nothing.
const CONTENT: &[&str] = &[
    "sh", "bash", "ash", "dash", "zsh", "python", "python3", "perl", "ruby", "node", "php", "tee",
    "cat", "sed", "awk", "sort", "uniq", "head", "tail", "cut", "tr", "xargs", "envsubst",
];

impl Rule for PipeHidesFailure {
    fn name(&self) -> Code {
        "PipeHidesFailure"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL4006"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let line = line_of(cx, &stage);
            let below = line[1..].iter().rev().flat_map(|it| it.own);
            let mut has_pipefail = below.filter_map(shell).next_back().is_some_and(says_pipefail);
            let runs = cx.runs(&stage);
            for (_, statement) in stage.statements() {
                if let Some(shell) = shell(statement) {
                    has_pipefail = says_pipefail(shell);
                }
                let run = runs.iter().find(|it| it.statement.span == statement.span);
                let Some(run) = run.filter(|_| !has_pipefail) else { continue };
                let commands = &run.script.commands;
                if commands.iter().any(|it| {
                    it.program() == "set" && it.args().iter().any(|word| word.text == "pipefail")
                }) {
                    continue;
                }
                for (index, command) in commands.iter().enumerate() {
                    let loads = matches!(command.program(), "curl" | "wget") && command.writes_pipe;
                    if !loads || command.is_inside || command.reads_pipe {
                        continue;
                    }
                    let mut behind = commands[index + 1..].iter();
                    let behind: Vec<_> = {
                        let end = behind.position(|it| it.reads_pipe && !it.writes_pipe);
                        let Some(end) = end else { continue };
                        commands[index + 1..=index + 1 + end]
                            .iter()
                            .filter(|it| !it.is_inside)
                            .collect()
                    };
                    let Some(last) = behind.last() else { continue };
                    if !behind.iter().all(|it| it.reads_pipe) || !CONTENT.contains(&last.program())
                    {
                        continue;
                    }
                    let Some(program) = command.program_word() else { continue };
                    let message = format!(
                        "if {} fails, `{}` succeeds all the same",
                        command.program(),
                        last.program()
                    );
                    let mut warning =
                        Diagnostic::warning(self.name(), message, run.script.span(&program.range))
                            .help("write `SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]` above, or download to a file first");
                    if let Some(word) = last.program_word() {
                        warning = warning
                            .also(run.script.span(&word.range), "does not mind if nothing comes");
                    }
                    cx.warn(run.place, warning);
                }
            }
        }
    }
}

fn shell(statement: &grammar::Statement) -> Option<&Shell> {
    let Instruction::Shell(shell) = &statement.instruction else { return None };
    Some(shell)
}

fn says_pipefail(shell: &Shell) -> bool {
    shell.words.iter().any(|word| word.text.contains("pipefail"))
}
