//! Which flow a packet belongs to, and when a flow is over.

use crate::definition::Definition;
use crate::flow::{Closing, End, Flow};
use crate::hosts::Hosts;
use crate::seen::Seen;
use decode::packet::Tcp;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::cell::Cell;
use std::net::IpAddr;

/// When flows end.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The definition that holds.
    pub definition: Definition,
    /// Microseconds that a flow may last: CICFlowMeter's 120 seconds.
    pub timeout_us: i64,
    /// Microseconds without a packet after which a flow counts as idle: CICFlowMeter's 5 seconds.
    pub activity_us: i64,
    /// Whether more is told than CICFlowMeter does: the first packets, traits of content, what a
    /// flow's hosts did lately.
    pub has_more: bool,
    /// Flows at once; a sixteenth of them, those idle longest, are ended to make room.
    pub flows_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            definition: Definition::default(),
            timeout_us: 120_000_000,
            activity_us: 5_000_000,
            has_more: false,
            flows_max: 1_000_000,
        }
    }
}

/// Both directions of a flow have one key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    low: (IpAddr, u16),
    high: (IpAddr, u16),
    protocol: u8,
}

impl Key {
    fn of(seen: &Seen<'_>) -> Self {
        let source = (seen.source, seen.source_port);
        let destination = (seen.destination, seen.destination_port);
        Key {
            low: source.min(destination),
            high: source.max(destination),
            protocol: seen.protocol,
        }
    }
}

/// Finds the flows of a stream of packets.
pub struct Meter {
    settings: Settings,
    flows: HashMap<Key, Flow, ahash::RandomState>,
    /// What hosts did lately, where it is told.
    hosts: Option<Hosts>,
    /// When flows were last looked through for those that are over.
    swept: i64,
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Meter {
            hosts: settings.has_more.then(Hosts::default),
            settings,
            flows: HashMap::default(),
            swept: i64::MIN,
        }
    }

    /// Takes a packet; `tell` gets the flow that it ends, if any.
    pub fn add(&mut self, seen: &Seen<'_>, mut tell: impl FnMut(&Flow, End)) {
        self.sweep(seen.time, &mut tell);
        let key = Key::of(seen);
        if !self.flows.contains_key(&key) {
            self.make_room(&mut tell);
        }
        let Settings {
            definition,
            timeout_us,
            ..
        } = self.settings;
        let mut begins = Beginning {
            settings: &self.settings,
            hosts: self.hosts.as_mut(),
        };
        let flow = match self.flows.entry(key) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                place.insert(begins.begin(seen));
                return;
            }
        };
        let begins_anew = flow.closing == Closing::Done && seen.has(Tcp::SYN);
        if seen.time - flow.start > timeout_us || begins_anew {
            let end = if begins_anew {
                End::Closed
            } else {
                End::TimedOut
            };
            let next = begins.follow(flow, seen, begins_anew);
            told(flow, end, &mut tell);
            *flow = next;
        } else if definition.rules().ends_at_fin {
            if add_as_the_original(flow, seen) {
                told(flow, End::Closed, &mut tell);
                self.flows.remove(&key);
            }
        } else if is_other_icmp(flow, seen) {
            told(flow, End::Closed, &mut tell);
            *flow = begins.begin(seen);
        } else {
            flow.note_activity(seen.time);
            flow.add(seen);
            close(flow, seen);
        }
    }

    /// Ends all flows, the input being over.
    pub fn finish(&mut self, mut tell: impl FnMut(&Flow, End)) {
        self.end(End::InputEnded, &mut tell, |_| true);
    }

    /// Flows that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.flows.len()
    }

    /// Ends flows that nothing was heard of for longer than a flow may last.
    ///
    /// Not seen in the result: a packet that comes later begins a flow of its own in any case. In
    /// the compatible definitions it does not, so their flows stay until the next packet.
    fn sweep(&mut self, time: i64, tell: &mut impl FnMut(&Flow, End)) {
        let timeout = self.settings.timeout_us;
        // A packet from the future puts nothing off for longer than until the next one.
        self.swept = self.swept.min(time);
        if !self.settings.definition.rules().forgets || time.saturating_sub(self.swept) < timeout {
            return;
        }
        self.swept = time;
        self.end(End::TimedOut, tell, |flow| time - flow.last > timeout);
    }

    fn make_room(&mut self, tell: &mut impl FnMut(&Flow, End)) {
        let most = self.settings.flows_max.max(1);
        if self.flows.len() < most {
            return;
        }
        let mut times: Vec<i64> = self.flows.values().map(|flow| flow.last).collect();
        let (older, last, _) = times.select_nth_unstable(most / 16);
        let last = *last;
        // Of those that were heard of at the same moment, as many as are wanted.
        let older = older.iter().filter(|time| **time < last).count();
        let alike = Cell::new(most / 16 + 1 - older);
        self.end(End::Evicted, tell, |flow| {
            let is_wanted = flow.last == last && alike.get() > 0;
            alike.set(alike.get() - usize::from(is_wanted));
            flow.last < last || is_wanted
        });
    }

    /// Ends the flows that `is_over` names, in the order in which they began.
    fn end(
        &mut self,
        end: End,
        tell: &mut impl FnMut(&Flow, End),
        is_over: impl Fn(&Flow) -> bool,
    ) {
        let over = self.flows.extract_if(|_, flow| is_over(flow));
        let mut over: Vec<Flow> = over.map(|(_, flow)| flow).collect();
        over.sort_by_key(Flow::order);
        for flow in &over {
            told(flow, end, tell);
        }
    }
}

fn told(flow: &Flow, end: End, tell: &mut impl FnMut(&Flow, End)) {
    if flow.packets() > 1 || flow.rules.tells_single_packets {
        tell(flow, end);
    }
}

/// How flows begin.
struct Beginning<'a> {
    settings: &'a Settings,
    hosts: Option<&'a mut Hosts>,
}

impl Beginning<'_> {
    /// The flow that a packet begins.
    fn begin(&mut self, seen: &Seen<'_>) -> Flow {
        let Settings {
            definition,
            activity_us,
            ..
        } = *self.settings;
        let ends = Flow::ends_of_first(seen, definition);
        let lately = self.hosts.as_mut();
        let lately = lately.map(|hosts| hosts.begin(&ends, seen.protocol, seen.time));
        Flow::new(seen, ends, definition, activity_us, lately)
    }

    /// The flow after one that is over, between the same ends.
    fn follow(&mut self, flow: &Flow, seen: &Seen<'_>, begins_anew: bool) -> Flow {
        let Settings {
            definition,
            timeout_us,
            activity_us,
            ..
        } = *self.settings;
        let rules = definition.rules();
        let is_idle = seen.time - flow.last > timeout_us;
        let is_other_talk = match seen.protocol {
            6 if rules.goes_on_by_protocol => false,
            17 if rules.goes_on_by_protocol => is_idle,
            _ => is_idle || rules.goes_on_by_protocol,
        };
        // Who knows no answers never turns a flow: it goes on in the same direction.
        if rules.knows_answers && (begins_anew || is_other_talk) {
            return self.begin(seen);
        }
        let lately = flow.more.as_ref().map(|more| more.lately());
        let mut next = Flow::new(seen, flow.ends, definition, activity_us, lately);
        next.continue_segments(flow, seen);
        next.earlier_us = flow.earlier_us + (seen.time - flow.start);
        next
    }
}

/// ICMP messages of another type and code are another flow.
fn is_other_icmp(flow: &Flow, seen: &Seen<'_>) -> bool {
    match (flow.icmp, seen.icmp) {
        (Some((code, kind)), Some((seen_code, seen_kind))) => {
            code != seen_code && kind != seen_kind
        }
        _ => false,
    }
}

/// What the original does with a packet of a flow; true when that ends the flow.
///
/// It means to end a flow when both sides have sent FIN, and asks the backward side twice instead
/// of both: so the first FIN of the backward side ends it, one of the forward side never does,
/// and what follows becomes a flow of its own.
fn add_as_the_original(flow: &mut Flow, seen: &Seen<'_>) -> bool {
    let is_forward = flow.is_forward(seen);
    if seen.has(Tcp::FIN) {
        let (sender, is_backward) = match is_forward {
            true => (&mut flow.forward, false),
            false => (&mut flow.backward, true),
        };
        sender.closings += 1;
        if sender.closings > 1 {
            return false;
        }
        if !is_backward {
            flow.note_activity(seen.time);
        }
        flow.add(seen);
        return is_backward;
    }
    if seen.has(Tcp::RST) {
        flow.add(seen);
        return true;
    }
    flow.note_activity(seen.time);
    flow.add(seen);
    false
}

/// Follows the closing of a connection.
fn close(flow: &mut Flow, seen: &Seen<'_>) {
    if seen.has(Tcp::FIN) {
        flow.closing = match flow.closing {
            Closing::Open => Closing::FirstFin,
            Closing::FirstFin if flow.forward.fin > 0 && flow.backward.fin > 0 => Closing::BothFin,
            other => other,
        };
    } else if seen.has(Tcp::RST) || (seen.has(Tcp::ACK) && flow.closing == Closing::BothFin) {
        flow.closing = Closing::Done;
    }
}
