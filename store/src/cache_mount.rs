//! Folders that outlive builds: `RUN --mount=type=cache`.

use std::fs::File;
use std::path::{Path, PathBuf};

/// Who may use a cache mount at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Anybody.
    Shared,
    /// One at a time; whoever comes second gets a fresh folder.
    Private,
    /// One at a time; whoever comes second waits.
    Locked,
}

/// A cache mount in use. Dropped, it is free for others.
#[derive(Debug)]
pub struct CacheMount {
    pub(crate) path: PathBuf,
    pub(crate) fresh: bool,
    pub(crate) _lock: File,
}

impl CacheMount {
    /// The folder to mount.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was made just now: owner, mode and initial content are to be set.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }
}
