//! What the process lends to the API.

use super::captures;
use super::hands::Hands;
use super::keep::Kept;
use super::room;
use super::watch;
use crate::site::Site;
use alert::assets::{self, Assets};
use alert::notify::{Heard, Notifier, ReceiverState};
use console::web::{Asset, Lent, Notified, Receiver, ReceiverTest, RuleCost};
use event::{RecordId, Timestamp, Topic};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what the assets file says is good for.
const FRESH: Duration = Duration::from_secs(5);

/// Bytes of packets of one flow that are handed out; `sensor.packets.flow_kib` may allow more.
const MAX_PACKETS: u64 = 64 << 20;

/// Bytes of the assets file; the role `alert` tells of one that is larger.
const MAX_ASSETS: u64 = 16 << 20;

/// What the process lends to the API.
pub fn lent(site: &Site, bus: &bus::Bus, hands: &Arc<Hands>, kept: &Kept) -> Lent {
    let events = bus.publisher(Topic::Events);
    let (rules, data_dir) = (site.rules.clone(), site.data_dir.clone());
    let (listed, on) = (hands.clone(), hands.clone());
    let (told, tested, heard) = (kept.clone(), kept.clone(), kept.clone());
    let cost = hands.clone();
    let read_capture = captures::reader(&site.rules, &site.data_dir, hands);
    let packets_dir = site.data_dir.join(watch::PACKETS);
    let known = Known::new(site.alert.assets.clone());
    let (listed_rules, listed_dir) = (rules.clone(), data_dir.clone());
    Lent {
        folder: site.data_dir.join("console"),
        store: kept.store.clone(),
        state: kept.state.clone(),
        rules: Arc::new(move || match listed.load(&listed_rules, &listed_dir) {
            Ok(loaded) => Some(loaded.book.clone()),
            Err(error) => {
                tracing::debug!("no rules to list: {error:#}");
                None
            }
        }),
        reload: Arc::new(move |changes, anyway| {
            let is_new = changes.is_some_and(|changes| on.change(&data_dir, changes));
            if !is_new && !anyway {
                return Ok("nothing was changed".to_owned());
            }
            let reloaded = match on.get() {
                Some(_) => watch::reload(&on, &rules, &data_dir).map(drop),
                None => on.read(&rules, &data_dir).map(drop),
            };
            reloaded.map_err(|error| format!("{error:#}"))?;
            let generation = on.loaded().map_or(0, |loaded| loaded.book.generation);
            Ok(format!("generation {generation} of the rules is in place"))
        }),
        read_capture: Some(read_capture),
        rule_costs: Arc::new(move || cost.get().map(|(sensor, _)| costs(&sensor))),
        storage: room::teller(site, bus, kept),
        notifications: Arc::new(move |incident| {
            let heard = heard.notifier.get().map(|told| told.heard(incident));
            heard.into_iter().flatten().map(notified).collect()
        }),
        publish_events: Arc::new(move |records| publish(&events, records)),
        receivers: Arc::new(move || {
            let told = told.notifier.get();
            let states = told.map(|notifier| notifier.receivers());
            let states = states.unwrap_or_default();
            states.into_iter().map(receiver).collect()
        }),
        test_receiver: Arc::new(move |name| test(tested.notifier.get().ok()?.as_ref(), name)),
        announce: Arc::new(|text| {
            // Not for the log: it is kept.
            let _ = writeln!(std::io::stderr(), "\n{text}\n");
        }),
        asset: Arc::new(move |address| known.of(address)),
        packets: Arc::new(move |record| packets(&packets_dir, record)),
    }
}

/// The packets of a record's flow, where the sensor kept them.
fn packets(folder: &Path, record: &Value) -> Option<Vec<u8>> {
    // What an uploaded capture tells was never on the wire here.
    if !record["ratel"]["capture"].is_null() {
        return None;
    }
    let flow = record["flow_id"].as_u64()?;
    let time: Timestamp = record["timestamp"].as_str()?.parse().ok()?;
    let file = sensor::pcaps::find(folder, flow, time.secs());
    let file = file.unwrap_or_else(|error| {
        tracing::warn!("packets of flow {flow} can't be read: {error}");
        None
    })?;
    let mut packets = Vec::new();
    // A flow gets no more than its share; a file that grew beyond is cut at its end.
    file.take(MAX_PACKETS).read_to_end(&mut packets).ok()?;
    Some(packets)
}

/// What the sensor's rules cost, by their number.
fn costs(sensor: &sensor::Handle) -> HashMap<u32, RuleCost> {
    let mut all: HashMap<u32, RuleCost> = HashMap::new();
    for rule in sensor.rules() {
        // Generators share numbers in theory only.
        let cost = all.entry(rule.sid).or_default();
        cost.checks = cost.checks.saturating_add(rule.checks);
        cost.matches = cost.matches.saturating_add(rule.matches);
        cost.nanos = cost.nanos.saturating_add(rule.nanos_estimated);
    }
    all
}

fn notified(heard: Heard) -> Notified {
    Notified {
        receiver: heard.name,
        kind: heard.kind.to_owned(),
        time: heard.at,
        severity: heard.severity,
        status: heard.status,
        is_waiting: heard.is_waiting,
        error: heard.error,
    }
}

/// Publishes records; for each its name, or why it was not taken.
fn publish(events: &bus::Publisher, records: &[&[u8]]) -> Vec<Result<RecordId, String>> {
    let named: Vec<bus::Record<'_>> = records
        .iter()
        .map(|record| bus::Record {
            id: None,
            key: event::record::key(record),
            value: record,
        })
        .collect();
    match events.publish_batch(&named) {
        Ok(taken) => taken.into_iter().map(|taken| Ok(taken.id)).collect(),
        Err(refused) => {
            let why = refused.error.to_string();
            let told = |taken: Option<bus::Acknowledged>| {
                taken.map(|taken| taken.id).ok_or_else(|| why.clone())
            };
            refused.acknowledged.into_iter().map(told).collect()
        }
    }
}

fn receiver(state: ReceiverState) -> Receiver {
    Receiver {
        name: state.name,
        kind: state.kind,
        healthy: state.last_error.is_none(),
        pending: state.waiting,
        delivered: state.sent,
        failed: state.failed,
        last_error: state.last_error,
        last_delivery: state.last_success,
    }
}

/// Sends a test; None where there is no receiver of that name.
fn test(notifier: &Notifier, name: &str) -> Option<ReceiverTest> {
    let is_known = |state: &ReceiverState| state.name == name || state.receiver == name;
    notifier.receivers().iter().find(|state| is_known(state))?;
    let begun = Instant::now();
    let told = notifier.test(name);
    let (delivered, detail) = match told {
        Ok(said) => (true, said),
        Err(why) => (false, why),
    };
    Some(ReceiverTest {
        delivered,
        detail,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// The assets file, read again where it may have changed.
struct Known {
    path: Option<PathBuf>,
    read: Mutex<Option<(Instant, Assets)>>,
}

impl Known {
    fn new(path: Option<PathBuf>) -> Known {
        Known {
            path,
            read: Mutex::default(),
        }
    }

    fn of(&self, address: &str) -> Option<Asset> {
        let path = self.path.as_ref()?;
        let address = address.parse().ok()?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = read.as_ref().is_some_and(|(at, _)| at.elapsed() < FRESH);
        if !is_fresh && let Ok(text) = crate::bounded::read(path, MAX_ASSETS) {
            let (list, _) =
                assets::read(&path.display().to_string(), &String::from_utf8_lossy(&text));
            *read = Some((Instant::now(), Assets::new(list)));
        }
        let (_, assets) = read.as_ref()?;
        let asset = assets.of(address)?;
        Some(Asset {
            name: asset.name.clone(),
            role: Some(asset.role.clone()).filter(|role| !role.is_empty()),
            criticality: serde_json::to_value(asset.criticality)
                .ok()
                .and_then(|word| word.as_str().map(str::to_owned)),
        })
    }
}
