//! The digest of exactly what a COPY takes: paths, kinds, modes, contents, and owners where they count; no times.

use std::collections::BTreeMap;

use store::Kind;

use crate::op::file::select::Selection;
use crate::tree::{Found, LinkId, display};

/// The digest of a selection, and those of the single files for people who ask why it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Of everything.
    pub(crate) digest: [u8; 32],
    /// Of each path, sorted; cut short, since they only have to tell old from new.
    pub(crate) files: Vec<(String, String)>,
}

/// Digests what was selected. All contents are hashed already.
pub(crate) fn digest(selection: &Selection, keep_owner: bool) -> Selected {
    let mut whole = blake3::Hasher::new();
    whole.update(b"dfc selection 1\0");
    let mut files = Vec::new();
    let mut links: BTreeMap<LinkId, &[u8]> = BTreeMap::new();
    for one in &selection.matches {
        framed(&mut whole, b"match");
        // Of a matched folder only the contents are copied.
        let root = if one.root.entry.is_dir() {
            *hasher_of(&one.root).finalize().as_bytes()
        } else {
            framed(&mut whole, &one.name);
            of_one(&one.root, keep_owner)
        };
        whole.update(&root);
        files.push((display(&one.root.entry.path), short(&root)));
        links.clear();
        for item in &one.items {
            framed(&mut whole, &item.rel);
            whole.update(&[u8::from(item.picked)]);
            let digest = of_one(&item.found, keep_owner);
            whole.update(&digest);
            // Which names are one file is part of what is copied.
            let first = item.found.link.map(|link| *links.entry(link).or_insert(&item.rel));
            framed(&mut whole, first.filter(|first| *first != item.rel).unwrap_or_default());
            files.push((display(&item.found.entry.path), short(&digest)));
        }
    }
    files.sort();
    files.dedup();
    Selected { digest: *whole.finalize().as_bytes(), files }
}

/// Kind and content.
fn hasher_of(found: &Found) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    match &found.entry.kind {
        Kind::Whiteout => hasher.update(b"w"),
        Kind::Dir { .. } => hasher.update(b"d"),
        Kind::File { size, digest } => {
            hasher.update(b"f").update(&size.to_le_bytes()).update(&digest.0)
        }
        Kind::Hardlink { target } => hasher.update(b"h").update(target),
        Kind::Symlink { target } => hasher.update(b"l").update(target),
        Kind::Char { major, minor } => {
            hasher.update(b"c").update(&major.to_le_bytes()).update(&minor.to_le_bytes())
        }
        Kind::Block { major, minor } => {
            hasher.update(b"b").update(&major.to_le_bytes()).update(&minor.to_le_bytes())
        }
        Kind::Fifo => hasher.update(b"p"),
    };
    hasher
}

/// Kind, content, mode, attributes, and the owner if it counts.
fn of_one(found: &Found, keep_owner: bool) -> [u8; 32] {
    let entry = &found.entry;
    let mut hasher = hasher_of(found);
    hasher.update(&entry.mode.to_le_bytes());
    if keep_owner {
        hasher.update(&entry.uid.to_le_bytes()).update(&entry.gid.to_le_bytes());
    }
    for (name, value) in &entry.xattrs {
        framed(&mut hasher, name);
        framed(&mut hasher, value);
    }
    *hasher.finalize().as_bytes()
}

fn short(digest: &[u8; 32]) -> String {
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn framed(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
}
