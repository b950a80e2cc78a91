//! [`ContextView`]: what rules may ask of the build context.

use std::fmt;

use crate::ignore::{IgnoreFile, Rule};
use crate::paths;
use crate::pattern::Glob;
use crate::suggest::nearest;

/// How many entries a search for a pattern looks at.
const MAX_ENTRIES: usize = 20_000;

/// What the main context holds, .dockerignore not applied. Who implements it bounds its work: what takes too long is not
/// known. Paths are relative, clean, and have slashes; the root is `.`.
pub trait ContextView: fmt::Debug {
    /// What is there, a link followed.
    fn entry(&self, path: &str) -> Entry;

    /// The names in a folder, in any order; `None` if they are not known, or too many.
    fn list(&self, folder: &str) -> Option<Vec<String>>;
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Something that is no folder.
    File,
    /// A folder.
    Folder,
    /// Nothing.
    Missing,
    /// Nobody knows.
    Unknown,
}

/// What a source of COPY finds.
#[derive(Debug, Clone, Default)]
pub struct Found<'a> {
    /// Paths that are there, and that .dockerignore leaves in; one is enough for a search.
    pub files: Vec<String>,
    /// Whether something was left out, and by which rule.
    pub excluded_by: Option<&'a Rule>,
    /// Whether all of it is known.
    pub is_certain: bool,
    /// A name nearly the same, if there is nothing.
    pub nearest: Option<String>,
}

/// Looks for a source of COPY, a path or a pattern, in a context.
pub(super) fn find<'a>(
    view: &dyn ContextView,
    ignore: Option<&'a IgnoreFile>,
    source: &str,
) -> Found<'a> {
    let source = paths::clean(&format!("/{source}"));
    let mut search = Search {
        view,
        ignore,
        left: MAX_ENTRIES,
        found: Found { is_certain: true, ..Found::default() },
    };
    let Ok(glob) = Glob::parse(source.trim_start_matches('/')) else {
        return Found::default();
    };
    match &glob.below {
        None => search.single(&glob.base),
        Some(_) => search.folder(&glob, ""),
    }
    search.found
}

struct Search<'v, 'a> {
    view: &'v dyn ContextView,
    ignore: Option<&'a IgnoreFile>,
    left: usize,
    found: Found<'a>,
}

impl Search<'_, '_> {
    fn single(&mut self, path: &str) {
        match self.view.entry(path) {
            Entry::File => self.take(path, false),
            Entry::Folder => self.take(path, true),
            Entry::Unknown => self.found.is_certain = false,
            Entry::Missing => {
                let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
                let names = self.view.list(folder).unwrap_or_default();
                let near = nearest(name, names.iter().map(String::as_str));
                self.found.nearest = near.map(|name| match folder {
                    "." => name,
                    folder => format!("{folder}/{name}"),
                });
            }
        }
    }

    /// Looks at what is in a folder, relative to the base of the pattern.
    fn folder(&mut self, glob: &Glob, below: &str) {
        let folder = paths::join(&glob.base, below);
        let folder = if folder.is_empty() { "." } else { folder.as_str() };
        if self.view.entry(folder) == Entry::Missing {
            return;
        }
        let Some(names) = self.view.list(folder) else {
            self.found.is_certain = false;
            return;
        };
        for name in names {
            if self.left == 0 {
                self.found.is_certain = false;
                return;
            }
            self.left -= 1;
            let below = paths::join(below, &name);
            let path = paths::join(&glob.base, &below);
            if glob.matches(below.as_bytes()) {
                self.take(&path, self.view.entry(&path) == Entry::Folder);
            } else if glob.could_match_below(below.as_bytes())
                && self.view.entry(&path) == Entry::Folder
            {
                self.folder(glob, &below);
            }
            if !self.found.files.is_empty() {
                return;
            }
        }
    }

    fn take(&mut self, path: &str, is_folder: bool) {
        let path = if path.is_empty() { "." } else { path };
        let verdict = |ignore: &IgnoreFile| ignore.enter(&Default::default(), path.as_bytes());
        match self.ignore.map(|ignore| (ignore, verdict(ignore))) {
            Some((ignore, verdict)) if verdict.is_ignored && path != "." => {
                if is_folder && ignore.could_reinclude_below(&verdict, path.as_bytes()) {
                    self.found.is_certain = false;
                }
                self.found.excluded_by = ignore.rule_of(&verdict);
            }
            Some(_) | None => self.found.files.push(path.to_owned()),
        }
    }
}
