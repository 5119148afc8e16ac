//! Runs `fuzzing::program`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::program(data));
