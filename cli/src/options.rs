//! What the typed options mean: text to values, each kind in its file. Wrong text is a [`CliError::Usage`].
//!
//! [`CliError::Usage`]: crate::error::CliError::Usage

pub(crate) mod agent;
pub(crate) mod cache;
pub(crate) mod context;
pub(crate) mod csv;
pub(crate) mod filter;
pub(crate) mod graph;
pub(crate) mod limits;
pub(crate) mod moment;
pub(crate) mod output;
pub(crate) mod secret;
pub(crate) mod size;
