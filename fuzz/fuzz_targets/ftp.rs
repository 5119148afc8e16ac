//! Runs `fuzzing::ftp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::ftp(data));
