//! [`dockerfiles`]: which files `dfc check` and `dfc fmt` look at, if they are given files and folders.
//!
//! A file that is named counts, whatever its name. Below a folder those count whose name is that of a Dockerfile, but for
//! what `.gitignore`, `.ignore` and `.git/info/exclude` leave out, links, and what git keeps for itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::env::Env;
use crate::error::CliError;

/// Names standard input on the command line.
pub(crate) const STDIN: &str = "-";

/// Endings of files that begin as Dockerfiles are named, and are none.
const NO_DOCKERFILES: &[&str] = &[
    "dockerignore",
    "containerignore",
    "md",
    "txt",
    "json",
    "yml",
    "yaml",
    "sh",
    "py",
    "bak",
    "orig",
    "rej",
    "swp",
    "tmp",
    "j2",
    "jinja",
    "jinja2",
    "tmpl",
    "tpl",
    "template",
    "erb",
    "in",
    "patch",
    "diff",
    "jsonl",
];

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file.
    File {
        /// Its name as the user would write it: below the folder that was given.
        shown: PathBuf,
        /// Where it is.
        path: PathBuf,
    },
    /// Standard input.
    Stdin,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of the command line; below a folder in the order of their paths. Each file once.
    pub(crate) places: Vec<Place>,
    /// Folders that cannot be read, a line each.
    pub(crate) problems: Vec<String>,
}

/// Finds the files that `paths` stand for.
///
/// # Errors
/// Folders without any Dockerfile below.
pub(crate) fn dockerfiles(paths: &[PathBuf], env: &Env) -> Result<Found, CliError> {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    for shown in paths {
        if shown == Path::new(STDIN) {
            if !found.places.contains(&Place::Stdin) {
                found.places.push(Place::Stdin);
            }
            continue;
        }
        let path = env.path(shown);
        if path.is_dir() {
            below(shown, &path, &mut seen, &mut found);
        } else if seen.insert(path.clone()) {
            // Who reads it says what is wrong with it.
            found.places.push(Place::File { shown: shown.clone(), path });
        }
    }
    if found.places.is_empty() && found.problems.is_empty() {
        let names: Vec<String> = paths.iter().map(|it| format!("`{}`", it.display())).collect();
        return Err(CliError::usage(format!("there is no Dockerfile in {}", names.join(", ")))
            .help("files are found by their names (Dockerfile, *.Dockerfile, Containerfile); any other can be given itself"));
    }
    Ok(found)
}

/// The Dockerfiles below a folder.
fn below(shown: &Path, folder: &Path, seen: &mut HashSet<PathBuf>, found: &mut Found) {
    let mut walk = WalkBuilder::new(folder);
    // .devcontainer and .github hold Dockerfiles; the user's own settings of git are those of one machine.
    walk.hidden(false).git_global(false).require_git(false);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    walk.sort_by_file_name(|a, b| a.cmp(b));
    for entry in walk.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(problem) => {
                found.problems.push(problem.to_string());
                continue;
            }
        };
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if !is_file || !is_dockerfile(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let path = entry.into_path();
        let inside = path.strip_prefix(folder).unwrap_or(&path);
        let name = if shown == Path::new(".") { inside.to_owned() } else { shown.join(inside) };
        if seen.insert(path.clone()) {
            found.places.push(Place::File { shown: name, path });
        }
    }
}

/// Whether a file of this name is taken for a Dockerfile, if it was not named.
pub(crate) fn is_dockerfile(name: &str) -> bool {
    let name = name.to_lowercase();
    for stem in ["dockerfile", "containerfile"] {
        let Some(rest) = name.strip_prefix(stem) else { continue };
        if rest.is_empty() {
            return true;
        }
        if let Some(ending) = rest.strip_prefix('.') {
            let last = ending.rsplit('.').next().unwrap_or_default();
            return !ending.is_empty() && !NO_DOCKERFILES.contains(&last);
        }
    }
    name.len() > ".dockerfile".len()
        && (name.ends_with(".dockerfile") || name.ends_with(".containerfile"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names() {
        for name in [
            "Dockerfile",
            "dockerfile",
            "Dockerfile.dev",
            "web.Dockerfile",
            "a.b.dockerfile",
            "Containerfile",
            "Containerfile.alpine",
            "Dockerfile.1.2",
        ] {
            assert!(is_dockerfile(name), "{name}");
        }
        for name in [
            "Dockerfile.dockerignore",
            "Dockerfile.j2",
            "Dockerfile.",
            "Dockerfiles",
            ".dockerfile",
            "Dockerfile~",
            "README.md",
            "my-dockerfile",
            "Dockerfile.dev.orig",
        ] {
            assert!(!is_dockerfile(name), "{name}");
        }
    }

    #[test]
    fn finds_below_folders_but_what_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in [
            "Dockerfile",
            "b/web.Dockerfile",
            "a/Containerfile",
            "out/Dockerfile",
            ".git/Dockerfile",
            ".devcontainer/Dockerfile",
            "b/main.rs",
        ] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "FROM scratch\n").unwrap();
        }
        fs::write(root.join(".gitignore"), "out/\n").unwrap();
        let env = Env { cwd: root.to_owned(), ..Env::of_test(&[]) };
        let names = |paths: &[&str]| -> Vec<String> {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            let name = |place: Place| match place {
                Place::File { shown, .. } => shown.to_string_lossy().into_owned(),
                Place::Stdin => STDIN.to_owned(),
            };
            dockerfiles(&paths, &env).unwrap().places.into_iter().map(name).collect()
        };
        assert_eq!(
            names(&["."]),
            [".devcontainer/Dockerfile", "Dockerfile", "a/Containerfile", "b/web.Dockerfile"]
        );
        assert_eq!(
            names(&["b", "b/main.rs", "out/Dockerfile", "b/web.Dockerfile"]),
            ["b/web.Dockerfile", "b/main.rs", "out/Dockerfile"]
        );
        assert_eq!(names(&["gone"]), ["gone"]);
        fs::create_dir(root.join("empty")).unwrap();
        assert!(dockerfiles(&["empty".into()], &env).is_err());
    }
}
