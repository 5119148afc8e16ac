//! What the decoder counted, by the names of EVE's `stats` records.

use super::{DecodeEvent, DecodeEvents};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A thing that the decoder counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Counter { $($(#[$doc])* #[doc = concat!("`", $text, "`.")] $name,)* }

        const NAMES: &[&str] = &[$($text,)*];
        const COUNT: usize = NAMES.len();
    };
}

counters! {
    Pkts = "decoder.pkts",
    Bytes = "decoder.bytes",
    Invalid = "decoder.invalid",
    Ipv4 = "decoder.ipv4",
    Ipv6 = "decoder.ipv6",
    Ethernet = "decoder.ethernet",
    Arp = "decoder.arp",
    UnknownEthertype = "decoder.unknown_ethertype",
    Chdlc = "decoder.chdlc",
    Raw = "decoder.raw",
    Null = "decoder.null",
    Sll = "decoder.sll",
    Sll2 = "decoder.sll2",
    Tcp = "decoder.tcp",
    Udp = "decoder.udp",
    Sctp = "decoder.sctp",
    Esp = "decoder.esp",
    Icmpv4 = "decoder.icmpv4",
    Icmpv6 = "decoder.icmpv6",
    Ppp = "decoder.ppp",
    Pppoe = "decoder.pppoe",
    Geneve = "decoder.geneve",
    Gre = "decoder.gre",
    Vlan = "decoder.vlan",
    VlanQinq = "decoder.vlan_qinq",
    VlanQinqinq = "decoder.vlan_qinqinq",
    Vxlan = "decoder.vxlan",
    Vntag = "decoder.vntag",
    Ieee8021ah = "decoder.ieee8021ah",
    Teredo = "decoder.teredo",
    Ipv4InIpv4 = "decoder.ipv4_in_ipv4",
    Ipv6InIpv4 = "decoder.ipv6_in_ipv4",
    Ipv4InIpv6 = "decoder.ipv4_in_ipv6",
    Ipv6InIpv6 = "decoder.ipv6_in_ipv6",
    Mpls = "decoder.mpls",
    Erspan = "decoder.erspan",
    Nsh = "decoder.nsh",
    MaxPktSize = "decoder.max_pkt_size",
    FragmentsV4 = "defrag.ipv4.fragments",
    ReassembledV4 = "defrag.ipv4.reassembled",
    FragmentsV6 = "defrag.ipv6.fragments",
    ReassembledV6 = "defrag.ipv6.reassembled",
    MaxTrackersReached = "defrag.max_trackers_reached",
    MaxFragsReached = "defrag.max_frags_reached",
    TrackerSoftReuse = "defrag.tracker_soft_reuse",
    TrackerHardReuse = "defrag.tracker_hard_reuse",
    TrackerTimeout = "defrag.wrk.tracker_timeout",
}

/// What was counted since the decoder began.
#[derive(Clone, Debug)]
pub struct Counters {
    values: [u64; COUNT],
    events: [u64; 256],
    /// Frames of a link type that the decoder does not read.
    pub unknown_link: u64,
    /// The last link type that was not read.
    pub last_unknown_link: Option<super::LinkType>,
    /// Memory that the defragmenter holds; `defrag.memuse`.
    pub defrag_memory: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            values: [0; COUNT],
            events: [0; 256],
            unknown_link: 0,
            last_unknown_link: None,
            defrag_memory: 0,
        }
    }
}

impl Counters {
    pub(crate) fn add(&mut self, counter: Counter, amount: u64) {
        self.values[counter as usize] += amount;
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    pub(crate) fn frame(&mut self, len: usize) {
        let len = len as u64;
        self.count(Counter::Pkts);
        self.add(Counter::Bytes, len);
        let max = &mut self.values[Counter::MaxPktSize as usize];
        *max = len.max(*max);
    }

    pub(crate) fn events(&mut self, events: DecodeEvents) {
        if !events.is_empty() {
            for event in events.iter() {
                self.events[usize::from(event.0)] += 1;
            }
        }
    }

    /// One counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// How many packets had the event.
    #[must_use]
    pub fn event(&self, event: DecodeEvent) -> u64 {
        self.events[usize::from(event.0)]
    }

    /// Every counter of EVE's `stats.decoder` and `stats.defrag` by its dotted name, those of events
    /// under `decoder.event.`; in a fixed order and with zeros, so that two lists line up.
    pub fn iter(&self) -> impl Iterator<Item = (CounterName, u64)> + '_ {
        let average = self
            .get(Counter::Bytes)
            .checked_div(self.get(Counter::Pkts))
            .unwrap_or(0);
        let plain = NAMES
            .iter()
            .zip(self.values)
            .map(|(name, value)| (CounterName::Plain(name), value));
        let derived = [
            (CounterName::Plain("decoder.avg_pkt_size"), average),
            (CounterName::Plain("defrag.memuse"), self.defrag_memory),
        ];
        let events = DecodeEvent::ALL
            .iter()
            .filter(|event| event.is_counted())
            .map(|event| (CounterName::Event(*event), self.event(*event)));
        plain.chain(derived).chain(events)
    }
}

/// The name of a counter; its `Display` is the dotted name in `stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterName {
    /// A name as it stands.
    Plain(&'static str),
    /// A decoder event: `decoder.event.ipv4.trunc_pkt`.
    Event(DecodeEvent),
}

impl std::fmt::Display for CounterName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CounterName::Plain(name) => f.write_str(name),
            // The one event of no protocol stands among the counters themselves.
            CounterName::Event(event) if *event == DecodeEvent::TOO_MANY_LAYERS => {
                f.write_str("decoder.too_many_layers")
            }
            CounterName::Event(event) => write!(f, "decoder.event.{}", event.name()),
        }
    }
}
