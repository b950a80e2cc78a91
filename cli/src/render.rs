//! Data to text: one file per form. Nothing here decides anything.

pub(crate) mod compiled;
pub(crate) mod parse;
