//! WORKDIR: the folder for what follows; made as a layer of its own unless it is the root.

use grammar::Diagnostic;
use grammar::instruction::Workdir;

use super::{Cx, name};
use crate::graph::{Input, Role};
use crate::image::Made;
use crate::op::{FileAction, FileOp, MkdirAction, Op};
use crate::paths;
use crate::stages::Stage;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Workdir) -> Result<(), Diagnostic> {
    let path = cx.expand(&it.path)?;
    set(cx.stage(), &path);
    let folder = cx.stage().tree.workdir.clone();
    let mut made = Made::Nothing;
    if folder != "/" {
        let env = cx.stage().tree.env.clone();
        let escape = cx.conversion.file.dialect.escape;
        let text = name::expanded(cx.command.statement.original.trim(), &env, escape);
        let step_name = cx.step_name(&name::upper_case(&text), &env);
        let stage = cx.stage();
        let owner = Some(stage.image.config.user.clone()).filter(|user| !user.is_empty());
        let base = stage.tree.step;
        let path = paths::clean(&folder);
        let action = MkdirAction { path, owner, time: cx.conversion.epoch };
        let op = Op::File(FileOp { actions: vec![FileAction::Mkdir(action)], on_scratch: false });
        let inputs = base.map(|step| Input { step, role: Role::Base }).into_iter().collect();
        let step = cx.add_step(op, inputs, step_name);
        cx.advance(step);
        made = Made::Layer;
    }
    cx.commit(format!("WORKDIR {folder}"), made);
    Ok(())
}

/// Changes the folder. An absolute path stays as it is written, slashes at its end included.
pub(super) fn set(stage: &mut Stage<'_>, path: &str) {
    let folder = paths::absolute(&stage.image.config.working_dir, path);
    stage.tree.workdir.clone_from(&folder);
    stage.image.config.working_dir = folder;
}
