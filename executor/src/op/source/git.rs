//! A git repository's tree, fetched with the `git` program.
//!
//! The name of branch or tag is turned into a commit first, and the commit is what the tree is cached by, wherever it
//! was fetched from. A commit that is named outright and was had before is not asked for at all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use compiler::key::VERSION;
use compiler::op::GitSource;
use compiler::reason::MissReason;
use compiler::{KeyRecord, Role, StepId};
use store::{Entry, Kind, Meanwhile, Mtime, TreeDigest};

use crate::cache::preimage::Preimage;
use crate::cache::{Definition, InputKey, Lookup, Ran};
use crate::context::Disk;
use crate::env::LocalContext;
use crate::error::Cause;
use crate::op::source::local::{context_draft, context_selection};
use crate::op::source::{at_hand, offline};
use crate::run::{Cx, Made, NewLayer, Outcome};
use crate::snapshot::{Layer, Snapshot};
use crate::status::Event;
use crate::verdict::Verdict;

use program::Git;
use reference::Resolved;

pub(super) mod program;
mod reference;

/// Fetches the tree, unless it is there.
///
/// # Errors
/// `git` says no.
pub(super) fn run(cx: &Cx<'_>, id: StepId, source: &GitSource) -> Result<Outcome, Cause> {
    let clock = Instant::now();
    let store = cx.env.store;
    let folder = store.new_folder()?;
    let git = Git::new(cx, id, source, folder.path())?;
    let is_offline = cx.env.downloads.is_offline();
    if is_offline && !source.reference.as_deref().is_some_and(reference::is_commit) {
        let known =
            if cx.graph.step(id).ignore_cache { None } else { cx.lookup(id).last(store)? };
        return offline(cx, id, &source.url, known);
    }
    let resolved = reference::resolve(&git, source)?;
    let keys = Keys::new(cx, id, source, &resolved);
    let ignore = cx.graph.step(id).ignore_cache;
    if !ignore && let Some(layer) = keys.find(cx)? {
        let made = Made::Layers(Snapshot { layers: vec![layer] });
        return Ok(at_hand(made, vec![layer]));
    }
    if is_offline {
        return offline(cx, id, &source.url, None);
    }
    let verdict = Verdict::Miss(vec![match ignore {
        true => MissReason::CacheIgnored,
        false => MissReason::NeverBuilt,
    }]);
    cx.tell(Event::Running { step: id, verdict: verdict.clone() });
    let work = folder.path().join("git");
    let checkout = Checkout { git: &git, source, work: &work, resolved: &resolved };
    let (root, time) = checkout.make()?;
    let disk = Arc::new(Disk::open_context(&LocalContext { root, ignore: None })?);
    let mut part = context_selection(cx, &disk, b"")?;
    part.change(|entry| normalize(entry, time));
    let (index, contents) = context_draft(cx, &disk, &part)?.finish()?;
    let created = cx.now().secs;
    let layer = cx.keep(id, &keys.of_step, NewLayer::Sourced(index, contents), created)?;
    let ran = Ran {
        result: TreeDigest(layer.digest),
        layer: layer.id,
        duration: clock.elapsed(),
        started: layer.created,
    };
    let layer = keys.record(cx, &ran)?.layer();
    Ok(Outcome {
        made: Made::Layers(Snapshot { layers: vec![layer] }),
        layers: vec![layer],
        verdict,
        fresh: None,
    })
}

/// Modes as git makes them with the usual umask, whatever it is here; of all files the time of the commit, if it is
/// wanted.
fn normalize(entry: &mut Entry, time: Option<i64>) {
    match entry.kind {
        Kind::Symlink { .. } => {}
        Kind::Dir { .. } => entry.mode = 0o755,
        Kind::Whiteout
        | Kind::File { .. }
        | Kind::Hardlink { .. }
        | Kind::Char { .. }
        | Kind::Block { .. }
        | Kind::Fifo => {
            let owner = (entry.mode >> 6) & 0o7;
            entry.mode = owner << 6 | (owner & 0o5) << 3 | owner & 0o5;
        }
    }
    if let Some(secs) = time {
        entry.mtime = Mtime { secs, nanos: 0 };
    }
}

/// What the tree is looked up by: the step with its commit, and the commit whatever the step.
struct Keys {
    of_step: Lookup,
    of_tree: Lookup,
    content: KeyRecord,
}

impl Keys {
    fn new(cx: &Cx<'_>, id: StepId, source: &GitSource, resolved: &Resolved) -> Keys {
        let of_step = cx.lookup(id);
        let digest = *blake3::hash(resolved.commit.as_bytes()).as_bytes();
        let content = of_step.definition.over(&[InputKey::whole(Role::Base, id, &digest)]);
        let definition = Definition::new(tree_record(source, resolved), Vec::new());
        let slot = format!("git {}", resolved.commit);
        let of_tree = Lookup { definition, slot, name: of_step.name.clone() };
        Keys { of_step, of_tree, content }
    }

    fn find(&self, cx: &Cx<'_>) -> Result<Option<Layer>, Cause> {
        let store = cx.env.store;
        let one = |layers: Vec<Layer>| layers.first().copied();
        if let Some(hit) = self.of_step.find(store, &self.content.key())? {
            return Ok(one(hit.layers));
        }
        let key = self.of_tree.definition.over(&[]).key();
        let Some(hit) = self.of_tree.find(store, &key)? else { return Ok(None) };
        let Some(layer) = one(hit.layers) else { return Ok(None) };
        let ran = Ran {
            result: TreeDigest(layer.digest),
            layer: layer.id,
            duration: hit.duration,
            started: layer.created,
        };
        Ok(Some(self.record(cx, &ran)?.layer()))
    }

    fn record(&self, cx: &Cx<'_>, ran: &Ran) -> Result<Ran, Cause> {
        let store = cx.env.store;
        let tree = self.of_tree.definition.over(&[]);
        let preimage = Preimage::new(&self.of_tree.definition, &tree);
        let like = Meanwhile::Result;
        let ran = self.of_tree.record(store, &[tree.key()], &preimage, ran, like)?;
        let preimage = Preimage::new(&self.of_step.definition, &self.content);
        self.of_step.record(store, &[self.content.key()], &preimage, &ran, like)
    }
}

/// What a tree is made of. Where the commit came from does not count, unless `.git` says it.
fn tree_record(source: &GitSource, resolved: &Resolved) -> KeyRecord {
    let GitSource {
        url,
        reference: _, // the commit stands for it
        subdir,
        checksum: _, // the commit is what it says
        keep_git_dir,
        submodules,
        commit_times,
        fetch_by_commit: _, // another way to the same commit
    } = source;
    let mut components = vec![
        ("op".to_owned(), "git tree".to_owned()),
        ("commit".to_owned(), resolved.commit.clone()),
        ("subdir".to_owned(), subdir.clone().unwrap_or_default()),
        ("submodules".to_owned(), submodules.to_string()),
        ("commit times".to_owned(), commit_times.to_string()),
    ];
    if *keep_git_dir {
        components.push(("url".to_owned(), url.to_string()));
        components.push(("name".to_owned(), resolved.name.clone().unwrap_or_default()));
    }
    KeyRecord { version: VERSION, components }
}

/// Files of a commit, about to be fetched into a folder.
struct Checkout<'a, 'b, 'c> {
    git: &'a Git<'b, 'c>,
    source: &'a GitSource,
    work: &'a Path,
    resolved: &'a Resolved,
}

impl Checkout<'_, '_, '_> {
    /// The folder that counts, and the time of the commit, if that is wanted.
    fn make(&self) -> Result<(PathBuf, Option<i64>), Cause> {
        let (work, commit) = (self.work, self.resolved.commit.as_str());
        std::fs::create_dir(work)
            .map_err(|error| Cause::Io { path: work.to_owned(), source: error })?;
        let format = if commit.len() == 64 { "sha256" } else { "sha1" };
        self.run(&["init", "--quiet", "--template=", &format!("--object-format={format}")])?;
        // Without name and password: this is what `.git` keeps, and what submodules count from.
        self.run(&["remote", "add", "origin", self.git.url()])?;
        self.fetch()?;
        self.run(&["checkout", "--quiet", "--detach", commit])?;
        if self.source.submodules && work.join(".gitmodules").exists() {
            self.submodules()?;
        }
        let time = match self.source.commit_times {
            true => self.run(&["log", "-1", "--format=%ct", commit])?.trim().parse().ok(),
            false => None,
        };
        let root = match &self.source.subdir {
            None => work.to_owned(),
            Some(subdir) => self.subdir(subdir)?,
        };
        let own = work.join(".git");
        let failed = |error| Cause::Io { path: own.clone(), source: error };
        if !self.source.keep_git_dir {
            std::fs::remove_dir_all(&own).map_err(failed)?;
        } else {
            // An index without times and numbers of the files here, so that it is the same each time.
            self.run(&["read-tree", commit])?;
            for leftover in ["FETCH_HEAD", "ORIG_HEAD"] {
                match std::fs::remove_file(own.join(leftover)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(failed(error));
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok((root, time))
    }

    fn run(&self, args: &[&str]) -> Result<String, Cause> {
        self.git.run(Some(self.work), args)
    }

    /// Fetches the one commit; where the other side gives out no single commits, all there is.
    fn fetch(&self) -> Result<(), Cause> {
        let commit = self.resolved.commit.as_str();
        let shallow = ["fetch", "--progress", "--depth=1", "--no-tags", "-u", "origin"];
        let named = self.resolved.name.as_deref().filter(|_| !self.source.fetch_by_commit);
        let mut tries: Vec<Vec<String>> = Vec::new();
        let words = |start: &[&str], more: &[&str]| -> Vec<String> {
            start.iter().chain(more).map(|word| (*word).to_owned()).collect()
        };
        if let Some(name) = named {
            tries.push(words(&shallow, &[&format!("+{name}:{name}")]));
        }
        tries.push(words(&shallow, &[commit]));
        let all =
            ["fetch", "--progress", "--tags", "-u", "origin", "+refs/*:refs/remotes/origin/*"];
        tries.push(words(&all, &[]));
        let mut first_error = None;
        for args in tries {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            match self.run(&args) {
                Ok(_) if self.is_here() => {
                    if let Some(name) = self.resolved.name.as_deref() {
                        self.keep_name(name)?;
                    }
                    return Ok(());
                }
                Ok(_) => {} // the name means something else by now
                Err(Cause::Cancelled) => return Err(Cause::Cancelled),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| {
            let url = &self.source.url;
            Cause::file(format!("`{url}` has no commit {commit}"))
        }))
    }

    /// Whether the commit was fetched, and is one.
    fn is_here(&self) -> bool {
        let object = format!("{}^{{commit}}", self.resolved.commit);
        self.run(&["cat-file", "-e", &object]).is_ok()
    }

    /// Gives the commit its name, where `.git` is kept and the name was not fetched.
    fn keep_name(&self, name: &str) -> Result<(), Cause> {
        let commit = self.resolved.commit.as_str();
        let peeled = format!("{name}^{{commit}}");
        let known = self.run(&["rev-parse", "--quiet", "--verify", &peeled]);
        if self.source.keep_git_dir && !known.is_ok_and(|known| known.trim() == commit) {
            self.run(&["update-ref", name, commit])?;
        }
        Ok(())
    }

    fn submodules(&self) -> Result<(), Cause> {
        let all = ["submodule", "update", "--init", "--recursive", "--progress"];
        match self.run(&[&all[..], &["--depth=1"]].concat()) {
            Ok(_) => Ok(()),
            Err(Cause::Cancelled) => Err(Cause::Cancelled),
            // Not every server can cut the history off.
            Err(_) => self.run(&all).map(drop),
        }
    }

    /// A folder of the repository; through links none is looked for.
    fn subdir(&self, subdir: &str) -> Result<PathBuf, Cause> {
        let mut path = self.work.to_owned();
        for name in crate::tree::clean(subdir).split(|byte| *byte == b'/') {
            path.push(OsStr::from_bytes(name));
            let is_dir = path.symlink_metadata().is_ok_and(|found| found.is_dir());
            if !is_dir || name == b".git" {
                let url = &self.source.url;
                return Err(Cause::file(format!("`{url}` has no folder `{subdir}`")));
            }
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_the_usual_umask() {
        let mut entry = Entry {
            path: b"f".to_vec(),
            kind: Kind::Fifo,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: Mtime { secs: 1, nanos: 2 },
            xattrs: Vec::new(),
        };
        for (mode, want) in [(0o600, 0o644), (0o666, 0o644), (0o700, 0o755), (0o400, 0o444)] {
            entry.mode = mode;
            normalize(&mut entry, None);
            assert_eq!(entry.mode, want);
        }
        normalize(&mut entry, Some(5));
        assert_eq!(entry.mtime, Mtime { secs: 5, nanos: 0 });
    }
}
