//! Fuzzes the reader of .dockerignore files; `probes/src/ignore.rs` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probes::ignore::bytes(bytes));
