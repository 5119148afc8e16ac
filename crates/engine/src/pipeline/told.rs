//! What is told of packets and transactions, and the sums a summary is made of.

use super::{Core, Passage};
use crate::flow::Flow;
use crate::output::Output;
use crate::records::Seen;
use crate::records::alert::Outcome as TellOutcome;
use crate::records::anomaly::Kind;
use decode::file::FileState;
use decode::packet::Packet;
use event::{AppProtocol, Direction};
use std::collections::BTreeMap;

/// Kinds of end points that a summary keeps for one signature.
const MAX_ENDS: usize = 8;

/// Sums over a run.
#[derive(Debug, Default)]
pub struct Told {
    /// Flows that ended, by application protocol.
    pub flows: BTreeMap<AppProtocol, u64>,
    /// Alerts by rule.
    pub alerts: BTreeMap<(u32, u32), AlertSum>,
    /// Alerts in all.
    pub alerts_total: u64,
}

/// The alerts of one rule.
#[derive(Debug, Default)]
pub struct AlertSum {
    /// What the rule says.
    pub message: String,
    /// 1 (highest) to 255.
    pub severity: u8,
    /// How many.
    pub count: u64,
    /// Source and destination of some of them, the first ones seen, with how often.
    pub ends: Vec<(String, String, u64)>,
}

impl AlertSum {
    fn add(&mut self, seen: &Seen<'_>) {
        self.count += 1;
        let (Some(source), Some(destination)) = (seen.source, seen.destination) else {
            return;
        };
        let (source, destination) = (source.to_string(), destination.to_string());
        if let Some(known) = self
            .ends
            .iter_mut()
            .find(|e| e.0 == source && e.1 == destination)
        {
            known.2 += 1;
        } else if self.ends.len() < MAX_ENDS {
            self.ends.push((source, destination, 1));
        }
    }
}

impl Core {
    /// Writes what a packet gave rise to; true where it alerted.
    pub(super) fn tell_packet(
        &mut self,
        packet: &Packet<'_>,
        flow: Option<&mut Flow>,
        passage: &Passage,
        to: &mut dyn Output,
    ) -> bool {
        let seen = Seen::of_packet(packet, passage.direction);
        let mut flow = flow;
        let has_alert = self.tell_alerts(&seen, flow.as_deref(), passage, to);
        if let Some(flow) = flow.as_deref_mut() {
            flow.is_alerted |= has_alert;
            if let (Some(direction), true) = (passage.direction, passage.drop_reason.is_some()) {
                flow.is_drop_told[usize::from(direction)] = true;
            }
        }
        if !packet.events.is_empty() {
            let names: Vec<&str> = packet.events.iter().map(|e| e.anomaly_name()).collect();
            let names = names.into_iter();
            self.recorder
                .packet_anomalies(Kind::Decode, names, &seen, flow.as_deref(), to);
        }
        if !passage.stream_events.is_empty() {
            let names: Vec<String> = passage
                .stream_events
                .iter()
                .map(|e| format!("stream.{}", e.as_str()))
                .collect();
            let names = names.iter().map(String::as_str);
            self.recorder
                .packet_anomalies(Kind::Stream, names, &seen, flow.as_deref(), to);
        }
        if packet.arp.is_some() {
            self.recorder.arp(packet, &seen, to);
        }
        has_alert
    }

    /// Writes the alerts of a packet or of a flow's end; true where there are any.
    pub(super) fn tell_alerts(
        &mut self,
        seen: &Seen<'_>,
        flow: Option<&Flow>,
        passage: &Passage,
        to: &mut dyn Output,
    ) -> bool {
        let ruleset = self.detector.ruleset();
        let outcome = TellOutcome {
            seen,
            flow,
            ruleset,
            is_inline: self.config.is_inline,
            drop_reason: passage.drop_reason,
            is_rejected: passage.is_rejected,
            tcp: &self.config.tcp,
        };
        let mut has_alert = false;
        for alert in &self.alerts.alerts {
            let Some(rule) = ruleset.rule(alert.rule) else {
                continue;
            };
            has_alert = true;
            self.told.alerts_total += 1;
            self.told
                .alerts
                .entry((rule.gid, rule.sid))
                .or_insert_with(|| AlertSum {
                    message: rule.details.msg().to_owned(),
                    severity: rule.priority,
                    ..AlertSum::default()
                })
                .add(seen);
            self.recorder.alert(alert, rule, &self.alerts, &outcome, to);
        }
        if let (true, Some(flow)) = (has_alert, flow) {
            to.alerted(flow.id);
        }
        if self.alerts.is_tagged && !has_alert {
            self.recorder.tagged_packet(&outcome, to);
        }
        if passage.drop_reason.is_some() && self.config.is_inline {
            self.recorder.drop(&self.alerts, &outcome, to);
        }
        has_alert
    }

    /// Writes the records of transactions and files that are ready, and what was odd about them.
    pub(super) fn tell_transactions(
        &mut self,
        flow: &mut Flow,
        seen: &Seen<'_>,
        is_last: bool,
        to: &mut dyn Output,
    ) {
        if !flow.app.events.is_empty() {
            let events = std::mem::take(&mut flow.app.events);
            self.recorder.recognition_anomalies(&events, seen, flow, to);
        }
        let Some(mut parser) = flow.app.parser.take() else {
            return;
        };
        let stored_before = self.files_stored;
        for id in parser.tx_range() {
            let Some(tx) = parser.tx(id) else { continue };
            let told = flow.txs.get(id);
            let mut now_told = told;
            let events = tx.events();
            if events.len() > usize::from(told.events) {
                let new = &events[usize::from(told.events)..];
                let protocol = flow.app.protocol;
                self.recorder
                    .transaction_anomalies(new, Some(id), protocol, seen, flow, to);
                now_told.events = u16::try_from(events.len()).unwrap_or(u16::MAX);
            }
            if !told.is_logged && (tx.is_loggable() || is_last) {
                now_told.is_logged = true;
                if let Some(kind) = tx.record_type() {
                    self.recorder.transaction(kind, tx, seen, flow, to);
                }
            }
            flow.txs.set(id, now_told);
            for direction in Direction::BOTH {
                // Rules may still want a file stored that they did not see to its end.
                let is_inspected = is_last
                    || self.detector.ruleset().is_empty()
                    || seen.direction == Some(direction)
                    || flow.detection.is_inspected(id, direction);
                if is_inspected {
                    self.tell_files(parser.as_mut(), id, direction, flow, seen, to);
                }
            }
        }
        flow.app.parser = Some(parser);
        if let (Some(depth), Some(session)) = (self.config.file_stream_depth, &mut flow.tcp)
            && self.files_stored > stored_before
        {
            session.set_depth(depth);
        }
    }

    fn tell_files(
        &mut self,
        parser: &mut dyn decode::app::Parser,
        id: u64,
        direction: Direction,
        flow: &Flow,
        seen: &Seen<'_>,
        to: &mut dyn Output,
    ) {
        let is_due = parser
            .tx(id)
            .and_then(|tx| tx.files(direction))
            .is_some_and(|set| set.files.iter().any(|file| !file.is_logged));
        if !is_due {
            return;
        }
        let side = usize::from(direction);
        let is_wanted = self.config.stores_all_files
            || flow.stores_files[side]
            || flow.txs.get(id).stores_files[side];
        if is_wanted {
            self.store_files(parser, id, direction, to);
        }
        let Some(tx) = parser.tx(id) else { return };
        let Some(set) = tx.files(direction) else {
            return;
        };
        for file in set
            .files
            .iter()
            .filter(|f| !f.is_logged && f.state != FileState::Open)
        {
            self.recorder.file(file, tx, seen, flow, to);
        }
        let Some(set) = parser.tx_mut(id).and_then(|tx| tx.files_mut(direction)) else {
            return;
        };
        for file in set
            .files
            .iter_mut()
            .filter(|file| file.state != FileState::Open)
        {
            file.is_logged = true;
        }
    }

    /// Hands out bytes of files that are to be stored.
    fn store_files(
        &mut self,
        parser: &mut dyn decode::app::Parser,
        id: u64,
        direction: Direction,
        to: &mut dyn Output,
    ) {
        let Some(set) = parser.tx_mut(id).and_then(|tx| tx.files_mut(direction)) else {
            return;
        };
        for file in &mut set.files {
            if file.is_logged {
                continue;
            }
            if !file.is_stored {
                file.keep();
            }
            if file.id == 0 {
                self.files_stored += 1;
                file.id = self.files_stored;
            }
            if let Some(chunk) = file.chunk() {
                to.file_bytes(file, chunk.offset, chunk.data);
            }
            file.chunk_taken();
        }
    }

    /// Drops transactions that are complete, inspected and told.
    pub(super) fn forget_transactions(&mut self, flow: &mut Flow, is_last: bool) {
        let Some(parser) = &mut flow.app.parser else {
            return;
        };
        for id in parser.tx_range() {
            let Some(tx) = parser.tx(id) else { continue };
            let is_complete = Direction::BOTH.iter().all(|d| tx.is_complete(*d));
            let has_open_file = Direction::BOTH.iter().any(|d| {
                tx.files(*d)
                    .is_some_and(|set| set.files.iter().any(|file| !file.is_logged))
            });
            let is_done = is_complete
                && !has_open_file
                && flow.txs.get(id).is_logged
                && (self.detector.ruleset().is_empty()
                    || Direction::BOTH
                        .iter()
                        .all(|d| !tx.inspects(*d) || flow.detection.is_inspected(id, *d)));
            if is_done || is_last {
                parser.drop_tx(id);
                flow.detection.drop_tx(id);
            }
        }
        flow.txs.forget_before(parser.tx_range().start);
    }
}
