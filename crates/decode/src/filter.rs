//! Filter expressions of tcpdump and libpcap (pcap-filter(7)), evaluated on frames.
//!
//! Understood: `host`, `net`, `port`, `portrange`, `proto` with `src`, `dst`, `src or dst`, `src and
//! dst` and `ether`, `ip`, `ip6`, `arp`, `tcp`, `udp`, `icmp`, `icmp6`, `sctp` before them; `vlan`,
//! `mpls`, `less`, `greater`, `broadcast`, `multicast`; comparisons of arithmetic over bytes, such as
//! `tcp[tcpflags] & tcp-syn != 0`; `and`, `or`, `not` and parentheses. Names of hosts are not looked
//! up. As in tcpdump, `vlan` shifts everything after it into the tag.

mod lexer;
mod parse;
mod view;

use crate::packet::Frame;
use event::address::AddressRange;
use std::net::IpAddr;
use view::View;

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expression);

/// Why a text is not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not valid at character {column}: {reason}")]
pub struct FilterError {
    /// Place of the first character that makes no sense, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    /// A test, made below so many VLAN tags.
    Test(Test, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
    Either,
    Both,
}

impl Side {
    fn holds(self, source: bool, destination: bool) -> bool {
        match self {
            Side::Source => source,
            Side::Destination => destination,
            Side::Either => source || destination,
            Side::Both => source && destination,
        }
    }
}

/// A protocol that a test can be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Ether,
    Ip,
    Ip6,
    Arp,
    Rarp,
    Tcp,
    Udp,
    Icmp,
    Icmp6,
    Sctp,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Is(Layer),
    Host(Option<Layer>, Side, AddressRange),
    EtherHost(Side, [u8; 6]),
    Port(Option<Layer>, Side, u16, u16),
    EtherKind(u16),
    IpProtocol(Option<Layer>, u8),
    Vlan(Option<u16>),
    Mpls(Option<u32>),
    Shorter(u32),
    Longer(u32),
    Broadcast,
    Multicast,
    Compare(Arithmetic, Relation, Arithmetic),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Arithmetic {
    Number(u32),
    Length,
    Bytes(Layer, Box<Arithmetic>, u8),
    Calculate(Box<Arithmetic>, char, Box<Arithmetic>),
}

impl Filter {
    /// Reads an expression; an empty one lets everything through.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(Filter)
    }

    /// Whether the frame is let through.
    #[must_use]
    pub fn matches(&self, frame: &Frame<'_>) -> bool {
        self.0.holds(frame)
    }
}

impl Expression {
    fn holds(&self, frame: &Frame<'_>) -> bool {
        match self {
            Expression::And(a, b) => a.holds(frame) && b.holds(frame),
            Expression::Or(a, b) => a.holds(frame) || b.holds(frame),
            Expression::Not(a) => !a.holds(frame),
            Expression::Test(test, tags) => {
                View::new(frame, *tags).is_some_and(|view| test.holds(frame, &view))
            }
        }
    }
}

impl Test {
    fn holds(&self, frame: &Frame<'_>, view: &View<'_>) -> bool {
        match self {
            Test::Is(layer) => view.is(*layer),
            Test::Host(layer, side, range) => {
                layer.is_none_or(|layer| view.is(layer))
                    && view.addresses().is_some_and(|(source, destination)| {
                        side.holds(range.contains(source), range.contains(destination))
                    })
            }
            Test::EtherHost(side, address) => {
                view.ethernet().is_some_and(|(source, destination)| {
                    side.holds(source == *address, destination == *address)
                })
            }
            Test::Port(layer, side, first, last) => {
                layer.is_none_or(|layer| view.is(layer))
                    && view.ports().is_some_and(|(source, destination)| {
                        let range = *first..=*last;
                        side.holds(range.contains(&source), range.contains(&destination))
                    })
            }
            Test::EtherKind(kind) => view.kind == Some(*kind),
            Test::IpProtocol(layer, protocol) => {
                layer.is_none_or(|layer| view.is(layer)) && view.ip_protocol() == Some(*protocol)
            }
            Test::Vlan(id) => view.vlan().is_some_and(|tag| id.is_none_or(|id| id == tag)),
            Test::Mpls(label) => view
                .mpls()
                .is_some_and(|top| label.is_none_or(|l| l == top)),
            Test::Shorter(len) => frame.wire_len <= *len,
            Test::Longer(len) => frame.wire_len >= *len,
            Test::Broadcast => view.ethernet().is_some_and(|(_, to)| to == [0xff; 6]),
            Test::Multicast => view.ethernet().is_some_and(|(_, to)| to[0] & 1 == 1),
            Test::Compare(a, relation, b) => {
                let (Some(a), Some(b)) = (a.value(frame, view), b.value(frame, view)) else {
                    return false;
                };
                match relation {
                    Relation::Equal => a == b,
                    Relation::NotEqual => a != b,
                    Relation::Less => a < b,
                    Relation::LessOrEqual => a <= b,
                    Relation::Greater => a > b,
                    Relation::GreaterOrEqual => a >= b,
                }
            }
        }
    }
}

impl Arithmetic {
    fn value(&self, frame: &Frame<'_>, view: &View<'_>) -> Option<u32> {
        match self {
            Arithmetic::Number(number) => Some(*number),
            Arithmetic::Length => Some(frame.wire_len),
            Arithmetic::Bytes(layer, at, size) => {
                let at = usize::try_from(at.value(frame, view)?).ok()?;
                let bytes = view
                    .header(*layer)?
                    .get(at..at.checked_add(usize::from(*size))?)?;
                Some(
                    bytes
                        .iter()
                        .fold(0, |value, byte| value << 8 | u32::from(*byte)),
                )
            }
            Arithmetic::Calculate(a, operator, b) => {
                let (a, b) = (a.value(frame, view)?, b.value(frame, view)?);
                match operator {
                    '+' => Some(a.wrapping_add(b)),
                    '-' => Some(a.wrapping_sub(b)),
                    '*' => Some(a.wrapping_mul(b)),
                    '/' => a.checked_div(b),
                    '%' => a.checked_rem(b),
                    '&' => Some(a & b),
                    '|' => Some(a | b),
                    '^' => Some(a ^ b),
                    '<' => Some(a.checked_shl(b).unwrap_or(0)),
                    '>' => Some(a.checked_shr(b).unwrap_or(0)),
                    _ => None,
                }
            }
        }
    }
}

/// The range that holds one address.
fn only(address: IpAddr) -> AddressRange {
    AddressRange {
        first: address,
        last: address,
    }
}

#[cfg(test)]
mod tests;
