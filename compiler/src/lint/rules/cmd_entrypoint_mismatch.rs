//! CMD and ENTRYPOINT that fit together.

use grammar::instruction::{Command, CommandLine};
use grammar::{Code, Diagnostic, Instruction, Statement};

use crate::lint::uses::line_of;
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds a stage whose CMD and ENTRYPOINT do not fit together: an ENTRYPOINT in shell form, which ignores CMD; a CMD in shell
/// form behind an ENTRYPOINT in JSON form that is no shell script; a CMD that begins with the program of ENTRYPOINT.
///
/// ## Why is this bad
/// CMD is what ENTRYPOINT gets as arguments. The shell form throws them away; and a CMD in shell form is `/bin/sh -c ...`,
/// which few programs take as arguments.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// ENTRYPOINT httpd -f
/// CMD ["-p", "8080"]
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// ENTRYPOINT ["httpd", "-f"]
/// CMD ["-p", "8080"]
/// ```
///
/// ## What it does not see
/// ENTRYPOINT and CMD of the base image. What an entrypoint script does with its arguments: one that has `entrypoint` or a
/// script's ending in its name may well start them.
#[derive(Debug)]
pub(super) struct CmdEntrypointMismatch;

/// Programs that start their arguments.
const STARTERS: [&str; 14] = [
    "sh",
    "bash",
    "ash",
    "dash",
    "env",
    "tini",
    "dumb-init",
    "gosu",
    "su-exec",
    "nice",
    "exec",
    "catatonit",
    "xvfb-run",
    "init",
];

impl Rule for CmdEntrypointMismatch {
    fn name(&self) -> Code {
        "CmdEntrypointMismatch"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let mut entrypoint: Option<(&Statement, &Command)> = None;
            let mut cmd: Option<(&Statement, &Command)> = None;
            let mut own = false;
            for base in line_of(cx, &stage).into_iter().rev() {
                let is_own = base.from.span == stage.from.span;
                let mut has_cmd = false;
                for (_, statement) in base.statements() {
                    if let Instruction::Cmd(it) = &statement.instruction {
                        cmd = Some((statement, it));
                        has_cmd = true;
                        own |= is_own;
                    } else if let Instruction::Entrypoint(it) = &statement.instruction {
                        entrypoint = Some((statement, it));
                        own |= is_own;
                        // A new ENTRYPOINT takes away the CMD of the base.
                        cmd = cmd.filter(|_| has_cmd);
                    }
                }
            }
            let (Some(entrypoint), Some(cmd), true) = (entrypoint, cmd, own) else { continue };
            let Some((message, help)) = misfit(&entrypoint.1.line, &cmd.1.line) else { continue };
            let Some(place) = cx.place(cmd.0.span) else { continue };
            let warning = Diagnostic::warning(self.name(), message, cmd.0.head)
                .also(entrypoint.0.head, "gets CMD as arguments")
                .help(help);
            cx.warn(place, warning);
        }
    }
}

/// What is wrong with a pair, and what to do.
fn misfit(entrypoint: &CommandLine, cmd: &CommandLine) -> Option<(String, &'static str)> {
    let is_empty = match cmd {
        CommandLine::Shell(text) => text.text.is_empty(),
        CommandLine::Exec(words) => words.is_empty(),
    };
    match (entrypoint, cmd) {
        _ if is_empty => None,
        (CommandLine::Shell(text), _) => {
            let takes =
                ["$@", "$*", "$0", "$1", "${1", "${@"].iter().any(|it| text.text.contains(it));
            (!takes && !text.text.is_empty()).then(|| {
                let message = "ENTRYPOINT in shell form ignores this CMD".to_owned();
                (message, "write ENTRYPOINT as `[\"program\", \"argument\"]`, or leave CMD out")
            })
        }
        (CommandLine::Exec(program), CommandLine::Shell(_)) => {
            let first = program.first()?.text.as_str();
            let base = first.rsplit('/').next().unwrap_or(first);
            let is_script = base.contains("entry")
                || base.contains("start")
                || base.contains("run")
                || base.contains('.');
            let is_starter = is_script
                || program.iter().any(|word| {
                    let base = word.text.rsplit('/').next().unwrap_or_default();
                    STARTERS.contains(&base) || base.ends_with(".sh") || word.text == "--"
                });
            (!is_starter).then(|| {
                let message = format!("{base} gets `/bin/sh -c ...` as its arguments");
                (message, "write CMD as `[\"argument\", \"argument\"]`")
            })
        }
        (CommandLine::Exec(program), CommandLine::Exec(arguments)) => {
            let (first, again) = (program.first()?, arguments.first()?);
            let is_same = first.text == again.text && program.len() == 1;
            (is_same && !first.text.ends_with(".sh") && !STARTERS.contains(&first.text.as_str()))
                .then(|| {
                    let message = format!("{} gets its own name as its first argument", first.text);
                    (message, "CMD is added to ENTRYPOINT: leave the program out")
                })
        }
    }
}
