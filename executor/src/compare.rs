//! [`compare`]: what two builds of one graph, on two stores, made differently; the ground of `--verify`.

use std::collections::BTreeMap;

use compiler::op::SourceOp;
use compiler::{BuildGraph, Op, StepId};
use store::{Entry, Kind, LayerId, LayerIndex, Mtime, Store, StoreError};

mod content;

pub use content::{ContentDifference, Place};

/// One of the builds: its store, and the layers that each step added, by position of the step.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Where the layers are.
    pub store: &'a Store,
    /// As in [`crate::Built::layers`].
    pub layers: &'a [Vec<LayerId>],
}

/// A step that did not make the same twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDifference {
    /// Which.
    pub step: StepId,
    /// What is different, in tree order.
    pub paths: Vec<PathDifference>,
}

/// A path that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathDifference {
    /// From the root, without a leading slash; empty for the root.
    pub path: Vec<u8>,
    /// What of it; never empty.
    pub aspects: Vec<Aspect>,
}

/// What of a path is different: the first build's, then the second's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aspect {
    /// Only the first build made it.
    OnlyFirst,
    /// Only the second build made it.
    OnlySecond,
    /// A folder is a file, and the like.
    Kind(&'static str, &'static str),
    /// Where a link leads.
    Target(Vec<u8>, Vec<u8>),
    /// Major and minor number of a device.
    Device((u32, u32), (u32, u32)),
    /// The bytes of a file.
    Content(ContentDifference),
    /// Permission bits.
    Mode(u32, u32),
    /// Owner and group.
    Owner((u32, u32), (u32, u32)),
    /// Time of the last change.
    Time(Mtime, Mtime),
    /// An extended attribute, by its name.
    Attribute(Vec<u8>),
}

/// Compares what the steps made, in the graph's order. Times are compared only with an epoch, and only as far as they are
/// not after it: what is later is set to it in the image.
///
/// # Errors
/// A store cannot be read.
pub fn compare(
    graph: &BuildGraph,
    first: Side<'_>,
    second: Side<'_>,
) -> Result<Vec<StepDifference>, StoreError> {
    let mut found = Vec::new();
    for (step, it) in graph.steps() {
        if matches!(it.op, Op::Source(SourceOp::Image(_))) {
            // The layers of an image are known by their digests.
            continue;
        }
        let (one, two) = (&first.layers[step.index()], &second.layers[step.index()]);
        let mut paths = Vec::new();
        for number in 0..one.len().max(two.len()) {
            let pair = (one.get(number).copied(), two.get(number).copied());
            paths.extend(layers((first.store, pair.0), (second.store, pair.1), graph.epoch)?);
        }
        if !paths.is_empty() {
            found.push(StepDifference { step, paths });
        }
    }
    Ok(found)
}

/// A layer with its index, or nothing where one build has one more.
type At<'a> = (&'a Store, Option<LayerId>);

fn layers(
    first: At<'_>,
    second: At<'_>,
    epoch: Option<i64>,
) -> Result<Vec<PathDifference>, StoreError> {
    let index = |(store, id): At<'_>| match id {
        Some(id) => store.index(id),
        None => Ok(std::sync::Arc::new(LayerIndex::default())),
    };
    let (one, two) = (index(first)?, index(second)?);
    let mut all: BTreeMap<&[u8], (Option<usize>, Option<usize>)> = BTreeMap::new();
    for (position, entry) in one.entries().iter().enumerate() {
        all.entry(&entry.path).or_default().0 = Some(position);
    }
    for (position, entry) in two.entries().iter().enumerate() {
        all.entry(&entry.path).or_default().1 = Some(position);
    }
    let mut found = Vec::new();
    for (path, positions) in all {
        let aspects = match positions {
            (Some(_), None) => vec![Aspect::OnlyFirst],
            (None, Some(_)) => vec![Aspect::OnlySecond],
            (None, None) => Vec::new(),
            (Some(a), Some(b)) => {
                let (a_entry, b_entry) = (&one.entries()[a], &two.entries()[b]);
                let mut aspects = kind(a_entry, b_entry);
                if let (true, Some(a_id), Some(b_id)) =
                    (differ_in_content(a_entry, b_entry), first.1, second.1)
                {
                    let a = first.0.open_file(a_id, a)?;
                    let b = second.0.open_file(b_id, b)?;
                    aspects.push(Aspect::Content(content::difference(a, b)));
                }
                metadata(a_entry, b_entry, epoch, &mut aspects);
                aspects
            }
        };
        if !aspects.is_empty() {
            found.push(PathDifference { path: path.to_vec(), aspects });
        }
    }
    Ok(found)
}

fn differ_in_content(one: &Entry, two: &Entry) -> bool {
    match (&one.kind, &two.kind) {
        (Kind::File { digest: a, .. }, Kind::File { digest: b, .. }) => a != b,
        (Kind::File { .. }, _) | (_, Kind::File { .. }) => false,
        (_, _) => false,
    }
}

fn kind(one: &Entry, two: &Entry) -> Vec<Aspect> {
    let mut aspects = Vec::new();
    match (&one.kind, &two.kind) {
        (Kind::Symlink { target: a }, Kind::Symlink { target: b })
        | (Kind::Hardlink { target: a }, Kind::Hardlink { target: b })
            if a != b =>
        {
            aspects.push(Aspect::Target(a.clone(), b.clone()));
        }
        (Kind::Char { major: a, minor: b }, Kind::Char { major: c, minor: d })
        | (Kind::Block { major: a, minor: b }, Kind::Block { major: c, minor: d })
            if (a, b) != (c, d) =>
        {
            aspects.push(Aspect::Device((*a, *b), (*c, *d)));
        }
        (a, b) if word(a) != word(b) => aspects.push(Aspect::Kind(word(a), word(b))),
        (_, _) => {}
    }
    aspects
}

fn word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Whiteout => "deleted",
        Kind::Dir { opaque: false } => "a folder",
        Kind::Dir { opaque: true } => "a new folder",
        Kind::File { .. } => "a file",
        Kind::Hardlink { .. } => "a hard link",
        Kind::Symlink { .. } => "a symbolic link",
        Kind::Char { .. } => "a character device",
        Kind::Block { .. } => "a block device",
        Kind::Fifo => "a named pipe",
    }
}

fn metadata(one: &Entry, two: &Entry, epoch: Option<i64>, aspects: &mut Vec<Aspect>) {
    if one.mode != two.mode {
        aspects.push(Aspect::Mode(one.mode, two.mode));
    }
    if (one.uid, one.gid) != (two.uid, two.gid) {
        aspects.push(Aspect::Owner((one.uid, one.gid), (two.uid, two.gid)));
    }
    if let Some(epoch) = epoch {
        let clamped = |time: Mtime| time.min(Mtime { secs: epoch, nanos: 0 });
        let (a, b) = (clamped(one.mtime), clamped(two.mtime));
        if a != b {
            aspects.push(Aspect::Time(a, b));
        }
    }
    let of =
        |entry: &Entry| -> BTreeMap<Vec<u8>, Vec<u8>> { entry.xattrs.iter().cloned().collect() };
    let (a, b) = (of(one), of(two));
    let names: std::collections::BTreeSet<&Vec<u8>> = a.keys().chain(b.keys()).collect();
    let differ = names.into_iter().filter(|name| a.get(*name) != b.get(*name));
    aspects.extend(differ.map(|name| Aspect::Attribute(name.clone())));
}

#[cfg(test)]
mod tests {
    use store::FileDigest;

    use super::*;

    fn entry(kind: Kind, mode: u32, secs: i64) -> Entry {
        let mtime = Mtime { secs, nanos: 5 };
        Entry { path: b"x".to_vec(), kind, mode, mtime, ..Entry::IMPLICIT_DIR }
    }

    #[test]
    fn kinds_and_targets_differ() {
        let link = |target: &[u8]| entry(Kind::Symlink { target: target.to_vec() }, 0o777, 0);
        assert_eq!(kind(&link(b"a"), &link(b"a")), []);
        let both = [Aspect::Target(b"a".to_vec(), b"b".to_vec())];
        assert_eq!(kind(&link(b"a"), &link(b"b")), both);
        let fifo = entry(Kind::Fifo, 0o644, 0);
        assert_eq!(kind(&fifo, &link(b"a")), [Aspect::Kind("a named pipe", "a symbolic link")]);
        let file = |byte| entry(Kind::File { size: 1, digest: FileDigest([byte; 32]) }, 0, 0);
        assert!(differ_in_content(&file(1), &file(2)) && !differ_in_content(&file(1), &file(1)));
    }

    #[test]
    fn times_count_up_to_the_epoch() {
        let aspects = |a: &Entry, b: &Entry, epoch| {
            let mut found = Vec::new();
            metadata(a, b, epoch, &mut found);
            found
        };
        let (early, late) = (entry(Kind::Fifo, 0o644, 10), entry(Kind::Fifo, 0o600, 90));
        assert_eq!(aspects(&early, &late, None), [Aspect::Mode(0o644, 0o600)]);
        assert_eq!(aspects(&early, &late, Some(50)).len(), 2);
        let later = entry(Kind::Fifo, 0o600, 99);
        assert_eq!(aspects(&late, &later, Some(50)), []);
        let marked = Entry { xattrs: vec![(b"user.x".to_vec(), vec![1])], ..later.clone() };
        assert_eq!(aspects(&later, &marked, None), [Aspect::Attribute(b"user.x".to_vec())]);
    }
}
