//! What a user can set about TCP tracking; each field names its key in `suricata.yaml`.

use event::address::AddressRange;
use std::net::IpAddr;

/// What happens where the engine cannot do its work (`exception-policy` and its kin).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ExceptionPolicy {
    /// `ignore`, or nothing set: go on as well as can be.
    #[default]
    Ignore,
    /// `pass-packet`.
    PassPacket,
    /// `pass-flow`.
    PassFlow,
    /// `bypass`.
    Bypass,
    /// `drop-packet`.
    DropPacket,
    /// `drop-flow`.
    DropFlow,
    /// `reject`.
    Reject,
    /// `rejectboth`.
    RejectBoth,
}

impl ExceptionPolicy {
    /// Those that counters tell.
    pub const TOLD: [ExceptionPolicy; 6] = [
        ExceptionPolicy::DropFlow,
        ExceptionPolicy::DropPacket,
        ExceptionPolicy::PassFlow,
        ExceptionPolicy::PassPacket,
        ExceptionPolicy::Bypass,
        ExceptionPolicy::Reject,
    ];

    /// What is left of it where there is no flow to act on: the packet alone.
    #[must_use]
    pub const fn for_packets(self) -> Self {
        match self {
            ExceptionPolicy::DropFlow => ExceptionPolicy::DropPacket,
            ExceptionPolicy::PassFlow => ExceptionPolicy::PassPacket,
            ExceptionPolicy::Bypass => ExceptionPolicy::Ignore,
            ExceptionPolicy::Ignore
            | ExceptionPolicy::PassPacket
            | ExceptionPolicy::DropPacket
            | ExceptionPolicy::Reject
            | ExceptionPolicy::RejectBoth => self,
        }
    }

    /// Reads a value of the configuration; `auto` has no meaning of its own and gives None.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ignore" => ExceptionPolicy::Ignore,
            "pass-packet" => ExceptionPolicy::PassPacket,
            "pass-flow" => ExceptionPolicy::PassFlow,
            "bypass" => ExceptionPolicy::Bypass,
            "drop-packet" => ExceptionPolicy::DropPacket,
            "drop-flow" => ExceptionPolicy::DropFlow,
            "reject" => ExceptionPolicy::Reject,
            "rejectboth" => ExceptionPolicy::RejectBoth,
            _ => return None,
        })
    }

    /// The word of EVE's `flow.exception_policy[].policy` and of counters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ExceptionPolicy::Ignore => "ignore",
            ExceptionPolicy::PassPacket => "pass_packet",
            ExceptionPolicy::PassFlow => "pass_flow",
            ExceptionPolicy::Bypass => "bypass",
            ExceptionPolicy::DropPacket => "drop_packet",
            ExceptionPolicy::DropFlow => "drop_flow",
            ExceptionPolicy::Reject => "reject",
            ExceptionPolicy::RejectBoth => "reject_both",
        }
    }
}

/// How an operating system puts overlapping segments together (`host-os-policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OsPolicy {
    /// `bsd`, `bsd-right`, and hosts that no prefix names.
    #[default]
    Bsd,
    /// `old-linux`.
    OldLinux,
    /// `linux`.
    Linux,
    /// `solaris`, `old-solaris`.
    Solaris,
    /// `hpux10`.
    Hpux10,
    /// `hpux11`.
    Hpux11,
    /// `irix`.
    Irix,
    /// `macos`.
    Macos,
    /// `windows`.
    Windows,
    /// `vista`.
    Vista,
    /// `windows2k3`.
    Windows2k3,
    /// The first copy of a byte counts.
    First,
    /// The last copy of a byte counts.
    Last,
}

impl OsPolicy {
    /// Reads a key of `host-os-policy`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "bsd" | "bsd-right" => OsPolicy::Bsd,
            "old-linux" => OsPolicy::OldLinux,
            "linux" => OsPolicy::Linux,
            "solaris" | "old-solaris" => OsPolicy::Solaris,
            "hpux10" => OsPolicy::Hpux10,
            "hpux11" => OsPolicy::Hpux11,
            "irix" => OsPolicy::Irix,
            "macos" => OsPolicy::Macos,
            "windows" => OsPolicy::Windows,
            "vista" => OsPolicy::Vista,
            "windows2k3" => OsPolicy::Windows2k3,
            "first" => OsPolicy::First,
            "last" => OsPolicy::Last,
            _ => return None,
        })
    }
}

/// What is done with urgent data (`stream.reassembly.urgent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UrgentPolicy {
    /// `inline`: as any other data.
    #[default]
    Inline,
    /// `oob`: the urgent byte is taken out of the stream (RFC 6093 section 3.1).
    OutOfBand,
    /// `gap`: the urgent byte is left out and its place stays empty.
    Gap,
    /// `drop`: packets with the URG flag are dropped.
    Drop,
}

impl UrgentPolicy {
    /// Reads a value of the configuration.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "inline" => UrgentPolicy::Inline,
            "oob" => UrgentPolicy::OutOfBand,
            "gap" => UrgentPolicy::Gap,
            "drop" => UrgentPolicy::Drop,
            _ => return None,
        })
    }
}

/// Settings of TCP tracking and reassembly; the defaults are those without any `suricata.yaml`.
#[derive(Clone, Debug)]
pub struct Config {
    /// `stream.memcap`: bytes that sessions may take.
    pub memcap: u64,
    /// `stream.memcap-policy`.
    pub memcap_policy: ExceptionPolicy,
    /// `stream.midstream`: connections whose beginning was not seen are taken up.
    pub midstream: bool,
    /// `stream.midstream-policy`.
    pub midstream_policy: ExceptionPolicy,
    /// `stream.async-oneside`: connections may be seen from one side only.
    pub async_oneside: bool,
    /// `stream.inline`: data is looked at before it is acknowledged, and what is wrong is dropped.
    pub inline: bool,
    /// `stream.drop-invalid`; only with `inline`.
    pub drop_invalid: bool,
    /// `stream.bypass`: flows are left alone once their depth is reached.
    pub bypass: bool,
    /// `stream.liberal-timestamps`: timestamps may be off by one for every system.
    pub liberal_timestamps: bool,
    /// `stream.checksum-validation`.
    pub checksum_validation: bool,
    /// `stream.max-syn-queued`.
    pub max_syn_queued: u8,
    /// `stream.max-synack-queued`.
    pub max_synack_queued: u8,
    /// `stream.reassembly.memcap`: bytes that stream buffers may take.
    pub reassembly_memcap: u64,
    /// `stream.reassembly.memcap-policy`.
    pub reassembly_memcap_policy: ExceptionPolicy,
    /// `stream.reassembly.depth`: bytes of each side that are looked at, 0 for all.
    pub depth: u32,
    /// `stream.reassembly.toserver-chunk-size`: raw bytes gathered before inspection.
    pub toserver_chunk: u32,
    /// `stream.reassembly.toclient-chunk-size`.
    pub toclient_chunk: u32,
    /// `stream.reassembly.raw`: whether stream signatures get raw data.
    pub raw: bool,
    /// `stream.reassembly.check-overlap-different-data`; on as well where a rule asks for the event.
    pub check_overlap: bool,
    /// `stream.reassembly.max-regions`: pieces with holes between them that a side may hold.
    pub max_regions: usize,
    /// `stream.reassembly.urgent.policy`.
    pub urgent: UrgentPolicy,
    /// `stream.reassembly.urgent.oob-limit-policy`.
    pub urgent_limit: UrgentPolicy,
    /// `host-os-policy`; the narrowest prefix that holds an address counts.
    pub host_os: Vec<(AddressRange, OsPolicy)>,
}

/// Pieces a side may hold where nothing else is set. Insertion is linear in them, so that a
/// sender of every second byte costs time bounded by this.
const MAX_REGIONS: usize = 1024;

impl Default for Config {
    fn default() -> Self {
        Config {
            memcap: 64 << 20,
            memcap_policy: ExceptionPolicy::Ignore,
            midstream: false,
            midstream_policy: ExceptionPolicy::Ignore,
            async_oneside: false,
            inline: false,
            drop_invalid: true,
            bypass: false,
            liberal_timestamps: false,
            checksum_validation: true,
            max_syn_queued: 10,
            max_synack_queued: 5,
            reassembly_memcap: 256 << 20,
            reassembly_memcap_policy: ExceptionPolicy::Ignore,
            depth: 1 << 20,
            toserver_chunk: 2560,
            toclient_chunk: 2560,
            raw: true,
            check_overlap: false,
            max_regions: MAX_REGIONS,
            urgent: UrgentPolicy::Inline,
            urgent_limit: UrgentPolicy::Inline,
            host_os: Vec::new(),
        }
    }
}

impl Config {
    /// How the host at `address` puts overlapping segments together.
    #[must_use]
    pub fn os_policy(&self, address: IpAddr) -> OsPolicy {
        let span = |range: &AddressRange| match (range.first, range.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                u128::from(last.to_bits().wrapping_sub(first.to_bits()))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => last.to_bits().wrapping_sub(first.to_bits()),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => u128::MAX,
        };
        self.host_os
            .iter()
            .filter(|(range, _)| range.contains(address))
            .min_by_key(|(range, _)| span(range))
            .map_or_else(OsPolicy::default, |(_, policy)| *policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_prefix_decides_the_policy() {
        let range = |text| AddressRange::parse(text).unwrap();
        let config = Config {
            host_os: vec![
                (range("0.0.0.0/0"), OsPolicy::Windows),
                (range("10.0.0.0/8"), OsPolicy::Linux),
                (range("::/0"), OsPolicy::Vista),
            ],
            ..Config::default()
        };
        assert_eq!(
            config.os_policy("10.1.1.1".parse().unwrap()),
            OsPolicy::Linux
        );
        assert_eq!(
            config.os_policy("11.1.1.1".parse().unwrap()),
            OsPolicy::Windows
        );
        assert_eq!(
            config.os_policy("2001:db8::1".parse().unwrap()),
            OsPolicy::Vista
        );
        assert_eq!(
            Config::default().os_policy("10.1.1.1".parse().unwrap()),
            OsPolicy::Bsd
        );
    }
}
