//! COPY and ADD: lays what was selected into a draft.
//!
//! The rules are those of BuildKit's copy (fsutil): a new destination folder is root's with 755, an existing one keeps
//! mode and owner; folders below it take over the source's mode, files replace files and links, and neither a file
//! takes the place of a folder nor the other way round.

use std::collections::BTreeMap;

use store::layer::index::{join, parent};
use store::{Entry, Kind, Mtime};

use crate::content::Content;
use crate::draft::{Draft, NewFolder};
use crate::error::Cause;
use crate::op::file::chmod::Chmod;
use crate::op::file::owner::Owner;
use crate::op::file::select::{Item, Match};
use crate::tree::{Found, Last, LinkId, clean, display};

/// How things are laid in: what the flags of COPY say.
pub(crate) struct Lay<'a> {
    /// As in the action: a trailing slash says that it is a folder.
    pub(crate) dest: &'a str,
    /// `--chown`; `None` keeps the source's owner.
    pub(crate) owner: Option<Owner>,
    /// `--chmod`
    pub(crate) chmod: Option<Chmod>,
    /// Whether the source's owners count; otherwise all is root's.
    pub(crate) keep_owner: bool,
    /// Whether a folder is copied as itself (a git tree), so that a new destination takes its mode.
    pub(crate) as_folder: bool,
}

/// Finds the content of something that was selected.
pub(crate) type FindContent<'a> = &'a dyn Fn(&Found) -> Result<Option<Content>, Cause>;

impl Lay<'_> {
    /// What folders are that must be made on the way.
    pub(crate) fn new_folder(&self) -> NewFolder {
        NewFolder {
            mode: Chmod::parents(self.chmod.as_ref()),
            owner: self.owner.unwrap_or(Owner { uid: 0, gid: 0 }),
            mtime: None,
        }
    }

    fn owner_of(&self, entry: &Entry) -> Owner {
        match self.owner {
            Some(owner) => owner,
            None if self.keep_owner => Owner { uid: entry.uid, gid: entry.gid },
            None => Owner { uid: 0, gid: 0 },
        }
    }

    fn mode_of(&self, entry: &Entry) -> u32 {
        match (&self.chmod, &entry.kind) {
            (_, Kind::Symlink { .. }) => 0o777,
            (Some(chmod), _) => chmod.apply(entry.mode, entry.is_dir()),
            (None, _) => entry.mode,
        }
    }

    /// The entry at `path` for something of the source.
    fn entry(&self, path: Vec<u8>, found: &Found) -> Entry {
        let owner = self.owner_of(&found.entry);
        let kind = match &found.entry.kind {
            // mknod with a mode from which the bits of a socket were taken makes a character device of a block
            // device: BuildKit does so, and images rely on bytes being equal.
            Kind::Block { major, minor } => Kind::Char { major: *major, minor: *minor },
            Kind::Dir { .. } => Kind::Dir { opaque: false },
            kind @ (Kind::Whiteout
            | Kind::File { .. }
            | Kind::Hardlink { .. }
            | Kind::Symlink { .. }
            | Kind::Char { .. }
            | Kind::Fifo) => kind.clone(),
        };
        Entry {
            path,
            kind,
            mode: self.mode_of(&found.entry),
            uid: owner.uid,
            gid: owner.gid,
            mtime: found.entry.mtime,
            xattrs: found.entry.xattrs.clone(),
        }
    }
}

/// Lays one thing that a source word named into a draft.
///
/// # Errors
/// It does not fit with what is at the destination.
pub(crate) fn lay(
    draft: &mut Draft<'_>,
    one: &Match,
    lay: &Lay<'_>,
    content: FindContent<'_>,
) -> Result<(), Cause> {
    let target = prepare_target(draft, one, lay)?;
    if !one.root.entry.is_dir() {
        return put_leaf(draft, lay.entry(target, &one.root), content(&one.root)?);
    }
    match draft.get(&target) {
        Some(there) if !there.is_dir() => return Err(not_a_folder(&target)),
        // A destination that was there, or was made as one, takes the time of the source folder and nothing else.
        Some(_) if !lay.as_folder => {
            let root = &one.root.entry;
            // The root of a tree that came as a layer has no time of its own.
            let has_none = root.path.is_empty() && root.mtime == Mtime::default();
            let time = if has_none { draft.now() } else { root.mtime };
            set_time(draft, &target, time);
        }
        Some(_) => {}
        None if target.is_empty() => {}
        None => draft.put(lay.entry(target.clone(), &one.root), None),
    }
    let mut links: BTreeMap<LinkId, Vec<u8>> = BTreeMap::new();
    for item in &one.items {
        lay_item(draft, item, &target, lay, &mut links, content)?;
    }
    Ok(())
}

fn lay_item(
    draft: &mut Draft<'_>,
    item: &Item,
    target: &[u8],
    lay: &Lay<'_>,
    links: &mut BTreeMap<LinkId, Vec<u8>>,
    content: FindContent<'_>,
) -> Result<(), Cause> {
    let path = join(target, &item.rel);
    let mut entry = lay.entry(path.clone(), &item.found);
    if entry.is_dir() {
        match draft.get(&path) {
            Some(there) if !there.is_dir() => return Err(not_a_folder(&path)),
            // A folder that only leads to something copied gives an existing one its mode, not its owner.
            Some(there) if !item.picked => {
                entry = Entry { mode: item.found.entry.mode, ..there };
                if let Kind::Dir { opaque } = &mut entry.kind {
                    *opaque = false;
                }
                draft.put(entry, None);
            }
            Some(_) | None => draft.put(entry, None),
        }
        return Ok(());
    }
    if let Some(link) = item.found.link {
        if let Some(first) = links.get(&link) {
            refuse_folder(draft, &path)?;
            let first = first.clone();
            draft.link(entry, &first);
            return Ok(());
        }
        links.insert(link, path);
    }
    put_leaf(draft, entry, content(&item.found)?)
}

/// Puts anything but a folder at a path whose folder exists.
///
/// # Errors
/// A folder is there.
pub(crate) fn put_leaf(
    draft: &mut Draft<'_>,
    entry: Entry,
    content: Option<Content>,
) -> Result<(), Cause> {
    refuse_folder(draft, &entry.path)?;
    draft.put(entry, content);
    Ok(())
}

fn refuse_folder(draft: &Draft<'_>, path: &[u8]) -> Result<(), Cause> {
    match draft.get(path) {
        Some(there) if there.is_dir() => {
            Err(Cause::file(format!("cannot replace the folder `/{}` with a file", display(path))))
        }
        Some(_) | None => Ok(()),
    }
}

fn not_a_folder(path: &[u8]) -> Cause {
    Cause::file(format!("cannot copy a folder onto `/{}`: not a directory", display(path)))
}

fn set_time(draft: &mut Draft<'_>, path: &[u8], mtime: Mtime) {
    if !path.is_empty() {
        draft.change(path, |entry| entry.mtime = mtime);
    }
}

/// Works out where a match goes, and makes the folders on the way.
fn prepare_target(draft: &mut Draft<'_>, one: &Match, lay: &Lay<'_>) -> Result<Vec<u8>, Cause> {
    let is_dir = one.root.entry.is_dir();
    let before_name = match lay.dest.rsplit_once('/') {
        Some((_, "." | "")) => lay.dest,
        Some((folder, _)) => folder,
        None => "",
    };
    let folder = draft.resolve(&clean(before_name), Last::Follow)?;
    draft.make_folders(&folder, lay.new_folder())?;
    let mut target = draft.resolve(&clean(lay.dest), Last::Follow)?;
    let there =
        if target.is_empty() { Some(true) } else { draft.get(&target).map(|it| it.is_dir()) };
    if !is_dir && there == Some(true) {
        target = join(&target, &one.name);
    }
    let needed =
        if is_dir && there.is_none() && !lay.as_folder { &target } else { parent(&target) };
    draft.make_folders(needed, lay.new_folder())?;
    Ok(target)
}
