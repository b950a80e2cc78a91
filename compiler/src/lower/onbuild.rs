//! ONBUILD: kept in the image word for word; makes no history.

use grammar::Diagnostic;
use grammar::instruction::Onbuild;

use super::Cx;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Onbuild) -> Result<(), Diagnostic> {
    cx.stage().image.config.on_build.push(it.expression.text.clone());
    Ok(())
}
