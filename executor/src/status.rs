//! [`Status`]: what a build says while it runs.

use std::time::Duration;

use compiler::StepId;
use oci::Digest;

use crate::verdict::Verdict;

/// Is told what happens, from any thread; must not block for long.
pub trait Status: Sync {
    /// Takes one event. For one step they come in order: Started, Log and Progress, then Finished, Failed or Stopped.
    fn event(&self, event: Event);
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step's inputs are there; its key is made and looked up.
    Started {
        /// Which.
        step: StepId,
    },
    /// The step is not cached: now it really runs.
    Running {
        /// Which.
        step: StepId,
        /// Why it is not cached.
        verdict: Verdict,
    },
    /// A piece of output of a command: whole lines, or what came without one for a while.
    Log {
        /// Of which step.
        step: StepId,
        /// Where it was written.
        stream: Stream,
        /// The bytes as they came, newline included.
        bytes: Vec<u8>,
    },
    /// How far a long part of a step is (a download).
    Progress {
        /// Of which step.
        step: StepId,
        /// What is going on (`downloading`).
        what: String,
        /// How much is done: bytes or things.
        done: u64,
        /// Of how much, if that is known.
        total: Option<u64>,
    },
    /// How far a layer is that is brought into the store, for one step or for several. It is complete when all its bytes
    /// are told; if that does not happen, it did not come.
    Fetching {
        /// The image or the cache that has it.
        from: String,
        /// Which blob.
        layer: Digest,
        /// How many bytes have come.
        done: u64,
        /// Of how many.
        total: u64,
    },
    /// A step is done.
    Finished {
        /// Which.
        step: StepId,
        /// Whether it was cached, and why not.
        verdict: Verdict,
        /// How long it took.
        duration: Duration,
    },
    /// A step failed; `build` returns why with all there is to say.
    Failed {
        /// Which.
        step: StepId,
        /// Why, in one line.
        why: String,
    },
    /// A step was stopped because another failed or the user asked for it.
    Stopped {
        /// Which.
        step: StepId,
    },
    /// A layer is being packed beside the steps.
    Packing {
        /// The step that made the layer.
        step: StepId,
    },
    /// A layer is packed.
    Packed {
        /// The step that made the layer.
        step: StepId,
        /// Size of the blob in bytes.
        size: u64,
        /// How long it took.
        duration: Duration,
    },
    /// Something the user should know that is no error.
    Notice {
        /// About which step, if about one.
        step: Option<StepId>,
        /// One line.
        text: String,
    },
}

/// Where a command wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
