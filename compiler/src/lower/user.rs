//! USER: kept as it is written; who that is shows when something runs.

use grammar::Diagnostic;
use grammar::instruction::User;

use super::Cx;
use crate::image::Made;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &User) -> Result<(), Diagnostic> {
    let user = cx.expand(&it.user)?;
    cx.commit(format!("USER {user}"), Made::Nothing);
    let word = Some(it.user.span).filter(|_| !cx.command.on_build);
    let stage = cx.stage();
    stage.tree.user_word = word;
    stage.tree.user.clone_from(&user);
    stage.image.config.user = user;
    Ok(())
}
