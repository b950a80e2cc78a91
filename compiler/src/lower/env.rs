//! ENV: variables of the image. All values are taken from before the instruction.

use grammar::Diagnostic;
use grammar::instruction::Pairs;

use super::Cx;
use crate::image::{self, Made};

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Pairs) -> Result<(), Diagnostic> {
    let pairs = expanded(cx, it)?;
    let mut text = String::from("ENV");
    for (name, value) in &pairs {
        text.push_str(&format!(" {name}={value}"));
        let stage = cx.stage();
        stage.tree.env.set(name, value);
        image::set_env(&mut stage.image, &mut stage.env_places, name, value);
    }
    cx.commit(text, Made::Nothing);
    Ok(())
}

/// Names and values of ENV or LABEL.
pub(super) fn expanded(
    cx: &mut Cx<'_, '_>,
    it: &Pairs,
) -> Result<Vec<(String, String)>, Diagnostic> {
    it.pairs.iter().map(|(name, value)| Ok((cx.expand(name)?, cx.expand(value)?))).collect()
}
