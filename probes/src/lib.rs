//! What must hold of any input, however hostile: one function for each reader of foreign bytes.
//!
//! A probe takes bytes, uses a reader as the product does, and panics if what comes out breaks a promise of the reader's
//! documentation. `fuzz/` feeds the probes what a fuzzer thinks of; the tests here feed them `fixtures/fuzz`: the
//! seeds, and what the fuzzer once found. The benchmarks of the same readers are in `benches/`.

#![forbid(unsafe_code)]

pub mod compile;
pub mod expand;
pub mod format;
pub mod ignore;
pub mod members;
pub mod parse;

#[cfg(test)]
mod limits;
#[cfg(test)]
mod saved;
