//! CMD and ENTRYPOINT: what a container starts.

use grammar::Diagnostic;
use grammar::instruction::{Command, CommandLine};

use super::Cx;
use crate::image::{self, Made, quoted_list};

pub(super) fn lower_cmd(cx: &mut Cx<'_, '_>, it: &Command) -> Result<(), Diagnostic> {
    let words = words(cx, &it.line);
    cx.commit(format!("CMD {}", quoted_list(&words)), Made::Nothing);
    let stage = cx.stage();
    stage.image.config.cmd = Some(words);
    stage.image.config.args_escaped = true;
    stage.has_cmd = true;
    Ok(())
}

pub(super) fn lower_entrypoint(cx: &mut Cx<'_, '_>, it: &Command) -> Result<(), Diagnostic> {
    let words = words(cx, &it.line);
    cx.commit(format!("ENTRYPOINT {}", quoted_list(&words)), Made::Nothing);
    let stage = cx.stage();
    stage.image.config.entrypoint = Some(words).filter(|words| !words.is_empty());
    // A CMD of the base was meant for the base's ENTRYPOINT.
    if !stage.has_cmd {
        stage.image.config.cmd = None;
    }
    Ok(())
}

fn words(cx: &mut Cx<'_, '_>, line: &CommandLine) -> Vec<String> {
    match line {
        CommandLine::Shell(text) => image::with_shell(&cx.stage().image, &text.text),
        CommandLine::Exec(words) => words.iter().map(|word| word.text.clone()).collect(),
    }
}
