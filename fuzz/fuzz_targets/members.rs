//! Fuzzes the reader of archives; `probes/src/members.rs` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probes::members::bytes(bytes));
