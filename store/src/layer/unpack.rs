//! A tar stream to an index, and to files if wanted: one pass, nothing followed.
//!
//! What a tar says is believed about names alone. Paths are cleaned as text; links on the way are followed in the
//! index of this very tar, inside the root; on disk, folders and regular files are all there is until the stream has
//! ended, so that no write can go through a link. Links, devices and whiteouts come after that, and folders get their
//! metadata last. As for containerd and Docker, of several members with one path the last one counts.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Bound;

use super::index::{
    Entry, FileDigest, IndexError, Kind, LayerIndex, Mtime, is_below, join, parent,
};
use super::layout::TreeWriter;
pub use super::tar::TarError;
use super::tar::{Limits, Member, MemberKind, TarReader};

const MAX_LINKS: usize = 255;
const MAX_NAME: usize = 255;
const MAX_TARGET: usize = 4095;

/// What whiteouts in a tar mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whiteouts {
    /// It is a layer: `.wh.NAME` removes.
    Apply,
    /// It is somebody's archive: names are names.
    Literal,
}

/// A path ordered as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TreePath(Vec<u8>);

impl Ord for TreePath {
    fn cmp(&self, other: &TreePath) -> std::cmp::Ordering {
        super::index::tree_order(&self.0, &other.0)
    }
}

impl PartialOrd for TreePath {
    fn partial_cmp(&self, other: &TreePath) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A tree as far as the stream has told.
struct Growing<'a> {
    entries: BTreeMap<TreePath, Entry>,
    /// By path of a file, the names that were linked to it.
    links: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    files: Option<&'a mut TreeWriter>,
    buffer: Vec<u8>,
}

/// Reads a plain tar to its end mark. With `files`, what it holds is written there.
pub(crate) fn unpack(
    stream: impl Read,
    limits: Limits,
    whiteouts: Whiteouts,
    files: Option<&mut TreeWriter>,
) -> Result<LayerIndex, TarError> {
    let mut reader = TarReader::new(stream, limits);
    let mut tree = Growing {
        entries: BTreeMap::new(),
        links: BTreeMap::new(),
        files,
        buffer: vec![0; 256 << 10],
    };
    while let Some(member) = reader.next()? {
        tree.add(member, whiteouts, &mut reader)?;
    }
    tree.finish()
}

/// Reads a plain tar to its end mark and tells what it holds; nothing is written.
///
/// # Errors
/// A tar that is broken, too large, or wants out of its root.
pub fn index_of(
    stream: impl Read,
    limits: Limits,
    whiteouts: Whiteouts,
) -> Result<LayerIndex, TarError> {
    unpack(stream, limits, whiteouts, None)
}

impl Growing<'_> {
    fn add<R: Read>(
        &mut self,
        member: Member,
        whiteouts: Whiteouts,
        content: &mut TarReader<R>,
    ) -> Result<(), TarError> {
        let path = self.place(&member.path)?;
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if whiteouts == Whiteouts::Apply && name.starts_with(b".wh.") {
            return self.whiteout(&path, &name[4..], member.mtime);
        }
        let Member { path: _, kind, mut mode, mut uid, mut gid, mut mtime, xattrs } = member;
        let mut xattrs: Vec<_> = xattrs.into_iter().collect();
        let kind = match kind {
            MemberKind::Other(_) => return Ok(()),
            MemberKind::File(size) => {
                self.make_room(&path, false)?;
                let digest = self.content(&path, content)?;
                Kind::File { size, digest }
            }
            MemberKind::Dir => {
                // What stood there before, if it was no folder, had taken the place of what the layers below have.
                let before = self.get(&path).map(|entry| entry.kind.clone());
                let opaque = match before {
                    Some(Kind::Dir { opaque }) => opaque,
                    Some(_) => true,
                    None => false,
                };
                if !path.is_empty() {
                    self.make_room(&path, true)?;
                }
                Kind::Dir { opaque }
            }
            MemberKind::Hardlink(target) => {
                let target = self.place(&target)?;
                if target == path {
                    return Ok(());
                }
                let Some((holder, entry)) = self.holder(target.clone())? else {
                    // A file of a layer below, perhaps; or another link to one.
                    let target = match self.get(&target).map(|entry| &entry.kind) {
                        Some(Kind::Hardlink { target: below }) => below.clone(),
                        Some(_) | None => target,
                    };
                    if target == path {
                        return Err(TarError::Link(path));
                    }
                    self.make_room(&path, false)?;
                    let kind = Kind::Hardlink { target };
                    return self.insert(Entry { path, kind, mode, uid, gid, mtime, xattrs });
                };
                if holder == path {
                    return Ok(());
                }
                Entry { mode, uid, gid, mtime, .. } = entry;
                xattrs.clone_from(&entry.xattrs);
                let kind = match entry.kind {
                    Kind::File { .. } => Kind::Hardlink { target: holder.clone() },
                    Kind::Whiteout | Kind::Dir { .. } => return Err(TarError::Link(path)),
                    other => other,
                };
                self.make_room(&path, false)?;
                // Making room may have moved the content to another of its names.
                let kind = match (kind, self.get(&holder)) {
                    (Kind::Hardlink { .. }, None) => return Err(TarError::Link(path)),
                    (kind, _) => kind,
                };
                if let Kind::Hardlink { target } = &kind {
                    self.links.entry(target.clone()).or_default().push(path.clone());
                }
                kind
            }
            // No file system has such links.
            MemberKind::Symlink(target) if target.is_empty() || target.contains(&0) => {
                return Err(TarError::Header("a symbolic link leads to no name"));
            }
            MemberKind::Symlink(target) if MAX_TARGET < target.len() => {
                return Err(TarError::PathTooLong(target));
            }
            MemberKind::Symlink(target) => Kind::Symlink { target },
            MemberKind::Char(major, minor) => Kind::Char { major, minor },
            MemberKind::Block(major, minor) => Kind::Block { major, minor },
            MemberKind::Fifo => Kind::Fifo,
        };
        if !matches!(kind, Kind::File { .. } | Kind::Dir { .. } | Kind::Hardlink { .. }) {
            self.make_room(&path, false)?;
        }
        self.insert(Entry { path, kind, mode, uid, gid, mtime, xattrs })
    }

    fn get(&self, path: &[u8]) -> Option<&Entry> {
        self.entries.get(&TreePath(path.to_vec()))
    }

    fn insert(&mut self, entry: Entry) -> Result<(), TarError> {
        if entry.path.is_empty() && !entry.is_dir() {
            return Err(TarError::BelowFile(entry.path));
        }
        self.entries.insert(TreePath(entry.path.clone()), entry);
        Ok(())
    }

    /// Where a name of the tar leads: cleaned, and the folders on the way with the links of this tar followed.
    fn place(&self, name: &[u8]) -> Result<Vec<u8>, TarError> {
        let mut todo: Vec<Vec<u8>> = Vec::new();
        for part in clean(name)?.rsplit(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
            todo.push(part.to_vec());
        }
        let mut path = Vec::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == b".." {
                path.truncate(parent(&path).len());
                continue;
            }
            let here = join(&path, &part);
            if todo.is_empty() {
                return if here.len() > 4096 { Err(TarError::PathTooLong(here)) } else { Ok(here) };
            }
            match self.get(&here).map(|entry| &entry.kind) {
                Some(Kind::Symlink { target }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(TarError::TooManyLinks(name.to_vec()));
                    }
                    if target.starts_with(b"/") {
                        path.clear();
                    }
                    let parts = target.rsplit(|&byte| byte == b'/');
                    todo.extend(
                        parts.filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec),
                    );
                }
                Some(Kind::Dir { .. } | Kind::Whiteout) | None => path = here,
                Some(Kind::File { .. } | Kind::Hardlink { .. } | Kind::Fifo) => {
                    return Err(TarError::BelowFile(name.to_vec()));
                }
                Some(Kind::Char { .. } | Kind::Block { .. }) => {
                    return Err(TarError::BelowFile(name.to_vec()));
                }
            }
        }
        Ok(path)
    }

    /// The entry that holds what a path names; hard links are followed to it.
    fn holder(&self, path: Vec<u8>) -> Result<Option<(Vec<u8>, Entry)>, TarError> {
        let Some(entry) = self.get(&path) else { return Ok(None) };
        match &entry.kind {
            Kind::Hardlink { target } => {
                let holder = self.get(target).map(|holder| (target.clone(), holder.clone()));
                Ok(holder)
            }
            _ => Ok(Some((path, entry.clone()))),
        }
    }

    fn whiteout(&mut self, path: &[u8], name: &[u8], mtime: Mtime) -> Result<(), TarError> {
        let dir = parent(path).to_vec();
        if name == b".wh..opq" {
            if let Some(entry) = self.entries.get_mut(&TreePath(dir.clone())) {
                entry.kind = Kind::Dir { opaque: true };
                return Ok(());
            }
            self.make_parents(&dir)?;
            let kind = Kind::Dir { opaque: true };
            return self.insert(Entry { path: dir, kind, mtime, ..Entry::IMPLICIT_DIR });
        }
        // aufs kept its own files under such names; they mean nothing here.
        if name.starts_with(b".wh.") || name.is_empty() {
            return Ok(());
        }
        if name == b"." || name == b".." {
            return Err(TarError::Escape(path.to_vec()));
        }
        let path = join(&dir, name);
        self.make_room(&path, false)?;
        self.insert(Entry { path, kind: Kind::Whiteout, mode: 0, ..Entry::IMPLICIT_DIR })
    }

    /// Takes away what stands at a path (but not a folder, if a folder is to come), and sees to the folders above it.
    fn make_room(&mut self, path: &[u8], for_dir: bool) -> Result<(), TarError> {
        self.make_parents(path)?;
        let stays = for_dir && self.get(path).is_none_or(Entry::is_dir);
        if !stays {
            let from = Bound::Included(TreePath(path.to_vec()));
            let below = self.entries.range((from, Bound::Unbounded));
            let gone: Vec<Vec<u8>> = below
                .take_while(|(key, _)| key.0 == path || is_below(&key.0, path))
                .map(|(key, _)| key.0.clone())
                .collect();
            for path in gone.iter().rev() {
                self.remove(path)?;
            }
            if let Some(files) = &mut self.files {
                files.remove_dirs(path).map_err(|source| write_error(path, source))?;
            }
        }
        if for_dir && let Some(files) = &mut self.files {
            files.make_dir(path).map_err(|source| write_error(path, source))?;
        }
        Ok(())
    }

    /// Takes an entry out; if other names are linked to it, the first of them gets the content.
    fn remove(&mut self, path: &[u8]) -> Result<(), TarError> {
        let Some(entry) = self.entries.remove(&TreePath(path.to_vec())) else { return Ok(()) };
        let Kind::File { .. } = entry.kind else { return Ok(()) };
        let mut heir: Option<Vec<u8>> = None;
        for name in self.links.remove(path).unwrap_or_default() {
            let Some(other) = self.entries.get_mut(&TreePath(name.clone())) else { continue };
            if !matches!(&other.kind, Kind::Hardlink { target } if target == path) {
                continue;
            }
            match &heir {
                None => {
                    other.kind = entry.kind.clone();
                    heir = Some(name);
                }
                Some(heir) => {
                    other.kind = Kind::Hardlink { target: heir.clone() };
                    self.links.entry(heir.clone()).or_default().push(name);
                }
            }
        }
        match (heir, &mut self.files) {
            (Some(heir), Some(files)) => files.rename(path, &heir),
            (None, Some(files)) => files.remove_file(path),
            (_, None) => Ok(()),
        }
        .map_err(|source| write_error(path, source))
    }

    /// Below what an earlier member removed there is a folder again; below a file there cannot be anything.
    fn make_parents(&mut self, path: &[u8]) -> Result<(), TarError> {
        if path.rsplit(|&byte| byte == b'/').next().is_some_and(|name| name.len() > MAX_NAME) {
            return Err(TarError::PathTooLong(path.to_vec()));
        }
        let mut dir = parent(path);
        while !dir.is_empty() {
            if let Some(entry) = self.entries.get_mut(&TreePath(dir.to_vec())) {
                if entry.kind == Kind::Whiteout {
                    let kind = Kind::Dir { opaque: true };
                    *entry = Entry { path: dir.to_vec(), kind, ..Entry::IMPLICIT_DIR };
                } else if !entry.is_dir() {
                    return Err(TarError::BelowFile(path.to_vec()));
                }
            }
            dir = parent(dir);
        }
        Ok(())
    }

    /// Reads a file's content once: hashed, and written if files are wanted.
    fn content(&mut self, path: &[u8], content: &mut impl Read) -> Result<FileDigest, TarError> {
        let mut file = match &mut self.files {
            Some(files) => {
                let dir = parent(path);
                let made = files.make_dir(dir).and_then(|()| files.create(path));
                Some(made.map_err(|source| write_error(path, source))?)
            }
            None => None,
        };
        let mut hasher = blake3::Hasher::new();
        loop {
            let len = fill(content, &mut self.buffer)?;
            let bytes = &self.buffer[..len];
            hasher.update(bytes);
            if let Some(file) = &mut file {
                file.write(bytes).map_err(|source| write_error(path, source))?;
            }
            if len < self.buffer.len() {
                break;
            }
        }
        if let Some(file) = file {
            file.finish().map_err(|source| write_error(path, source))?;
        }
        Ok(FileDigest(hasher.finalize().into()))
    }

    fn finish(self) -> Result<LayerIndex, TarError> {
        // What a link into a layer below was made to may have been replaced since, but not by what has no links.
        for entry in self.entries.values() {
            if let Kind::Hardlink { target } = &entry.kind
                && let Some(other) = self.get(target)
                && !matches!(other.kind, Kind::File { .. })
            {
                return Err(TarError::Link(entry.path.clone()));
            }
        }
        let entries: Vec<Entry> = self.entries.into_values().collect();
        if let Some(files) = self.files {
            files.finish(&entries).map_err(|(path, source)| write_error(&path, source))?;
        }
        LayerIndex::new(entries).map_err(|err| match err {
            IndexError::Path(path) | IndexError::Duplicate(path) => TarError::Escape(path),
            IndexError::BelowFile(path) => TarError::BelowFile(path),
        })
    }
}

fn write_error(path: &[u8], source: io::Error) -> TarError {
    TarError::Write { path: path.to_vec(), source }
}

/// Reads until the buffer is full or the content ends.
fn fill(content: &mut impl Read, buffer: &mut [u8]) -> Result<usize, TarError> {
    let mut len = 0;
    while len < buffer.len() {
        match content.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(TarError::Truncated);
            }
            Err(err) => return Err(err.into()),
        }
    }
    Ok(len)
}

/// A name as a clean path: `/` at the ends, `.` and empty parts go, `..` takes back a part. One that leads above the
/// root is refused: no builder writes such a thing.
pub fn clean(name: &[u8]) -> Result<Vec<u8>, TarError> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop().ok_or_else(|| TarError::Escape(name.to_vec()))?;
            }
            part if part.contains(&0) => return Err(TarError::Header("a name holds a NUL")),
            part => parts.push(part),
        }
    }
    Ok(parts.join(&b'/'))
}

#[cfg(test)]
mod tests;
