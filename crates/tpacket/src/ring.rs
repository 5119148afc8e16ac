//! The ring of one socket: opened, waited on, counted.

use crate::block::{Block, TAG};
use crate::options::{Balance, Options};
use crate::sys::{Map, Socket};
use crate::{Error, fanout, interface_index};
use std::io;
use std::time::Duration;

/// Most bytes of a ring: the kernel takes them from memory that can't be swapped.
const RING_MAX: u64 = 4 << 30;
/// Least bytes of a block: a frame with segmentation offload, 64 KiB, with its headers.
const BLOCK_MIN: u32 = 128 << 10;
/// Page size of every architecture that this runs on, or a multiple.
const PAGE: u32 = 4096;
/// Hardware types with an Ethernet header (`linux/if_arp.h`): Ethernet itself and loopback.
const ETHERNET_TYPES: [u16; 2] = [1, 772];
const LOOPBACK: u16 = 772;

/// A ring that the kernel fills with the packets of an interface.
pub struct Ring {
    // Before the socket, so that the memory is given back first.
    map: Map,
    socket: Socket,
    interface: String,
    index: u32,
    is_ethernet: bool,
    fanout_group: Option<u16>,
    current: usize,
    stats: Stats,
}

/// What the kernel counted since the ring was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets that came to the ring, those included that were dropped.
    pub packets: u64,
    /// Packets that found no room.
    pub drops: u64,
    /// How often the ring was full.
    pub freezes: u64,
}

impl Ring {
    /// Opens a ring on an interface.
    pub fn open(interface: &str, options: &Options) -> Result<Self, Error> {
        check(interface, options)?;
        let index =
            interface_index(interface).ok_or_else(|| Error::NoInterface(interface.to_owned()))?;
        let at = |step: &'static str| {
            move |source: io::Error| Error::Open {
                interface: interface.to_owned(),
                step,
                source,
            }
        };
        let asking = Socket::asking().map_err(at("opening a socket"))?;
        let hardware = asking
            .hardware_type(interface)
            .map_err(at("asking for the hardware type"))?;
        let is_ethernet = ETHERNET_TYPES.contains(&hardware);
        let socket = Socket::packet(is_ethernet).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => Error::NotAllowed {
                interface: interface.to_owned(),
                source,
            },
            _ => at("opening a packet socket")(source),
        })?;
        socket
            .set_version_3()
            .map_err(at("asking for a ring of version 3"))?;
        socket
            .set_reserve(TAG as u32)
            .map_err(at("leaving room for a VLAN tag"))?;
        let map = socket
            .map_ring(options.block_bytes, options.blocks, options.hand_over)
            .map_err(at("making the ring"))?;
        if options.starts_shut {
            socket
                .attach_filter(&fanout::TAKE_NONE)
                .map_err(at("shutting the ring"))?;
        }
        if hardware == LOOPBACK {
            // Everything on it leaves and arrives: once is enough.
            socket
                .ignore_outgoing()
                .map_err(at("leaving out what leaves"))?;
        }
        socket.bind(index).map_err(at("binding"))?;
        if options.promiscuous && is_ethernet && hardware != LOOPBACK {
            socket
                .set_promiscuous(index)
                .map_err(at("turning on promiscuous mode"))?;
        }
        let mut ring = Ring {
            map,
            socket,
            interface: interface.to_owned(),
            index,
            is_ethernet,
            fanout_group: None,
            current: 0,
            stats: Stats::default(),
        };
        if let Some(fanout) = options.fanout {
            ring.join(fanout.group, fanout.balance)
                .map_err(at("joining the fanout group"))?;
        }
        Ok(ring)
    }

    fn join(&mut self, group: Option<u16>, balance: Balance) -> io::Result<()> {
        let kind = match balance {
            Balance::Hosts => libc::PACKET_FANOUT_CBPF,
            Balance::Flows => libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG,
        };
        match group {
            Some(group) => self.socket.join_fanout(group, kind)?,
            None => self
                .socket
                .join_fanout(0, kind | libc::PACKET_FANOUT_FLAG_UNIQUEID)?,
        }
        if balance == Balance::Hosts {
            self.socket
                .set_fanout_program(&fanout::hosts(self.is_ethernet))?;
        }
        self.fanout_group = Some(self.socket.fanout_group()?);
        Ok(())
    }

    /// Whether frames begin with an Ethernet header; else they begin with their IP header.
    #[must_use]
    pub fn is_ethernet(&self) -> bool {
        self.is_ethernet
    }

    /// The index that the interface had when the ring was opened.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The group that the ring is in.
    #[must_use]
    pub fn fanout_group(&self) -> Option<u16> {
        self.fanout_group
    }

    /// Lets packets in.
    pub fn open_gate(&self) -> io::Result<()> {
        match self.socket.detach_filter() {
            // No filter was there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Lets no more packets in; those that came before are still handed over.
    pub fn shut_gate(&self) -> io::Result<()> {
        self.socket.attach_filter(&fanout::TAKE_NONE)
    }

    /// The next block, once it is full or has waited long enough; None where there is none in time.
    pub fn block(&mut self, timeout: Duration) -> Result<Option<Block<'_>>, Error> {
        if !self.map.is_ours(self.current) {
            if timeout.is_zero() {
                return Ok(None);
            }
            let wait = |source| Error::Wait {
                interface: self.interface.clone(),
                source,
            };
            let has_error = self.socket.wait(timeout).map_err(wait)?;
            if has_error && let Some(source) = self.socket.take_error().map_err(wait)? {
                return Err(Error::Down {
                    interface: self.interface.clone(),
                    source,
                });
            }
            if !self.map.is_ours(self.current) {
                return Ok(None);
            }
        }
        Ok(Some(Block::new(self)))
    }

    pub(crate) fn current_block(&mut self) -> &mut [u8] {
        self.map.block(self.current)
    }

    pub(crate) fn give_back(&mut self) {
        self.map.give_back(self.current);
        self.current = (self.current + 1) % self.map.blocks();
    }

    /// What was counted since the ring was opened.
    pub fn stats(&mut self) -> io::Result<Stats> {
        // The kernel's counters have 32 bits and begin anew with each reading.
        let [packets, drops, freezes] = self.socket.statistics()?;
        self.stats.packets += u64::from(packets);
        self.stats.drops += u64::from(drops);
        self.stats.freezes += u64::from(freezes);
        Ok(self.stats)
    }
}

fn check(interface: &str, options: &Options) -> Result<(), Error> {
    let bytes = u64::from(options.block_bytes) * u64::from(options.blocks);
    let reason = if options.block_bytes < BLOCK_MIN || !options.block_bytes.is_multiple_of(PAGE) {
        "a block of the ring needs at least 128 KiB, in whole pages"
    } else if options.blocks < 2 {
        "a ring needs at least 2 blocks"
    } else if bytes > RING_MAX {
        "a ring has 4 GiB at most"
    } else {
        return Ok(());
    };
    Err(Error::Options {
        interface: interface.to_owned(),
        reason,
    })
}
