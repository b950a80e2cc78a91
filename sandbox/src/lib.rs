//! One command in isolation.
//!
//! ```text
//! Spec ── plan ──> [SysOp] ── clone3, the child executes ──> exec ──> Running ── wait ──> Exit
//! ```
//!
//! The parent computes from the [`Spec`] a program of system calls as plain data, and the child between clone and exec
//! does nothing but execute it: it allocates nothing, so it does not matter what other threads of the parent held locked.
//! If one call fails, its number and the errno come back through a pipe and the parent finds the words for it.
//!
//! It takes Linux 5.12 (the mount calls), and for ordinary users 5.11 or newer with subordinate ids.

mod cgroup;
mod child;
mod error;
mod facts;
mod plan;
mod probe;
mod report;
mod running;
mod seccomp;
mod spawn;
mod spec;
mod stubs;
mod sys;
pub mod userns;

pub use error::SandboxError;
pub use probe::{Abilities, Cgroups, can_overlay, probe};
pub use running::{Exit, ExitStatus, Killer, Running};
pub use spawn::spawn;
pub use spec::{
    DEFAULT_SHM_SIZE, Limits, Mount, Network, Rlimit, Security, Source, Spec, Stdio, Tree, Upper,
    User,
};

#[cfg(test)]
mod tests;
