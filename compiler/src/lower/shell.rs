//! SHELL: what runs shell forms from here on.

use grammar::Diagnostic;
use grammar::instruction::Shell;

use super::Cx;
use crate::image::{Made, spaced};

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Shell) -> Result<(), Diagnostic> {
    let words: Vec<String> = it.words.iter().map(|word| word.text.clone()).collect();
    cx.commit(format!("SHELL {}", spaced(&words)), Made::Nothing);
    cx.stage().image.config.shell = words;
    Ok(())
}
