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

pub mod address;
pub mod checks;
pub mod compile;
pub mod expand;
pub mod facts;
pub mod fixes;
pub mod format;
mod git;
pub mod graph;
pub mod ignore;
mod image;
pub mod key;
pub mod lint;
mod lower;
pub mod op;
mod paths;
pub mod pattern;
pub mod reason;
pub mod remote;
pub mod settings;
pub mod shell;
mod stages;
mod suggest;
#[cfg(test)]
mod testing;
pub mod world;

pub use address::Address;
pub use checks::CheckOptions;
pub use compile::{Compiled, compile};
pub use facts::{Fact, LoweredStage};
pub use graph::{BuildGraph, Input, Role, StageId, Step, StepId, Target, Words};
pub use key::{CacheKey, KeyRecord};
pub use op::Op;
pub use remote::RemoteContext;
pub use world::{BuildOptions, ImageQuery, NamedContext, ResolvedImage, TimeOf, World, WorldError};
