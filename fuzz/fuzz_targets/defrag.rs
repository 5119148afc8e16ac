//! Runs `fuzzing::defrag`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::defrag(data));
