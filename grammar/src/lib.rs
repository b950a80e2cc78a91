//! Text of a Dockerfile to a spanned syntax tree.
//!
//! The flow through this crate:
//!
//! ```text
//! SourceFile --lines--> logical lines --shape (pest)--> words --instruction--> Dockerfile (tree) + [Diagnostic]
//!                                                                                |
//!                                                             Word --word (pest)-+--> [Part], when somebody expands
//! ```
//!
//! What this crate does not do: expand variables, know images or files, print, or fail. `parse` gives
//! a tree for any bytes; a broken instruction is [`Instruction::Invalid`] and its neighbours survive.

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

pub mod diagnostic;
pub mod instruction;
pub mod limits;
pub mod source;
pub mod tree;
pub mod word;

mod directives;
mod duration;
mod flags;
mod heredoc;
mod json;
mod lines;
mod parse;
mod quote;
mod shape;
mod suggest;
#[cfg(test)]
mod tests;

pub use diagnostic::{Code, Diagnostic, Fix, Label, Severity};
pub use heredoc::is_heredoc;
pub use instruction::Instruction;
pub use parse::{parse, parse_trigger};
pub use quote::quoted;
pub use source::{LineIndex, SourceFile, SourceId, Span, Spanned};
pub use tree::{Dialect, Directive, Dockerfile, Parse, Statement};
pub use word::{Word, WordError};
