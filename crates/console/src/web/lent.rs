//! What the process lends to the API: things of other crates, and closures for what only it can do.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use event::RecordId;
use serde_json::Value;

use super::captures::{RefusedRule, RuleTest};
use super::hosts::Asset;
use super::incidents::Notified;
use super::receivers::{Receiver, ReceiverTest};
use super::rules::{RuleCost, RuleCounts, RuleState, RuleText};
use super::slot::Slot;
use super::storage::Storage;

/// Every rule, and what became of it at the last load.
#[derive(Debug, Default)]
pub struct RuleBook {
    /// Counts loads.
    pub generation: u64,
    /// The rules in the order of their number; those that are refused and have none first.
    pub rules: Vec<RuleText>,
    /// How many are in each state.
    pub counts: RuleCounts,
}

/// A person's change of a rule, as the loader of rules takes it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RuleChange {
    /// The rule.
    pub sid: u32,
    /// False: it is not loaded.
    pub enabled: bool,
    /// Lines as `threshold.config` has them.
    pub lines: Vec<String>,
}

/// What a capture says.
#[derive(Clone, Debug, Default)]
pub struct CaptureRead {
    /// Packets that were read.
    pub packets: u64,
    /// Records that were written.
    pub events: u64,
    /// Of these, alerts.
    pub alerts: u64,
    /// Packets whose transport checksum is wrong and that were left out of their streams.
    pub wrong_checksums: u64,
    /// Why it was not read to its end.
    pub error: Option<String>,
}

/// How a capture is to be read: in the caller's thread, until `stop` says so.
pub struct CaptureJob<'a> {
    /// The file, ours.
    pub file: &'a Path,
    /// What it is called in its events.
    pub name: &'a str,
    /// Rules in place of those that are loaded; what is read is then held against these alone.
    pub rules: Option<&'a str>,
    /// Whether packets with a wrong checksum are left out.
    pub is_checked: bool,
    /// Whether to break off.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Takes each record and whether it is an alert; false breaks off.
    pub take: &'a mut dyn FnMut(&[u8]) -> bool,
    /// Rules that were refused.
    pub refused: &'a mut Vec<RefusedRule>,
    /// Rules that were loaded.
    pub loaded: &'a mut u64,
}

/// Reads rules again with these changes, or without any with those of the last time; only where something is
/// new, unless the second says so anyway. What there is to say.
pub type Reload = dyn Fn(Option<Vec<RuleChange>>, bool) -> Result<String, String> + Send + Sync;

/// Reads a capture.
pub type ReadCapture = dyn Fn(CaptureJob<'_>) -> CaptureRead + Send + Sync;

/// Packets of the flow that a record is about, as a capture file; None where there are none.
pub type Packets = dyn Fn(&Value) -> Option<Vec<u8>> + Send + Sync;

/// Publishes records to the topic `events`; for each its name, or why it was not taken.
pub type PublishEvents = dyn Fn(&[&[u8]]) -> Vec<Result<RecordId, String>> + Send + Sync;

/// The rules that are loaded.
pub type Rules = dyn Fn() -> Option<Arc<RuleBook>> + Send + Sync;

/// What the rules of the sensor cost since it started, by their number; None where no sensor runs.
pub type RuleCosts = dyn Fn() -> Option<HashMap<u32, RuleCost>> + Send + Sync;

/// What receivers heard of the incident of this id.
pub type Notifications = dyn Fn(&str) -> Vec<Notified> + Send + Sync;

/// Who is told.
pub type Receivers = dyn Fn() -> Vec<Receiver> + Send + Sync;

/// Tests a receiver.
pub type TestReceiver = dyn Fn(&str) -> Option<ReceiverTest> + Send + Sync;

/// What is known of an address.
pub type AssetOf = dyn Fn(&str) -> Option<Asset> + Send + Sync;

/// What the process lends. Every closure is called from a thread that may wait.
#[derive(Clone)]
pub struct Lent {
    /// A folder of ours for keys and captures while they are read.
    pub folder: PathBuf,
    /// The store of events.
    pub store: Slot<store::Store>,
    /// The state.
    pub state: Slot<state::State>,
    /// The rules that are loaded; None where this process has no sensor.
    pub rules: Arc<Rules>,
    /// What they cost.
    pub rule_costs: Arc<RuleCosts>,
    /// Reads rules again.
    pub reload: Arc<Reload>,
    /// Reads captures.
    pub read_capture: Option<Arc<ReadCapture>>,
    /// Puts events onto their topic.
    pub publish_events: Arc<PublishEvents>,
    /// Finds packets.
    pub packets: Arc<Packets>,
    /// Who is told.
    pub receivers: Arc<Receivers>,
    /// Tests a receiver; None where there is none of that name.
    pub test_receiver: Arc<TestReceiver>,
    /// Who heard of an incident.
    pub notifications: Arc<Notifications>,
    /// How far readers of topics are behind, and how much room is left.
    pub storage: Arc<dyn Fn() -> Storage + Send + Sync>,
    /// What the assets file says of an address.
    pub asset: Arc<AssetOf>,
    /// Tells something to the person at the terminal: a password that is told once.
    pub announce: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Lent {
    /// Nothing: everything that needs it says so.
    #[must_use]
    pub fn nothing() -> Lent {
        Lent {
            folder: std::env::temp_dir(),
            store: Slot::empty("no store is open in this process"),
            state: Slot::empty("no state is open in this process"),
            rules: Arc::new(|| None),
            rule_costs: Arc::new(|| None),
            reload: Arc::new(|_, _| Err("no sensor runs in this process".to_owned())),
            read_capture: None,
            publish_events: Arc::new(|records| {
                let refused = || Err("events can't be published here".to_owned());
                records.iter().map(|_| refused()).collect()
            }),
            packets: Arc::new(|_| None),
            receivers: Arc::new(Vec::new),
            test_receiver: Arc::new(|_| None),
            notifications: Arc::new(|_| Vec::new()),
            storage: Arc::new(Storage::default),
            asset: Arc::new(|_| None),
            announce: Arc::new(|_| {}),
        }
    }
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lent")
    }
}

impl RuleTest {
    pub(super) fn of(read: &CaptureRead, loaded: u64, refused: Vec<RefusedRule>) -> RuleTest {
        RuleTest {
            packets: read.packets,
            loaded,
            refused,
            total: read.alerts,
            wrong_checksums: read.wrong_checksums,
            alerts: Vec::new(),
            took_ms: 0,
            error: read.error.clone(),
        }
    }
}

impl RuleBook {
    /// A book of these rules.
    #[must_use]
    pub fn new(generation: u64, rules: Vec<RuleText>) -> RuleBook {
        let mut counts = RuleCounts::default();
        for rule in &rules {
            *match rule.state {
                RuleState::Loaded => &mut counts.loaded,
                RuleState::Degraded => &mut counts.degraded,
                RuleState::Refused => &mut counts.refused,
                RuleState::Disabled => &mut counts.disabled,
            } += 1;
        }
        RuleBook {
            generation,
            rules,
            counts,
        }
    }

    /// The rule of this number.
    #[must_use]
    pub fn find(&self, sid: u32) -> Option<&RuleText> {
        let at = self.rules.partition_point(|rule| rule.sid < Some(sid));
        self.rules.get(at).filter(|rule| rule.sid == Some(sid))
    }
}
