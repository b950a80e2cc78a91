//! The syntax tree as JSON.
