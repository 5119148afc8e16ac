//! The running figures of one flow.

use crate::bulk::Bulk;
use crate::definition::{Definition, Rules, SentAgain};
use crate::hosts::Lately;
use crate::more::More;
use crate::seen::Seen;
use crate::summary::Summary;
use decode::packet::Tcp;
use hashbrown::HashSet;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// A pause that begins a new subflow, in microseconds.
const SUBFLOW_US: i64 = 1_000_000;

/// Segments remembered to tell retransmissions; later ones of a longer flow are not told.
const SEGMENTS_MAX: usize = 4_096;

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection was closed.
    Closed,
    /// It lasted longer than a flow may.
    TimedOut,
    /// Its place in the table was needed.
    Evicted,
    /// The input ended.
    InputEnded,
}

/// How far the closing of a TCP connection has come (RFC 9293 section 3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Closing {
    #[default]
    Open,
    /// One side has no more to send.
    FirstFin,
    /// Neither side has.
    BothFin,
    /// And it was acknowledged, or the connection was reset.
    Done,
}

/// Who talks to whom: the source is who began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
}

impl Ends {
    pub(crate) fn of(seen: &Seen<'_>) -> Self {
        Ends {
            source: seen.source,
            destination: seen.destination,
            source_port: seen.source_port,
            destination_port: seen.destination_port,
        }
    }

    pub(crate) fn reversed(self) -> Self {
        Ends {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
        }
    }
}

/// Packets of one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Direction {
    pub lengths: Summary,
    pub gaps: Summary,
    pub header_bytes: u64,
    pub push: u32,
    pub urgent: u32,
    pub reset: u32,
    pub fin: u32,
    pub window: u32,
    pub with_data: u64,
    pub header_min: u32,
    pub retransmitted: u32,
    /// FINs that the original's table of flows has seen.
    pub closings: u32,
    /// The sequence number after all that was sent.
    next: Option<u32>,
    pub bulk: Bulk,
    last: i64,
}

/// One flow, from its first packet on.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(crate) rules: &'static Rules,
    pub(crate) ends: Ends,
    pub(crate) protocol: u8,
    pub(crate) icmp: Option<(u8, u8)>,
    pub(crate) start: i64,
    pub(crate) last: i64,
    /// Time of the same connection before this flow, where a time-out cut it.
    pub(crate) earlier_us: i64,
    pub(crate) closing: Closing,
    pub(crate) forward: Direction,
    pub(crate) backward: Direction,
    pub(crate) lengths: Summary,
    pub(crate) gaps: Summary,
    pub(crate) active: Summary,
    pub(crate) idle: Summary,
    /// FIN, SYN, RST, PSH, ACK, URG, ECE, CWR: by the bit's place in the header.
    pub(crate) flags: [u32; 8],
    pub(crate) subflows: u64,
    active_from: i64,
    active_to: i64,
    activity_us: i64,
    /// What the fork has seen of the connection: kept for its definition alone.
    segments: Option<Box<Segments>>,
    /// What is told beyond CICFlowMeter's columns, where it is asked for.
    pub(crate) more: Option<Box<More>>,
}

/// Segments by a hash of their numbers.
type Segments = HashSet<u64, ahash::RandomState>;

impl Flow {
    /// Who talks to whom in a flow that `seen` begins. A SYN with ACK is an answer whose question
    /// was not seen.
    pub(crate) fn ends_of_first(seen: &Seen<'_>, definition: Definition) -> Ends {
        match definition.rules().knows_answers && seen.is_syn_ack() {
            true => Ends::of(seen).reversed(),
            false => Ends::of(seen),
        }
    }

    /// A flow that `seen` begins between `ends`; `lately` is there where more is told than
    /// CICFlowMeter does.
    pub(crate) fn new(
        seen: &Seen<'_>,
        ends: Ends,
        definition: Definition,
        activity_us: i64,
        lately: Option<Lately>,
    ) -> Self {
        let rules = definition.rules();
        let mut flow = Flow {
            rules,
            ends,
            protocol: seen.protocol,
            icmp: seen.icmp,
            start: seen.time,
            last: seen.time,
            earlier_us: 0,
            closing: Closing::Open,
            forward: Direction::default(),
            backward: Direction::default(),
            lengths: Summary::default(),
            gaps: Summary::default(),
            active: Summary::default(),
            idle: Summary::default(),
            flags: [0; 8],
            subflows: 0,
            active_from: seen.time,
            active_to: seen.time,
            activity_us,
            segments: None,
            more: lately.map(|lately| Box::new(More::new(lately))),
        };
        flow.take(seen, true);
        if rules.counts_first_twice {
            flow.lengths.add(f64::from(seen.payload));
        }
        flow
    }

    /// The next packet.
    pub(crate) fn add(&mut self, seen: &Seen<'_>) {
        self.take(seen, false);
    }

    fn take(&mut self, seen: &Seen<'_>, is_first: bool) {
        let rules = self.rules;
        let is_forward = (is_first && rules.first_is_forward) || self.is_forward(seen);
        self.count_bulk(seen, is_forward && !rules.bulks_are_backward);
        if !is_first && seen.time - self.last > SUBFLOW_US {
            self.subflows += 1;
            self.note_activity(seen.time);
        }
        for (bit, count) in self.flags.iter_mut().enumerate() {
            *count += u32::from(seen.flags >> bit & 1);
        }
        let length = f64::from(seen.payload);
        self.lengths.add(length);
        let is_retransmitted = seen.protocol == 6
            && match rules.sent_again {
                SentAgain::Below => self.is_sent_again(seen, is_forward),
                SentAgain::Alike => self.is_repeated(seen, is_forward),
                SentAgain::Untold => false,
            };
        if let Some(more) = &mut self.more
            && !is_retransmitted
        {
            more.add(seen, is_forward);
        }
        let direction = match is_forward {
            true => &mut self.forward,
            false => &mut self.backward,
        };
        let is_first_here = direction.lengths.count() == 0;
        direction.lengths.add(length);
        direction.header_bytes += u64::from(seen.header);
        let begins = match rules.header_min_from_zero {
            true => is_first,
            false => is_first_here,
        };
        direction.header_min = match begins {
            true => seen.header,
            false => direction.header_min.min(seen.header),
        };
        let tells_window = match is_forward {
            true => begins,
            false => is_first_here || rules.last_window,
        };
        if tells_window {
            direction.window = u32::from(seen.window);
        }
        if !is_first_here {
            direction.gaps.add((seen.time - direction.last) as f64);
        }
        direction.last = seen.time;
        direction.with_data += u64::from(seen.payload > 0 && !(is_first && rules.first_is_no_data));
        if is_first || !rules.first_flags_only {
            direction.push += u32::from(seen.has(Tcp::PSH));
            direction.urgent += u32::from(seen.has(Tcp::URG));
        }
        direction.reset += u32::from(seen.has(Tcp::RST));
        direction.fin += u32::from(seen.has(Tcp::FIN));
        direction.retransmitted += u32::from(is_retransmitted);
        if !is_first {
            self.gaps.add((seen.time - self.last) as f64);
            self.last = seen.time;
        }
    }

    /// Goes on with the segments of the flow before this one, as its fork does.
    pub(crate) fn continue_segments(&mut self, before: &Flow, seen: &Seen<'_>) {
        if matches!(self.rules.sent_again, SentAgain::Alike) && seen.protocol == 6 {
            self.segments = before.segments.clone();
            let is_forward = self.is_forward(seen);
            let again = u32::from(self.is_repeated(seen, is_forward));
            match is_forward {
                true => self.forward.retransmitted = again,
                false => self.backward.retransmitted = again,
            }
        }
    }

    /// Whether a packet comes from who began the flow.
    pub(crate) fn is_forward(&self, seen: &Seen<'_>) -> bool {
        match self.rules.goes_by_address {
            true => seen.source == self.ends.source,
            false => Ends::of(seen) == self.ends,
        }
    }

    fn count_bulk(&mut self, seen: &Seen<'_>, is_forward: bool) {
        let (own, other) = match is_forward {
            true => (&mut self.forward.bulk, self.backward.bulk.last),
            false => (&mut self.backward.bulk, self.forward.bulk.last),
        };
        own.add(seen.time, seen.payload, other);
    }

    /// Whether the flow was active until `time`, or idle for longer than it may be.
    pub(crate) fn note_activity(&mut self, time: i64) {
        if time - self.active_to > self.activity_us {
            if self.active_to > self.active_from {
                self.active.add((self.active_to - self.active_from) as f64);
            }
            self.idle.add((time - self.active_to) as f64);
            self.active_from = time;
        }
        self.active_to = time;
    }

    /// Whether a segment begins below what its side has sent already (RFC 9293 section 3.8.1).
    fn is_sent_again(&mut self, seen: &Seen<'_>, is_forward: bool) -> bool {
        let direction = match is_forward {
            true => &mut self.forward,
            false => &mut self.backward,
        };
        let flags = u32::from(seen.has(Tcp::SYN)) + u32::from(seen.has(Tcp::FIN));
        let length = seen.payload.wrapping_add(flags);
        if length == 0 {
            return false;
        }
        let end = seen.numbers.0.wrapping_add(length);
        let Some(next) = direction.next else {
            direction.next = Some(end);
            return false;
        };
        // Sequence numbers are compared modulo 2^32 (section 3.4).
        let is_new = end.wrapping_sub(next).cast_signed() > 0;
        if is_new {
            direction.next = Some(end);
        }
        !is_new
    }

    /// Whether a segment of the same numbers and length was seen from this side before.
    fn is_repeated(&mut self, seen: &Seen<'_>, is_forward: bool) -> bool {
        let (sequence, acknowledgement) = seen.numbers;
        let key = u64::from(sequence) << 32 | u64::from(acknowledgement);
        let segment = (key, seen.payload, seen.window, is_forward);
        let segments = self.segments.get_or_insert_default();
        let mixed = BuildHasher::hash_one(segments.hasher(), segment);
        if segments.len() >= SEGMENTS_MAX && !segments.contains(&mixed) {
            return false;
        }
        !segments.insert(mixed)
    }

    /// What flows are told by that end at once: when they began, and who talks.
    pub(crate) fn order(&self) -> (i64, IpAddr, IpAddr, u16, u16, u8) {
        let Ends {
            source,
            destination,
            source_port,
            destination_port,
        } = self.ends;
        (
            self.start,
            source,
            destination,
            source_port,
            destination_port,
            self.protocol,
        )
    }

    /// Number of packets.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.forward.lengths.count() + self.backward.lengths.count()
    }

    /// Microseconds from the first packet to the last.
    #[must_use]
    pub fn duration_us(&self) -> i64 {
        self.last - self.start
    }
}
