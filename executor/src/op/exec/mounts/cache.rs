//! `RUN --mount=type=cache`: folders that outlive builds.
//!
//! `--no-cache` keeps a cache that is only named, as BuildKit does, since there a cache belongs to its id alone. One with
//! an owner or a mode, or that begins with a stage's files, belongs to the folder that it began with; that one is made
//! anew, and so the cache begins anew.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use compiler::Op;
use compiler::op::{MountOwner, Sharing};
use sandbox::{Source, Tree, Upper};
use store::CacheMount;

use super::{Kept, lowers};
use crate::error::Cause;
use crate::op::exec::MountInput;
use crate::run::Cx;

/// A cache mount as it is asked for.
pub(super) struct Cache<'a> {
    pub(super) name: &'a str,
    pub(super) sharing: Sharing,
    pub(super) owner: Option<MountOwner>,
    pub(super) source: &'a str,
    /// Whether the step must not use what earlier builds left (`--no-cache`).
    pub(super) fresh: bool,
}

impl Cache<'_> {
    /// A cache that begins empty, or what `source=` names in it. With an owner or mode it is another one than without.
    pub(super) fn plain(&self, cx: &Cx<'_>, kept: &mut Kept) -> Result<Source, Cause> {
        let owner = self.owner.unwrap_or(MountOwner { uid: 0, gid: 0, mode: 0o755 });
        let MountOwner { uid, gid, mode } = owner;
        let name = match self.owner {
            Some(_) => format!("{}:{uid}:{gid}:{mode:o}", self.name),
            None => self.name.to_owned(),
        };
        if self.owner.is_some() {
            self.renew(cx, kept, &name)?;
        }
        let path = self.open(cx, kept, &name, self.sharing, |path| {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        })?;
        Ok(Source::Bind { tree: Tree::Folder(path), path: PathBuf::from(self.source) })
    }

    /// A cache that begins with the files of a tree: what is changed of them lies over that tree, and is what is kept.
    /// One tree over which two commands write at the same time is not defined, so it is locked.
    pub(super) fn over(
        &self,
        cx: &Cx<'_>,
        kept: &mut Kept,
        input: &MountInput,
    ) -> Result<Source, Cause> {
        let (tree, path) = input.layers(cx, self.source)?;
        let digest: String = tree.digest()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{}:{digest}", self.name);
        // An image is what it is; a stage is made anew.
        let is_made = !matches!(cx.graph.step(input.step).op, Op::Source(_));
        if is_made {
            self.renew(cx, kept, &name)?;
        }
        let sharing = match self.sharing {
            Sharing::Shared | Sharing::Locked => Sharing::Locked,
            Sharing::Private => Sharing::Private,
        };
        let store = cx.env.store;
        if !cx.can_overlay() {
            let copy = |folder: &Path| {
                let flat = store.flatten(&tree.ids()).map_err(std::io::Error::other)?;
                store.write_flat(&flat, folder).map_err(std::io::Error::other).map(drop)
            };
            let folder = self.open(cx, kept, &name, sharing, copy)?;
            return Ok(Source::Bind { tree: Tree::Folder(folder), path });
        }
        let folder = self.open(cx, kept, &name, sharing, |_| Ok(()))?;
        let fresh = store.new_folder()?;
        let upper = Upper { folder, work: fresh.work() };
        kept.folders.push(fresh);
        let lowers = lowers(cx, &tree)?;
        let tree = Tree::Overlay { lowers, upper: Some(upper) };
        Ok(Source::Bind { tree, path })
    }

    /// Empties a cache once in a build that ignores what earlier builds left.
    fn renew(&self, cx: &Cx<'_>, kept: &Kept, name: &str) -> Result<(), Cause> {
        if !self.fresh || kept.caches.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        loop {
            {
                let mut renewed = cx.renewed.lock().unwrap_or_else(PoisonError::into_inner);
                if renewed.contains(name) {
                    return Ok(());
                }
                if cx.env.store.try_renew_cache_mount(name)? || self.sharing == Sharing::Private {
                    renewed.insert(name.to_owned());
                    return Ok(());
                }
            }
            cx.check()?;
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Takes the cache's folder; one that this command has already is not waited for.
    fn open(
        &self,
        cx: &Cx<'_>,
        kept: &mut Kept,
        name: &str,
        sharing: Sharing,
        make: impl Fn(&Path) -> std::io::Result<()>,
    ) -> Result<PathBuf, Cause> {
        if let Some((_, known)) = kept.caches.iter().find(|(known, _)| known == name) {
            return Ok(known.path().to_owned());
        }
        let sharing = match sharing {
            Sharing::Shared => store::Sharing::Shared,
            Sharing::Private => store::Sharing::Private,
            Sharing::Locked => store::Sharing::Locked,
        };
        let mut cache = take(cx, name, sharing)?;
        let path = cache.path().to_owned();
        while cache.is_fresh() {
            make(&path).map_err(|source| Cause::Io { path: path.clone(), source })?;
            cache.set_ready()?;
            if sharing == store::Sharing::Shared {
                // Who makes a cache has it alone; from now on it is for all. In between a prune may take it away.
                drop(cache);
                cache = take(cx, name, sharing)?;
            }
        }
        kept.caches.push((name.to_owned(), cache));
        Ok(path)
    }
}

/// So often is looked whether a cache is free, and whether the build is stopped meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits for a cache.
fn take(cx: &Cx<'_>, name: &str, sharing: store::Sharing) -> Result<CacheMount, Cause> {
    loop {
        if let Some(cache) = cx.env.store.try_cache_mount(name, sharing)? {
            return Ok(cache);
        }
        cx.check()?;
        std::thread::sleep(LOOK_EVERY);
    }
}
