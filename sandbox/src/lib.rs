//! One command in isolation.
//!
//! ```text
//! Spec ── plan ──> [SysOp] ── clone3, the child executes ──> exec ──> Running ── wait ──> Exit
//! ```
//!
//! The parent computes from the [`Spec`] a program of system calls as plain data, and the child between clone and exec
//! does nothing but execute it: it allocates nothing, so it does not matter what other threads of the parent held locked.
//! If one call fails, its number and the errno come back through a pipe and the parent finds the words for it.

mod error;
mod probe;
mod running;
mod spec;
pub mod userns;

pub use error::SandboxError;
pub use probe::{Abilities, Cgroups, can_overlay, probe};
pub use running::{Exit, ExitStatus, Killer, Running};
pub use spec::{
    DEFAULT_SHM_SIZE, Limits, Mount, Network, Rlimit, Security, Source, Spec, Stdio, Tree, Upper,
    User,
};

/// Starts the command of `spec` and returns once it executes.
pub fn spawn(spec: &Spec) -> Result<Running, SandboxError> {
    let _ = spec;
    Err(SandboxError::NotPermitted { why: "not written yet".into(), fix: "wait".into() })
}
