//! Fuzzes the formatter with Dockerfiles; `probes/src/format.rs` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probes::format::bytes(bytes));
