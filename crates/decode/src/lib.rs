//! Bytes to packets and application records.
//!
//! Pure and bounded: time comes with the packet, no input makes it panic, and every table,
//! buffer and recursion has a limit. `packet` reads one frame, `defrag` puts IP datagrams back
//! together, `capture` reads capture files, `app` reads what applications say to each other,
//! `file` follows the files they carry.

pub mod app;
pub mod build;
pub mod capture;
pub mod defrag;
pub mod file;
pub mod filter;
pub mod packet;
