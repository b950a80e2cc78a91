//! [`Verdict`]: whether a step is cached, decided once, and why not.

use std::time::Duration;

use compiler::StepId;
use compiler::reason::MissReason;

/// Whether a step is cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A record with the same content key is there, and so is its layer.
    Hit,
    /// A cache of another machine has it; what that is called.
    Imported(String),
    /// It runs, and this is why: never empty, in the order definition, inputs, files.
    Miss(Vec<MissReason>),
    /// Only `explain`: it cannot be known before this step has run.
    Unknown {
        /// The first step that would run before it.
        after: StepId,
    },
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
