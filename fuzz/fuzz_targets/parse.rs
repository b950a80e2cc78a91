//! Fuzzes the reader of Dockerfiles; `probes/src/parse.rs` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probes::parse::bytes(bytes));
