//! COPY, ADD, WORKDIR and heredocs: planned against trees, made as an index with the places of contents.

use std::fs::OpenOptions;
use std::sync::Arc;

use compiler::op::{CopyAction, FileAction, FileOp, MkfileAction, SourceOp, Unpack};
use compiler::{Op, Role, StepId, Words};
use store::Kind;

use crate::cache::InputKey;
use crate::content::Content;
use crate::context::{Disk, hash_files};
use crate::draft::{Base, Draft};
use crate::error::Cause;
use crate::run::{Cached, Cx, Inputs, Made, NewLayer};
use crate::snapshot::Snapshot;
use crate::tree::{Found, Last, SourceTree, clean, display};

use archive::{Goal, Guard, Spool};
use chmod::Chmod;
use copy::Lay;
use owner::{Accounts, Owner};
use select::{Match, Selection};

pub(crate) mod accounts;
pub(crate) mod archive;
pub(crate) mod chmod;
pub(crate) mod copy;
pub(crate) mod digest;
mod missing;
mod mkdir;
mod mkfile;
pub(crate) mod owner;
pub(crate) mod select;

/// A file step whose inputs are done.
pub(crate) struct FileStep<'a> {
    base_step: StepId,
    op: &'a FileOp,
    words: &'a Words,
    /// The tree it starts from.
    pub(crate) base: Snapshot,
    /// Whether there is a base at all: names of users need one.
    has_base: bool,
    sources: Vec<Option<Source>>,
}

/// The tree that an action copies from, and what it takes.
struct Source {
    step: StepId,
    tree: Tree,
    /// Whether the tree is copied as a folder: a git repository.
    as_folder: bool,
    selection: Option<Selection>,
}

enum Tree {
    Disk(Arc<Disk>),
    Layers { snapshot: Snapshot, base: Option<Base> },
}

impl<'a> FileStep<'a> {
    /// Takes the inputs.
    ///
    /// # Errors
    /// The base is a context that cannot be read.
    pub(crate) fn new(
        cx: &Cx<'a>,
        id: StepId,
        op: &'a FileOp,
        inputs: &Inputs,
    ) -> Result<FileStep<'a>, Cause> {
        let base = match inputs.get(&Role::Base) {
            Some((step, outcome)) => super::source::snapshot(cx, *step, outcome)?,
            None => Snapshot::default(),
        };
        let mut sources = Vec::new();
        for number in 0..op.actions.len() {
            sources.push(inputs.get(&source_role(number)).map(|(step, outcome)| Source {
                step: *step,
                tree: match &outcome.made {
                    Made::Context(disk) => Tree::Disk(Arc::clone(disk)),
                    Made::Layers(snapshot) => {
                        Tree::Layers { snapshot: snapshot.clone(), base: None }
                    }
                },
                as_folder: matches!(cx.graph.step(*step).op, Op::Source(SourceOp::Git(_))),
                selection: None,
            }));
        }
        let has_base = inputs.contains_key(&Role::Base) && !op.on_scratch;
        let base_step = inputs.get(&Role::Base).map_or(id, |(step, _)| *step);
        let words = &cx.graph.step(id).words;
        Ok(FileStep { base_step, op, words, base, has_base, sources })
    }

    fn base_key(&self) -> Option<InputKey> {
        let digest = self.base.digest();
        self.has_base.then(|| InputKey::whole(Role::Base, self.base_step, &digest))
    }

    fn accounts(&self, base: Option<&Base>, cx: &Cx<'_>) -> Result<Accounts, Cause> {
        let wants_names = self.op.actions.iter().any(|action| {
            let owner = match action {
                FileAction::Copy(copy) => &copy.owner,
                FileAction::Mkdir(mkdir) => &mkdir.owner,
                FileAction::Mkfile(mkfile) => &mkfile.owner,
            };
            owner.as_deref().is_some_and(owner::has_name)
        });
        match base.filter(|_| wants_names) {
            Some(base) => accounts::read(base, cx.env.store),
            None => Ok(Accounts::default()),
        }
    }

    fn owner(&self, text: Option<&str>, accounts: &Accounts) -> Result<Option<Owner>, Cause> {
        let Some(text) = text else { return Ok(None) };
        if !self.has_base && owner::has_name(text) {
            return Err(Cause::File {
                message: format!(
                    "cannot look up the name in `{text}`: there is no /etc/passwd to ask"
                ),
                help: Some("give the owner as numbers".into()),
                span: self.words.owner,
            });
        }
        Ok(Some(owner::for_files(text, accounts)))
    }
}

impl Source {
    /// Finds what an action takes and hashes what is not hashed yet.
    fn select(&mut self, cx: &Cx<'_>, action: &CopyAction) -> Result<(), Cause> {
        let mut selection = match &mut self.tree {
            Tree::Disk(disk) => select::select(disk.as_ref(), action)?,
            Tree::Layers { snapshot, base } => {
                let base = base.insert(cx.base(snapshot)?);
                select::select(base, action)?
            }
        };
        if let Tree::Disk(disk) = &self.tree {
            let now = (cx.env.now)();
            hash_files(disk, cx.env.store, &cx.stats, now, selection.found_mut())?;
        }
        self.selection = Some(selection);
        Ok(())
    }

    fn content(&self, found: &Found) -> Option<Content> {
        match &self.tree {
            Tree::Disk(disk) => super::source::disk_content(disk, found),
            Tree::Layers { base, .. } => base.as_ref()?.content_of(&found.entry.path),
        }
    }
}

impl Cached for FileStep<'_> {
    fn quick(&self) -> Option<Vec<InputKey>> {
        let mut keys: Vec<InputKey> = self.base_key().into_iter().collect();
        for (number, source) in self.sources.iter().enumerate() {
            match source {
                None => {}
                Some(Source { tree: Tree::Disk(_), .. }) => return None,
                Some(Source { step, tree: Tree::Layers { snapshot, .. }, .. }) => {
                    keys.push(InputKey::whole(source_role(number), *step, &snapshot.digest()));
                }
            }
        }
        Some(keys)
    }

    fn exact(&mut self, cx: &Cx<'_>) -> Result<Vec<InputKey>, Cause> {
        let mut inputs: Vec<InputKey> = self.base_key().into_iter().collect();
        for (number, action) in self.op.actions.iter().enumerate() {
            let (FileAction::Copy(copy), Some(source)) = (action, &mut self.sources[number]) else {
                continue;
            };
            source.select(cx, copy).map_err(|cause| cause.at(self.words.part(number)))?;
            let selection = source.selection.as_ref().expect("it was just made");
            let selected = digest::digest(selection, copy.keep_owner);
            inputs.push(InputKey::part(source_role(number), source.step, selected));
        }
        Ok(inputs)
    }

    fn run(&mut self, cx: &Cx<'_>) -> Result<NewLayer, Cause> {
        let base = match self.has_base {
            true => Some(cx.base(&self.base)?),
            false => None,
        };
        let mut making = Making {
            cx,
            accounts: self.accounts(base.as_ref(), cx)?,
            draft: Draft::new(base.as_ref(), cx.now()),
            spool: None,
        };
        for (number, action) in self.op.actions.iter().enumerate() {
            cx.check()?;
            let source = self.sources[number].as_ref();
            self.act(&mut making, action, source)
                .map_err(|cause| cause.at(self.words.part(number)))?;
        }
        let (index, contents) = making.draft.finish()?;
        Ok(NewLayer::Sourced(index, contents))
    }
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// A layer while its actions are done.
struct Making<'a, 'b> {
    cx: &'a Cx<'a>,
    /// What names of owners are looked up in.
    accounts: Accounts,
    draft: Draft<'b>,
    /// Contents of archives, once there was one.
    spool: Option<Spool>,
}

impl FileStep<'_> {
    fn act(
        &self,
        making: &mut Making<'_, '_>,
        action: &FileAction,
        source: Option<&Source>,
    ) -> Result<(), Cause> {
        match action {
            FileAction::Copy(copy) => self.copy(making, copy, source),
            FileAction::Mkdir(action) => {
                let owner = self.owner(action.owner.as_deref(), &making.accounts)?;
                mkdir::mkdir(&mut making.draft, action, owner.unwrap_or(ROOT))
            }
            FileAction::Mkfile(action) => self.mkfile(making, action),
        }
    }

    fn copy(
        &self,
        making: &mut Making<'_, '_>,
        action: &CopyAction,
        source: Option<&Source>,
    ) -> Result<(), Cause> {
        let of_nothing;
        let selection = match source.and_then(|source| source.selection.as_ref()) {
            Some(selection) => selection,
            // A source that is an empty tree (`--from=scratch`) has no step; there is still its root to be copied.
            None => {
                of_nothing = select::select(&Empty, action)?;
                &of_nothing
            }
        };
        let how = Lay {
            dest: &action.dest,
            owner: self.owner(action.owner.as_deref(), &making.accounts)?,
            chmod: chmod(action.chmod.as_deref())?,
            keep_owner: action.keep_owner,
            as_folder: source.is_some_and(|source| source.as_folder),
        };
        for one in &selection.matches {
            let unpacked = match action.unpack {
                Unpack::Never => false,
                Unpack::Auto => making.unpack(source, one, &how, Guard::Image)?,
                Unpack::Context => {
                    if !making.unpack(source, one, &how, Guard::Context)? {
                        return Err(Cause::file("the build context is no tar archive"));
                    }
                    true
                }
            };
            if !unpacked {
                let content = |found: &Found| Ok(source.and_then(|source| source.content(found)));
                copy::lay(&mut making.draft, one, &how, &content)?;
            }
        }
        Ok(())
    }

    fn mkfile(&self, making: &mut Making<'_, '_>, action: &MkfileAction) -> Result<(), Cause> {
        let how = Lay {
            dest: &action.dest,
            owner: self.owner(action.owner.as_deref(), &making.accounts)?,
            chmod: chmod(action.chmod.as_deref())?,
            keep_owner: false,
            as_folder: false,
        };
        mkfile::mkfile(&mut making.draft, action, &how)
    }
}

impl Making<'_, '_> {
    /// Unpacks a match if it is an archive.
    fn unpack(
        &mut self,
        source: Option<&Source>,
        one: &Match,
        how: &Lay<'_>,
        guard: Guard,
    ) -> Result<bool, Cause> {
        let Some(source) = source else { return Ok(false) };
        if !matches!(one.root.entry.kind, Kind::File { .. }) || one.root.socket {
            return Ok(false);
        }
        let Some(content) = source.content(&one.root) else { return Ok(false) };
        let packed = content.open(self.cx.env.store).map_err(|error| {
            Cause::file(format!("cannot read `/{}`: {error}", display(&one.root.entry.path)))
        })?;
        let dest = self.draft.resolve(&clean(how.dest), Last::Follow)?;
        let spool = match &mut self.spool {
            Some(spool) => spool,
            None => self.spool.insert(new_spool(self.cx)?),
        };
        let goal = Goal { dest: &dest, owner: how.owner, guard, stop: &self.cx.stop };
        archive::unpack(&mut self.draft, spool, packed, &goal)
    }
}

fn source_role(number: usize) -> Role {
    Role::Source(u32::try_from(number).unwrap_or(u32::MAX))
}

fn chmod(text: Option<&str>) -> Result<Option<Chmod>, Cause> {
    text.map(|text| {
        Chmod::parse(text).ok_or_else(|| {
            Cause::file(format!(
                "invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
            ))
        })
    })
    .transpose()
}

/// A file without a name in the store's `tmp/`: it is gone when nobody has it open.
fn new_spool(cx: &Cx<'_>) -> Result<Spool, Cause> {
    let folder = cx.env.store.new_folder()?;
    let path = folder.path().join("spool");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(&path);
    Ok(Spool::new(file.map_err(|source| Cause::Io { path, source })?))
}

/// The tree of `scratch`.
struct Empty;

impl SourceTree for Empty {
    fn get(&self, _: &[u8]) -> Result<Option<Found>, Cause> {
        Ok(None)
    }

    fn children(&self, _: &[u8]) -> Result<Vec<Found>, Cause> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
