//! Frames sent as they are, for tests and tools.

use crate::sys::Socket;
use crate::{Error, interface_index};
use std::io;

/// Sends frames on one interface.
pub struct Injector {
    socket: Socket,
}

impl Injector {
    /// For an interface with Ethernet headers.
    pub fn open(interface: &str) -> Result<Self, Error> {
        let index =
            interface_index(interface).ok_or_else(|| Error::NoInterface(interface.to_owned()))?;
        let at = |step: &'static str| {
            move |source: io::Error| Error::Open {
                interface: interface.to_owned(),
                step,
                source,
            }
        };
        let socket = Socket::packet(true).map_err(at("opening a packet socket"))?;
        socket.bind_to_send(index).map_err(at("binding"))?;
        Ok(Injector { socket })
    }

    /// Sends a frame, from its Ethernet header on.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send(frame)
    }
}
