//! The folder in which the trials of one run work: below the target folder (for a user who may not write there, below
//! the machine's folder for such things), gone when the run ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

const PREFIX: &str = "suite-";

/// Keeps the folder of this run; dropping it removes the folder.
#[derive(Debug)]
pub(crate) struct Scratch {
    _folder: TempDir,
}

/// Makes the folder of this run, and sweeps those that killed runs have left.
pub(crate) fn open() -> io::Result<Scratch> {
    match open_in(Path::new(env!("CARGO_TARGET_TMPDIR"))) {
        Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => {
            open_in(&std::env::temp_dir())
        }
        other => other,
    }
}

fn open_in(parent: &Path) -> io::Result<Scratch> {
    fs::create_dir_all(parent)?;
    for entry in fs::read_dir(parent)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let owner = rest.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(owner).exists() {
            // Another user's leftovers are not ours to remove; they do no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent)?;
    FOLDER.set(folder.path().to_owned()).expect("the folder is made once, by main");
    Ok(Scratch { _folder: folder })
}

/// The folder of this run.
pub(crate) fn folder() -> &'static Path {
    FOLDER.get().expect("main opens the folder before any trial runs")
}

/// A fresh folder below it, gone when the value is dropped.
pub(crate) fn fresh(prefix: &str) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).tempdir_in(folder())
}
