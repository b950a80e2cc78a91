//! Records of executed steps and builds: what the cache answers from, and what `explain` and `history` tell.

use std::time::Duration;

use crate::layer::index::TreeDigest;
use crate::layer_record::LayerId;

/// A blake3 key of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

/// A record's name, for its pre-image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub i64);

/// A step that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// What the step is.
    pub definition_key: Key,
    /// What the step is, over the content of its inputs.
    pub content_key: Key,
    /// What it made.
    pub result: TreeDigest,
    /// The layers it made, bottom first; empty if it changed nothing.
    pub layers: Vec<LayerId>,
    /// The place in the project (file, stage, position): the next build finds this step's earlier self by it.
    pub slot: String,
    /// For people: `RUN make`.
    pub name: String,
    /// How long it took.
    pub duration: Duration,
    /// When it began, seconds since 1970.
    pub started: i64,
}

/// A finished build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRecord {
    /// The Dockerfile's path.
    pub project: String,
    /// The target stage.
    pub target: String,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// How long it took.
    pub duration: Duration,
    /// `done`, or the first line of the error.
    pub outcome: String,
    /// Anything else, as JSON; the store does not look into it.
    pub detail: String,
}
