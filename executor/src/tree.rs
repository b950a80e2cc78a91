//! Questions about trees of files, whatever they are: a stack of layer indexes, a folder on disk, a layer being made.
//!
//! Paths are bytes relative to the root, without slashes at the ends; the root itself is empty. Links are followed here,
//! by [`resolve`], and never lead out of the root.

use store::Entry;
use store::layer::index::join;

use crate::context::Identity;
use crate::error::Cause;

/// More symbolic links than this in one path are a loop.
const MAX_LINKS: usize = 255;

/// A tree that files are copied from.
pub(crate) trait SourceTree: Sync {
    /// What is at a path, links not followed.
    ///
    /// # Errors
    /// The tree cannot be read.
    fn get(&self, path: &[u8]) -> Result<Option<Found>, Cause>;

    /// What is in a folder, sorted by name.
    ///
    /// # Errors
    /// The tree cannot be read.
    fn children(&self, path: &[u8]) -> Result<Vec<Found>, Cause>;

    /// Which pattern of a .dockerignore takes a path away, if one does that is really there: the file's name, the line,
    /// the pattern.
    fn ignored_by(&self, _path: &[u8]) -> Option<(String, usize, String)> {
        None
    }
}

/// Something in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Path and metadata. For a file on disk the digest is that of nothing until its content is hashed; the kind is never
    /// `Hardlink` or `Whiteout`.
    pub(crate) entry: Entry,
    /// Which file it is, if it has several names; equal for all of them within one tree.
    pub(crate) link: Option<LinkId>,
    /// Whether it is a socket: it is copied as an empty file.
    pub(crate) socket: bool,
    /// Which file it is on disk, if it is one there.
    pub(crate) seen: Option<Identity>,
}

/// Names a file that has several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64, pub(crate) u64);

impl Found {
    /// Something with one name.
    pub(crate) fn plain(entry: Entry) -> Found {
        Found { entry, link: None, socket: false, seen: None }
    }
}

/// What following a path needs to know of each thing on the way.
pub(crate) enum Step {
    /// Nothing is there.
    Missing,
    /// A folder.
    Folder,
    /// A symbolic link with this text.
    Link(Vec<u8>),
    /// Anything else.
    Other,
}

impl Step {
    /// From what a tree has at a path.
    pub(crate) fn of(entry: Option<&Entry>) -> Step {
        use store::Kind;
        match entry.map(|entry| &entry.kind) {
            None | Some(Kind::Whiteout) => Step::Missing,
            Some(Kind::Dir { .. }) => Step::Folder,
            Some(Kind::Symlink { target }) => Step::Link(target.clone()),
            Some(
                Kind::File { .. }
                | Kind::Hardlink { .. }
                | Kind::Char { .. }
                | Kind::Block { .. }
                | Kind::Fifo,
            ) => Step::Other,
        }
    }
}

/// Whether a link at the very end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// It is followed.
    Follow,
    /// It is what the path means.
    #[cfg(test)]
    Keep,
}

/// Follows a path inside a tree; what does not exist of it stays as written.
///
/// # Errors
/// Something on the way is neither folder nor link, or the links are a loop.
pub(crate) fn resolve(
    look: &dyn Fn(&[u8]) -> Result<Step, Cause>,
    path: &[u8],
    last: Last,
) -> Result<Vec<u8>, Cause> {
    let mut at: Vec<u8> = Vec::new();
    let mut todo: Vec<Vec<u8>> = components(path).rev().map(<[u8]>::to_vec).collect();
    let mut links = 0;
    while let Some(name) = todo.pop() {
        if name == b".." {
            at.truncate(at.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
            continue;
        }
        let next = join(&at, &name);
        match look(&next)? {
            Step::Link(target) if !todo.is_empty() || last == Last::Follow => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Cause::file(format!(
                        "too many symbolic links in `/{}`",
                        display(path)
                    )));
                }
                if target.starts_with(b"/") {
                    at.clear();
                }
                todo.extend(components(&target).rev().map(<[u8]>::to_vec));
            }
            Step::Other if !todo.is_empty() => {
                return Err(Cause::file(format!("`/{}` is not a directory", display(&next))));
            }
            Step::Missing | Step::Folder | Step::Link(_) | Step::Other => at = next,
        }
    }
    Ok(at)
}

/// Follows a path in a tree that files are copied from.
pub(crate) fn resolve_source(
    tree: &dyn SourceTree,
    path: &[u8],
    last: Last,
) -> Result<Vec<u8>, Cause> {
    let look = |path: &[u8]| Ok(Step::of(tree.get(path)?.map(|found| found.entry).as_ref()));
    resolve(&look, path, last)
}

/// The names in a path, without empty ones and `.`.
pub(crate) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".")
}

/// A path as people see it.
pub(crate) fn display(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// A path as written, made into one without slashes at the ends; `..` is worked out as text and stops at the root.
pub(crate) fn clean(path: &str) -> Vec<u8> {
    clean_bytes(path.as_bytes())
}

/// As [`clean`], for a path that need not be text.
pub(crate) fn clean_bytes(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in components(path) {
        if name == b".." {
            names.pop();
        } else {
            names.push(name);
        }
    }
    names.join(&b'/')
}

/// The last name of a path; empty for the root.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folders end in `/`, links have `->`, the rest are files.
    fn follow(tree: &[&str], path: &str, last: Last) -> Result<String, String> {
        let look = |path: &[u8]| {
            let path = display(path);
            Ok(tree
                .iter()
                .find_map(|line| match line.split_once("->") {
                    Some((name, target)) if name == path => {
                        Some(Step::Link(target.as_bytes().to_vec()))
                    }
                    Some(_) => None,
                    None if line.strip_suffix('/') == Some(&path) => Some(Step::Folder),
                    None if *line == path => Some(Step::Other),
                    None => None,
                })
                .unwrap_or(Step::Missing))
        };
        resolve(&look, path.as_bytes(), last)
            .map(|path| display(&path))
            .map_err(|cause| cause.to_string())
    }

    #[test]
    fn links_stay_inside() {
        let tree =
            ["real/", "real/f", "abs->/real", "rel->real", "up->../../../real", "loop->loop"];
        for (path, want) in [
            ("/abs/f", "real/f"),
            ("rel/new/x", "real/new/x"),
            ("up/f", "real/f"),
            ("rel", "real"),
            ("rel/..", ""),
            ("../../x", "x"),
            ("", ""),
        ] {
            assert_eq!(follow(&tree, path, Last::Follow), Ok(want.to_owned()), "{path}");
        }
        assert_eq!(follow(&tree, "rel", Last::Keep), Ok("rel".to_owned()));
        assert!(follow(&tree, "loop", Last::Follow).unwrap_err().contains("too many"));
        assert_eq!(
            follow(&tree, "real/f/x", Last::Follow),
            Err("`/real/f` is not a directory".to_owned())
        );
    }

    #[test]
    fn cleaning_stops_at_the_root() {
        assert_eq!(clean("/../a/./b//c/../d/"), b"a/b/d");
        assert_eq!(clean("/"), b"");
    }
}
