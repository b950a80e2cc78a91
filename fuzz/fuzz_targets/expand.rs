//! Fuzzes the reader of words; `probes/src/expand.rs` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probes::expand::bytes(bytes));
