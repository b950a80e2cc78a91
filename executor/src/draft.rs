//! [`Draft`]: a layer while it is made: what changes over a base tree, and where the contents are.
//!
//! Questions are answered over base and changes together, so that one action sees what the one before it did. Nothing is
//! written anywhere: the result is an index and a place for the content of each file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use store::layer::index::{is_below, join, parent};
use store::{Entry, Kind, LayerId, LayerIndex, Mtime, TreeView};

use crate::content::Content;
use crate::error::Cause;
use crate::op::file::owner::Owner;
use crate::tree::{Last, Step, components, display, resolve};
use crate::unpacked::Contents;

/// The tree that a layer is made over.
#[derive(Debug)]
pub(crate) struct Base {
    /// The tree.
    pub(crate) view: TreeView,
    /// Its layers, bottom first.
    pub(crate) layers: Vec<LayerId>,
    /// The contents of those whose blob is not there yet.
    pub(crate) unpacked: BTreeMap<LayerId, Arc<Contents>>,
}

impl Base {
    /// A tree whose layers are all in the store.
    pub(crate) fn new(view: TreeView, layers: Vec<LayerId>) -> Base {
        Base { view, layers, unpacked: BTreeMap::new() }
    }

    /// The content at a place of the tree.
    pub(crate) fn content_at(&self, at: store::Place) -> Content {
        let layer = self.layers[at.layer];
        let unpacked = self.unpacked.get(&layer).and_then(|contents| contents[at.position].clone());
        unpacked.unwrap_or(Content::Layer { layer, position: at.position })
    }

    /// The layers that an overlay needs: not the empty ones, and each only once, since the kernel refuses a folder that
    /// stands twice. Of a layer that comes again further up only the upper one can be seen.
    pub(crate) fn visible_layers(&self) -> Vec<LayerId> {
        let mut seen = BTreeSet::new();
        let from_top = self.layers.iter().zip(self.view.layers()).rev();
        let mut visible: Vec<LayerId> = from_top
            .filter(|(id, index)| !index.is_empty() && seen.insert(**id))
            .map(|(id, _)| *id)
            .collect();
        visible.reverse();
        visible
    }
}

/// A layer being made.
pub(crate) struct Draft<'a> {
    base: Option<&'a Base>,
    changes: BTreeMap<Vec<u8>, Change>,
    /// The time of what is made without having one of its own.
    now: Mtime,
}

/// What happens to one path.
enum Change {
    /// It becomes this; what the base has there is merged with it only if both are folders and this one is not opaque.
    Put(Entry, Option<Content>),
    /// It is removed.
    Removed,
}

/// Mode and owner of folders that are made on the way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewFolder {
    /// Permission bits.
    pub(crate) mode: u32,
    /// Owner.
    pub(crate) owner: Owner,
    /// Modification time; `None` for now.
    pub(crate) mtime: Option<Mtime>,
}

impl<'a> Draft<'a> {
    /// Starts without changes over a base (`None`: an empty tree).
    pub(crate) fn new(base: Option<&'a Base>, now: Mtime) -> Draft<'a> {
        Draft { base, changes: BTreeMap::new(), now }
    }

    /// The time of what has none of its own.
    pub(crate) fn now(&self) -> Mtime {
        self.now
    }

    /// What is at a path, links not followed; the root is a folder.
    pub(crate) fn get(&self, path: &[u8]) -> Option<Entry> {
        match self.changes.get(path) {
            Some(Change::Put(entry, _)) => return Some(entry.clone()),
            Some(Change::Removed) => return None,
            None => {}
        }
        if self.is_hidden(path) {
            return None;
        }
        let node = self.base?.view.get(path)?;
        Some(Entry { path: path.to_vec(), ..node.entry.clone() })
    }

    /// Whether a change above a path hides what the base has there.
    fn is_hidden(&self, path: &[u8]) -> bool {
        let mut above = path;
        while !above.is_empty() {
            above = parent(above);
            match self.changes.get(above) {
                Some(Change::Removed) => return true,
                Some(Change::Put(entry, _)) => match entry.kind {
                    Kind::Dir { opaque: false } => {}
                    Kind::Dir { opaque: true } => return true,
                    Kind::Whiteout
                    | Kind::File { .. }
                    | Kind::Hardlink { .. }
                    | Kind::Symlink { .. }
                    | Kind::Char { .. }
                    | Kind::Block { .. }
                    | Kind::Fifo => return true,
                },
                None => {}
            }
        }
        false
    }

    /// Follows a path; what does not exist of it stays as written.
    ///
    /// # Errors
    /// As [`resolve`].
    pub(crate) fn resolve(&self, path: &[u8], last: Last) -> Result<Vec<u8>, Cause> {
        resolve(&|path| Ok(Step::of(self.get(path).as_ref())), path, last)
    }

    /// Puts something at a path whose folder exists. What is there goes, unless both are folders.
    pub(crate) fn put(&mut self, mut entry: Entry, content: Option<Content>) {
        self.touch_parents(&entry.path);
        let both_folders = entry.is_dir() && self.get(&entry.path).is_some_and(|old| old.is_dir());
        if both_folders {
            if let Some(Change::Put(old, _)) = self.changes.get(&entry.path)
                && let (Kind::Dir { opaque: true }, Kind::Dir { opaque }) =
                    (&old.kind, &mut entry.kind)
            {
                *opaque = true;
            }
        } else {
            let hides = self.base_has(&entry.path);
            self.forget(&entry.path);
            if let Kind::Dir { opaque } = &mut entry.kind {
                // A folder in the place of something else: below it the base must not shine through. (What is a
                // file there is hidden by the kernel and by TreeView anyway; a removed folder is not.)
                *opaque |= hides;
            }
        }
        self.changes.insert(entry.path.clone(), Change::Put(entry, content));
    }

    /// Another name for a file that was put before.
    pub(crate) fn link(&mut self, mut entry: Entry, target: &[u8]) {
        entry.kind = Kind::Hardlink { target: target.to_vec() };
        self.put(entry, None);
    }

    /// Another name for a file that may be one of the base; that becomes a file of its own. `false` if there is none.
    pub(crate) fn link_to(&mut self, entry: Entry, target: &[u8]) -> bool {
        match self.changes.get(target) {
            Some(Change::Put(there, _)) => match &there.kind {
                Kind::File { .. } => self.link(Entry { path: entry.path, ..there.clone() }, target),
                Kind::Hardlink { target } => {
                    let (there, first) = (there.clone(), target.clone());
                    self.link(Entry { path: entry.path, ..there }, &first);
                }
                Kind::Whiteout
                | Kind::Dir { .. }
                | Kind::Symlink { .. }
                | Kind::Char { .. }
                | Kind::Block { .. }
                | Kind::Fifo => return false,
            },
            Some(Change::Removed) => return false,
            None => {
                let Some((there, content)) = self.base_file(target) else { return false };
                self.put(Entry { path: entry.path, ..there }, Some(content));
            }
        }
        true
    }

    /// A file of the base with the place of its content.
    fn base_file(&self, path: &[u8]) -> Option<(Entry, Content)> {
        let base = self.base.filter(|_| !self.is_hidden(path))?;
        let node = base.view.get(path)?;
        let content = base.view.content(node)?;
        let kind = Kind::File { size: content.size, digest: content.digest };
        let place = base.content_at(content.at);
        Some((Entry { kind, ..node.entry.clone() }, place))
    }

    /// Makes the image not have what the base has at a path; what the draft itself puts there stays.
    pub(crate) fn hide(&mut self, path: &[u8]) {
        if !matches!(self.changes.get(path), Some(Change::Put(..))) {
            self.touch_parents(path);
            self.changes.insert(path.to_vec(), Change::Removed);
        }
    }

    /// Hides all that the base has in a folder.
    pub(crate) fn make_opaque(&mut self, path: &[u8]) {
        if let Some(mut entry) = self.get(path)
            && let Kind::Dir { opaque } = &mut entry.kind
        {
            *opaque = true;
            self.put(entry, None);
        }
    }

    /// Changes the metadata of what is at a path; content and kind stay.
    pub(crate) fn change(&mut self, path: &[u8], change: impl FnOnce(&mut Entry)) {
        match self.changes.get_mut(path) {
            Some(Change::Put(entry, _)) => change(entry),
            Some(Change::Removed) => {}
            None => {
                if let Some(mut entry) = self.get(path).filter(Entry::is_dir) {
                    if let Kind::Dir { opaque } = &mut entry.kind {
                        *opaque = false;
                    }
                    change(&mut entry);
                    self.put(entry, None);
                }
            }
        }
    }

    /// Makes a folder and what is missing above it; folders that are there stay as they are. The path is resolved
    /// already.
    ///
    /// # Errors
    /// Something on the way is no folder.
    pub(crate) fn make_folders(&mut self, path: &[u8], new: NewFolder) -> Result<(), Cause> {
        let mut at: Vec<u8> = Vec::new();
        for name in components(path) {
            at = join(&at, name);
            match self.get(&at) {
                Some(entry) if entry.is_dir() => {}
                Some(_) => {
                    return Err(Cause::file(format!(
                        "cannot make the folder `/{}`: not a directory",
                        display(&at)
                    )));
                }
                None => self.put(
                    Entry {
                        path: at.clone(),
                        kind: Kind::Dir { opaque: false },
                        mode: new.mode,
                        uid: new.owner.uid,
                        gid: new.owner.gid,
                        mtime: new.mtime.unwrap_or(self.now),
                        xattrs: Vec::new(),
                    },
                    None,
                ),
            }
        }
        Ok(())
    }

    fn base_has(&self, path: &[u8]) -> bool {
        !self.is_hidden(path) && self.base.is_some_and(|base| base.view.get(path).is_some())
    }

    /// Folders above a change stand in the layer, too, with what they are in the base: laid over another tree, the
    /// layer must not make up owners and modes.
    fn touch_parents(&mut self, path: &[u8]) {
        let mut above = parent(path);
        while !above.is_empty() && !self.changes.contains_key(above) {
            let Some(mut entry) = self.get(above) else { break };
            if let Kind::Dir { opaque } = &mut entry.kind {
                *opaque = false;
            }
            self.changes.insert(above.to_vec(), Change::Put(entry, None));
            above = parent(above);
        }
    }

    /// Drops the changes at a path and below.
    fn forget(&mut self, path: &[u8]) {
        let doomed: Vec<Vec<u8>> = self
            .changes
            .range(path.to_vec()..)
            .map(|(known, _)| known)
            .take_while(|known| known.starts_with(path))
            .filter(|known| *known == path || is_below(known, path))
            .cloned()
            .collect();
        if doomed.is_empty() {
            return;
        }
        let gone: BTreeSet<&Vec<u8>> = doomed.iter().collect();
        self.keep_links_of(&gone);
        for path in &doomed {
            self.changes.remove(path);
        }
    }

    /// A file whose first name goes lives on under its next one.
    fn keep_links_of(&mut self, gone: &BTreeSet<&Vec<u8>>) {
        let mut heirs: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for (path, change) in &self.changes {
            if let Change::Put(Entry { kind: Kind::Hardlink { target }, .. }, _) = change
                && gone.contains(target)
                && !gone.contains(path)
            {
                heirs.entry(target.clone()).or_insert_with(|| path.clone());
            }
        }
        for (old, heir) in &heirs {
            let Some(Change::Put(holder, content)) = self.changes.get_mut(old) else { continue };
            let (kind, content) = (holder.kind.clone(), content.take());
            if let Some(Change::Put(entry, place)) = self.changes.get_mut(heir) {
                entry.kind = kind;
                *place = content;
            }
            for change in self.changes.values_mut() {
                if let Change::Put(Entry { kind: Kind::Hardlink { target }, .. }, _) = change
                    && target == old
                {
                    target.clone_from(heir);
                }
            }
        }
    }

    /// Drops what the base has just so, down to the time: `COPY --from=builder / /` shall not bring a whole system once
    /// more. The time of a folder alone is no change.
    fn drop_unchanged(&mut self) {
        let Some(base) = self.base else { return };
        let paths = self.changes.keys();
        let same: BTreeSet<Vec<u8>> =
            paths.filter(|path| self.is_unchanged(base, path)).cloned().collect();
        self.keep_links_of(&same.iter().collect());
        let (folders, others): (Vec<_>, Vec<_>) = same.into_iter().partition(
            |path| matches!(self.changes.get(path), Some(Change::Put(entry, _)) if entry.is_dir()),
        );
        for path in others {
            self.changes.remove(&path);
        }
        // The deepest first; one with something below stays as the parent of that.
        for path in folders.into_iter().rev() {
            let below = [path.as_slice(), b"/"].concat();
            let next = self.changes.range(below.clone()..).next();
            if !next.is_some_and(|(known, _)| known.starts_with(&below)) {
                self.changes.remove(&path);
            }
        }
    }

    /// Whether the base has at a path what the draft puts there.
    fn is_unchanged(&self, base: &Base, path: &[u8]) -> bool {
        let Some(Change::Put(entry, _)) = self.changes.get(path) else { return false };
        if path.is_empty() || self.is_hidden(path) {
            return false;
        }
        let Some(node) = base.view.get(path) else { return false };
        let Entry { path: _, kind, mode, uid, gid, mtime, xattrs } = node.entry;
        if (mode, uid, gid, xattrs) != (&entry.mode, &entry.uid, &entry.gid, &entry.xattrs) {
            return false;
        }
        let held = match &entry.kind {
            Kind::Hardlink { target } => match self.changes.get(target) {
                Some(Change::Put(holder, _)) => &holder.kind,
                Some(Change::Removed) | None => return false,
            },
            kind @ (Kind::Whiteout
            | Kind::Dir { .. }
            | Kind::File { .. }
            | Kind::Symlink { .. }
            | Kind::Char { .. }
            | Kind::Block { .. }
            | Kind::Fifo) => kind,
        };
        match held {
            Kind::Dir { opaque } => !opaque && node.entry.is_dir(),
            Kind::File { digest, .. } => {
                let there = base.view.content(node);
                *mtime == entry.mtime && there.is_some_and(|there| there.digest == *digest)
            }
            Kind::Symlink { .. } | Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => {
                *mtime == entry.mtime && kind == held
            }
            Kind::Whiteout | Kind::Hardlink { .. } => false,
        }
    }

    /// The finished layer, with the content of each entry that has one, by position.
    ///
    /// # Errors
    /// The changes make no layer (a bug, or a name with a NUL).
    pub(crate) fn finish(mut self) -> Result<(LayerIndex, Vec<Option<Content>>), Cause> {
        self.drop_unchanged();
        let mut contents: BTreeMap<Vec<u8>, Content> = BTreeMap::new();
        let mut entries: Vec<Entry> = Vec::with_capacity(self.changes.len());
        let mut links: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (path, change) in self.changes {
            match change {
                Change::Removed => entries.push(whiteout(path)),
                Change::Put(entry, content) => {
                    if let Kind::Hardlink { target } = &entry.kind {
                        links.push((path.clone(), target.clone()));
                    }
                    contents.extend(content.map(|content| (path, content)));
                    entries.push(entry);
                }
            }
        }
        // The index may make another name of a file the one with the content, so each name knows it.
        for (path, target) in links {
            if let Some(content) = contents.get(&target).cloned() {
                contents.insert(path, content);
            }
        }
        let index = LayerIndex::new(entries).map_err(|error| Cause::file(error.to_string()))?;
        let places = index
            .entries()
            .iter()
            .map(|entry| match entry.kind {
                Kind::File { .. } => contents.remove(&entry.path),
                Kind::Whiteout
                | Kind::Dir { .. }
                | Kind::Hardlink { .. }
                | Kind::Symlink { .. }
                | Kind::Char { .. }
                | Kind::Block { .. }
                | Kind::Fifo => None,
            })
            .collect();
        Ok((index, places))
    }
}

fn whiteout(path: Vec<u8>) -> Entry {
    Entry {
        path,
        kind: Kind::Whiteout,
        mode: 0,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        xattrs: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
