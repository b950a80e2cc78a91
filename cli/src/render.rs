//! Data to text: one file per form. Nothing here decides anything.

pub(crate) mod compiled;
pub(crate) mod diff;
pub(crate) mod difference;
pub(crate) mod failure;
pub(crate) mod findings;
mod fingerprint;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod graph;
pub(crate) mod graph_dot;
pub(crate) mod graph_json;
pub(crate) mod graph_mermaid;
pub(crate) mod graph_text;
pub(crate) mod human;
pub(crate) mod image_tree;
pub(crate) mod json;
pub(crate) mod listing;
pub(crate) mod pages;
pub(crate) mod parse;
pub(crate) mod reason;
pub(crate) mod sarif;
mod snippet;
pub(crate) mod table;
pub(crate) mod template;
pub(crate) mod time;
