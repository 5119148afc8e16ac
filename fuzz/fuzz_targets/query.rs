//! Runs `fuzzing::query`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::query(data));
