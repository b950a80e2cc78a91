//! [`Folder`]: a step's place in `tmp/`.

use std::path::{Path, PathBuf};

/// A folder of its own in `tmp/` with `fs/` and `work/` in it. Dropped, it is removed; adopted
/// ([`crate::Store::adopt`]), its `fs/` becomes a layer's.
#[derive(Debug)]
pub struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    /// The folder itself: whatever is put here goes with it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The upper folder of an overlay, or a whole tree.
    pub fn fs(&self) -> PathBuf {
        self.path.join("fs")
    }

    /// The work folder of an overlay.
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }
}
