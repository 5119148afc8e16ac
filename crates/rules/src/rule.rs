//! A rule after reading: every keyword checked and given its meaning, nothing compiled yet.
//!
//! Reading (`parse`) fills these, the engine compiles them. Suricata's user guide, "Rules", is the
//! source of the keywords' meaning (<https://docs.suricata.io/en/latest/rules/>).

use event::address::AddressRange;
use event::{AppProtocol, Buffer, Direction, Number};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What happens when it matches.
    pub action: Action,
    /// Which packets it looks at.
    pub protocol: Protocol,
    /// The point of a protocol's exchange the rule is tied to (`http1:request_line`), if any.
    pub hook: Option<String>,
    /// Source addresses.
    pub source: Addresses,
    /// Source ports.
    pub source_ports: Ports,
    /// How source and destination relate to the packet.
    pub arrow: Arrow,
    /// Destination addresses.
    pub destination: Addresses,
    /// Destination ports.
    pub destination_ports: Ports,
    /// Signature id.
    pub sid: u32,
    /// Generator id, 1 where not given.
    pub gid: u32,
    /// Revision.
    pub rev: u32,
    /// What an alert says.
    pub msg: String,
    /// Name of its class, as written.
    pub classtype: Option<String>,
    /// Description of its class, from `classification.config`.
    pub category: String,
    /// 1 (highest) to 255; from the class where not given.
    pub priority: u8,
    /// What stands before the id in the system's addresses, by `reference.config` (the system's name
    /// where the list does not know it), and the id: `("http://cve.example/", "2021-44228")`.
    pub references: Vec<(String, String)>,
    /// Key and value pairs of `metadata`, in order.
    pub metadata: Vec<(String, String)>,
    /// Which end is the target of the attack.
    pub target: Option<Target>,
    /// Whether a match is told.
    pub is_silent: bool,
    /// Conditions outside buffers, in the order written.
    pub conditions: Vec<Condition>,
    /// What must be found in buffers, one entry for each stretch of the rule that looks into one.
    pub buffers: Vec<BufferMatch>,
    /// What a match changes, in the order written.
    pub effects: Vec<Effect>,
    /// Limits on alerting.
    pub threshold: Option<Threshold>,
    /// `detection_filter`.
    pub detection_filter: Option<Threshold>,
    /// Whether `prefilter` was written after a condition: its index in `conditions`.
    pub prefilter: Option<usize>,
    /// Where it was read.
    pub origin: Origin,
    /// The rule as written, lines joined.
    pub text: Arc<str>,
}

/// Where a rule was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Name of the file.
    pub file: Arc<str>,
    /// Line of its first character, from 1.
    pub line: u32,
}

/// What a match does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Tell.
    Alert,
    /// Let pass, look no further.
    Pass,
    /// Drop (where in line) and tell.
    Drop,
    /// Refuse towards the source, the destination or both, and tell.
    Reject(RejectTo),
    /// Change how the flow is handled, tell nothing.
    Config,
}

/// To whom a refusal is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectTo {
    /// `reject` and `rejectsrc`.
    Source,
    /// `rejectdst`.
    Destination,
    /// `rejectboth`.
    Both,
}

/// The protocol field of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `ip` and `ipv4`/`ip4`, `ipv6`/`ip6` by `family`.
    Ip {
        /// 4, 6, or None for both.
        family: Option<u8>,
    },
    /// `tcp`: packets and stream.
    Tcp,
    /// `tcp-pkt`: packets only.
    TcpPacket,
    /// `tcp-stream`: stream only.
    TcpStream,
    /// `udp`.
    Udp,
    /// `icmp`: both versions, or one.
    Icmp {
        /// 4, 6, or None for both.
        family: Option<u8>,
    },
    /// `sctp`.
    Sctp,
    /// `pkthdr`: any packet, also one that could not be decoded.
    PacketHeader,
    /// `ether`, `arp`.
    Ether,
    /// `arp`.
    Arp,
    /// An application protocol.
    App(AppProtocol),
}

/// The arrow between the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrow {
    /// `->`.
    Forward,
    /// `<>`: either way.
    Either,
    /// `=>`: both directions of one transaction.
    Transaction,
}

/// `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `src_ip`.
    Source,
    /// `dest_ip`.
    Destination,
}

/// A set of addresses: within one of `include` (all, where it is empty) and none of `exclude`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// Sorted, merged ranges; empty means any.
    pub include: Vec<AddressRange>,
    /// Sorted, merged ranges.
    pub exclude: Vec<AddressRange>,
}

impl Addresses {
    /// Whether every address is in it.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether `address` is in it.
    #[must_use]
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        (self.include.is_empty() || self.include.iter().any(|range| range.contains(address)))
            && !self.exclude.iter().any(|range| range.contains(address))
    }
}

/// A set of ports as sorted, disjoint ranges; `0..=65535` alone means any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ports(pub Vec<RangeInclusive<u16>>);

impl Ports {
    /// Every port.
    #[must_use]
    pub fn any() -> Self {
        Ports(vec![0..=u16::MAX])
    }

    /// Whether every port is in it.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0 == [0..=u16::MAX]
    }

    /// Whether `port` is in it.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }
}

/// A comparison of an unsigned number, as most numeric keywords share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `=`.
    Equal(u64),
    /// `!`.
    NotEqual(u64),
    /// `<`.
    Less(u64),
    /// `<=`.
    LessOrEqual(u64),
    /// `>`.
    Greater(u64),
    /// `>=`.
    GreaterOrEqual(u64),
    /// `a<>b` and `a-b`: strictly between, as Suricata reads `a<>b`.
    Between(u64, u64),
    /// `!a-b`: outside.
    Outside(u64, u64),
    /// `&mask=value`.
    Masked {
        /// Bits looked at.
        mask: u64,
        /// What they must be.
        value: u64,
        /// Whether they must not be it.
        is_negated: bool,
    },
}

impl Compare {
    /// Whether `number` satisfies it.
    #[must_use]
    pub fn holds(&self, number: u64) -> bool {
        match *self {
            Compare::Equal(n) => number == n,
            Compare::NotEqual(n) => number != n,
            Compare::Less(n) => number < n,
            Compare::LessOrEqual(n) => number <= n,
            Compare::Greater(n) => number > n,
            Compare::GreaterOrEqual(n) => number >= n,
            Compare::Between(low, high) => low < number && number < high,
            Compare::Outside(low, high) => number <= low || number >= high,
            Compare::Masked {
                mask,
                value,
                is_negated,
            } => ((number & mask) == value) != is_negated,
        }
    }
}

/// Operators of `byte_test`, `byte_math` and `flowint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`.
    Equal,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `<=`.
    LessOrEqual,
    /// `>=`.
    GreaterOrEqual,
    /// `&`: any common bit.
    And,
    /// `^`: exclusive or, as Snort defines it.
    Xor,
}

/// A number in a rule, or the name of one that `byte_extract`, `byte_math` or a PCRE captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Written as a number.
    Number(i64),
    /// Index into the rule's own variables, as counted by [`PayloadMatch::ByteExtract`] and `ByteMath`.
    Variable(u8),
}

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

/// `flowint` as a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowintCheck {
    /// The counter.
    pub name: String,
    /// What to ask.
    pub ask: FlowintAsk,
}

/// What `flowint` asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowintAsk {
    /// `isset`.
    IsSet,
    /// `isnotset` (`notset`).
    IsNotSet,
    /// Comparison with a number or another counter.
    Compare(FlowintOperator, FlowintOperand),
}

/// Comparisons of `flowint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowintOperator {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

/// The right side of `flowint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowintOperand {
    /// A number.
    Number(u32),
    /// Another counter.
    Counter(String),
}

/// `xbits` name and key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xbits {
    /// The bit.
    pub name: String,
    /// Whose bit it is.
    pub track: XbitsTrack,
    /// Seconds it stays set.
    pub expire_secs: u32,
}

/// Whose bit an xbit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum XbitsTrack {
    /// `ip_src`.
    Source,
    /// `ip_dst`.
    Destination,
    /// `ip_pair`.
    Pair,
    /// `tx`.
    Transaction,
}

/// `hostbits`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hostbits {
    /// The bit.
    pub name: String,
    /// Whose: source, destination, or both.
    pub track: HostTrack,
}

/// Whose bit a hostbit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostTrack {
    /// `src`.
    Source,
    /// `dst`.
    Destination,
    /// `both`.
    Both,
}

/// What a stretch of a rule looks for in one buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct BufferMatch {
    /// Which buffer; [`Buffer::Payload`] for packet and stream.
    pub buffer: Buffer,
    /// What is done to the bytes first, in order.
    pub transforms: Vec<Transform>,
    /// Direction for `=>` rules, where written.
    pub direction: Option<Direction>,
    /// Whether this entry was begun afresh although the buffer was in use before (multi-instance
    /// buffers: each entry must match within one instance).
    pub is_multi: bool,
    /// What must be found, in order; relative matches follow the one before.
    pub matches: Vec<PayloadMatch>,
}

/// A change of a buffer's bytes before looking.
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// `to_md5`.
    ToMd5,
    /// `to_sha1`.
    ToSha1,
    /// `to_sha256`.
    ToSha256,
    /// `to_lowercase`.
    ToLowercase,
    /// `to_uppercase`.
    ToUppercase,
    /// `strip_whitespace`.
    StripWhitespace,
    /// `compress_whitespace`.
    CompressWhitespace,
    /// `url_decode`.
    UrlDecode,
    /// `dotprefix`.
    DotPrefix,
    /// `domain`.
    Domain,
    /// `tld`.
    Tld,
    /// `header_lowercase`.
    HeaderLowercase,
    /// `strip_pseudo_headers`.
    StripPseudoHeaders,
    /// `xor`.
    Xor(Vec<u8>),
    /// `pcrexform`: the first capture.
    Pcre(String),
    /// `from_base64`.
    FromBase64 {
        /// Most bytes to decode; 0 for all.
        bytes: u32,
        /// First byte.
        offset: u32,
        /// How odd bytes are taken.
        mode: Base64Mode,
    },
    /// `gunzip` and `zlib_deflate` with the most bytes to make.
    Decompress {
        /// gzip where true, zlib where false.
        is_gzip: bool,
        /// Most bytes made.
        max: u32,
    },
}

/// How base64 with odd bytes is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base64Mode {
    /// RFC 4648: stops at the first odd byte.
    Rfc4648,
    /// RFC 2045: skips odd bytes.
    Rfc2045,
    /// All or nothing.
    Strict,
}

/// Something that must be found in a buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum PayloadMatch {
    /// `content`.
    Content(Content),
    /// `pcre`.
    Pcre(Pcre),
    /// `byte_test`.
    ByteTest(ByteTest),
    /// `byte_jump`.
    ByteJump(ByteJump),
    /// `byte_extract`.
    ByteExtract(ByteExtract),
    /// `byte_math`.
    ByteMath(ByteMath),
    /// `isdataat`.
    IsDataAt {
        /// Where.
        at: Value,
        /// From the end of the last match.
        is_relative: bool,
        /// Must not be.
        is_negated: bool,
    },
    /// `bsize`.
    Bsize(Compare),
    /// `base64_decode`: makes the buffer `base64_data`.
    Base64Decode {
        /// Most bytes; None for all.
        bytes: Option<u32>,
        /// First byte.
        offset: u32,
        /// From the end of the last match.
        is_relative: bool,
    },
    /// `dataset:isset|isnotset|set|unset`.
    Dataset(Dataset),
    /// `datarep`.
    Datarep {
        /// Index into the set's description.
        set: Dataset,
        /// Comparison with the value.
        compare: Compare,
    },
    /// `absent` (`or_else`: also matches where the rest does not).
    Absent {
        /// `or_else`.
        or_else: bool,
    },
    /// `entropy`: comparison in thousandths of a bit.
    Entropy {
        /// Most bytes; 0 for all.
        bytes: u32,
        /// First byte.
        offset: u32,
        /// Comparison.
        compare: FloatCompare,
    },
    /// `asn1`, `luaxform` and others by name: the engine knows or degrades them.
    Keyword {
        /// The keyword.
        name: String,
        /// Its argument.
        argument: String,
        /// Must not hold.
        is_negated: bool,
    },
}

/// A comparison of a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FloatCompare {
    /// `=`.
    Equal(f64),
    /// `!=`.
    NotEqual(f64),
    /// `<`.
    Less(f64),
    /// `<=`.
    LessOrEqual(f64),
    /// `>`.
    Greater(f64),
    /// `>=`.
    GreaterOrEqual(f64),
    /// `a-b`.
    Between(f64, f64),
    /// `!a-b`.
    Outside(f64, f64),
}

/// `content` with its modifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The bytes, escapes and `|hex|` resolved; lower-cased where `is_nocase`.
    pub bytes: Vec<u8>,
    /// `nocase`.
    pub is_nocase: bool,
    /// `!`.
    pub is_negated: bool,
    /// `offset`; `startswith` gives 0 with depth of its length.
    pub offset: Option<Value>,
    /// `depth`.
    pub depth: Option<Value>,
    /// `distance`.
    pub distance: Option<Value>,
    /// `within`.
    pub within: Option<Value>,
    /// `endswith`.
    pub is_at_end: bool,
    /// `startswith`.
    pub is_at_start: bool,
    /// `rawbytes`.
    pub is_raw: bool,
    /// `fast_pattern`.
    pub fast_pattern: Option<FastPattern>,
    /// `replace`.
    pub replacement: Option<Vec<u8>>,
}

/// `fast_pattern` and its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastPattern {
    /// Whole pattern.
    Whole,
    /// `only`: need not be looked for again.
    Only,
    /// `offset,length`.
    Chop(u16, u16),
}

/// `pcre`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcre {
    /// The expression between the slashes.
    pub pattern: String,
    /// i, s, m, x, A, E, G, O as given (PCRE's own).
    pub options: String,
    /// `R`.
    pub is_relative: bool,
    /// `!`.
    pub is_negated: bool,
    /// `flow:name`, `pkt:name`, `alert:name` captures, in order.
    pub captures: Vec<(CaptureScope, String)>,
}

/// Where a capture goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureScope {
    /// `flow:`: a variable of the flow.
    Flow,
    /// `pkt:`: a variable of the packet.
    Packet,
    /// `alert:`: told in the alert.
    Alert,
}

/// How a number is written in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes, most significant first.
    BigEndian,
    /// Bytes, least significant first.
    LittleEndian,
    /// Bytes, as the DCERPC header says.
    Dce,
    /// Digits in base 8, 10 or 16.
    Digits(u8),
}

/// `byte_test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteTest {
    /// Number of bytes, 1 to 23.
    pub bytes: Value,
    /// Comparison.
    pub operator: Operator,
    /// `!`.
    pub is_negated: bool,
    /// What to compare with.
    pub value: Value,
    /// Where.
    pub offset: Value,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// `byte_jump`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteJump {
    /// Number of bytes; 0 jumps by `post_offset` alone.
    pub bytes: Value,
    /// Where.
    pub offset: Value,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `multiplier`.
    pub multiplier: u32,
    /// `align` to 4 bytes.
    pub is_aligned: bool,
    /// `from_beginning`.
    pub from_beginning: bool,
    /// `from_end`.
    pub from_end: bool,
    /// `post_offset`.
    pub post_offset: Value,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// `byte_extract`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteExtract {
    /// Number of bytes.
    pub bytes: u8,
    /// Where.
    pub offset: i64,
    /// Index of the variable it fills.
    pub variable: u8,
    /// Its name.
    pub name: String,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `multiplier`.
    pub multiplier: u32,
    /// `align` to 2 or 4 bytes; 0 for none.
    pub align: u8,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// `byte_math`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteMath {
    /// Number of bytes.
    pub bytes: Value,
    /// Where.
    pub offset: i64,
    /// What is done.
    pub operator: MathOperator,
    /// The right side.
    pub value: Value,
    /// Index of the variable it fills.
    pub variable: u8,
    /// Its name.
    pub name: String,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// Operators of `byte_math`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MathOperator {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `<<`.
    ShiftLeft,
    /// `>>`.
    ShiftRight,
}

/// `dataset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Name of the set.
    pub name: String,
    /// `isset`, `isnotset`, `set`, `unset`.
    pub command: DatasetCommand,
    /// `string`, `md5`, `sha256`, `ipv4`, `ip`.
    pub kind: Option<String>,
    /// `load`.
    pub load: Option<String>,
    /// `save`.
    pub save: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// All other options as written: `memcap`, `hashsize`, `format`, `value_key`, `context_key`, `remove_key`.
    pub options: Vec<(String, String)>,
}

/// What is done with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatasetCommand {
    /// Must be in it.
    IsSet,
    /// Must not be in it.
    IsNotSet,
    /// Is added.
    Set,
    /// Is removed.
    Unset,
}

/// What a match changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `flowbits:set|unset|toggle`; names.
    Flowbits(BitChange, Vec<String>),
    /// `flowint:name,=|+|-,value`.
    Flowint {
        /// The counter.
        name: String,
        /// `=`, `+` or `-`.
        change: FlowintChange,
        /// By what.
        operand: FlowintOperand,
    },
    /// `xbits:set|unset|toggle`.
    Xbits(BitChange, Xbits),
    /// `hostbits:set|unset|toggle`.
    Hostbits(BitChange, Hostbits),
    /// `tag`.
    Tag {
        /// `session` true, `host` false.
        of_session: bool,
        /// How many.
        count: u32,
        /// Of what.
        metric: TagMetric,
        /// For `host`: the source's host where true, the destination's where false.
        of_source: bool,
    },
    /// `filestore` with direction (None: as the rule's) and scope.
    Filestore {
        /// Request or response files, or both where None.
        direction: Option<Direction>,
        /// `file`, `tx`, `flow` (`ssn`).
        scope: String,
    },
    /// `bypass`.
    Bypass,
    /// `config:…`, `tls.store`, `setconfig` and the like as written.
    Keyword {
        /// The keyword.
        name: String,
        /// Its argument.
        argument: String,
    },
}

/// Changes of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitChange {
    /// `set`.
    Set,
    /// `unset`.
    Unset,
    /// `toggle`.
    Toggle,
}

/// Changes of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowintChange {
    /// `=`.
    Assign,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
}

/// What `tag` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMetric {
    /// `packets`.
    Packets,
    /// `bytes`.
    Bytes,
    /// `seconds`.
    Seconds,
}

/// `threshold`, `detection_filter`, and the lines of `threshold.config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// What the count means.
    pub kind: ThresholdKind,
    /// Whose events are counted together.
    pub track: ThresholdTrack,
    /// How many.
    pub count: u32,
    /// Within so many seconds.
    pub seconds: u32,
    /// `multiplier` of `backoff`.
    pub multiplier: u32,
    /// `rate_filter`: the action while the rate is exceeded, and for how many seconds.
    pub new_action: Option<(Action, u32)>,
}

/// Kinds of threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdKind {
    /// At most `count` alerts in each window.
    Limit,
    /// An alert at each `count`-th event.
    Threshold,
    /// Both: one alert per window, after `count` events.
    Both,
    /// An alert once `count` was reached, and for each after.
    DetectionFilter,
    /// Another action while the rate is exceeded.
    RateFilter,
    /// At counts 1, 1*multiplier, …
    Backoff,
}

/// Whose events a threshold counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThresholdTrack {
    /// `by_src`.
    Source,
    /// `by_dst`.
    Destination,
    /// `by_rule`.
    Rule,
    /// `by_both`.
    Pair,
    /// `by_flow`.
    Flow,
}
