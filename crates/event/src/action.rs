//! Actions: what is done about an attack, why, to whom, for how long, and what became of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Timestamp;
use crate::prefix::Prefix;

/// Names an action within one installation; written `a17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u64);

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0)
    }
}

impl FromStr for ActionId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('a').unwrap_or(text).parse().map(ActionId)
    }
}

impl Serialize for ActionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ActionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// One action, as it is published, listed and kept. `State` says what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Its name.
    pub id: ActionId,
    /// What is done and to whom.
    #[serde(flatten)]
    pub what: What,
    /// How long it holds, in seconds; every action has an end.
    pub ttl_secs: u64,
    /// Whether it is done, asked for or only told.
    pub mode: Mode,
    /// Why it is done.
    pub why: Why,
    /// How often its target came back: 0 the first time.
    #[serde(default)]
    pub returned: u32,
    /// What became of it.
    #[serde(flatten)]
    pub state: State,
    /// When it was planned.
    pub planned: Timestamp,
    /// When the firewall took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executed: Option<Timestamp>,
    /// When it ends, or ended.
    pub ends: Timestamp,
    /// When its state changed last.
    pub changed: Timestamp,
    /// How it is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
}

impl Action {
    /// Whether the firewall holds it, or is about to.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        match self.state {
            State::Executed
            | State::Effective { .. }
            | State::Ineffective { .. }
            | State::Unknown { .. } => true,
            // Written down before the firewall is called: after a crash nobody knows whether it was.
            State::Planned => self.mode == Mode::Enforce,
            State::Refused { .. }
            | State::AwaitingApproval
            | State::Expired
            | State::Undone { .. } => false,
        }
    }

    /// Whether nothing will happen to it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            State::Refused { .. } | State::Expired | State::Undone { .. }
        )
    }
}

/// What is done, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum What {
    /// Nothing from or to the target passes.
    Block {
        /// Whom.
        target: Prefix,
    },
    /// The target as a whole gets so many packets a second and no more.
    RateLimit {
        /// Whom.
        target: Prefix,
        /// Packets that pass in a second.
        packets_per_second: u32,
        /// Packets that may come at once.
        burst: u32,
    },
    /// One connection ends.
    DropConnection {
        /// Which.
        connection: Connection,
    },
    /// What the target opens is led to a honeypot.
    Redirect {
        /// Whom.
        target: Prefix,
        /// The honeypot's address.
        to: IpAddr,
        /// The honeypot's port; without it the port that the target asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
    },
    /// A local address is cut off, in both directions and from its neighbours.
    Quarantine {
        /// Whom.
        target: Prefix,
    },
}

impl What {
    /// Whom it hits: the prefix, or the end of the connection that came from outside.
    #[must_use]
    pub fn target(&self) -> Prefix {
        match self {
            What::Block { target }
            | What::RateLimit { target, .. }
            | What::Redirect { target, .. }
            | What::Quarantine { target } => *target,
            What::DropConnection { connection } => Prefix::host(connection.peer.ip()),
        }
    }

    /// The step's name, as playbooks write it.
    #[must_use]
    pub fn step(&self) -> &'static str {
        match self {
            What::Block { .. } => "block",
            What::RateLimit { .. } => "rate_limit",
            What::DropConnection { .. } => "drop_connection",
            What::Redirect { .. } => "redirect",
            What::Quarantine { .. } => "quarantine",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Block { target } => write!(f, "block {target}"),
            What::RateLimit {
                target,
                packets_per_second,
                burst,
            } => write!(
                f,
                "limit {target} to {packets_per_second} packets a second, {burst} at once"
            ),
            What::DropConnection { connection } => write!(f, "drop connection {connection}"),
            What::Redirect { target, to, port } => match port {
                Some(port) => write!(f, "lead {target} to {}", SocketAddr::new(*to, *port)),
                None => write!(f, "lead {target} to {to}"),
            },
            What::Quarantine { target } => write!(f, "quarantine {target}"),
        }
    }
}

/// A transport protocol that has connections with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// Its name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        }
    }
}

/// Two ends and a transport. Both ends are of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Connection {
    /// Its transport.
    pub proto: Transport,
    /// The end that the action is about: the attacker.
    pub peer: SocketAddr,
    /// The other end: the host that is defended.
    pub local: SocketAddr,
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} - {}", self.proto.name(), self.peer, self.local)
    }
}

/// How far a plan is carried out. In the order of what it lets happen: the least of several counts.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Told, never done.
    #[default]
    Observe,
    /// Done when a person approves.
    Ask,
    /// Done.
    Enforce,
}

/// Why an action is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Why {
    /// In words.
    pub reason: String,
    /// The playbook that planned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// The threat-intelligence feed that lists the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
    /// The event that the playbook held against, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The incident that the playbook held against, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// The signature that the event names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_id: Option<u64>,
    /// The flow that the event names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<u64>,
    /// The person who ordered or approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The way of the record until it was held against the playbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
}

/// The moments of the record that decided, to the microsecond. With `planned` and `executed` of the
/// action, and `changed` of its first proof, they say where the time between a packet and its answer
/// went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trigger {
    /// The time of the packet, as the record tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<Timestamp>,
    /// When the record was put on the bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// When the responder had read it.
    pub read: Timestamp,
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Decided. With mode `observe` it stays so until it ends; with `enforce` the firewall is next.
    Planned,
    /// Not done, and why.
    Refused {
        /// In words.
        cause: String,
    },
    /// Waits for a person.
    AwaitingApproval,
    /// The firewall took it; nothing is proved yet.
    Executed,
    /// Proved to work.
    Effective {
        /// By what.
        evidence: Evidence,
    },
    /// Proved not to work.
    Ineffective {
        /// What is wrong.
        failure: Failure,
        /// The same in words, with names.
        cause: String,
    },
    /// Neither proved.
    Unknown {
        /// What stood in the way of a proof.
        cause: String,
    },
    /// Its time was over.
    Expired,
    /// Taken back before its time.
    Undone {
        /// By whom or what.
        cause: String,
    },
}

impl State {
    /// The state's name, as records and listings write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Refused { .. } => "refused",
            State::AwaitingApproval => "awaiting_approval",
            State::Executed => "executed",
            State::Effective { .. } => "effective",
            State::Ineffective { .. } => "ineffective",
            State::Unknown { .. } => "unknown",
            State::Expired => "expired",
            State::Undone { .. } => "undone",
        }
    }
}

/// What proves that an action works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The sets that hold the target, and whose rules stand where they must.
    pub held_by: Vec<String>,
    /// Packets of the target that the firewall has stopped, limited or led away so far.
    pub packets_stopped: u64,
    /// Packets of the target that the sensor saw since the action; None where no sensor watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets_arrived: Option<u64>,
    /// Connections of the target that were ended.
    pub connections_ended: u32,
}

/// The ways in which an action fails although the firewall took it, or does not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Our table is gone: deleted, or the whole ruleset was flushed.
    TableMissing,
    /// Our table is there and switched off.
    TableDormant,
    /// A chain of ours is gone.
    ChainMissing,
    /// A chain of ours stands at another hook or priority, or at none.
    ChainMoved,
    /// A rule of ours is gone: its chain was flushed, or the rule deleted.
    RuleMissing,
    /// A rule of ours says something else now.
    RuleChanged,
    /// A rule before ours lets the packets through.
    AcceptedBefore,
    /// A set of ours is gone.
    SetMissing,
    /// The set is there and does not hold the target.
    ElementMissing,
    /// The set holds addresses of another family.
    WrongFamily,
    /// The set holds the target without an end: nobody would take it back.
    TimeoutLost,
    /// The set forgets the target before its time.
    TimeoutShort,
    /// The set takes no more.
    SetFull,
    /// A connection of the target with this host is still established.
    ConnectionSurvives,
    /// Connection tracking still carries a connection past the action.
    TrackingSurvives,
    /// A flow table carries the target's connection past all rules.
    FlowtableOffload,
    /// The interface by which the target came is gone.
    InterfaceGone,
    /// The interface by which the target came is down.
    InterfaceDown,
    /// The firewall that we change belongs to another network namespace than the traffic.
    OtherNamespace,
    /// The traffic crosses a bridge, where our rules are not asked.
    BridgedPast,
    /// A program or chain at the interface takes the packets before our rules.
    IngressPast,
    /// The firewall's command is gone.
    ToolMissing,
    /// The firewall's command may not do it.
    NotPermitted,
    /// The firewall's command did not end in time.
    TimedOut,
    /// The firewall refused the change.
    FirewallRefused,
    /// The target's packets arrive and no rule stops them; why is not known.
    StillArriving,
    /// More packets pass than the limit allows.
    LimitExceeded,
    /// Nobody answers at the honeypot.
    HoneypotSilent,
    /// Another rule translates the packets before ours leads them away.
    TranslatedBefore,
    /// The kernel does not forward, so the honeypot on another host is out of reach.
    ForwardingOff,
}

/// How an action is undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Undo {
    /// The firewall that took it: `nftables` or `iptables`.
    pub firewall: String,
    /// What is taken out: set and element.
    pub takes: Vec<String>,
    /// What somebody else had put there before, and what therefore stays.
    pub keeps: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action() -> Action {
        Action {
            id: ActionId(17),
            what: What::Block {
                target: "192.0.2.1".parse().unwrap(),
            },
            ttl_secs: 3600,
            mode: Mode::Enforce,
            why: Why {
                reason: "scan".into(),
                playbook: Some("scanners".into()),
                signature_id: Some(2_001_219),
                ..Why::default()
            },
            returned: 0,
            state: State::Ineffective {
                failure: Failure::TableMissing,
                cause: "the table inet ratel is gone".into(),
            },
            planned: Timestamp::new(100, 1000),
            executed: Some(Timestamp::new(100, 5000)),
            ends: Timestamp::new(3700, 0),
            changed: Timestamp::new(101, 0),
            undo: None,
        }
    }

    #[test]
    fn an_action_is_one_flat_record() {
        let text = serde_json::to_string(&action()).unwrap();
        assert_eq!(
            text,
            "{\"id\":\"a17\",\"step\":\"block\",\"target\":\"192.0.2.1\",\"ttl_secs\":3600,\
             \"mode\":\"enforce\",\"why\":{\"reason\":\"scan\",\"playbook\":\"scanners\",\
             \"signature_id\":2001219},\"returned\":0,\"state\":\"ineffective\",\
             \"failure\":\"table_missing\",\"cause\":\"the table inet ratel is gone\",\
             \"planned\":\"1970-01-01T00:01:40.000001+0000\",\
             \"executed\":\"1970-01-01T00:01:40.000005+0000\",\
             \"ends\":\"1970-01-01T01:01:40.000000+0000\",\
             \"changed\":\"1970-01-01T00:01:41.000000+0000\"}"
        );
        assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), action());
    }

    #[test]
    fn the_least_mode_of_several_counts() {
        assert!(Mode::Observe < Mode::Ask && Mode::Ask < Mode::Enforce);
    }
}
