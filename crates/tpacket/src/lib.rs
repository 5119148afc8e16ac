//! Packets from an interface: a safe face for Linux's `AF_PACKET` ring, version 3 (packet(7), and
//! `Documentation/networking/packet_mmap.rst` of the kernel).
//!
//! A [`Ring`] is memory that the kernel fills block by block. [`Ring::block`] lends a block that is
//! full or has waited long enough; its [`Frames`] are slices of it, nothing is copied. Dropping the
//! [`Block`] gives it back to the kernel. What finds no free block is dropped by the kernel and
//! counted in [`Stats`].
//!
//! System calls and shared memory are touched in `sys` alone. Whatever the block says of itself is
//! checked against its bounds: the kernel is trusted, but a mistake must not become a wild read.

mod block;
mod fanout;
mod inject;
pub mod offload;
mod options;
mod ring;
#[allow(unsafe_code)]
mod sys;

pub use block::{Block, Checksum, Frame, Frames, PacketType};
pub use inject::Injector;
pub use options::{Balance, Fanout, Options};
pub use ring::{Ring, Stats};

use std::io;

/// Why an interface can't be captured from.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such interface in this network namespace.
    #[error("there is no interface {0}")]
    NoInterface(String),
    /// The process may not capture.
    #[error("capturing on {interface} needs the capability CAP_NET_RAW")]
    NotAllowed {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// One of the steps of opening failed.
    #[error("{interface}: {step} failed: {source}")]
    Open {
        /// The interface.
        interface: String,
        /// The step, in words.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// Options that no ring can have.
    #[error("{interface}: {reason}")]
    Options {
        /// The interface.
        interface: String,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The interface went down or away while it was captured from.
    #[error("{interface} went down")]
    Down {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Waiting for packets failed.
    #[error("{interface}: waiting for packets failed: {source}")]
    Wait {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// The index of an interface, None where there is none of that name.
#[must_use]
pub fn interface_index(name: &str) -> Option<u32> {
    sys::interface_index(name)
}

/// Whether there is an interface of that name and it is up.
#[must_use]
pub fn interface_is_up(name: &str) -> bool {
    sys::Socket::asking().is_ok_and(|socket| socket.is_up(name).unwrap_or(false))
}

/// Whether this process may capture at all; the error says why not.
pub fn may_capture() -> io::Result<()> {
    sys::Socket::packet(true).map(drop)
}

/// Binds the calling thread to one processor.
pub fn pin_thread(cpu: usize) -> io::Result<()> {
    sys::pin_thread(cpu)
}
