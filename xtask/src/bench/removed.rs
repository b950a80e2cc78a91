//! Stores that are done with: moved aside at once, removed when nothing is measured any more.
//!
//! Removing a hundred thousand files takes longer than making them on some disks, and slows down what comes next.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process;

/// With less room than this, in kilobytes, nothing is kept: a workload may need as much.
const ROOM: u64 = 15 << 20;

/// A folder of things to be removed.
#[derive(Clone, Debug)]
pub(super) struct Removed {
    folder: PathBuf,
}

impl Removed {
    /// One that may have something in it from an earlier run.
    pub(super) fn new(folder: PathBuf) -> Removed {
        Removed { folder }
    }

    /// Moves a file or folder here, if it is there.
    pub(super) fn take(&self, path: &Path) -> io::Result<()> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !path.exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        fs::rename(path, self.folder.join(format!("{}-{number}", std::process::id())))?;
        if self.is_short_of_room() {
            // What cannot be removed is told at the end.
            let _ = self.empty();
        }
        Ok(())
    }

    /// Removes all of it.
    pub(super) fn empty(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn is_short_of_room(&self) -> bool {
        let mut df = Command::new("df");
        df.args(["--output=avail", "-k"]).arg(&self.folder);
        let printed = process::output(&mut df).unwrap_or_default();
        let free = printed.lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok());
        free.is_some_and(|free| free < ROOM)
    }
}
