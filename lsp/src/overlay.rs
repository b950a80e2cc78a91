//! [`Overlay`]: the outside, with what is typed into open .dockerignore files in place of what is on disk.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use compiler::{ImageQuery, ResolvedImage, WorldError};
use grammar::Dockerfile;

use crate::knowledge::{Context, Entry, ImageFacts, Knowledge, Listing, News, Project, StepFacts};

/// What the server asks.
pub(crate) struct Overlay<'a> {
    beneath: &'a dyn Knowledge,
    open: RefCell<BTreeMap<PathBuf, String>>,
}

impl<'a> Overlay<'a> {
    /// Nothing is open yet.
    pub(crate) fn new(beneath: &'a dyn Knowledge) -> Overlay<'a> {
        Overlay { beneath, open: RefCell::default() }
    }

    /// From now on this is what the file says.
    pub(crate) fn put(&self, path: &Path, text: &str) {
        self.open.borrow_mut().insert(path.to_owned(), text.to_owned());
    }

    /// From now on it says what is on disk.
    pub(crate) fn remove(&self, path: &Path) {
        self.open.borrow_mut().remove(path);
    }

    fn typed(&self, path: &Path) -> Option<(PathBuf, String)> {
        self.open.borrow().get(path).map(|text| (path.to_owned(), text.clone()))
    }
}

impl Knowledge for Overlay<'_> {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        self.beneath.image(query)
    }

    fn describe_image(&self, name: &str) -> Option<ImageFacts> {
        self.beneath.describe_image(name)
    }

    fn image_names(&self) -> Vec<String> {
        self.beneath.image_names()
    }

    fn ignore_file(&self, dockerfile: &Path, context: &Path) -> Option<(PathBuf, String)> {
        if self.open.borrow().is_empty() {
            return self.beneath.ignore_file(dockerfile, context);
        }
        let name = format!("{}.dockerignore", dockerfile.file_name()?.to_string_lossy());
        let own = dockerfile.with_file_name(name);
        let saved = || self.beneath.ignore_file(dockerfile, context);
        self.typed(&own).or_else(|| {
            saved()
                .filter(|(path, _)| *path == own)
                .or_else(|| self.typed(&context.join(".dockerignore")).or_else(saved))
        })
    }

    fn entries(&self, folder: &Path) -> Vec<Entry> {
        self.beneath.entries(folder)
    }

    fn files(&self, folder: &Path) -> Arc<Listing> {
        self.beneath.files(folder)
    }

    fn exists(&self, path: &Path) -> bool {
        self.beneath.exists(path)
    }

    fn project(&self, dockerfile: &Path) -> Rc<Project> {
        self.beneath.project(dockerfile)
    }

    fn context(&self, file: &Dockerfile, dockerfile: &Path) -> Option<Context> {
        self.beneath.context(file, dockerfile)
    }

    fn rule_page(&self, rule: &str) -> Option<String> {
        self.beneath.rule_page(rule)
    }

    fn steps(&self, dockerfile: &Path) -> Vec<StepFacts> {
        self.beneath.steps(dockerfile)
    }

    fn news(&self) -> News {
        self.beneath.news()
    }

    fn forget(&self) {
        self.beneath.forget();
    }

    fn log(&self, line: &str) {
        self.beneath.log(line);
    }
}
