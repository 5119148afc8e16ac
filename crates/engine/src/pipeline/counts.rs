//! Counters of the pipeline itself, and all counters gathered under EVE's names.

use super::{Core, Engine};
use crate::flow::Flow;
use crate::records::stats::Counters;
use crate::tcp::ExceptionPolicy;
use event::{AppProtocol, IpProtocol};
use std::collections::BTreeMap;

/// Counters that belong to no single part.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Flows by application and whether UDP carries them.
    app_flows: BTreeMap<(AppProtocol, bool), u64>,
    /// Transactions likewise.
    app_txs: BTreeMap<(AppProtocol, bool), u64>,
    /// Parsers that gave up.
    parser_errors: BTreeMap<AppProtocol, u64>,
    /// Packets let through, dropped and refused.
    pub(super) accepted: u64,
    pub(super) blocked: u64,
    pub(super) rejected: u64,
    /// Drops by reason, in EVE's words.
    pub(super) drop_reasons: BTreeMap<&'static str, u64>,
    /// Exception policies that were applied, by what went wrong: `tcp.midstream` and so on.
    exceptions: BTreeMap<(&'static str, ExceptionPolicy), u64>,
    app_exceptions: BTreeMap<(AppProtocol, ExceptionPolicy), u64>,
    pub(super) bypassed_packets: u64,
    pub(super) bypassed_bytes: u64,
    /// Most of its memory that a part with a limit used, in percent.
    pressure_max: u64,
    pub(super) alerts: u64,
    pub(super) alert_queue_overflow: u64,
    pub(super) alerts_suppressed: u64,
}

impl Counts {
    /// A flow ended: its application and transactions are counted.
    pub(super) fn on_flow_end(&mut self, flow: &Flow) {
        let key = (flow.app.protocol, flow.protocol == IpProtocol::UDP);
        if !matches!(flow.app.protocol, AppProtocol::Unknown) {
            *self.app_flows.entry(key).or_default() += 1;
        }
        // Protocols that are one exchange throughout count none.
        let is_one = matches!(flow.app.protocol, AppProtocol::Tls | AppProtocol::Ssh);
        if let Some(parser) = &flow.app.parser
            && !is_one
        {
            *self.app_txs.entry(key).or_default() += parser.tx_range().end;
        }
        if let Some(original) = flow.app.original {
            *self.app_flows.entry((original, key.1)).or_default() += 1;
        }
    }

    pub(super) fn on_parser_error(&mut self, protocol: AppProtocol) {
        *self.parser_errors.entry(protocol).or_default() += 1;
    }

    /// An exception policy was applied.
    pub(super) fn on_exception(&mut self, what: &'static str, policy: ExceptionPolicy) {
        *self.exceptions.entry((what, policy)).or_default() += 1;
    }

    /// An exception policy was applied to a protocol's parser.
    pub(super) fn on_app_exception(&mut self, protocol: AppProtocol, policy: ExceptionPolicy) {
        *self.app_exceptions.entry((protocol, policy)).or_default() += 1;
    }

    /// A packet's fate was decided. Where nothing can be dropped, only rejects and drops of
    /// exception policies are counted.
    pub(super) fn on_verdict(
        &mut self,
        drop_reason: Option<&'static str>,
        is_rejected: bool,
        is_inline: bool,
    ) {
        self.rejected += u64::from(is_rejected);
        if !is_inline {
            return;
        }
        match drop_reason {
            Some(reason) => {
                self.blocked += 1;
                *self.drop_reasons.entry(reason).or_default() += 1;
            }
            None => self.accepted += 1,
        }
    }
}

/// A protocol's name in counters; those over both TCP and UDP tell which.
fn counter_name(protocol: AppProtocol, is_udp: bool) -> String {
    let name = crate::records::flow::eve_name(protocol);
    let is_double = matches!(
        protocol,
        AppProtocol::Dns
            | AppProtocol::Nfs
            | AppProtocol::Krb5
            | AppProtocol::Dcerpc
            | AppProtocol::Enip
            | AppProtocol::Sip
            | AppProtocol::Ldap
            | AppProtocol::Failed
    );
    match (is_double, is_udp) {
        (false, _) => name.to_owned(),
        (true, false) => format!("{name}_tcp"),
        (true, true) => format!("{name}_udp"),
    }
}

impl Engine {
    /// Counters so far, by dotted name.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = Counters::new();
        let counts = &self.core.counts;
        for (name, value) in self.decoder.counters().iter() {
            all.insert(name.to_string(), value);
        }
        for (name, value) in self.core.tcp_counters.iter() {
            all.insert(name.to_owned(), value);
        }
        for (event, value) in self.core.tcp_counters.events.iter() {
            if value > 0 {
                all.insert(format!("stream.{}", event.as_str()), value);
            }
        }
        for (name, value) in self.flows.counters().iter() {
            all.insert(name.to_owned(), value);
        }
        for protocol in AppProtocol::ALL {
            if decode::app::entry(*protocol).is_some() || *protocol == AppProtocol::Failed {
                for is_udp in [false, true] {
                    let name = counter_name(*protocol, is_udp);
                    let flows = counts
                        .app_flows
                        .get(&(*protocol, is_udp))
                        .copied()
                        .unwrap_or(0);
                    *all.entry(format!("app_layer.flow.{name}")).or_default() += flows;
                    if *protocol == AppProtocol::Failed {
                        continue;
                    }
                    let txs = counts
                        .app_txs
                        .get(&(*protocol, is_udp))
                        .copied()
                        .unwrap_or(0);
                    *all.entry(format!("app_layer.tx.{name}")).or_default() += txs;
                    let errors = counts.parser_errors.get(protocol).copied().unwrap_or(0);
                    all.insert(format!("app_layer.error.{name}.parser"), errors);
                }
            }
        }
        for (name, value) in [
            ("flow_bypassed.local_pkts", counts.bypassed_packets),
            ("flow_bypassed.local_bytes", counts.bypassed_bytes),
            // Parsers keep no more than their own limits: nothing of theirs is held beyond a flow.
            ("ftp.memuse", 0),
            ("ftp.memcap", 0),
            ("http.memuse", 0),
            ("http.memcap", 0),
            ("memcap.pressure", self.memory_pressure()),
            ("memcap.pressure_max", counts.pressure_max),
            ("detect.engines[0].id", 0),
            (
                "detect.engines[0].rules_loaded",
                self.core.config.rules.loaded,
            ),
            (
                "detect.engines[0].rules_failed",
                self.core.config.rules.failed,
            ),
            (
                "detect.engines[0].rules_skipped",
                self.core.config.rules.skipped,
            ),
            ("detect.alert", counts.alerts),
            ("detect.alert_queue_overflow", counts.alert_queue_overflow),
            ("detect.alerts_suppressed", counts.alerts_suppressed),
        ] {
            all.insert(name.to_owned(), value);
        }
        if self.core.config.is_inline {
            for (name, value) in [
                ("ips.accepted", counts.accepted),
                ("ips.blocked", counts.blocked),
                ("ips.rejected", counts.rejected),
            ] {
                all.insert(name.to_owned(), value);
            }
        }
        for (reason, value) in &counts.drop_reasons {
            let name = reason.replace(' ', "_");
            all.insert(format!("ips.drop_reason.{name}"), *value);
        }
        self.exception_counters(&mut all);
        all
    }

    /// How much of its memory the fullest part with a limit uses, in percent.
    fn memory_pressure(&self) -> u64 {
        let flows = self.flows.counters().memuse;
        percent(flows, self.core.config.flow.memcap).max(self.core.stream_pressure())
    }

    /// Counters of exception policies: all that could be told where a policy is set at all.
    fn exception_counters(&self, all: &mut Counters) {
        let config = &self.core.config;
        let counts = &self.core.counts;
        for (what, policy) in [
            ("app_layer.error", config.app_error_policy),
            ("tcp.midstream", config.tcp.midstream_policy),
            ("tcp.ssn_memcap", config.tcp.memcap_policy),
            ("tcp.reassembly", config.tcp.reassembly_memcap_policy),
            ("flow.memcap", config.flow.memcap_policy),
            ("defrag.memcap", config.defrag_memcap_policy),
        ] {
            if policy == ExceptionPolicy::Ignore {
                continue;
            }
            for told in ExceptionPolicy::TOLD {
                let value = counts.exceptions.get(&(what, told)).copied().unwrap_or(0);
                let name = told.as_str();
                all.insert(format!("exception_policy.{what}.{name}"), value);
            }
        }
        for ((protocol, policy), value) in &counts.app_exceptions {
            let (name, policy) = (counter_name(*protocol, false), policy.as_str());
            all.insert(
                format!("app_layer.error.{name}.exception_policy.{policy}"),
                *value,
            );
        }
    }
}

impl Core {
    /// How much of their memory streams use, in percent.
    fn stream_pressure(&self) -> u64 {
        let (counters, config) = (&self.tcp_counters, &self.config.tcp);
        percent(counters.memuse, config.memcap).max(percent(
            counters.reassembly_memuse,
            config.reassembly_memcap,
        ))
    }

    /// Remembers the highest use of memory; asked where flows end, before they give theirs back.
    pub(super) fn note_pressure(&mut self) {
        self.counts.pressure_max = self.counts.pressure_max.max(self.stream_pressure());
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100) / whole.max(1)
}
