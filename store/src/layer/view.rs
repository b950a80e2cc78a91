//! [`TreeView`]: a stack of layers seen as one tree, without a file opened.
//!
//! The rules are overlayfs's: the topmost entry of a path counts; a whiteout, or anything that is no folder, hides
//! what lies below it in the stack; a folder joins the folders of the same path below, unless it is opaque. Whoever
//! follows links stays inside the root: `..` of the root is the root, absolute targets start there.
//!
//! Nothing is merged in advance. A question walks down the path's components, and at each of them narrows every
//! layer's slice of entries to the part below, so that layers which do not have the folder drop out early.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::index::{Entry, FileDigest, Kind, LayerIndex, is_below, join};

/// What a folder is that nobody described.
static IMPLICIT: Entry = Entry::IMPLICIT_DIR;

/// As many links as Docker follows before it gives up.
const MAX_LINKS: usize = 255;

/// Several layers as one tree.
#[derive(Debug, Clone, Default)]
pub struct TreeView {
    layers: Vec<Arc<LayerIndex>>,
}

/// What a tree has at a path.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// Its metadata. The path in it is empty if nobody described the folder.
    pub entry: &'a Entry,
    /// Which layer of the stack has the entry (0 is the bottom), and the entry's position there; `None` for a folder
    /// that exists only because something lies in it, and for the root if no layer has an entry for it.
    pub at: Option<Place>,
}

/// A place in a stack of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The layer, counted from the bottom.
    pub layer: usize,
    /// The entry's position in that layer's index.
    pub position: usize,
}

/// Whether a link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Yes, as `stat` does.
    Last,
    /// No, as `lstat` does; links on the way are followed.
    Parents,
}

/// Where a path leads.
#[derive(Debug, Clone)]
pub struct Resolved<'a> {
    /// The path without links, `.` and `..`, relative to the root. What does not exist is appended as it was written.
    pub path: Vec<u8>,
    /// What is there; `None` if nothing is.
    pub node: Option<Node<'a>>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// More than 255 links.
    #[error("too many links in `{}`", .0.escape_ascii())]
    TooManyLinks(Vec<u8>),
    /// A component that is no folder has something after it.
    #[error("`{}` is not a folder", .0.escape_ascii())]
    NotADirectory(Vec<u8>),
}

/// The content of a regular file of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// In bytes.
    pub size: u64,
    /// Of the content.
    pub digest: FileDigest,
    /// The entry that holds it: the file itself, or the one its hard link names.
    pub at: Place,
}

/// A layer's entries below one folder of the view.
#[derive(Debug, Clone)]
struct Scope {
    layer: usize,
    range: Range<usize>,
}

/// A folder of the view: the layers that have something in it, top first.
type Scopes = Vec<Scope>;

impl TreeView {
    /// Stacks layers, bottom first.
    pub fn new(layers: &[Arc<LayerIndex>]) -> TreeView {
        TreeView { layers: layers.to_vec() }
    }

    /// The same stack with one more layer on top.
    pub fn with(&self, layer: Arc<LayerIndex>) -> TreeView {
        let mut layers = self.layers.clone();
        layers.push(layer);
        TreeView { layers }
    }

    /// The layers, bottom first.
    pub fn layers(&self) -> &[Arc<LayerIndex>] {
        &self.layers
    }

    /// What is at a clean path; no link is followed.
    pub fn get<'a>(&'a self, path: &[u8]) -> Option<Node<'a>> {
        self.find(path).map(|(node, _)| node)
    }

    /// The entry at a place of the stack.
    pub fn entry(&self, at: Place) -> &Entry {
        &self.layers[at.layer].entries()[at.position]
    }

    /// What is in the folder at a clean path, by name; empty if it is no folder.
    pub fn children<'a>(&'a self, path: &[u8]) -> Vec<(&'a [u8], Node<'a>)> {
        let Some((node, scopes)) = self.find(path) else { return Vec::new() };
        if !node.entry.is_dir() {
            return Vec::new();
        }
        self.list(path, &scopes).into_iter().map(|(name, node, _)| (name, node)).collect()
    }

    /// Visits everything below a clean path in tree order (the path itself not), folders before what is in them.
    pub fn walk<'a>(&'a self, path: &[u8], visit: &mut dyn FnMut(&[u8], Node<'a>)) {
        let Some((node, scopes)) = self.find(path) else { return };
        if node.entry.is_dir() {
            self.walk_scopes(path, &scopes, visit);
        }
    }

    fn walk_scopes<'a>(
        &'a self,
        path: &[u8],
        scopes: &Scopes,
        visit: &mut dyn FnMut(&[u8], Node<'a>),
    ) {
        for (name, node, scopes) in self.list(path, scopes) {
            let path = join(path, name);
            visit(&path, node);
            if node.entry.is_dir() && !scopes.is_empty() {
                self.walk_scopes(&path, &scopes, visit);
            }
        }
    }

    /// The content of a regular file, wherever its hard link leads; `None` for anything else.
    pub fn content(&self, node: Node<'_>) -> Option<Content> {
        let at = node.at?;
        match &node.entry.kind {
            Kind::File { size, digest } => Some(Content { size: *size, digest: *digest, at }),
            Kind::Hardlink { target } => {
                let position = self.layers[at.layer].position(target);
                let (entry, at) = match position {
                    Some(position) => {
                        let place = Place { layer: at.layer, position };
                        (self.entry(place), place)
                    }
                    None => {
                        let below = TreeView { layers: self.layers[..at.layer].to_vec() };
                        let place = below.content(below.get(target)?)?.at;
                        (self.entry(place), place)
                    }
                };
                let Kind::File { size, digest } = &entry.kind else { return None };
                Some(Content { size: *size, digest: *digest, at })
            }
            Kind::Whiteout | Kind::Dir { .. } | Kind::Symlink { .. } => None,
            Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => None,
        }
    }

    /// Follows a path as the kernel would after chroot. It may be absolute or relative to the root, and hold `.`,
    /// `..`, repeated slashes. What does not exist is no error, but a path that goes on below a file is.
    pub fn resolve<'a>(
        &'a self,
        path: &[u8],
        follow: Follow,
    ) -> Result<Resolved<'a>, ResolveError> {
        let mut todo: Vec<Vec<u8>> = components(path);
        let mut links = 0;
        // The folders walked through so far, each with its name and scopes; the root is not among them.
        let mut stack: Vec<(Vec<u8>, Node<'_>, Scopes)> = Vec::new();
        let root = self.root_scopes();
        while let Some(name) = todo.pop() {
            if name == b".." {
                stack.pop();
                continue;
            }
            let scopes = stack.last().map_or(&root, |(_, _, scopes)| scopes);
            let dir = stack.last().map_or(&b""[..], |(path, _, _)| path);
            let path_here = join(dir, &name);
            let Some((node, scopes)) = self.step(scopes, &path_here) else {
                return Ok(Resolved { path: missing(path_here, todo), node: None });
            };
            match &node.entry.kind {
                Kind::Symlink { target } if !todo.is_empty() || follow == Follow::Last => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(ResolveError::TooManyLinks(path.to_vec()));
                    }
                    if target.first() == Some(&b'/') {
                        stack.clear();
                    }
                    todo.extend(components(target));
                }
                Kind::Dir { .. } => stack.push((path_here, node, scopes)),
                Kind::Symlink { .. }
                | Kind::File { .. }
                | Kind::Hardlink { .. }
                | Kind::Fifo
                | Kind::Whiteout
                | Kind::Char { .. }
                | Kind::Block { .. } => {
                    if !todo.is_empty() {
                        return Err(ResolveError::NotADirectory(path_here));
                    }
                    return Ok(Resolved { path: path_here, node: Some(node) });
                }
            }
        }
        Ok(match stack.pop() {
            Some((path, node, _)) => Resolved { path, node: Some(node) },
            None => Resolved { path: Vec::new(), node: Some(self.root()) },
        })
    }

    fn root(&self) -> Node<'_> {
        for (layer, index) in self.layers.iter().enumerate().rev() {
            if let Some(entry) = index.entries().first().filter(|entry| entry.path.is_empty()) {
                return Node { entry, at: Some(Place { layer, position: 0 }) };
            }
        }
        Node { entry: &IMPLICIT, at: None }
    }

    fn root_scopes(&self) -> Scopes {
        let mut scopes = Vec::with_capacity(self.layers.len());
        for (layer, index) in self.layers.iter().enumerate().rev() {
            let root = index.entries().first().filter(|entry| entry.path.is_empty());
            let range = usize::from(root.is_some())..index.entries().len();
            if !range.is_empty() {
                scopes.push(Scope { layer, range });
            }
            if root.is_some_and(|root| root.kind == Kind::Dir { opaque: true }) {
                break;
            }
        }
        scopes
    }

    /// A clean path's node and, for a folder, the layers that have something in it.
    fn find<'a>(&'a self, path: &[u8]) -> Option<(Node<'a>, Scopes)> {
        let mut node = self.root();
        let mut scopes = self.root_scopes();
        if path.is_empty() {
            return Some((node, scopes));
        }
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            if !node.entry.is_dir() {
                return None;
            }
            (node, scopes) = self.step(&scopes, &path[..end])?;
        }
        Some((node, scopes))
    }

    /// From a folder's scopes to those of a path in it.
    fn step<'a>(&'a self, scopes: &[Scope], path: &[u8]) -> Option<(Node<'a>, Scopes)> {
        let mut found = Found::default();
        for scope in scopes {
            let index = &self.layers[scope.layer];
            let range = index.subtree(scope.range.clone(), path);
            if range.is_empty() {
                continue;
            }
            if found.add(index, scope.layer, range, path) {
                break;
            }
        }
        found.done()
    }

    /// What is in a folder: name, node, scopes.
    fn list<'a>(&'a self, dir: &[u8], scopes: &[Scope]) -> Vec<(&'a [u8], Node<'a>, Scopes)> {
        let skip = if dir.is_empty() { 0 } else { dir.len() + 1 };
        let mut names: BTreeMap<&'a [u8], (Found<'a>, bool)> = BTreeMap::new();
        for scope in scopes {
            let index = &self.layers[scope.layer];
            let entries = index.entries();
            let mut at = scope.range.start;
            while at < scope.range.end {
                let rest = &entries[at].path[skip..];
                let len = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
                let (path, name) = (&entries[at].path[..skip + len], &rest[..len]);
                let tail = &entries[at..scope.range.end];
                let inside = |entry: &Entry| entry.path == path || is_below(&entry.path, path);
                let end = at + gallop(tail, inside);
                let (found, hidden) = names.entry(name).or_default();
                if !*hidden {
                    *hidden = found.add(index, scope.layer, at..end, path);
                }
                at = end;
            }
        }
        let done = |(name, (found, _)): (_, (Found<'a>, bool))| found.done().map(|it| (name, it));
        names
            .into_iter()
            .filter_map(done)
            .map(|(name, (node, scopes))| (name, node, scopes))
            .collect()
    }
}

/// One path while layers are looked at from the top.
#[derive(Default)]
struct Found<'a> {
    node: Option<Node<'a>>,
    implicit: bool,
    scopes: Scopes,
}

impl<'a> Found<'a> {
    /// Adds what a layer has at and below `path`; `true` if it hides the layers below.
    fn add(
        &mut self,
        index: &'a LayerIndex,
        layer: usize,
        range: Range<usize>,
        path: &[u8],
    ) -> bool {
        let position = range.start;
        let entry = &index.entries()[position];
        if entry.path != path {
            self.implicit = true;
            self.scopes.push(Scope { layer, range });
            return false;
        }
        match entry.kind {
            Kind::Whiteout => true,
            Kind::Dir { opaque } => {
                if self.node.is_none() {
                    self.node = Some(Node { entry, at: Some(Place { layer, position }) });
                }
                if position + 1 < range.end {
                    self.scopes.push(Scope { layer, range: position + 1..range.end });
                }
                opaque
            }
            Kind::File { .. }
            | Kind::Hardlink { .. }
            | Kind::Symlink { .. }
            | Kind::Fifo
            | Kind::Char { .. }
            | Kind::Block { .. } => {
                // Below a folder of a higher layer it is merely hidden.
                if self.node.is_none() && !self.implicit {
                    self.node = Some(Node { entry, at: Some(Place { layer, position }) });
                }
                true
            }
        }
    }

    fn done(self) -> Option<(Node<'a>, Scopes)> {
        match self.node {
            Some(node) => Some((node, self.scopes)),
            None if self.implicit => {
                // A folder that holds nothing but whiteouts, of which no layer below knows, is still made.
                Some((Node { entry: &IMPLICIT, at: None }, self.scopes))
            }
            None => None,
        }
    }
}

/// The length of the head of a slice for which `inside` holds, in time logarithmic in that length.
fn gallop(entries: &[Entry], inside: impl Fn(&Entry) -> bool) -> usize {
    let mut step = 1;
    while step < entries.len() && inside(&entries[step]) {
        step *= 2;
    }
    entries[..step.min(entries.len())].partition_point(inside)
}

/// The components of a path, last first, without empty ones and `.`.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|&byte| byte == b'/').rev();
    names.filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec).collect()
}

/// A path of which the tree has no more: the rest as it was written, with `..` taken off.
fn missing(mut path: Vec<u8>, mut todo: Vec<Vec<u8>>) -> Vec<u8> {
    while let Some(name) = todo.pop() {
        if name == b".." {
            path.truncate(super::index::parent(&path).len());
        } else {
            path = join(&path, &name);
        }
    }
    path
}

#[cfg(test)]
mod tests;
