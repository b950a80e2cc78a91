//! Syntax tree to graph of steps.
//!
//! ```text
//! Dockerfile --stages--> [Stage] --lower--> BuildGraph --key--> CacheKey, KeyRecord
//!                           |                  |
//!                        World (images, contexts, arguments)
//! ```
//!
//! Pure: what it must know of the outside it asks of [`World`].

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

pub mod graph;
pub mod op;
pub mod world;

pub use graph::{BuildGraph, Input, Role, StageId, Step, StepId, Target};
pub use op::Op;
pub use world::{BuildOptions, ImageQuery, NamedContext, ResolvedImage, World, WorldError};
