//! [`FolderView`]: what a build context on disk holds, for lint rules; and [`guess`], which folder that is.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use compiler::lint::{ContextView, Entry};
use grammar::{Dockerfile, Instruction};

/// How many questions to the file system one check may ask.
const MAX_QUESTIONS: usize = 20_000;
/// How many names of a folder are looked at.
const MAX_NAMES: usize = 10_000;
/// How many folders above a Dockerfile may be its context.
const MAX_ABOVE: usize = 5;
/// How many sources of COPY are looked for to find out which folder it is.
const MAX_SOURCES: usize = 50;

/// A folder that is a build context. Nothing outside of it is looked at, and nothing without end.
#[derive(Debug)]
pub(crate) struct FolderView {
    root: PathBuf,
    left: Cell<usize>,
}

impl FolderView {
    /// A view of a folder. `None` if there is none.
    pub(crate) fn new(root: &Path) -> Option<FolderView> {
        let root = root.canonicalize().ok().filter(|root| root.is_dir())?;
        Some(FolderView { root, left: Cell::new(MAX_QUESTIONS) })
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// One question more; false if there were too many.
    fn may_ask(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

impl ContextView for FolderView {
    fn entry(&self, path: &str) -> Entry {
        if !self.may_ask() {
            return Entry::Unknown;
        }
        // A link may lead out of the context, where a build would take it for a path inside.
        match self.root.join(path).canonicalize() {
            Ok(real) if !real.starts_with(&self.root) => Entry::Unknown,
            Ok(real) if real.is_dir() => Entry::Folder,
            Ok(_) => Entry::File,
            Err(_) => match self.root.join(path).symlink_metadata() {
                Ok(_) => Entry::Unknown,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Entry::Missing,
                Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Entry::Missing,
                Err(_) => Entry::Unknown,
            },
        }
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        if self.entry(folder) != Entry::Folder {
            return None;
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(folder)).ok()? {
            names.push(entry.ok()?.file_name().into_string().ok()?);
            if names.len() > MAX_NAMES {
                return None;
            }
        }
        names.sort();
        Some(names)
    }
}

/// The folder that is probably the context of a Dockerfile: the nearest, from its own up to the repository, that holds most
/// of what it copies. `None` if none of them holds any of it: then it is built elsewhere.
pub(crate) fn guess(file: &Dockerfile, path: &Path) -> Option<FolderView> {
    let own = path.parent()?;
    let (sources, has_patterns) = sources(file);
    if sources.is_empty() {
        // That a pattern matches nothing may be because the context is elsewhere.
        return if has_patterns { None } else { FolderView::new(own) };
    }
    let folders: Vec<&Path> = own.ancestors().take(MAX_ABOVE).collect();
    let top = folders.iter().position(|folder| folder.join(".git").exists());
    // Outside of a repository nothing says which folders belong together.
    let folders = &folders[..=top.unwrap_or_default()];
    let mut best: Option<(usize, &Path)> = None;
    for folder in folders.iter().copied() {
        let there = |source: &&str| folder.join(source).symlink_metadata().is_ok();
        let count = sources.iter().filter(|source| there(source)).count();
        if count > best.map_or(0, |(count, _)| count) {
            best = Some((count, folder));
        }
        if count == sources.len() {
            break;
        }
    }
    best.and_then(|(_, folder)| FolderView::new(folder))
}

/// What COPY and ADD take out of the main context, if it is written plainly, and whether there are patterns.
fn sources(file: &Dockerfile) -> (Vec<&str>, bool) {
    let mut sources = Vec::new();
    let mut has_patterns = false;
    for statement in &file.statements {
        let (Instruction::Copy(_) | Instruction::Add(_)) = &statement.instruction else { continue };
        let is_elsewhere = statement.flags.iter().any(|flag| flag.name.value == "from");
        let Some((_, words)) = statement.args.split_last() else { continue };
        if is_elsewhere {
            continue;
        }
        has_patterns |= words.iter().any(|word| word.text.contains(['*', '?', '[']));
        let plain = words.iter().map(|word| word.text.as_str()).filter(|text| is_plain(text));
        sources.extend(plain.map(|text| text.trim_start_matches('/')).filter(|it| is_plain(it)));
    }
    sources.truncate(MAX_SOURCES);
    (sources, has_patterns)
}

/// Whether a source is a path, and one that not every folder has.
fn is_plain(text: &str) -> bool {
    let has_meaning = text.contains(['$', '*', '?', '[', '\\', '"', '\'', ':', '<', '`']);
    !has_meaning && !text.split('/').all(|name| matches!(name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use grammar::SourceFile;

    use super::*;

    #[test]
    fn looks_inside_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("context");
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(folder.path().join("outside"), "").unwrap();
        fs::write(root.join("src/main.rs"), "").unwrap();
        std::os::unix::fs::symlink("../outside", root.join("link")).unwrap();
        let view = FolderView::new(&root).unwrap();
        assert_eq!(view.entry("."), Entry::Folder);
        assert_eq!(view.entry("src/main.rs"), Entry::File);
        assert_eq!(view.entry("src/main.rs/x"), Entry::Missing);
        assert_eq!(view.entry("gone"), Entry::Missing);
        assert_eq!(view.entry("link"), Entry::Unknown);
        assert_eq!(view.entry("../outside"), Entry::Unknown);
        assert_eq!(view.list("."), Some(vec!["link".into(), "src".into()]));
        assert_eq!(view.list(".."), None);
    }

    #[test]
    fn the_context_is_where_the_sources_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("repo/docker/web/.git")).unwrap();
        fs::remove_dir(root.join("repo/docker/web/.git")).unwrap();
        fs::create_dir_all(root.join("repo/.git")).unwrap();
        fs::write(root.join("repo/go.mod"), "").unwrap();
        let path = root.join("repo/docker/web/Dockerfile");
        let guessed = |text: &str| {
            let parsed = grammar::parse(&SourceFile::new("Dockerfile", text));
            let view = guess(&parsed.tree, &path)?;
            let root = root.canonicalize().unwrap();
            Some(view.root().strip_prefix(root).unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(guessed("FROM a\nCOPY go.mod /\n").as_deref(), Some("repo"));
        assert_eq!(guessed("FROM a\nCOPY . /\n").as_deref(), Some("repo/docker/web"));
        assert_eq!(guessed("FROM a\nCOPY gone /\n"), None);
        assert_eq!(guessed("FROM a\nCOPY *.txt /\n"), None);
    }
}
