//! CMD and ENTRYPOINT in JSON form.

use grammar::instruction::CommandLine;
use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds CMD and ENTRYPOINT in shell form, unless SHELL says which shell is meant.
///
/// ## Why is this bad
/// The shell form starts `/bin/sh -c`. The shell, not the program, gets the signals of `docker stop`, and many shells do not
/// hand them on: the program is killed when the time is up. Arguments of `docker run` are lost to an ENTRYPOINT in shell
/// form.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// ENTRYPOINT httpd -f
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// ENTRYPOINT ["httpd", "-f"]
/// ```
#[derive(Debug)]
pub(super) struct JSONArgsRecommended;

impl Rule for JSONArgsRecommended {
    fn name(&self) -> Code {
        "JSONArgsRecommended"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3025"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let mut has_shell = stage.lowered.has_shell;
            for (place, statement) in stage.statements() {
                has_shell |= matches!(statement.instruction, Instruction::Shell(_));
                let (Instruction::Cmd(command) | Instruction::Entrypoint(command)) =
                    &statement.instruction
                else {
                    continue;
                };
                let CommandLine::Shell(text) = &command.line else { continue };
                if has_shell {
                    continue;
                }
                let keyword = &statement.keyword;
                let message = format!(
                    "JSON arguments recommended for {} to prevent unintended behavior related to OS signals",
                    keyword.value
                );
                let span = if text.text.is_empty() { keyword.span } else { text.span };
                let help = match text.text.starts_with('[') {
                    true => "this begins like JSON, but is none: its strings stand in double quotes, with commas \
                             between them"
                        .to_owned(),
                    false => format!(
                        "write `{} [\"program\", \"argument\"]`; if a shell is needed, SHELL says so",
                        keyword.value
                    ),
                };
                cx.warn(place, Diagnostic::warning(self.name(), message, span).help(help));
            }
        }
    }
}
