//! [`Contexts`]: which folder a Dockerfile is built in, and what is there, as `dfc check` finds it. Answers are kept for a
//! while: a keystroke asks the file system for nothing that the one before it has asked for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use compiler::lint::{ContextView, Entry};
use grammar::{Dockerfile, Instruction};
use lsp::knowledge::Context;

use crate::project::folder_view::{FolderView, guess};

/// How long answers are believed.
const FRESH: Duration = Duration::from_secs(2);
/// How long the file system may be asked until then. What comes later is not known.
const MAX_TIME: Duration = Duration::from_millis(100);
/// How many Dockerfiles are kept in mind.
const MAX_GUESSES: usize = 200;

/// The contexts of Dockerfiles.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    /// By the path of a Dockerfile.
    by_file: RefCell<HashMap<PathBuf, Guess>>,
}

/// What was found for a Dockerfile.
#[derive(Debug)]
struct Guess {
    /// What its COPYs said.
    sources: u64,
    at: Instant,
    context: Option<Context>,
}

impl Contexts {
    /// The context of a Dockerfile.
    pub(super) fn find(&self, file: &Dockerfile, path: &Path) -> Option<Context> {
        let sources = sources(file);
        let mut by_file = self.by_file.borrow_mut();
        let is_true = |it: &&Guess| it.sources == sources && it.at.elapsed() < FRESH;
        if let Some(known) = by_file.get(path).filter(is_true) {
            return known.context.clone();
        }
        let context = guess(file, path).map(|view| {
            // As the user calls it: links stay links.
            let above = path.ancestors().skip(1);
            let same = |folder: &&Path| folder.canonicalize().is_ok_and(|it| it == view.root());
            let root = above.take(10).find(same).unwrap_or(view.root()).to_owned();
            Context { root, view: Rc::new(Remembered::of(view)) }
        });
        if by_file.len() >= MAX_GUESSES {
            by_file.clear();
        }
        let guess = Guess { sources, at: Instant::now(), context: context.clone() };
        by_file.insert(path.to_owned(), guess);
        context
    }

    /// Believes nothing any more.
    pub(super) fn forget(&self) {
        self.by_file.borrow_mut().clear();
    }
}

/// What COPY and ADD say, as a number.
fn sources(file: &Dockerfile) -> u64 {
    let mut hasher = DefaultHasher::new();
    for statement in &file.statements {
        if let Instruction::Copy(_) | Instruction::Add(_) = &statement.instruction {
            statement.original.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// A folder that is asked for each thing once.
#[derive(Debug)]
struct Remembered {
    view: FolderView,
    entries: RefCell<HashMap<String, Entry>>,
    lists: RefCell<HashMap<String, Option<Vec<String>>>>,
    spent: Cell<Duration>,
}

impl Remembered {
    fn of(view: FolderView) -> Remembered {
        let (entries, lists) = (RefCell::default(), RefCell::default());
        Remembered { view, entries, lists, spent: Cell::default() }
    }

    /// Asks the file system, unless that has taken too long already.
    fn ask<T>(&self, question: impl FnOnce(&FolderView) -> T, unknown: T) -> T {
        if self.spent.get() > MAX_TIME {
            return unknown;
        }
        let began = Instant::now();
        let answer = question(&self.view);
        self.spent.set(self.spent.get() + began.elapsed());
        answer
    }
}

impl ContextView for Remembered {
    fn entry(&self, path: &str) -> Entry {
        if let Some(entry) = self.entries.borrow().get(path) {
            return *entry;
        }
        let entry = self.ask(|view| view.entry(path), Entry::Unknown);
        self.entries.borrow_mut().insert(path.to_owned(), entry);
        entry
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        if let Some(names) = self.lists.borrow().get(folder) {
            return names.clone();
        }
        let names = self.ask(|view| view.list(folder), None);
        self.lists.borrow_mut().insert(folder.to_owned(), names.clone());
        names
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use grammar::SourceFile;

    use super::*;

    #[test]
    fn answers_are_kept_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        let path = folder.path().join("Dockerfile");
        let tree = grammar::parse(&SourceFile::new("D", "FROM scratch\nCOPY a b /\n")).tree;
        let contexts = Contexts::default();
        let context = contexts.find(&tree, &path).unwrap();
        assert_eq!(context.root, folder.path());
        assert_eq!(context.view.entry("b"), Entry::Missing);
        fs::write(folder.path().join("b"), "").unwrap();
        assert_eq!(context.view.entry("b"), Entry::Missing);
        contexts.forget();
        let context = contexts.find(&tree, &path).unwrap();
        assert_eq!(context.view.entry("b"), Entry::File);
        assert_eq!(context.view.list("."), Some(vec!["a".to_owned(), "b".to_owned()]));
    }
}
