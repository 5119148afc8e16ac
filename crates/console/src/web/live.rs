//! Who follows what happens now. Each client has a bounded queue: one that reads too slowly is told how
//! much it missed, and slows nobody. Of a flood each client gets so much a second and is told the rest as a number.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use axum::body::Bytes;
use event::{RecordId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use store::query::{Plan, matches_plan};
use tokio::sync::mpsc;

use crate::service::lock;

/// Frames that wait for a client: some seconds of a flood.
pub const QUEUE: usize = 1024;

/// Clients at once; each costs a queue.
pub const MAX_CLIENTS: usize = 256;

/// Clients of one user at once: a window each.
pub const MAX_OF_ONE: usize = 16;

/// Alerts for one client in a second; nobody reads more.
const ALERTS: u32 = 500;

/// Other events for one client in a second.
const OTHERS: u32 = 100;

/// Records that are parsed in a second for all clients together, alerts apart from the rest.
const PARSES: u32 = 5000;

/// What a client follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a set of four topics")]
pub struct Topics {
    /// Events.
    pub events: bool,
    /// Incidents.
    pub incidents: bool,
    /// Actions.
    pub actions: bool,
    /// Counters.
    pub stats: bool,
}

/// So many in a second.
#[derive(Debug, Default)]
struct Budget {
    second: i64,
    spent: u32,
}

impl Budget {
    fn allows(&mut self, now: Timestamp, most: u32) -> bool {
        if self.second != now.secs() {
            *self = Budget {
                second: now.secs(),
                spent: 0,
            };
        }
        self.spent += 1;
        self.spent <= most
    }
}

#[derive(Debug)]
struct Client {
    who: String,
    topics: Topics,
    /// None: every event.
    plan: Option<Plan>,
    queue: mpsc::Sender<Bytes>,
    alerts: Budget,
    others: Budget,
    /// Events left out since this was told last, because there were too many.
    sampled: u64,
    /// Frames that found no room since this was told last.
    lagged: u64,
}

impl Client {
    fn send(&mut self, frame: &Bytes) {
        if self.queue.try_send(frame.clone()).is_err() {
            self.lagged += 1;
        }
    }
}

/// Everybody who follows.
#[derive(Debug, Default)]
pub struct Hub {
    clients: Mutex<BTreeMap<u64, Client>>,
    next: AtomicU64,
    /// Clients that follow events: nothing is done for a record while there are none.
    readers: AtomicUsize,
    parses: Mutex<(Budget, Budget)>,
}

/// Why somebody can't follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// What is told of what was left out.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Missed {
    sampled: u64,
    lagged: u64,
}

impl Hub {
    /// Somebody follows; what comes out of the queue is theirs.
    ///
    /// # Errors
    /// Too many do.
    pub fn join(
        &self,
        who: &str,
        topics: Topics,
        plan: Option<Plan>,
    ) -> Result<(u64, mpsc::Receiver<Bytes>), TooMany> {
        let mut clients = lock(&self.clients);
        let own = clients.values().filter(|client| client.who == who).count();
        if clients.len() >= MAX_CLIENTS || own >= MAX_OF_ONE {
            return Err(TooMany);
        }
        let (queue, frames) = mpsc::channel(QUEUE);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        if topics.events {
            self.readers.fetch_add(1, Ordering::Relaxed);
        }
        clients.insert(
            id,
            Client {
                who: who.to_owned(),
                topics,
                plan,
                queue,
                alerts: Budget::default(),
                others: Budget::default(),
                sampled: 0,
                lagged: 0,
            },
        );
        Ok((id, frames))
    }

    /// Somebody follows no longer.
    pub fn leave(&self, id: u64) {
        if let Some(client) = lock(&self.clients).remove(&id)
            && client.topics.events
        {
            self.readers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether this one still follows.
    pub fn has(&self, id: u64) -> bool {
        lock(&self.clients).contains_key(&id)
    }

    /// Nobody follows any more: their streams end.
    pub fn close(&self) {
        lock(&self.clients).clear();
        self.readers.store(0, Ordering::Relaxed);
    }

    /// Whether anybody follows.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        !lock(&self.clients).is_empty()
    }

    /// Tells a record of the topic `events` to whom it concerns.
    pub fn on_event(&self, id: RecordId, record: &[u8], now: Timestamp) {
        if self.readers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let is_alert = event::record::kind(record) == Some("alert");
        let may_parse = {
            let mut parses = lock(&self.parses);
            let (alerts, others) = &mut *parses;
            let budget = if is_alert { alerts } else { others };
            budget.allows(now, PARSES)
        };
        let mut clients = lock(&self.clients);
        let mut readers = clients.values_mut().filter(|client| client.topics.events);
        if !may_parse {
            readers.for_each(|client| client.sampled += 1);
            return;
        }
        let mut parsed: Option<Value> = None;
        let mut frame: Option<Bytes> = None;
        for client in &mut readers {
            if let Some(plan) = &client.plan {
                let value = parsed
                    .get_or_insert_with(|| serde_json::from_slice(record).unwrap_or_default());
                if !matches_plan(plan, value) {
                    continue;
                }
            }
            let allowed = if is_alert {
                client.alerts.allows(now, ALERTS)
            } else {
                client.others.allows(now, OTHERS)
            };
            if !allowed {
                client.sampled += 1;
                continue;
            }
            let frame = frame.get_or_insert_with(|| event_frame(id, record, now));
            client.send(frame);
        }
    }

    /// Tells an incident to those who follow incidents.
    pub fn on_incident(&self, incident: &[u8]) {
        self.tell("incident", incident, |topics| topics.incidents);
    }

    /// Tells an action to those who follow actions.
    pub fn on_action(&self, action: &event::action::Action) {
        if let Ok(text) = serde_json::to_vec(action) {
            self.tell("action", &text, |topics| topics.actions);
        }
    }

    /// Tells counters to those who follow them, and everybody what was left out for them.
    pub fn tick(&self, stats: &[u8]) {
        self.tell("stats", stats, |topics| topics.stats);
        for client in lock(&self.clients).values_mut() {
            if client.sampled == 0 && client.lagged == 0 {
                continue;
            }
            let missed = Missed {
                sampled: client.sampled,
                lagged: client.lagged,
            };
            let text = serde_json::to_vec(&missed).unwrap_or_default();
            // Where there is still no room, it is told next time.
            if client.queue.try_send(frame("status", None, &text)).is_ok() {
                (client.sampled, client.lagged) = (0, 0);
            }
        }
    }

    fn tell(&self, name: &str, data: &[u8], takes: impl Fn(&Topics) -> bool) {
        let mut clients = lock(&self.clients);
        let mut told = clients.values_mut().filter(|client| takes(&client.topics));
        let Some(first) = told.next() else {
            return;
        };
        let frame = frame(name, None, data);
        first.send(&frame);
        told.for_each(|client| client.send(&frame));
    }
}

/// An event as `/events` has it.
pub fn event_frame(id: RecordId, record: &[u8], now: Timestamp) -> Bytes {
    let time = own_time(record).unwrap_or(now);
    let head = format!(r#"{{"id":"{id}","time":"{time}","event":"#);
    let mut data = Vec::with_capacity(head.len() + record.len() + 1);
    data.extend_from_slice(head.as_bytes());
    data.extend_from_slice(record.trim_ascii());
    data.push(b'}');
    frame("event", Some(id), &data)
}

/// The time in the head of a record.
fn own_time(record: &[u8]) -> Option<Timestamp> {
    const NAME: &[u8] = b"\"timestamp\":\"";
    let head = record.get(..256).unwrap_or(record);
    let at = head.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let rest = head.get(at..)?;
    let text = rest.get(..rest.iter().position(|byte| *byte == b'"')?)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// One event of the stream (the HTML Standard, "server-sent events").
fn frame(name: &str, id: Option<RecordId>, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() + 96);
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(b"\nid: ");
        out.extend_from_slice(id.to_string().as_bytes());
    }
    out.extend_from_slice(b"\ndata: ");
    // A line's end would end the field; in JSON it is never part of a value.
    out.extend(data.iter().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        byte => *byte,
    }));
    out.extend_from_slice(b"\n\n");
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::query::Query;

    const ALL: Topics = Topics {
        events: true,
        incidents: true,
        actions: true,
        stats: true,
    };

    fn id() -> RecordId {
        RecordId::from_bytes([7; 16])
    }

    fn plan(text: &str) -> Option<Plan> {
        Some(Query::parse(text).unwrap().plan())
    }

    fn texts(frames: &mut mpsc::Receiver<Bytes>) -> Vec<String> {
        std::iter::from_fn(|| frames.try_recv().ok())
            .map(|frame| String::from_utf8(frame.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn a_client_gets_what_its_query_takes() {
        let hub = Hub::default();
        let (_, mut dns) = hub.join("ann", ALL, plan("event_type:dns")).unwrap();
        let (_, mut all) = hub.join("ann", ALL, None).unwrap();
        let now = Timestamp::new(9, 0);
        let alert = br#"{"timestamp":"1970-01-01T00:00:01.000000+0000","event_type":"alert"}"#;
        hub.on_event(id(), alert, now);
        hub.on_event(id(), b"{\"event_type\":\"dns\",\n\"a\":1}", now);
        let told = texts(&mut all);
        assert_eq!(told.len(), 2);
        let data = r#"{"id":"07070707-0707-0707-0707-070707070707","time":"1970-01-01T00:00:01.000000+0000","event":"#;
        assert!(told[0].contains(data), "{}", told[0]);
        let told = texts(&mut dns);
        assert_eq!(told.len(), 1);
        // One line of data whatever the record had.
        assert_eq!(told[0].trim_end().lines().count(), 3, "{}", told[0]);
    }

    #[test]
    fn who_reads_too_slowly_is_told_how_much_it_missed_and_slows_nobody() {
        let hub = Hub::default();
        let (_, mut slow) = hub.join("slow", ALL, None).unwrap();
        for second in 0..10 {
            for _ in 0..ALERTS {
                let now = Timestamp::new(second, 0);
                hub.on_event(id(), br#"{"event_type":"alert"}"#, now);
            }
        }
        hub.tick(b"{}");
        assert_eq!(texts(&mut slow).len(), QUEUE);
        hub.tick(b"{}");
        let told = texts(&mut slow);
        let missed = 10 * u64::from(ALERTS) - QUEUE as u64 + 1;
        let expected = format!("event: status\ndata: {{\"sampled\":0,\"lagged\":{missed}}}\n\n");
        assert_eq!(told.last().unwrap(), &expected);
    }

    #[test]
    fn of_a_flood_a_client_gets_so_much_and_the_rest_as_a_number() {
        let hub = Hub::default();
        let (_, mut frames) = hub.join("ann", ALL, None).unwrap();
        for _ in 0..10_000 {
            hub.on_event(id(), br#"{"event_type":"flow"}"#, Timestamp::new(1, 0));
        }
        hub.on_event(id(), br#"{"event_type":"alert"}"#, Timestamp::new(1, 0));
        hub.tick(b"{}");
        let told = texts(&mut frames);
        let alerts = told.iter().filter(|text| text.contains("alert")).count();
        assert_eq!((told.len(), alerts), (OTHERS as usize + 3, 1));
        assert!(told[told.len() - 1].contains(r#""sampled":9900,"#));
    }

    #[test]
    fn places_are_limited_and_given_back() {
        let hub = Hub::default();
        let mut joined: Vec<_> = (0..MAX_OF_ONE)
            .map(|_| hub.join("ann", ALL, None).unwrap())
            .collect();
        assert_eq!(hub.join("ann", ALL, None).unwrap_err(), TooMany);
        let (first, _) = joined.remove(0);
        hub.leave(first);
        assert!(hub.join("ann", ALL, None).is_ok());
        for user in 0..MAX_CLIENTS {
            let _ = hub.join(&format!("u{user}"), ALL, None);
        }
        assert_eq!(lock(&hub.clients).len(), MAX_CLIENTS);
        hub.close();
        assert!(!hub.is_followed());
        assert!(texts(&mut joined[0].1).is_empty());
    }
}
