//! What a user can set about flows; each field names its key in `suricata.yaml`.

use super::State;
use crate::tcp::ExceptionPolicy;
use event::IpProtocol;

/// Seconds without a packet after which a flow is over, by how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `new`.
    pub new: u32,
    /// `established`.
    pub established: u32,
    /// `closed`.
    pub closed: u32,
    /// `bypassed`.
    pub bypassed: u32,
    /// `emergency-new`.
    pub emergency_new: u32,
    /// `emergency-established`.
    pub emergency_established: u32,
    /// `emergency-closed`.
    pub emergency_closed: u32,
    /// `emergency-bypassed`.
    pub emergency_bypassed: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            new: 30,
            established: 300,
            closed: 0,
            bypassed: 100,
            emergency_new: 10,
            emergency_established: 100,
            emergency_closed: 0,
            emergency_bypassed: 50,
        }
    }
}

impl Timeouts {
    /// Seconds for a flow in `state`.
    #[must_use]
    pub const fn of(&self, state: State, is_emergency: bool) -> u32 {
        match (state, is_emergency) {
            (State::New, false) => self.new,
            (State::Established, false) => self.established,
            (State::Closed, false) => self.closed,
            (State::Bypassed, false) => self.bypassed,
            (State::New, true) => self.emergency_new,
            (State::Established, true) => self.emergency_established,
            (State::Closed, true) => self.emergency_closed,
            (State::Bypassed, true) => self.emergency_bypassed,
        }
    }

    /// The fewest seconds that a flow is kept after a packet, whatever that packet makes of it.
    #[must_use]
    pub fn least(&self, protocol: IpProtocol) -> u32 {
        let least = self.new.min(self.established).min(self.bypassed);
        // Only TCP is ever closed.
        if protocol == IpProtocol::TCP {
            least.min(self.closed)
        } else {
            least
        }
    }
}

/// Settings of the flow table; the defaults are those without any `suricata.yaml`.
#[derive(Clone, Debug)]
pub struct Config {
    /// `flow.memcap`: bytes that flows may take.
    pub memcap: u64,
    /// `flow.memcap-policy`.
    pub memcap_policy: ExceptionPolicy,
    /// `flow.emergency-recovery`: percentage of the memory that must be free again before the
    /// emergency is over.
    pub emergency_recovery: u8,
    /// `flow-timeouts.tcp`.
    pub tcp: Timeouts,
    /// `flow-timeouts.udp`.
    pub udp: Timeouts,
    /// `flow-timeouts.icmp`.
    pub icmp: Timeouts,
    /// `flow-timeouts.default`.
    pub other: Timeouts,
    /// `vlan.use-for-tracking`.
    pub uses_vlans: bool,
    /// `decoder.recursion-level.use-for-tracking`.
    pub uses_depth: bool,
    /// Flows up to this number are only ended by a packet of theirs that comes too late, or with
    /// the capture: a short capture is read faster than a timer ticks. Above it, silent flows are
    /// looked for with every packet.
    pub sweep_above: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            memcap: 32 << 20,
            memcap_policy: ExceptionPolicy::Ignore,
            emergency_recovery: 30,
            // A SYN resent after a reset still belongs to the flow.
            tcp: Timeouts {
                closed: 10,
                ..Timeouts::default()
            },
            udp: Timeouts::default(),
            icmp: Timeouts::default(),
            other: Timeouts::default(),
            uses_vlans: true,
            uses_depth: true,
            sweep_above: 4096,
        }
    }
}

impl Config {
    /// Timeouts of a protocol.
    #[must_use]
    pub const fn timeouts(&self, protocol: IpProtocol) -> &Timeouts {
        match protocol {
            IpProtocol::TCP => &self.tcp,
            IpProtocol::UDP => &self.udp,
            IpProtocol::ICMP | IpProtocol::ICMPV6 => &self.icmp,
            _ => &self.other,
        }
    }
}
