//! The language server: Dockerfiles and .dockerignore files in an editor.
//!
//! ```text
//! Connection --server (loop)--> documents --analysis--> tree, graph, findings, variables, stages
//!                                  |                          |
//!                               position                requests/NAME.rs --> answers
//!                                                             |
//!                                                         Knowledge (files, settings, images; given by the caller)
//! ```
//!
//! One request is one file in `requests/`. Everything runs on one thread: an answer takes a few milliseconds. What is not in
//! the text is asked of [`Knowledge`], which never uses the network and never waits for long. A panic inside a request is
//! caught and logged, and the server goes on.

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

pub mod knowledge;

mod abilities;
mod analysis;
mod capabilities;
mod cursor;
mod documents;
mod forms;
mod ignore;
mod overlay;
mod position;
mod queue;
mod requests;
mod server;
#[cfg(test)]
mod serving;
mod stages;
mod steps;
mod symbols;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod uri;
mod variables;

pub use knowledge::Knowledge;
pub use lsp_server::Connection;
pub use server::{ServeError, serve};
