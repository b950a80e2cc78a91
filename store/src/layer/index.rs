//! [`LayerIndex`]: what one layer holds, without the contents of its files.
//!
//! Entries stand in *tree order*: byte order with `/` below every other byte, so a folder is followed at once by
//! everything in it, and a subtree is one slice. A folder that only exists because something lies in it (a tar that
//! names `a/b` and never `a`) has no entry: its owner and mode come from the layers below.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

/// What a layer does to a tree: adds, replaces, removes.
///
/// Invariant: entries are in tree order, paths are unique and clean (no leading or trailing `/`, no empty, `.` or `..`
/// component, no NUL), nothing lies below an entry that is not a folder, and of several names of one file the first
/// in tree order holds the content while the others are [`Kind::Hardlink`]s to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerIndex {
    entries: Vec<Entry>,
}

/// One path of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Bytes, relative to the root; empty for the root itself.
    pub path: Vec<u8>,
    /// What is there.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Extended attributes by name, sorted.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Removes what the layers below have here.
    Whiteout,
    /// A folder; an opaque one hides all that the layers below have in it.
    Dir {
        /// Whether the layers below are hidden.
        opaque: bool,
    },
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// Of the content.
        digest: FileDigest,
    },
    /// Another name of a file of the same layer; the entry's metadata repeat that file's. (An imported layer may name
    /// a file of a layer below.)
    Hardlink {
        /// A path from the root.
        target: Vec<u8>,
    },
    /// A symbolic link.
    Symlink {
        /// The text of the link.
        target: Vec<u8>,
    },
    /// A character device.
    Char {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// A time since 1970, before it with negative seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mtime {
    /// Seconds, rounded down.
    pub secs: i64,
    /// Nanoseconds on top, below 1,000,000,000.
    pub nanos: u32,
}

/// blake3 of a file's content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileDigest(pub [u8; 32]);

/// blake3 of a layer's index without times: two layers with one digest make the same tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeDigest(pub [u8; 32]);

/// Why some entries are no layer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A path that is not clean.
    #[error("`{}` is no clean path inside a layer", .0.escape_ascii())]
    Path(Vec<u8>),
    /// A path stands twice.
    #[error("`{}` stands twice in a layer", .0.escape_ascii())]
    Duplicate(Vec<u8>),
    /// Something below a file, link or device.
    #[error("`{}` lies below something that is no folder", .0.escape_ascii())]
    BelowFile(Vec<u8>),
}

impl Entry {
    /// A folder that nobody described: mode 755, owned by root, of 1970.
    pub const IMPLICIT_DIR: Entry = Entry {
        path: Vec::new(),
        kind: Kind::Dir { opaque: false },
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: Mtime { secs: 0, nanos: 0 },
        xattrs: Vec::new(),
    };

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Dir { .. })
    }

    /// The last component of its path.
    pub fn name(&self) -> &[u8] {
        self.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }
}

impl LayerIndex {
    /// Sorts entries into an index, makes the first of several linked names the one with the content, and checks the
    /// invariant.
    pub fn new(mut entries: Vec<Entry>) -> Result<LayerIndex, IndexError> {
        entries.sort_by(|a, b| tree_order(&a.path, &b.path));
        for entry in &entries {
            if !is_clean(&entry.path) {
                return Err(IndexError::Path(entry.path.clone()));
            }
        }
        let mut leaf: Option<&Entry> = None;
        for pair in entries.windows(2) {
            let [before, entry] = pair else { continue };
            if before.path == entry.path {
                return Err(IndexError::Duplicate(entry.path.clone()));
            }
            if !before.is_dir() {
                leaf = Some(before);
            }
            if leaf.is_some_and(|leaf| is_below(&entry.path, &leaf.path)) {
                return Err(IndexError::BelowFile(entry.path.clone()));
            }
        }
        let mut index = LayerIndex { entries };
        index.order_links();
        index.repeat_metadata();
        Ok(index)
    }

    /// Takes entries that were in an index before, as they were.
    pub(super) fn from_checked(entries: Vec<Entry>) -> LayerIndex {
        LayerIndex { entries }
    }

    /// All entries in tree order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the layer changes nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The position of a path's entry.
    pub fn position(&self, path: &[u8]) -> Option<usize> {
        self.entries.binary_search_by(|entry| tree_order(&entry.path, path)).ok()
    }

    /// The entry at a path.
    pub fn get(&self, path: &[u8]) -> Option<&Entry> {
        self.position(path).map(|position| &self.entries[position])
    }

    /// The sum of the sizes of its files, in bytes.
    pub fn content_size(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| match entry.kind {
                Kind::File { size, .. } => size,
                Kind::Whiteout
                | Kind::Dir { .. }
                | Kind::Hardlink { .. }
                | Kind::Symlink { .. } => 0,
                Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => 0,
            })
            .fold(0, u64::saturating_add)
    }

    /// Whether some folder has no entry of its own, or some hard link leads out of the layer: laid out as files, the
    /// layer then depends on the layers below.
    pub fn needs_below(&self) -> bool {
        let mut dir: &[u8] = b"";
        for entry in &self.entries {
            if let Kind::Hardlink { target } = &entry.kind
                && self.position(target).is_none()
            {
                return true;
            }
            let parent = parent(&entry.path);
            if parent != dir {
                if !parent.is_empty() && self.position(parent).is_none() {
                    return true;
                }
                dir = parent;
            }
        }
        false
    }

    /// The digest of what the layer makes: paths, kinds, modes, owners, contents, links and xattrs, but no times.
    pub fn result_digest(&self) -> TreeDigest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"dfc layer 1\0");
        let mut buffer = Vec::with_capacity(256);
        for entry in &self.entries {
            buffer.clear();
            super::codec::put_bytes(&mut buffer, &entry.path);
            super::codec::put_rest(&mut buffer, entry);
            hasher.update(&buffer);
        }
        TreeDigest(hasher.finalize().into())
    }

    /// The entries within `range` that are at or below `path`; `range` must lie inside one folder above it.
    pub(crate) fn subtree(&self, range: Range<usize>, path: &[u8]) -> Range<usize> {
        let slice = &self.entries[range.clone()];
        let start = slice.partition_point(|entry| tree_order(&entry.path, path) == Ordering::Less);
        let len = slice[start..]
            .partition_point(|entry| entry.path == path || is_below(&entry.path, path));
        range.start + start..range.start + start + len
    }

    /// Gives the names of a file one owner, mode, time and attributes, those of the name that holds the content.
    fn repeat_metadata(&mut self) {
        for position in 0..self.entries.len() {
            let Kind::Hardlink { target } = &self.entries[position].kind else { continue };
            let Some(holder) = self.position(target) else { continue };
            let Entry { mode, uid, gid, mtime, ref xattrs, .. } = self.entries[holder];
            let xattrs = xattrs.clone();
            let entry = &mut self.entries[position];
            (entry.mode, entry.uid, entry.gid) = (mode, uid, gid);
            (entry.mtime, entry.xattrs) = (mtime, xattrs);
        }
    }

    /// Makes the first name of every file in tree order the one that holds the content.
    fn order_links(&mut self) {
        let mut swaps: Vec<(usize, usize)> = Vec::new();
        let mut first: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
        for (position, entry) in self.entries.iter().enumerate() {
            if let Kind::Hardlink { target } = &entry.kind
                && let Some(holder) = self.position(target)
                && position < holder
            {
                first.entry(holder).or_insert(position);
            }
        }
        swaps.extend(first);
        if swaps.is_empty() {
            return;
        }
        let mut renamed = std::collections::BTreeMap::new();
        for (holder, position) in swaps {
            let name = self.entries[position].path.clone();
            renamed.insert(self.entries[holder].path.clone(), name.clone());
            let content =
                std::mem::replace(&mut self.entries[holder].kind, Kind::Hardlink { target: name });
            self.entries[position].kind = content;
        }
        for entry in &mut self.entries {
            if let Kind::Hardlink { target } = &mut entry.kind
                && let Some(name) = renamed.get(target)
            {
                target.clone_from(name);
            }
        }
    }
}

/// Tree order: byte order with `/` below every other byte.
pub fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
    fn rank(byte: u8) -> u8 {
        if byte == b'/' { 0 } else { byte }
    }
    // Neighbors share most of their path: that part is compared in bigger pieces.
    let same = a.chunks(16).zip(b.chunks(16)).take_while(|(a, b)| a == b).count() * 16;
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => rank(*a).cmp(&rank(*b)),
        None => a.len().cmp(&b.len()),
    }
}

/// The folder of a path; the root for a name at the top.
pub fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => &path[..slash],
        None => b"",
    }
}

/// Whether `path` lies below `dir` (and is not `dir` itself).
pub fn is_below(path: &[u8], dir: &[u8]) -> bool {
    if dir.is_empty() {
        return !path.is_empty();
    }
    path.len() > dir.len() && path[dir.len()] == b'/' && path.starts_with(dir)
}

/// `dir/name`, or `name` at the root.
pub fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

fn is_clean(path: &[u8]) -> bool {
    let good =
        |name: &[u8]| !name.is_empty() && name != b"." && name != b".." && !name.contains(&0);
    path.is_empty() || path.split(|&byte| byte == b'/').all(good)
}

fn hex(bytes: &[u8; 32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}
