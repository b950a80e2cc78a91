//! CMD and ENTRYPOINT in JSON form.

use grammar::instruction::CommandLine;
use grammar::{Code, Diagnostic, Fix, Instruction, Span, Word};

use crate::lint::{Cx, Rule};
use crate::shell::{ShellScript, ShellWord};

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
                let mut warning = Diagnostic::warning(self.name(), message, span).help(help);
                warning.fix = in_json(&text.text).map(|json| {
                    let title = "write it in JSON form".to_owned();
                    Box::new(Fix { title, edits: vec![(span, json)], is_safe: false })
                });
                cx.warn(place, warning);
            }
        }
    }
}

/// A command line in JSON form, if it needs no shell: one command of plain words.
fn in_json(text: &str) -> Option<String> {
    let script = ShellScript::read(Word::verbatim(text, Span::new(0, text.len())))?;
    let [command] = script.commands.as_slice() else { return None };
    let words = match command.words.as_slice() {
        [exec, rest @ ..] if exec.text == "exec" => rest,
        words => words,
    };
    const BUILT_IN: [&str; 9] =
        ["cd", "set", "export", ".", "source", "eval", ":", "ulimit", "umask"];
    let is_plain = |word: &ShellWord| {
        let written = text.get(word.range.clone()).unwrap_or_default();
        let is_open = written.contains(['*', '?', '[', '{', '~', '\\']);
        word.is_static
            && !is_open
            && !word.text.contains(['"', '\\'])
            && word.text.chars().all(|c| !c.is_control())
    };
    let first = words.first()?;
    let fits = command.assignments.is_empty()
        && command.redirects.is_empty()
        && command.is_certain
        && text.trim_end().len() == command.range.end
        && command.range.start == 0
        && !BUILT_IN.contains(&first.text.as_str())
        && words.iter().all(is_plain);
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{}\"", word.text)).collect();
    fits.then(|| format!("[{}]", quoted.join(", ")))
}
