//! A rule as detection runs it: compact, compiled, and classified by when it is looked at.

use super::bits::{BitId, IntChange, IntCheck};
use super::details::Details;
use super::iprep::CategoryId;
use super::program::Program;
use super::tags::TagRequest;
use super::thresholds::Suppression;
use event::{AppProtocol, Buffer, Direction, Number};
use rules::rule::{
    Action, BitChange, Compare, Condition, FileText, Hostbits, Protocol, ReputationSide, Threshold,
    Xbits,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// Place of a rule in the order in which rules are evaluated and alerts are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

/// When a rule is looked at and what its action applies to (Suricata's user guide, "Rule Types and
/// Categorization").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only what was wrong with the packet.
    DecoderEvent,
    /// Only addresses: once for each direction of a flow.
    IpOnly,
    /// Only addresses, some of them negated: each packet.
    LikeIpOnly,
    /// Only the protocol that was recognised: once for each direction, when it is.
    ProtocolOnly,
    /// Each packet.
    Packet,
    /// Each packet and the stream.
    PacketStream,
    /// The stream.
    Stream,
    /// Each packet of a flow that speaks a protocol.
    App,
    /// Transactions.
    Transaction,
}

impl Kind {
    /// Whether a match applies its action to the flow; `is_stream` where it was found in the stream.
    #[must_use]
    pub const fn acts_on_flow(self, is_stream: bool) -> bool {
        match self {
            Kind::IpOnly
            | Kind::LikeIpOnly
            | Kind::ProtocolOnly
            | Kind::App
            | Kind::Transaction => true,
            Kind::PacketStream | Kind::Stream => is_stream,
            Kind::Packet | Kind::DecoderEvent => false,
        }
    }
}

/// One rule, ready to run.
#[derive(Debug)]
pub struct Signature {
    /// What happens when it matches.
    pub action: Action,
    /// When it is looked at.
    pub kind: Kind,
    /// Whether a match is not told.
    pub is_silent: bool,
    /// Directions it applies to.
    pub directions: [bool; 2],
    /// Whether both directions of a transaction must match together (`=>`).
    pub is_bidirectional: bool,
    /// Signature id.
    pub sid: u32,
    /// Generator id.
    pub gid: u32,
    /// Revision.
    pub rev: u32,
    /// 1 (highest) to 255.
    pub priority: u8,
    /// Limits on alerting: `detection_filter` first, then `threshold`.
    pub limits: Box<[Threshold]>,
    /// Ends between which it is not told.
    pub suppressions: Box<[Suppression]>,
    /// What records say about it.
    pub details: Details,
    pub(super) header: Header,
    /// Whether payload of single packets is looked at.
    pub(super) wants_packet: bool,
    /// Whether the stream is looked at.
    pub(super) wants_stream: bool,
    /// Whether it says something about packets that a flow's end does not bring.
    pub(super) needs_real_packet: bool,
    /// Whether only the first packet of each direction of a flow is looked at (`flow_start`).
    pub(super) at_flow_start: bool,
    /// What must be so of the packet and its flow.
    pub(super) checks: Box<[Check]>,
    /// What must be in the payload, if anything.
    pub(super) payload: Box<[Program]>,
    /// What must be in headers.
    pub(super) headers: Box<[(Buffer, Program)]>,
    /// What must be in a transaction.
    pub(super) engines: Box<[Engine]>,
    /// What a match changes.
    pub(super) effects: Box<[Change]>,
    /// Whether the prefilter finds it.
    pub(super) is_prefiltered: bool,
}

impl Signature {
    /// Whether the prefilter finds it; otherwise it is held against every packet or transaction of
    /// its kind.
    #[must_use]
    pub fn is_found_by_pattern(&self) -> bool {
        self.is_prefiltered
    }

    /// Whether it looks into transactions.
    pub(super) fn is_of_transaction(&self) -> bool {
        !self.engines.is_empty()
    }
}

/// Protocol and ends. Addresses and ports are places in tables, 0 for any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) protocol: Protocol,
    pub(super) source: u32,
    pub(super) destination: u32,
    pub(super) source_ports: u32,
    pub(super) destination_ports: u32,
    /// `=>`.
    pub(super) follows_transaction: bool,
}

/// What a signature is asked first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) header: Header,
    pub(super) is_of_transaction: bool,
}

impl Head {
    pub(super) fn of(signature: &Signature) -> Self {
        Head {
            header: signature.header,
            is_of_transaction: signature.is_of_transaction(),
        }
    }
}

/// A condition on the packet and its flow.
#[derive(Debug)]
pub(super) enum Check {
    /// As it was read.
    Plain(Condition),
    /// `decode-event`.
    DecodeEvent(decode::packet::DecodeEvent),
    /// `stream-event`.
    StreamEvent(crate::tcp::StreamEvent),
    /// `flowbits`: one of them must be set, or none.
    Flowbits {
        ids: SmallVec<[BitId; 2]>,
        is_negated: bool,
    },
    /// `flowint`.
    Flowint(IntCheck),
    /// `xbits`.
    Xbits {
        id: BitId,
        xbits: Box<Xbits>,
        is_negated: bool,
    },
    /// `hostbits`.
    Hostbits {
        id: BitId,
        hostbits: Box<Hostbits>,
        is_negated: bool,
    },
    /// `iprep`.
    Reputation {
        side: ReputationSide,
        category: CategoryId,
        compare: Option<Compare>,
        is_negated: bool,
    },
}

/// What a match changes.
#[derive(Debug)]
pub(super) enum Change {
    Flowbits {
        ids: SmallVec<[BitId; 2]>,
        change: BitChange,
    },
    Flowint(IntChange),
    Xbits {
        id: BitId,
        xbits: Box<Xbits>,
        change: BitChange,
    },
    Hostbits {
        id: BitId,
        hostbits: Box<Hostbits>,
        change: BitChange,
    },
    /// `tag`: whether of the session, and whether of the source's host.
    Tag {
        request: TagRequest,
        of_session: bool,
        of_source: bool,
    },
    /// `filestore`.
    Store {
        direction: Option<Direction>,
        scope: StoreScope,
    },
    Bypass,
    /// `tls.store`.
    StoreCertificates,
    /// `config: logging disable`: the transaction is not told.
    Hush,
}

/// Which files a `filestore` keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreScope {
    /// The file that matched.
    File,
    /// All of the transaction.
    Transaction,
    /// All of the flow from now on.
    Flow,
}

/// Something that a transaction must have.
#[derive(Debug)]
pub(super) struct Engine {
    /// Where it is looked for.
    pub(super) direction: EngineDirection,
    pub(super) look: Look,
}

/// Directions in which an engine looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EngineDirection {
    /// That of the packet.
    Any,
    /// Only this.
    Only(Direction),
}

/// What an engine looks at.
#[derive(Debug)]
pub(super) enum Look {
    /// A buffer.
    Buffer { buffer: Buffer, program: Program },
    /// The payload, for rules that look into both.
    Payload,
    /// A number.
    Number {
        number: Number,
        compare: Compare,
        index: Option<usize>,
    },
    /// An event of the application.
    Event {
        protocol: AppProtocol,
        event: Arc<str>,
    },
    /// A keyword that the transaction itself knows.
    Holds {
        keyword: Arc<str>,
        argument: Arc<str>,
        is_negated: bool,
    },
    /// Length of the URI, normalised or raw.
    UriLen(Compare, bool),
    /// What one file must be like.
    File(Box<[FileCheck]>),
}

/// A condition on a file.
#[derive(Debug)]
pub(super) enum FileCheck {
    /// Its name, extension or magic.
    Text {
        of: FileText,
        pattern: Box<[u8]>,
        is_negated: bool,
    },
    /// Its size.
    Size(Compare),
    /// Whether its hash is in a list.
    Hash {
        kind: HashKind,
        list: Arc<Vec<Vec<u8>>>,
        is_negated: bool,
    },
    /// Any file will do (`filestore` alone).
    Any,
}

/// Kinds of hashes of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HashKind {
    Md5,
    Sha1,
    Sha256,
}
