//! Runs `fuzzing::ssh`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::ssh(data));
