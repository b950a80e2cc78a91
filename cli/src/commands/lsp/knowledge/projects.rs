//! [`Projects`]: the `dfc.toml` that holds for a folder, found upward as `dfc check` does, and kept for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use compiler::settings::{FILE, Settings};
use grammar::SourceFile;
use lsp::knowledge::{Project, ProjectFile};

/// How long a file is believed.
const FRESH: Duration = Duration::from_secs(2);
/// How many folders up it is looked for.
const MAX_DEPTH: usize = 40;
/// How many folders are kept in mind.
const MAX_FOLDERS: usize = 200;

/// What holds in some folders.
#[derive(Debug, Default)]
pub(super) struct Projects {
    /// Above it no file counts.
    home: Option<PathBuf>,
    by_folder: RefCell<HashMap<PathBuf, (Instant, Rc<Project>)>>,
}

impl Projects {
    /// Nothing is looked for above the user's home.
    pub(super) fn new(home: Option<PathBuf>) -> Projects {
        Projects { home, by_folder: RefCell::default() }
    }

    /// What holds for a Dockerfile.
    pub(super) fn find(&self, dockerfile: &Path) -> Rc<Project> {
        let Some(folder) = dockerfile.parent() else { return Rc::default() };
        let mut by_folder = self.by_folder.borrow_mut();
        if let Some((_, known)) = by_folder.get(folder).filter(|(at, _)| at.elapsed() < FRESH) {
            return Rc::clone(known);
        }
        let found = Rc::new(self.read(folder));
        if by_folder.len() >= MAX_FOLDERS {
            by_folder.clear();
        }
        by_folder.insert(folder.to_owned(), (Instant::now(), Rc::clone(&found)));
        found
    }

    fn read(&self, folder: &Path) -> Project {
        for folder in folder.ancestors().take(MAX_DEPTH) {
            let path = folder.join(FILE);
            if let Some(text) = super::read(&path) {
                let source = SourceFile::new(path.to_string_lossy(), text);
                let (settings, problems) = Settings::parse(&source);
                let file = Some(ProjectFile { path, source, problems });
                return Project { settings, file };
            }
            if self.home.as_deref() == Some(folder) || folder.join(".git").exists() {
                break;
            }
        }
        Project::default()
    }

    /// Believes nothing any more.
    pub(super) fn forget(&self) {
        self.by_folder.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_counts_up_to_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("repo/.git")).unwrap();
        fs::create_dir_all(root.join("repo/a")).unwrap();
        fs::write(root.join(FILE), "[fmt]\nwidth = 40\n").unwrap();
        let projects = Projects::new(None);
        let file = root.join("repo/a/Dockerfile");
        assert!(projects.find(&file).file.is_none());
        fs::write(root.join("repo").join(FILE), "[fmt]\nwidth = 50\n[no]\n").unwrap();
        projects.forget();
        let found = projects.find(&file);
        assert_eq!(found.settings.fmt.width, Some(50));
        assert_eq!(found.file.as_ref().map(|it| it.problems.len()), Some(1));
    }
}
