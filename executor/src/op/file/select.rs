//! What a COPY or ADD takes from its source tree: the [`Selection`].
//!
//! It is made before anything is known of the destination, since it is also what the key of the step is made of: the
//! digest of exactly what is copied.

use compiler::ignore::{IgnoreFile, Verdict};
use compiler::op::CopyAction;
use compiler::pattern::{Glob, has_wildcards};
use rayon::prelude::*;
use store::layer::index::join;
use store::{Entry, Kind};

use crate::error::Cause;
use crate::op::file::missing;
use crate::tree::{Found, Last, SourceTree, base_name, clean, components, display, resolve_source};

/// What one action takes.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Each thing that the source word names, in order.
    pub(crate) matches: Vec<Match>,
}

/// One thing that a source word names.
#[derive(Debug)]
pub(crate) struct Match {
    /// The last name of it as matched (of the link, where it is one).
    pub(crate) name: Vec<u8>,
    /// What it is, links followed.
    pub(crate) root: Found,
    /// What is in it, folders before their contents, sorted by name.
    pub(crate) items: Vec<Item>,
}

/// Something inside a matched folder.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its path from the matched folder.
    pub(crate) rel: Vec<u8>,
    /// What it is.
    pub(crate) found: Found,
    /// Whether it is copied itself; a folder that is not stands here because something in it is.
    pub(crate) picked: bool,
}

impl Selection {
    /// All that is taken, with whether it is taken itself.
    pub(crate) fn found_mut(&mut self) -> impl Iterator<Item = &mut Found> {
        self.matches.iter_mut().flat_map(|one| {
            std::iter::once(&mut one.root).chain(one.items.iter_mut().map(|item| &mut item.found))
        })
    }
}

/// Finds what an action takes. Contents of files are not read.
///
/// # Errors
/// A source without wildcards is not there, a pattern is broken, or the tree cannot be read.
pub(crate) fn select(tree: &dyn SourceTree, action: &CopyAction) -> Result<Selection, Cause> {
    let filter = Filter::new(action)?;
    let mut selection = Selection::default();
    for path in matched_paths(tree, action)? {
        let resolved = match resolve_source(tree, &path, Last::Follow) {
            Ok(resolved) => resolved,
            Err(cause) if action.wildcard && has_wildcards(&action.source) => return Err(cause),
            Err(_) => return Err(missing::source(tree, &action.source)),
        };
        let Some(root) = get(tree, &resolved)? else {
            return Err(missing::source(tree, &action.source));
        };
        let items = match root.entry.is_dir() {
            true => walk(tree, &resolved, b"", &filter, &Verdicts::default())?,
            false => Vec::new(),
        };
        selection.matches.push(Match { name: base_name(&path).to_vec(), root, items });
    }
    require(tree, action)?;
    Ok(selection)
}

/// What must be there by `--parents` without wildcards: the very path, since no link on the way is followed.
fn require(tree: &dyn SourceTree, action: &CopyAction) -> Result<(), Cause> {
    let Some(parents) = action.parents.as_ref().filter(|parents| parents.required) else {
        return Ok(());
    };
    let whole = format!("{}/{}", action.source.trim_end_matches('/'), parents.pattern);
    let mut path = Vec::new();
    let whole_path = clean(&whole);
    let mut names = components(&whole_path).peekable();
    while let Some(name) = names.next() {
        path = join(&path, name);
        let Some(found) = tree.get(&path)? else { return Err(missing::source(tree, &whole)) };
        if names.peek().is_some() && !found.entry.is_dir() {
            let what = display(&path);
            let help = matches!(found.entry.kind, Kind::Symlink { .. }).then(|| {
                format!("`/{what}` is a symbolic link, and --parents follows none: name its target")
            });
            let message = format!("\"/{}\": not found", display(&whole_path));
            return Err(Cause::File { message, help, span: None });
        }
    }
    Ok(())
}

/// As [`SourceTree::get`], for the root as well.
fn get(tree: &dyn SourceTree, path: &[u8]) -> Result<Option<Found>, Cause> {
    let found = tree.get(path)?;
    Ok(match found {
        None if path.is_empty() => Some(Found::plain(Entry::IMPLICIT_DIR)),
        found => found,
    })
}

/// All that is at a path, links followed.
///
/// # Errors
/// It is not there, or the tree cannot be read.
pub(crate) fn select_all(tree: &dyn SourceTree, path: &[u8]) -> Result<Selection, Cause> {
    let resolved = resolve_source(tree, path, Last::Follow);
    let found = match resolved {
        Ok(resolved) => get(tree, &resolved)?,
        Err(_) => None,
    };
    let Some(root) = found else { return Err(missing::source(tree, &display(path))) };
    let all = Filter { exclude: IgnoreFile::default(), include: None };
    let items = match root.entry.is_dir() {
        true => walk(tree, &root.entry.path, b"", &all, &Verdicts::default())?,
        false => Vec::new(),
    };
    Ok(Selection { matches: vec![Match { name: base_name(path).to_vec(), root, items }] })
}

/// The paths that the source word stands for, links at their ends not followed.
fn matched_paths(tree: &dyn SourceTree, action: &CopyAction) -> Result<Vec<Vec<u8>>, Cause> {
    if !action.wildcard {
        return Ok(vec![clean(&action.source)]);
    }
    let glob = Glob::parse(&action.source)
        .map_err(|error| Cause::Pattern(format!("{error} `{}`", action.source)))?;
    if glob.below.is_none() {
        return Ok(vec![clean(&action.source)]);
    }
    let start = resolve_source(tree, glob.base.as_bytes(), Last::Follow)?;
    // That nothing matches is fine; that there is nowhere to look is not.
    let Some(folder) = get(tree, &start)? else {
        return Err(missing::source(tree, &glob.base));
    };
    let mut found = Vec::new();
    if folder.entry.is_dir() {
        match_below(tree, &glob, &start, b"", &mut found)?;
    }
    Ok(found)
}

/// A folder that matches is taken whole, and not looked into for more.
fn match_below(
    tree: &dyn SourceTree,
    glob: &Glob,
    folder: &[u8],
    rel: &[u8],
    found: &mut Vec<Vec<u8>>,
) -> Result<(), Cause> {
    for child in tree.children(folder)? {
        let rel = join(rel, child.entry.name());
        if glob.matches(&rel) {
            found.push(child.entry.path);
        } else if child.entry.is_dir() && glob.could_match_below(&rel) {
            match_below(tree, glob, &child.entry.path, &rel, found)?;
        }
    }
    Ok(())
}

struct Filter {
    exclude: IgnoreFile,
    include: Option<IgnoreFile>,
}

/// What both lists say of a folder.
#[derive(Default)]
struct Verdicts {
    exclude: Verdict,
    include: Verdict,
}

impl Filter {
    fn new(action: &CopyAction) -> Result<Filter, Cause> {
        let parse = |name, patterns: &[String]| {
            IgnoreFile::from_patterns(name, patterns)
                .map_err(|error| Cause::Pattern(error.to_string()))
        };
        let include = match &action.parents {
            None => None,
            Some(parents) => Some(parse("--parents", std::slice::from_ref(&parents.pattern))?),
        };
        Ok(Filter { exclude: parse("--exclude", &action.exclude)?, include })
    }

    fn enter(&self, folder: &Verdicts, rel: &[u8]) -> Verdicts {
        let include = self.include.as_ref();
        Verdicts {
            exclude: self.exclude.enter(&folder.exclude, rel),
            include: include.map(|file| file.enter(&folder.include, rel)).unwrap_or_default(),
        }
    }

    fn picks(&self, verdicts: &Verdicts) -> bool {
        // What a list of patterns "ignores" is what matches it; here it is what is wanted.
        let included = self.include.is_none() || verdicts.include.is_ignored;
        included && !verdicts.exclude.is_ignored
    }

    fn descends(&self, verdicts: &Verdicts, rel: &[u8]) -> bool {
        !verdicts.exclude.is_ignored || self.exclude.could_reinclude_below(&verdicts.exclude, rel)
    }
}

/// What is taken of all in a folder; the folders in it are looked through beside each other.
fn walk(
    tree: &dyn SourceTree,
    folder: &[u8],
    rel: &[u8],
    filter: &Filter,
    above: &Verdicts,
) -> Result<Vec<Item>, Cause> {
    let take = |found: Found| -> Result<Vec<Item>, Cause> {
        let rel = join(rel, found.entry.name());
        let verdicts = filter.enter(above, &rel);
        let picked = filter.picks(&verdicts);
        let descend = found.entry.is_dir() && filter.descends(&verdicts, &rel);
        if !descend {
            return Ok(picked.then_some(Item { rel, found, picked }).into_iter().collect());
        }
        let mut below = walk(tree, &found.entry.path, &rel, filter, &verdicts)?;
        if picked || !below.is_empty() {
            below.insert(0, Item { rel, found, picked });
        }
        Ok(below)
    };
    let children = tree.children(folder)?;
    let folders = children.iter().filter(|found| found.entry.is_dir()).count();
    let parts: Vec<Vec<Item>> = match folders {
        0 | 1 => children.into_iter().map(take).collect::<Result<_, _>>()?,
        _ => children.into_par_iter().map(take).collect::<Result<_, _>>()?,
    };
    Ok(parts.into_iter().flatten().collect())
}

/// The names in a folder, for an error; none if it cannot be read.
pub(crate) fn names_in(tree: &dyn SourceTree, folder: &[u8]) -> Vec<String> {
    tree.children(folder)
        .map(|children| children.iter().map(|found| display(found.entry.name())).collect())
        .unwrap_or_default()
}

/// The deepest folder of a path that is there, and the name below it that is not.
pub(crate) fn first_missing(tree: &dyn SourceTree, path: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut at: Vec<u8> = Vec::new();
    for name in components(&clean(path)) {
        let next = resolve_source(tree, &join(&at, name), Last::Follow).ok()?;
        match tree.get(&next).ok()? {
            Some(found) if matches!(found.entry.kind, Kind::Dir { .. }) => at = next,
            Some(_) => return None,
            None => return Some((at, name.to_vec())),
        }
    }
    None
}
