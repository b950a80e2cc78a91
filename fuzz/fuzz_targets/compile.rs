//! Fuzzes the compiler with Dockerfiles; `probes/src/compile.rs` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probes::compile::bytes(bytes));
