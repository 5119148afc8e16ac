//! What a network card does to frames before they are seen (ethtool(8)).

use crate::sys::Socket;
use std::io;

/// `ETHTOOL_GRXCSUM` and its relatives in `linux/ethtool.h`, each answered with 0 or 1.
mod command {
    pub(super) const RX_CHECKSUM: u32 = 0x14;
    pub(super) const TX_CHECKSUM: u32 = 0x16;
    pub(super) const TSO: u32 = 0x1e;
    pub(super) const GSO: u32 = 0x23;
    pub(super) const GRO: u32 = 0x2b;
    pub(super) const FLAGS: u32 = 0x25;
}

/// Bits of `ETHTOOL_GFLAGS`.
mod flag {
    pub(super) const TX_VLAN: u32 = 1 << 7;
    pub(super) const RX_VLAN: u32 = 1 << 8;
    pub(super) const LRO: u32 = 1 << 15;
}

/// Which offloads are on; None where the driver does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// Checksums of what arrives are checked by the card.
    pub rx_checksum: Option<bool>,
    /// Checksums of what leaves are computed by the card: they are not there yet when it is captured.
    pub tx_checksum: Option<bool>,
    /// TCP is cut into packets by the card.
    pub tso: Option<bool>,
    /// Packets are cut late.
    pub gso: Option<bool>,
    /// Packets of a connection are put together by the kernel, in a way that can be taken back.
    pub gro: Option<bool>,
    /// Packets of a connection are put together by the card, in a way that loses what they were.
    pub lro: Option<bool>,
    /// VLAN tags are taken out of what arrives.
    pub rx_vlan: Option<bool>,
    /// VLAN tags are put into what leaves by the card.
    pub tx_vlan: Option<bool>,
}

impl Offloads {
    /// Asks the driver of an interface.
    pub fn of(interface: &str) -> io::Result<Self> {
        let socket = Socket::asking()?;
        let ask = |command| socket.ethtool_value(interface, command).ok();
        let is_on = |command| ask(command).map(|value| value != 0);
        let flags = ask(command::FLAGS);
        let has = |bit: u32| flags.map(|flags| flags & bit != 0);
        Ok(Offloads {
            rx_checksum: is_on(command::RX_CHECKSUM),
            tx_checksum: is_on(command::TX_CHECKSUM),
            tso: is_on(command::TSO),
            gso: is_on(command::GSO),
            gro: is_on(command::GRO),
            lro: has(flag::LRO),
            rx_vlan: has(flag::RX_VLAN),
            tx_vlan: has(flag::TX_VLAN),
        })
    }
}
