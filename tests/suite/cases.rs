//! Folders of fixtures: walking them, and giving each case its trial.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder `fixtures/` of the workspace.
pub(crate) fn fixtures() -> PathBuf {
    workspace().join("fixtures")
}

/// The root folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests are a folder of the workspace").to_owned()
}

/// The folders directly below `fixtures/SUITE` that hold the file `marker`, by name, sorted.
pub(crate) fn folders(suite: &str, marker: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> =
        entries(&fixtures().join(suite)).filter(|(_, path)| path.join(marker).is_file()).collect();
    found.sort();
    found
}

/// The files directly below `fixtures/SUITE` whose names end with `ending`, by the name without it, sorted.
pub(crate) fn files(suite: &str, ending: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = entries(&fixtures().join(suite))
        .filter(|(_, path)| path.is_file())
        .filter_map(|(name, path)| Some((name.strip_suffix(ending)?.to_owned(), path)))
        .collect();
    found.sort();
    found
}

/// What `known-failures.txt` in `folder` lists, a line each: what does not pass yet, and the reason.
pub(crate) fn known_failures(folder: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder.join("known-failures.txt")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect()
}

/// What a folder holds, by name; nothing if there is no such folder.
fn entries(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
}
