//! [`Snapshot`]: what a step made, as a chain of layers; and how such a chain becomes a tree that can be looked into.

use store::layer::index::join;
use store::{Entry, Kind, LayerId};

use crate::content::Content;
use crate::draft::Base;
use crate::error::Cause;
use crate::tree::{Found, LinkId, SourceTree};

/// A layer with the digest that keys name it by: of its index without times, or of the tar it came as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layer {
    /// Its name in the store.
    pub(crate) id: LayerId,
    /// What a key says of it.
    pub(crate) digest: [u8; 32],
    /// When it was made, seconds since 1970; 0 for one of an image, whose history says it.
    pub(crate) created: i64,
}

/// A tree: layers, bottom first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The layers.
    pub(crate) layers: Vec<Layer>,
}

impl Snapshot {
    /// What a key says of the tree.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"dfc snapshot 1\0");
        for layer in &self.layers {
            hasher.update(&layer.digest);
        }
        *hasher.finalize().as_bytes()
    }

    /// The names of its layers.
    pub(crate) fn ids(&self) -> Vec<LayerId> {
        self.layers.iter().map(|layer| layer.id).collect()
    }

    /// The tree with more layers on top.
    pub(crate) fn with(&self, more: &[Layer]) -> Snapshot {
        Snapshot { layers: [self.layers.as_slice(), more].concat() }
    }
}

impl SourceTree for Base {
    fn get(&self, path: &[u8]) -> Result<Option<Found>, Cause> {
        Ok(self.view.get(path).map(|node| self.found(path.to_vec(), node)))
    }

    fn children(&self, path: &[u8]) -> Result<Vec<Found>, Cause> {
        let mut children: Vec<Found> = self
            .view
            .children(path)
            .into_iter()
            .map(|(name, node)| self.found(join(path, name), node))
            .collect();
        children.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
        Ok(children)
    }
}

impl Base {
    fn found(&self, path: Vec<u8>, node: store::Node<'_>) -> Found {
        let content = self.view.content(node);
        let mut entry = Entry { path, ..node.entry.clone() };
        if let Some(content) = content {
            entry.kind = Kind::File { size: content.size, digest: content.digest };
        }
        // The place of its content tells a file with several names; one that has only one name has a place, too, but
        // nobody else has it.
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let link =
            content.map(|content| LinkId(number(content.at.layer), number(content.at.position)));
        Found { entry, link, socket: false, seen: None }
    }

    /// Where the content of a file of the tree is.
    pub(crate) fn content_of(&self, path: &[u8]) -> Option<Content> {
        let at = self.view.content(self.view.get(path)?)?.at;
        Some(self.content_at(at))
    }
}
