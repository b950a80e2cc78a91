//! `RUN --mount`: what each mount shows, made ready for the sandbox.

use std::path::{Path, PathBuf};

use compiler::Step;
use compiler::op::{ExecOp, MountKind, MountOwner};
use sandbox::{Mount, Source, Tree, Upper};
use store::{CacheMount, Folder};

use super::MountInput;
use crate::draft::Base;
use crate::error::Cause;
use crate::run::Cx;
use crate::snapshot::Snapshot;
use agent::Forward;
use cache::Cache;

mod agent;
mod cache;

/// Mounts, and what must live as long as they do.
pub(super) struct Prepared {
    pub(super) mounts: Vec<Mount>,
    pub(super) kept: Kept,
}

/// Locks on caches, folders for writes that are thrown away, and sockets.
#[derive(Default)]
pub(super) struct Kept {
    caches: Vec<(String, CacheMount)>,
    folders: Vec<Folder>,
    agents: Vec<Forward>,
}

/// Makes the mounts of a command ready.
///
/// # Errors
/// A source is not there, a required secret was not given, or the store cannot be written.
pub(super) fn prepare(
    cx: &Cx<'_>,
    (op, step): (&ExecOp, &Step),
    inputs: &[Option<MountInput>],
) -> Result<Prepared, Cause> {
    let (words, fresh) = (&step.words, step.ignore_cache);
    let mut kept = Kept::default();
    let mut sources: Vec<Option<Source>> = Vec::new();
    sources.resize_with(op.mounts.len(), || None);
    for number in in_order(op) {
        let (mount, input) = (&op.mounts[number], inputs[number].as_ref());
        sources[number] = match &mount.kind {
            MountKind::Bind { source } => match input {
                Some(input) => Some(
                    bind(cx, &mut kept, input, source, mount.readonly)
                        .map_err(|cause| cause.at(words.part(number)))?,
                ),
                None => Some(empty(cx, &mut kept)?),
            },
            MountKind::Cache { id, sharing, source, owner } => {
                let cache = Cache { name: id, sharing: *sharing, owner: *owner, source, fresh };
                Some(match input {
                    Some(input) => cache.over(cx, &mut kept, input)?,
                    None => cache.plain(cx, &mut kept)?,
                })
            }
            MountKind::Tmpfs { size } => Some(Source::Tmpfs { size: *size }),
            MountKind::Secret { id, required, owner } => {
                secret(cx, id, *required, *owner).map_err(|cause| cause.at(words.part(number)))?
            }
            MountKind::Ssh { id, required, owner } => socket(cx, &mut kept, id, *required, *owner)
                .map_err(|cause| cause.at(words.part(number)))?,
            MountKind::Script { content } => Some(Source::File {
                content: content.clone().into_bytes(),
                uid: 0,
                gid: 0,
                mode: 0o755,
            }),
        };
    }
    let mounts = op.mounts.iter().zip(sources).filter_map(|(mount, source)| {
        // A relative target of a secret starts at the working directory.
        let (target, readonly) = (Path::new(&op.cwd).join(&mount.target), mount.readonly);
        source.map(|source| Mount { target, readonly, source })
    });
    Ok(Prepared { mounts: mounts.collect(), kept })
}

/// Caches first and by name, so that two commands never each wait for a cache that the other has.
fn in_order(op: &ExecOp) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..op.mounts.len()).collect();
    numbers.sort_by_key(|number| match &op.mounts[*number].kind {
        MountKind::Cache { id, .. } => (false, id.as_str()),
        MountKind::Bind { .. }
        | MountKind::Tmpfs { .. }
        | MountKind::Secret { .. }
        | MountKind::Ssh { .. }
        | MountKind::Script { .. } => (true, ""),
    });
    numbers
}

/// A part of another tree; writes go to a folder that is thrown away.
fn bind(
    cx: &Cx<'_>,
    kept: &mut Kept,
    input: &MountInput,
    source: &str,
    readonly: bool,
) -> Result<Source, Cause> {
    let (tree, path) = input.layers(cx, source)?;
    let tree = show(cx, kept, &tree, readonly)?;
    Ok(Source::Bind { tree, path })
}

fn show(cx: &Cx<'_>, kept: &mut Kept, tree: &Snapshot, readonly: bool) -> Result<Tree, Cause> {
    let store = cx.env.store;
    let lowers = lowers(cx, tree)?;
    if let ([one], true) = (lowers.as_slice(), readonly) {
        return Ok(Tree::Folder(one.clone()));
    }
    if readonly && cx.can_overlay() {
        return Ok(Tree::Overlay { lowers, upper: None });
    }
    let folder = store.new_folder()?;
    let shown = if cx.can_overlay() {
        let upper = Upper { folder: folder.fs(), work: folder.work() };
        Tree::Overlay { lowers, upper: Some(upper) }
    } else {
        store.write_flat(&store.flatten(&tree.ids())?, &folder.fs())?;
        Tree::Folder(folder.fs())
    };
    kept.folders.push(folder);
    Ok(shown)
}

/// The files of a tree's layers; they are in the store already.
fn lowers(cx: &Cx<'_>, tree: &Snapshot) -> Result<Vec<PathBuf>, Cause> {
    let (store, layers) = (cx.env.store, tree.ids());
    let base = Base::new(store.view(&layers)?, layers);
    Ok(store.lay_out_chain(&base.visible_layers())?)
}

/// `from=scratch`: a folder with nothing in it.
fn empty(cx: &Cx<'_>, kept: &mut Kept) -> Result<Source, Cause> {
    let folder = cx.env.store.new_folder()?;
    let tree = Tree::Folder(folder.fs());
    kept.folders.push(folder);
    Ok(Source::Bind { tree, path: PathBuf::from("/") })
}

fn secret(
    cx: &Cx<'_>,
    id: &str,
    required: bool,
    owner: MountOwner,
) -> Result<Option<Source>, Cause> {
    let MountOwner { uid, gid, mode } = owner;
    match cx.env.secrets.secret(id)? {
        Some(content) => Ok(Some(Source::File { content, uid, gid, mode })),
        None if required => Err(Cause::SecretMissing { id: id.to_owned(), span: None }),
        None => Ok(None),
    }
}

fn socket(
    cx: &Cx<'_>,
    kept: &mut Kept,
    id: &str,
    required: bool,
    owner: MountOwner,
) -> Result<Option<Source>, Cause> {
    let id = if id.is_empty() { "default" } else { id };
    match cx.env.secrets.ssh_socket(id) {
        Some(agent) => {
            let failed = |source| Cause::Io { path: agent.clone(), source };
            let folder = cx.env.store.new_folder()?;
            let forward = Forward::new(folder, &agent, owner).map_err(failed)?;
            let tree = Tree::Folder(forward.socket());
            kept.agents.push(forward);
            Ok(Some(Source::Bind { tree, path: PathBuf::from("/") }))
        }
        None if required => Err(Cause::AgentMissing { id: id.to_owned(), span: None }),
        None => Ok(None),
    }
}
