//! VOLUME.

use grammar::Diagnostic;
use grammar::instruction::Volume;

use super::Cx;
use crate::image::{Made, spaced};

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Volume) -> Result<(), Diagnostic> {
    let mut paths = Vec::new();
    for word in &it.paths {
        let path = cx.expand(word)?;
        if path.is_empty() {
            let message = "VOLUME specified can not be an empty string";
            return Err(Diagnostic::error("empty-volume", message, word.span));
        }
        paths.push(path);
    }
    for path in &paths {
        cx.stage().image.config.volumes.insert(path.clone(), oci::config::Empty {});
    }
    cx.commit(format!("VOLUME {}", spaced(&paths)), Made::Nothing);
    Ok(())
}
