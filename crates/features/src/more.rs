//! What CICFlowMeter does not tell and a detector needs: the first packets, traits of content, what its host did lately.

use crate::columns::{Sink, Value};
use crate::content::Content;
use crate::hosts::Lately;
use crate::seen::Seen;

/// Packets with payload that are told one by one. What a protocol begins with shows in them.
const FIRST: usize = 8;

/// Names of their columns.
const NAMES: [(&str, &str); FIRST] = [
    ("Packet 1 Bytes", "Packet 1 Gap"),
    ("Packet 2 Bytes", "Packet 2 Gap"),
    ("Packet 3 Bytes", "Packet 3 Gap"),
    ("Packet 4 Bytes", "Packet 4 Gap"),
    ("Packet 5 Bytes", "Packet 5 Gap"),
    ("Packet 6 Bytes", "Packet 6 Gap"),
    ("Packet 7 Bytes", "Packet 7 Gap"),
    ("Packet 8 Bytes", "Packet 8 Gap"),
];
/// Names of the columns of windows.
const WINDOWS: [[&str; 5]; 2] = [
    [
        "Src Flows 1m",
        "Src Dst IPs 1m",
        "Src Dst Ports 1m",
        "Dst Flows 1m",
        "Dst Src IPs 1m",
    ],
    [
        "Src Flows 10m",
        "Src Dst IPs 10m",
        "Src Dst Ports 10m",
        "Dst Flows 10m",
        "Dst Src IPs 10m",
    ],
];

/// What a flow has beyond CICFlowMeter's columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct More {
    first: [First; FIRST],
    count: usize,
    last: i64,
    content: Content,
    lately: Lately,
}

/// A packet with payload.
#[derive(Clone, Copy, Debug, Default)]
struct First {
    /// Its bytes; backward ones are negative.
    bytes: i64,
    /// Microseconds since the packet with payload before it.
    gap: i64,
}

impl More {
    pub(crate) fn new(lately: Lately) -> Self {
        More {
            lately,
            ..More::default()
        }
    }

    /// What its hosts did before it.
    pub(crate) fn lately(&self) -> Lately {
        self.lately
    }

    pub(crate) fn add(&mut self, seen: &Seen<'_>, is_forward: bool) {
        if seen.payload == 0 {
            return;
        }
        if let Some(first) = self.first.get_mut(self.count) {
            let bytes = i64::from(seen.payload);
            first.bytes = if is_forward { bytes } else { -bytes };
            first.gap = match self.count {
                0 => 0,
                _ => seen.time - self.last,
            };
            self.count += 1;
            self.last = seen.time;
        }
        self.content.add(seen, is_forward);
    }

    /// The directions were taken for each other. What hosts did lately stays as it was counted.
    pub(crate) fn turn(&mut self) {
        for first in &mut self.first {
            first.bytes = -first.bytes;
        }
        self.content.turn();
    }

    pub(crate) fn columns(&self, out: &mut impl Sink) {
        for (first, (bytes, gap)) in self.first.iter().zip(NAMES) {
            out.column(bytes, Value::Whole(first.bytes));
            out.column(gap, Value::Whole(first.gap));
        }
        self.tls(out);
        self.dns(out);
        for (window, names) in self.lately.windows.iter().zip(WINDOWS) {
            let values = [
                window.flows,
                window.destinations,
                window.ports,
                window.arrivals,
                window.sources,
            ];
            for (name, value) in names.into_iter().zip(values) {
                out.column(name, Value::Whole(value.into()));
            }
        }
        let lately = &self.lately;
        out.column("Pair Flows", Value::Whole(lately.pair_flows.into()));
        out.column("Pair Gap", Value::Real(lately.pair_gap));
        out.column("Pair Gap Mean", Value::Real(lately.pair_gap_mean));
        out.column("Pair Gap Std", Value::Real(lately.pair_gap_deviation));
    }

    fn tls(&self, out: &mut impl Sink) {
        let tls = &self.content.tls;
        let mut whole = |name, value: u32| out.column(name, Value::Whole(value.into()));
        whole("TLS Version", tls.version);
        whole("TLS SNI Length", tls.sni_length);
        whole("TLS Ciphers", tls.ciphers);
        whole("TLS Extensions", tls.extensions);
        whole("TLS ALPN Count", tls.protocols);
        whole("TLS Certificate", u32::from(tls.has_certificate));
        whole("TLS Self-Signed", u32::from(tls.is_self_signed));
        whole("TLS Certificate Days", tls.certificate_days);
        out.column("TLS SNI Entropy", Value::Real(tls.sni_entropy));
        out.column("TLS ALPN", Value::Text(tls.alpn.clone()));
        out.column("TLS JA4", Value::Text(tls.ja4.clone()));
    }

    fn dns(&self, out: &mut impl Sink) {
        let dns = &self.content.dns;
        let mut whole = |name, value: u32| out.column(name, Value::Whole(value.into()));
        whole("DNS Queries", dns.queries);
        whole("DNS Responses", dns.responses);
        whole("DNS Answers", dns.answers);
        whole("DNS Failures", dns.failures);
        whole("DNS Bulky Queries", dns.bulky);
        whole("DNS Query Type", dns.first_type);
        whole("DNS Name Length Max", dns.name_length_max);
        whole("DNS Labels Max", dns.labels_max);
        out.column("DNS Name Length Mean", Value::Real(dns.name_length_mean()));
        out.column("DNS Name Entropy Max", Value::Real(dns.entropy_max));
    }
}
