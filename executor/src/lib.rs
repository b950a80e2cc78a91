//! Build graphs to images: steps in parallel, cached by content.
//!
//! ```text
//! BuildGraph --Plan--> ready steps --schedule (threads)--> op (source, exec, file, merge)
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

mod account;
mod assemble;
mod build;
mod cache;
pub mod cancel;
pub mod compare;
mod content;
mod context;
mod draft;
pub mod env;
pub mod error;
mod explain;
pub mod export;
pub mod image;
pub mod import;
mod needs;
mod op;
mod plan;
pub mod portable;
mod remote;
mod run;
mod schedule;
mod snapshot;
pub mod status;
mod time;
mod tree;
mod unpacked;
pub mod verdict;

#[cfg(test)]
mod testing;

pub use account::{Account, account};
pub use build::{Built, build, build_with_layers};
pub use cancel::Cancel;
pub use env::{
    Deliver, Download, DownloadSink, Downloaded, Downloads, Env, GitSettings, Images, LocalContext,
    OutsideError, Secrets, Settings,
};
pub use error::{BuildError, Cause};
pub use explain::explain;
pub use export::{DoneStep, Elsewhere, Export, Extent, export};
pub use image::{BuiltImage, BuiltLayer};
pub use import::{CacheBlobs, Import};
pub use portable::{Portable, PortableError};
pub use status::{Event, Status, Stream};
pub use verdict::{StepReport, Verdict};
