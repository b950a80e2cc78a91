//! What this machine can do, asked once and said in one line each.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cgroup::Hierarchies;
use crate::error::SandboxError;
use crate::facts::facts;
use crate::spawn::spawn;
use crate::spec::{Spec, Tree, Upper};

/// What this machine can do for the process that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// Why commands cannot be isolated at all; `None` if they can.
    pub isolation: Option<String>,
    /// Whether this process is root of a user namespace rather than of the machine.
    pub user_namespace: bool,
    /// Which control groups there are.
    pub cgroups: Cgroups,
}

/// Which control groups there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cgroups {
    /// None is mounted.
    None,
    /// A hierarchy per controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// Asks the machine, by trying.
pub fn probe() -> Abilities {
    let cgroups = match facts().hierarchies {
        Hierarchies::None => Cgroups::None,
        Hierarchies::V1(_) => Cgroups::V1,
        Hierarchies::V2(_) => Cgroups::V2,
    };
    // In the machine's own tree nothing has to be made for it.
    let isolation = try_in(Tree::Folder("/".into())).err().map(|error| error.to_string());
    Abilities { isolation, user_namespace: facts().user_namespace, cgroups }
}

/// Tries whether overlays can be mounted with their upper folder inside `folder`; the error says why not.
///
/// Makes and removes a folder of its own in there. To be asked once per store.
pub fn can_overlay(folder: &Path) -> Result<(), SandboxError> {
    let trial = Trial::new(folder)?;
    let at = |name: &str| trial.0.join(name);
    let upper = Upper { folder: at("upper"), work: at("work") };
    try_in(Tree::Overlay { lowers: vec![at("lower")], upper: Some(upper) })
}

/// Starts a program that is not there: getting as far as that means that all else works.
fn try_in(root: Tree) -> Result<(), SandboxError> {
    match spawn(&Spec::new(root, vec![OsString::from("/nonexistent")])) {
        Ok(_) | Err(SandboxError::ProgramNotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A folder for one trial, removed when dropped.
struct Trial(PathBuf);

impl Trial {
    fn new(folder: &Path) -> Result<Self, SandboxError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".overlay-trial-{}-{number}", std::process::id()));
        let made: io::Result<()> = ["", "upper", "work", "lower"]
            .iter()
            .try_for_each(|name| fs::create_dir(path.join(name)));
        let trial = Self(path.clone());
        made.map(|()| trial).map_err(|source| SandboxError::Io { doing: "make", path, source })
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // What stays is small, and swept with the store's other half-made things.
        let _ = fs::remove_dir_all(&self.0);
    }
}
