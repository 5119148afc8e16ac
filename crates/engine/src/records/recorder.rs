//! Writes the records of all EVE outputs through one buffer.

use super::alert::{self, Outcome};
use super::anomaly::{self, Kind};
use super::config::{AlertConfig, EveConfig};
use super::header::{self, Source};
use super::seen::Seen;
use super::stats::{self, Counters};
use super::{arp, drop, fast, flow, transaction};
use crate::detect::{Alert, Alerts, Signature};
use crate::flow::{Flow, Verdict};
use crate::output::Output;
use decode::app::Transaction;
use decode::file::File;
use event::json::Writer;
use event::{AppProtocol, Direction, Timestamp};
use std::time::Duration;

/// Layer of anomalies that a parser found.
const PARSER: &str = "proto_parser";
/// Layer of anomalies that recognition found.
const DETECTOR: &str = "proto_detect";

/// Writes records. Keeps one buffer, used for record after record.
#[derive(Debug, Default)]
pub struct Recorder {
    /// One for each EVE output, in the order `Output::record` numbers them.
    pub eves: Vec<EveConfig>,
    /// What all records have in common.
    pub source: Source,
    /// Whether alerts are handed out in the one-line form of `fast.log` too.
    pub writes_fast: bool,
    pub(super) out: Writer,
}

impl Recorder {
    /// Writes to the given outputs.
    #[must_use]
    pub fn new(eves: Vec<EveConfig>, source: Source) -> Self {
        Recorder {
            eves,
            source,
            writes_fast: false,
            out: Writer::new(),
        }
    }

    /// Whether any output wants records of this type of transaction.
    #[must_use]
    pub fn wants_transaction(&self, kind: &str) -> bool {
        self.eves.iter().any(|eve| eve.transactions.contains(kind))
    }

    /// The records of a flow that ended.
    pub fn flow_end(&mut self, flow: &Flow, now: Timestamp, to: &mut dyn Output) {
        for (log, eve) in self.eves.iter().enumerate() {
            if eve.flow {
                flow::flow(&mut self.out, flow, now, &self.source, eve);
                to.record(log, "flow", self.out.as_bytes());
            }
            if eve.netflow {
                for direction in Direction::BOTH {
                    if direction == Direction::ToServer || flow.packets[1] > 0 {
                        flow::netflow(&mut self.out, flow, direction, now, &self.source, eve);
                        to.record(log, "netflow", self.out.as_bytes());
                    }
                }
            }
        }
    }

    /// A transaction's own record.
    pub fn transaction(
        &mut self,
        kind: &'static str,
        tx: &dyn Transaction,
        seen: &Seen<'_>,
        flow: &Flow,
        to: &mut dyn Output,
    ) {
        for (log, eve) in self.eves.iter().enumerate() {
            if !eve.transactions.contains(kind) {
                continue;
            }
            for index in 0..tx.record_count(&eve.log) {
                transaction::transaction(
                    &mut self.out,
                    kind,
                    (tx, index),
                    seen,
                    flow,
                    &self.source,
                    eve,
                );
                to.record(log, kind, self.out.as_bytes());
            }
        }
    }

    /// A file's record; the last one written is handed to `file_end` for stored files.
    pub fn file(
        &mut self,
        file: &File,
        tx: &dyn Transaction,
        seen: &Seen<'_>,
        flow: &Flow,
        to: &mut dyn Output,
    ) {
        for (log, eve) in self.eves.iter().enumerate() {
            if eve.files {
                transaction::fileinfo(&mut self.out, file, tx, seen, flow, &self.source, eve);
                to.record(log, "fileinfo", self.out.as_bytes());
            }
        }
        if file.is_stored {
            let eve = EveConfig::default();
            transaction::fileinfo(&mut self.out, file, tx, seen, flow, &self.source, &eve);
            to.file_end(file, seen.time, self.out.as_bytes());
        }
    }

    /// Oddities of a packet's headers or of its stream, by name.
    pub fn packet_anomalies<'n>(
        &mut self,
        kind: Kind,
        names: impl Iterator<Item = &'n str> + Clone,
        seen: &Seen<'_>,
        flow: Option<&Flow>,
        to: &mut dyn Output,
    ) {
        for (log, eve) in self.eves.iter().enumerate() {
            let wanted = eve.anomaly.is_some_and(|anomaly| match kind {
                Kind::Decode => anomaly.decode,
                Kind::Stream => anomaly.stream,
                Kind::AppLayer { .. } => anomaly.app_layer,
            });
            if !wanted {
                continue;
            }
            for name in names.clone() {
                anomaly::anomaly(&mut self.out, name, kind, seen, flow, &self.source, eve);
                to.record(log, "anomaly", self.out.as_bytes());
            }
        }
    }

    /// Oddities of a transaction, by name with the protocol's prefix left out.
    pub fn transaction_anomalies(
        &mut self,
        events: &[(&'static str, Direction)],
        tx: Option<u64>,
        protocol: AppProtocol,
        seen: &Seen<'_>,
        flow: &Flow,
        to: &mut dyn Output,
    ) {
        let kind = Kind::AppLayer {
            layer: PARSER,
            tx,
            protocol,
        };
        for (name, direction) in events {
            let seen = seen.towards(*direction);
            // Suricata writes the events of the parsers that it has in C in capitals.
            if matches!(
                protocol,
                AppProtocol::Http1 | AppProtocol::Smtp | AppProtocol::Tls
            ) {
                let name = name.to_ascii_uppercase();
                self.packet_anomalies(kind, std::iter::once(name.as_str()), &seen, Some(flow), to);
            } else {
                self.packet_anomalies(kind, std::iter::once(*name), &seen, Some(flow), to);
            }
        }
    }

    /// Oddities of recognition.
    pub fn recognition_anomalies(
        &mut self,
        events: &[&'static str],
        seen: &Seen<'_>,
        flow: &Flow,
        to: &mut dyn Output,
    ) {
        let kind = Kind::AppLayer {
            layer: DETECTOR,
            tx: None,
            protocol: flow.app.protocol,
        };
        // Recognition's own events are called APPLAYER_… in records and applayer_… in rules.
        for name in events {
            let name = name.to_ascii_uppercase();
            self.packet_anomalies(kind, std::iter::once(name.as_str()), seen, Some(flow), to);
        }
    }

    /// An alert, in every form.
    pub fn alert(
        &mut self,
        alert: &Alert,
        rule: &Signature,
        alerts: &Alerts,
        outcome: &Outcome<'_>,
        to: &mut dyn Output,
    ) {
        for (log, eve) in self.eves.iter().enumerate() {
            if let Some(config) = &eve.alert {
                alert::alert(
                    &mut self.out,
                    alert,
                    rule,
                    alerts,
                    outcome,
                    &self.source,
                    (eve, config),
                );
                to.record(log, "alert", self.out.as_bytes());
            }
        }
        if self.writes_fast {
            to.fast_alert(&fast::line(alert, rule, outcome));
        }
    }

    /// A packet that follows one that alerted and that a `tag` wants told.
    pub fn tagged_packet(&mut self, outcome: &Outcome<'_>, to: &mut dyn Output) {
        for (log, eve) in self.eves.iter().enumerate() {
            if eve
                .alert
                .as_ref()
                .is_some_and(|config| config.tagged_packets)
            {
                header::begin(
                    &mut self.out,
                    "packet",
                    outcome.seen,
                    outcome.flow,
                    &self.source,
                    &eve.common,
                );
                alert::packet(&mut self.out, outcome.seen);
                header::end(&mut self.out, &self.source);
                to.record(log, "packet", self.out.as_bytes());
            }
        }
    }

    /// A packet that was dropped, with the alert that made it so.
    pub fn drop(&mut self, alerts: &Alerts, outcome: &Outcome<'_>, to: &mut dyn Output) {
        let Some(reason) = outcome.drop_reason else {
            return;
        };
        let by_rule = alerts.verdict.dropped_by;
        // Of a flow that is dropped as a whole, one packet in each direction says enough.
        let is_news = by_rule.is_some()
            || outcome.flow.is_none_or(|flow| {
                let way = outcome.seen.direction.unwrap_or(Direction::ToServer);
                flow.verdict == Verdict::Drop && !flow.is_drop_told[usize::from(way)]
            });
        for (log, eve) in self.eves.iter().enumerate() {
            let Some(config) = &eve.drop else { continue };
            if !config.all_packets && !is_news {
                continue;
            }
            drop::begin(
                &mut self.out,
                reason,
                outcome.seen,
                outcome.flow,
                &self.source,
                eve,
            );
            if config.verdict {
                alert::verdict(&mut self.out, alerts, outcome);
            }
            if config.alerts
                && let Some(id) = by_rule
                && let Some(rule) = outcome.ruleset.rule(id)
            {
                // A rule that drops without a word is told here all the same.
                let told = alerts.alerts.iter().find(|alert| alert.rule == id);
                let cause = told
                    .cloned()
                    .unwrap_or_else(|| Alert::bare(id, rule.action));
                let config = AlertConfig {
                    rule_metadata: true,
                    ..AlertConfig::default()
                };
                alert::body(
                    &mut self.out,
                    &cause,
                    rule,
                    outcome.seen,
                    &config,
                    outcome.is_inline,
                );
            }
            if let Some(flow) = outcome.flow {
                self.out.str(
                    "direction",
                    outcome
                        .seen
                        .direction
                        .unwrap_or(Direction::ToServer)
                        .as_str(),
                );
                flow::brief(&mut self.out, flow);
            }
            header::end(&mut self.out, &self.source);
            to.record(log, "drop", self.out.as_bytes());
        }
    }

    /// An ARP message.
    pub fn arp(
        &mut self,
        packet: &decode::packet::Packet<'_>,
        seen: &Seen<'_>,
        to: &mut dyn Output,
    ) {
        for (log, eve) in self.eves.iter().enumerate().filter(|(_, eve)| eve.arp) {
            if arp::arp(&mut self.out, packet, seen, &self.source, eve) {
                to.record(log, "arp", self.out.as_bytes());
            }
        }
    }

    /// Counters at the end of a run.
    pub fn stats(
        &mut self,
        now: Timestamp,
        uptime: Duration,
        counters: &Counters,
        to: &mut dyn Output,
    ) {
        for (log, eve) in self.eves.iter().enumerate() {
            if let Some(config) = &eve.stats {
                stats::stats(
                    &mut self.out,
                    now,
                    uptime,
                    counters,
                    config,
                    &self.source,
                    eve,
                );
                to.record(log, "stats", self.out.as_bytes());
            }
        }
    }
}
