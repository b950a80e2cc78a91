//! A compiled file as JSON.
