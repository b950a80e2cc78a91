//! LABEL.

use grammar::Diagnostic;
use grammar::instruction::Pairs;

use super::{Cx, env};
use crate::image::Made;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Pairs) -> Result<(), Diagnostic> {
    let mut text = String::from("LABEL");
    for (name, value) in env::expanded(cx, it)? {
        text.push_str(&format!(" {name}={value}"));
        cx.stage().image.config.labels.insert(name, value);
    }
    cx.commit(text, Made::Nothing);
    Ok(())
}
