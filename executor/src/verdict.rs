//! [`Verdict`]: whether a step is cached, decided once, and why not.

use std::time::Duration;

use compiler::StepId;

/// Whether a step is cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A record with the same content key is there, and so is its layer.
    Hit,
    /// It runs.
    Miss(MissReason),
    /// Only `explain`: it cannot be known before this step has run.
    Unknown {
        /// The first step that would run before it.
        after: StepId,
    },
}

/// Why a step is not cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissReason {
    /// No build of this Dockerfile has a record of a step at this place.
    NeverBuilt,
    /// The user said so (`--no-cache`, `--no-cache-filter`).
    CacheIgnored,
    /// Something differs from the record of the last build; never empty.
    Changed(Vec<Change>),
    /// The record is there, but its layer was removed from the store.
    LayerGone,
}

/// One difference between a step and the record of its earlier self. A list of them is in the order: definition,
/// inputs, files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A named part of what the step is (`args`, `env PATH`, `user`); `None` where it was or is not there.
    Definition {
        /// The name of the part.
        name: String,
        /// Its value in the last build.
        old: Option<String>,
        /// Its value now.
        new: Option<String>,
    },
    /// A tree that the step takes has another content.
    Input {
        /// What the tree is to the step (`base`, `source 0`, `mount 1`).
        role: String,
        /// Which step made it.
        step: StepId,
    },
    /// A file that the step copies is new, gone, or has another content, mode or owner.
    File {
        /// Its path in the source.
        path: String,
        /// What happened to it.
        what: FileChange,
    },
}

/// What happened to a file since the last build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It differs.
    Modified,
}

/// What `explain` says of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Which.
    pub step: StepId,
    /// Whether it is cached.
    pub verdict: Verdict,
    /// How long it took when it last ran, if that is known.
    pub last_cost: Option<Duration>,
}
