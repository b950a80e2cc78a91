//! A context, or a part of one, as a layer: for `FROM` of a folder and for bind mounts.
//!
//! COPY does not come here: it takes its files straight from the folder.

use std::sync::Arc;
use std::time::Duration;

use compiler::key::VERSION;
use compiler::{KeyRecord, Role, StepId};
use store::{Entry, Keep, Kind, Meanwhile, TreeDigest};

use crate::cache::preimage::Preimage;
use crate::cache::{Definition, InputKey, Lookup, Ran};
use crate::content::{Content, DiskFile};
use crate::context::{Disk, hash_files};
use crate::draft::{Draft, NewFolder};
use crate::error::Cause;
use crate::op::file::copy::{Lay, lay};
use crate::op::file::digest::{Selected, digest};
use crate::op::file::owner::Owner;
use crate::op::file::select::{Selection, select_all};
use crate::run::{Cx, unchanged};
use crate::snapshot::Layer;
use crate::tree::Found;

/// A part of a context with its digest.
pub(crate) struct ContextPart {
    /// Where it is, links followed.
    pub(crate) path: Vec<u8>,
    selection: Selection,
    /// Of all in it.
    pub(crate) selected: Selected,
}

impl ContextPart {
    /// Changes what the layer will say of each entry.
    pub(crate) fn change(&mut self, mut change: impl FnMut(&mut Entry)) {
        self.selection.found_mut().for_each(|found| change(&mut found.entry));
    }
}

/// Looks at all that is at a path of a context.
///
/// # Errors
/// It is not there, or cannot be read.
pub(crate) fn context_selection(
    cx: &Cx<'_>,
    disk: &Disk,
    path: &[u8],
) -> Result<ContextPart, Cause> {
    let mut selection = select_all(disk, path)?;
    let now = (cx.env.now)();
    hash_files(disk, cx.env.store, &cx.stats, now, selection.found_mut())?;
    let mut selected = digest(&selection, false);
    let root = selection.matches.first().map(|one| &one.root.entry);
    let path = root.map(|root| root.path.clone()).unwrap_or_default();
    // The layer has the part at its place, with the mode of its top: COPY knows better, a mount does not.
    let mut whole = blake3::Hasher::new();
    whole.update(&selected.digest).update(&path);
    whole.update(&root.map_or(0, |root| root.mode).to_le_bytes());
    selected.digest = *whole.finalize().as_bytes();
    Ok(ContextPart { path, selection, selected })
}

/// The layer that holds a part of a context, at the path it has there; all in it is root's.
///
/// # Errors
/// A file cannot be read, or the store cannot be written.
pub(crate) fn context_layer(
    cx: &Cx<'_>,
    id: StepId,
    disk: &Arc<Disk>,
    part: &ContextPart,
) -> Result<Layer, Cause> {
    let store = cx.env.store;
    let components = vec![("op".to_owned(), "context layer".to_owned())];
    let definition = Definition::new(KeyRecord { version: VERSION, components }, Vec::new());
    let content = definition.over(&[InputKey::whole(Role::Base, id, &part.selected.digest)]);
    let key = content.key();
    let slot = format!("{}\ncontext {}", cx.env.settings.project, disk.path().display());
    let lookup = Lookup { definition, slot, name: "build context".into() };
    if let Some(layer) = lookup.find(store, &key)?.and_then(|hit| hit.layers.first().copied()) {
        return Ok(layer);
    }
    let (index, contents) = context_draft(cx, disk, part)?.finish()?;
    let result = index.result_digest();
    let layer = store.add_sourced(index, &cx.source(&contents), Keep::Files)?;
    unchanged(&contents)?;
    let preimage = Preimage::new(&lookup.definition, &content);
    let started = cx.now().secs;
    let ran = Ran { result: TreeDigest(result.0), layer, duration: Duration::ZERO, started };
    Ok(lookup.record(store, &[key], &preimage, &ran, Meanwhile::Result)?.layer())
}

/// As a draft of a layer.
///
/// # Errors
/// Something does not fit: a bug.
pub(crate) fn context_draft(
    cx: &Cx<'_>,
    disk: &Arc<Disk>,
    part: &ContextPart,
) -> Result<Draft<'static>, Cause> {
    let root = Owner { uid: 0, gid: 0 };
    let mut draft = Draft::new(None, cx.now());
    let content =
        |found: &Found| -> Result<Option<Content>, Cause> { Ok(disk_content(disk, found)) };
    for one in &part.selection.matches {
        if !one.root.entry.is_dir() {
            let above = store::layer::index::parent(&one.root.entry.path);
            draft.make_folders(above, NewFolder { mode: 0o755, owner: root, mtime: None })?;
            draft.put(one.root.entry.clone(), content(&one.root)?);
            continue;
        }
        let dest = format!("/{}", String::from_utf8_lossy(&one.root.entry.path));
        let how =
            Lay { dest: &dest, owner: None, chmod: None, keep_owner: false, as_folder: false };
        lay(&mut draft, one, &how, &content)?;
        let mode = one.root.entry.mode;
        draft.change(&one.root.entry.path, |entry: &mut Entry| entry.mode = mode);
    }
    Ok(draft)
}

/// Where the content of a file of a context is.
pub(crate) fn disk_content(disk: &Arc<Disk>, found: &Found) -> Option<Content> {
    match &found.entry.kind {
        Kind::File { .. } if found.socket => Some(Content::Bytes(Arc::from([]))),
        Kind::File { .. } => Some(Content::Disk(Arc::new(DiskFile {
            disk: Arc::clone(disk),
            path: found.entry.path.clone(),
            seen: found.seen,
        }))),
        Kind::Whiteout
        | Kind::Dir { .. }
        | Kind::Hardlink { .. }
        | Kind::Symlink { .. }
        | Kind::Char { .. }
        | Kind::Block { .. }
        | Kind::Fifo => None,
    }
}
