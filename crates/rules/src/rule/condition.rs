//! What must be so outside any buffer.

use super::number::Compare;
use super::state::{FlowintCheck, Hostbits, Xbits};
use event::{AppProtocol, Direction, Number};
use std::sync::Arc;

/// Something that must be so for a match, outside any buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `flow`.
    Flow(FlowOptions),
    /// `flowbits:isset,a|b` and `isnotset`. Names are interned by the engine.
    Flowbits {
        /// Names; one is enough.
        names: Vec<String>,
        /// Whether none may be set.
        is_negated: bool,
    },
    /// `flowint:name,op,value` and `isset`/`isnotset`.
    Flowint(FlowintCheck),
    /// `xbits:isset,…` and `isnotset`.
    Xbits(Xbits, bool),
    /// `hostbits:isset,…` and `isnotset`.
    Hostbits(Hostbits, bool),
    /// `dsize`.
    Dsize(Compare),
    /// `stream_size:side,op,bytes`.
    StreamSize(StreamSide, Compare),
    /// `flags`: bits that must be set, how the rest is treated, bits ignored.
    TcpFlags {
        /// The bits named.
        bits: u8,
        /// `*` any, `+` these and maybe others, `!` not all, none: exactly.
        modifier: FlagsModifier,
        /// Bits left out of the comparison.
        ignored: u8,
    },
    /// `window`.
    TcpWindow(Compare),
    /// `seq`.
    TcpSequence(Compare),
    /// `ack`.
    TcpAcknowledgement(Compare),
    /// `tcp.mss`.
    TcpMss(Compare),
    /// `tcp.wscale`.
    TcpWindowScale(Compare),
    /// `ttl`.
    Ttl(Compare),
    /// `tos`.
    Tos(Compare),
    /// `id`.
    IpId(Compare),
    /// `ip_proto`.
    IpProto(Compare),
    /// `ipopts`: a bit of `decode::packet::Ipv4Options`, or 0x8000 for any.
    IpOpts(u16),
    /// `fragbits`: bits of M (0x2000), D (0x4000), R (0x8000).
    FragBits {
        /// The bits named.
        bits: u16,
        /// As for `TcpFlags`.
        modifier: FlagsModifier,
    },
    /// `fragoffset`.
    FragOffset(Compare),
    /// `sameip`.
    SameIp,
    /// `itype`.
    IcmpType(Compare),
    /// `icode`.
    IcmpCode(Compare),
    /// `icmp_id`.
    IcmpId(u16),
    /// `icmp_seq`.
    IcmpSequence(u16),
    /// `icmpv6.mtu`.
    Icmpv6Mtu(Compare),
    /// `geoip`, `rpc`, `engine-event` and others that need a table: name and argument as written.
    Keyword {
        /// The keyword.
        name: String,
        /// Its argument.
        argument: String,
        /// Whether it must not hold.
        is_negated: bool,
    },
    /// `iprep`: side, category, comparison.
    IpReputation {
        /// Which end.
        side: ReputationSide,
        /// Name of the category.
        category: String,
        /// Comparison with its value; None for `isset`/`isnotset` by `is_negated`.
        compare: Option<Compare>,
        /// `isnotset`.
        is_negated: bool,
    },
    /// `app-layer-protocol`.
    AppLayerProtocol {
        /// Protocol to compare with.
        protocol: AppProtocol,
        /// Which view of the flow's protocol is compared.
        view: ProtocolView,
        /// Must differ.
        is_negated: bool,
    },
    /// `app-layer-event:proto.event`, by name; also `applayer_…` events without protocol.
    AppLayerEvent {
        /// Protocol, None for events of recognition itself.
        protocol: Option<AppProtocol>,
        /// The event, without the protocol's prefix.
        event: String,
    },
    /// `decode-event`: name as in `decode::packet::DecodeEvent`.
    DecodeEvent(String),
    /// `stream-event`: name.
    StreamEvent(String),
    /// `ipv4-csum:valid|invalid` and its like.
    Checksum {
        /// Which checksum: `ipv4`, `tcpv4`, `tcpv6`, `udpv4`, `udpv6`, `icmpv4`, `icmpv6`.
        layer: String,
        /// Whether it must be right.
        is_valid: bool,
    },
    /// `fileext`, `filename` and `filemagic` as they were before sticky buffers.
    FileText {
        /// Which text.
        of: FileText,
        /// What it must contain (`filename`, `filemagic`) or end in (`fileext`), any case.
        pattern: Vec<u8>,
        /// Must not.
        is_negated: bool,
    },
    /// `filesize`.
    FileSize(Compare),
    /// `filemd5`, `filesha1`, `filesha256`: list of hashes from a file, by name of the list.
    FileHash {
        /// Which hash: `md5`, `sha1`, `sha256`.
        kind: String,
        /// Sorted hashes.
        list: Arc<Vec<Vec<u8>>>,
        /// Must not be in it.
        is_negated: bool,
    },
    /// A number of the transaction.
    Number {
        /// Which.
        number: Number,
        /// What it must be.
        compare: Compare,
        /// Which instance: None any.
        index: Option<usize>,
    },
    /// `flow.pkts`, `flow.bytes` by direction (None: either).
    FlowCount {
        /// `pkts` or `bytes`.
        of_bytes: bool,
        /// Which direction; None for `either`.
        direction: Option<Direction>,
        /// What it must be.
        compare: Compare,
    },
    /// `flow.age` in seconds.
    FlowAge(Compare),
    /// `vlan.id` with layer (None any, `i8::MAX` all of them) and comparison.
    VlanId(Option<i8>, Compare),
    /// `vlan.layers`.
    VlanLayers(Compare),
    /// `urilen`: comparison and whether of the raw URI.
    UriLen(Compare, bool),
}

/// Options of `flow`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowOptions {
    /// `to_server`/`from_client`, `to_client`/`from_server`.
    pub direction: Option<Direction>,
    /// `established` true, `not_established` false.
    pub established: Option<bool>,
    /// `stateless`.
    pub stateless: bool,
    /// `only_stream` true, `no_stream` false.
    pub stream: Option<bool>,
    /// `only_frag` true, `no_frag` false.
    pub fragment: Option<bool>,
}

/// How `flags` and `fragbits` compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagsModifier {
    /// Exactly these.
    Exactly,
    /// `+`: these and maybe more.
    AllOf,
    /// `*`: any of these.
    AnyOf,
    /// `!`: none of these.
    NoneOf,
}

/// Sides of `stream_size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamSide {
    /// `server`.
    Server,
    /// `client`.
    Client,
    /// `both`: each of them.
    Both,
    /// `either`.
    Either,
}

/// Sides of `iprep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReputationSide {
    /// `any`.
    Any,
    /// `src`.
    Source,
    /// `dst`.
    Destination,
    /// `both`.
    Both,
}

/// Which view of a flow's protocol `app-layer-protocol` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolView {
    /// That of the packet's direction.
    Direction,
    /// The flow's final one.
    Final,
    /// Either direction's.
    Either,
    /// To server.
    ToServer,
    /// To client.
    ToClient,
    /// Before an upgrade.
    Original,
}

/// Old file keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileText {
    /// `filename`.
    Name,
    /// `fileext`.
    Extension,
    /// `filemagic`.
    Magic,
}
