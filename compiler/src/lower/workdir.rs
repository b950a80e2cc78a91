//! WORKDIR: the folder for what follows; made as a layer of its own unless it is the root.

use grammar::Diagnostic;
use grammar::instruction::Workdir;

use super::{Cx, name};
use crate::facts::Fact;
use crate::graph::{Input, Role, Words};
use crate::image::Made;
use crate::op::{FileAction, FileOp, MkdirAction, Op};
use crate::paths::{self, windows, windows::PathError};
use crate::stages::Stage;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Workdir) -> Result<(), Diagnostic> {
    let path = cx.expand(&it.path)?;
    note_relative(cx, &path, it);
    set(cx.stage(), &path)
        .map_err(|error| Diagnostic::error("invalid-path", error.to_string(), it.path.span))?;
    let folder = cx.stage().tree.workdir.clone();
    let mut made = Made::Nothing;
    cx.spend(folder.len())?;
    if folder != "/" {
        let env = cx.stage().tree.env.clone();
        let escape = cx.conversion.file.dialect.escape;
        let text = name::expanded(cx.command.statement.original.trim(), &env, escape);
        let step_name = cx.step_name(&name::upper_case(&text), &env);
        let stage = cx.stage();
        let owner = Some(stage.image.config.user.clone()).filter(|user| !user.is_empty());
        let (base, user) = (stage.tree.step, stage.tree.user_word);
        let path = paths::clean(&folder);
        let action = MkdirAction { path, owner, time: cx.conversion.epoch };
        let op = Op::File(FileOp { actions: vec![FileAction::Mkdir(action)], on_scratch: false });
        let words = Words { parts: vec![Some(it.path.span)], owner: user, ..Words::default() };
        let inputs = base.map(|step| Input { step, role: Role::Base }).into_iter().collect();
        let step = cx.add_step(op, inputs, (step_name, words));
        cx.advance(step);
        made = Made::Layer;
    }
    cx.commit(format!("WORKDIR {folder}"), made);
    Ok(())
}

fn note_relative(cx: &mut Cx<'_, '_>, path: &str, it: &Workdir) {
    let absolute = match cx.platform().os.as_str() {
        "windows" => windows::plain(path, false).is_ok_and(|path| path.starts_with('/')),
        _ => path.starts_with('/'),
    };
    if !absolute {
        let path = path.to_owned();
        cx.conversion.out.note(Fact::RelativeWorkdir { path, span: it.path.span });
    }
}

/// Changes the folder. An absolute path stays as it is written, slashes at its end included.
///
/// # Errors
/// A path that no Windows image has.
pub(super) fn set(stage: &mut Stage<'_>, path: &str) -> Result<(), PathError> {
    let current = &stage.image.config.working_dir;
    let on_windows = stage.platform.as_ref().is_some_and(|platform| platform.os == "windows");
    if !on_windows {
        stage.tree.workdir = paths::absolute(current, path);
        stage.image.config.working_dir.clone_from(&stage.tree.workdir);
        return Ok(());
    }
    let current = paths::absolute("/", &windows::plain(current, false)?);
    stage.tree.workdir = match path {
        "" => current,
        path => paths::absolute(&current, &windows::plain(path, false)?),
    };
    stage.image.config.working_dir = windows::native(&stage.tree.workdir);
    Ok(())
}
