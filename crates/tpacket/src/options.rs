//! How a ring is opened.

use std::time::Duration;

/// How an interface is captured from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a block: a multiple of the page size. A frame has to fit into one, so that this is
    /// also the longest frame that is seen whole: with segmentation offload frames have 64 KiB, and
    /// 512 KiB where "BIG TCP" is on.
    pub block_bytes: u32,
    /// Blocks of the ring.
    pub blocks: u32,
    /// After which time a block is handed over that is not full: the longest that a packet waits.
    /// The kernel knows milliseconds.
    pub hand_over: Duration,
    /// Whether frames to other hosts are seen too, where the network delivers them.
    pub promiscuous: bool,
    /// The group of rings among which the packets of the interface are spread.
    pub fanout: Option<Fanout>,
    /// Whether the ring stays shut until [`crate::Ring::open_gate`]: rings of a group are opened one
    /// after the other, and packets that come before the last one would be spread differently.
    pub starts_shut: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            block_bytes: 1 << 20,
            blocks: 64,
            hand_over: Duration::from_millis(8),
            promiscuous: true,
            fanout: None,
            starts_shut: false,
        }
    }
}

/// A group of rings that share the packets of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fanout {
    /// The number of the group; None begins a new one, whose number [`crate::Ring::fanout_group`]
    /// tells.
    pub group: Option<u16>,
    /// What is kept together.
    pub balance: Balance,
}

/// What the members of a group share packets by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// The two outermost IP addresses, below any VLAN tags, PPPoE and MPLS labels, whichever way the
    /// packet goes. All that two hosts say to each other comes to one member: both directions,
    /// fragments, the data connections that a control connection announces, and all that a tunnel
    /// between them carries.
    Hosts,
    /// The kernel's own hash of addresses and ports, with IPv4 fragments put together first: spreads
    /// the connections of two busy hosts. It is not the same both ways where only one side of a
    /// conversation over IPv6 sets a flow label, for VXLAN and Geneve, whose source ports differ by
    /// direction, and for IPv6 fragments.
    Flows,
}
