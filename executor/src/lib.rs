//! Build graphs to images: steps in parallel, cached by content.
//!
//! ```text
//! BuildGraph --Plan--> ready steps --schedule (rayon)--> op (source, exec, file, merge)
//!                          ^                               |
//!                          +---- Outcome, merged in one place ----> assemble --> [BuiltImage]
//!                                  |
//!                               cache: definition key, content key, record --> Verdict
//! ```
//!
//! What it must have of the outside comes in through [`Env`]: the store, local contexts, images, downloads,
//! secrets, the clock. What happens goes out through [`Status`]. It prints nothing and reads no environment.

#![forbid(unsafe_code)]
#![warn(clippy::wildcard_enum_match_arm)]

pub mod cancel;
pub mod env;
pub mod error;
pub mod image;
pub mod status;
pub mod verdict;

pub use cancel::Cancel;
pub use env::{
    Deliver, Downloaded, Downloads, Env, Images, LocalContext, OutsideError, Secrets, Settings,
};
pub use error::{BuildError, Cause};
pub use image::{BuiltImage, BuiltLayer};
pub use status::{Event, Status, Stream};
pub use verdict::{Change, MissReason, StepReport, Verdict};

use compiler::BuildGraph;

/// Builds what the graph asks for.
///
/// # Errors
/// The first step that failed, in the graph's order; the others were stopped.
pub fn build(graph: &BuildGraph, env: &Env<'_>) -> Result<Vec<BuiltImage>, BuildError> {
    let _ = (graph, env);
    Err(BuildError { step: None, name: String::new(), cause: Box::new(Cause::Cancelled) })
}

/// Says of each step, in the graph's order, whether it is cached and why not. Runs nothing and fetches nothing.
///
/// # Errors
/// Only what keeps the question from being answered: the store cannot be read, a context is not there.
pub fn explain(graph: &BuildGraph, env: &Env<'_>) -> Result<Vec<StepReport>, BuildError> {
    let _ = (graph, env);
    Ok(Vec::new())
}
