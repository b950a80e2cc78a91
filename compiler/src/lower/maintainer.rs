//! MAINTAINER: the image's author.

use grammar::Diagnostic;
use grammar::instruction::Maintainer;

use super::Cx;
use crate::image::Made;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Maintainer) -> Result<(), Diagnostic> {
    let name = &it.name.text;
    cx.stage().image.author = Some(name.clone()).filter(|name| !name.is_empty());
    cx.commit(format!("MAINTAINER {name}"), Made::Nothing);
    Ok(())
}
