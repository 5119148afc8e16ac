//! What the role counts. A recorder must be installed before, or nothing is told.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_learn_flows_total` | | flows with features that were read |
//! | `ratel_learn_scored_total` | | those that were scored |
//! | `ratel_learn_shed_total` | | those that were left unscored because too many waited |
//! | `ratel_learn_queue` | | flows that wait |
//! | `ratel_learn_hosts` | | hosts whose last flows are remembered |
//! | `ratel_learn_findings_total` | verdict | findings `told`, held back as another of their incident (`enough`), `beyond_budget`, or `dropped` because the bus had no room |
//! | `ratel_learn_threshold` | | the suspicion above which a flow is a finding |
//! | `ratel_learn_batch_seconds` | | how long scoring a batch took |
//! | `ratel_learn_latency_seconds` | | from the bus to the finding |
//! | `ratel_learn_drift` | feature | population stability index against the training data; above 0.25 it moved |

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::budget::Verdict;

/// Tells a recorder what the names mean.
pub fn describe() {
    describe_counter!(
        "ratel_learn_flows_total",
        "Flows with features that were read"
    );
    describe_counter!("ratel_learn_scored_total", "Flows that were scored");
    describe_counter!(
        "ratel_learn_shed_total",
        "Flows left unscored because too many waited"
    );
    describe_gauge!("ratel_learn_queue", "Flows that wait to be scored");
    describe_gauge!("ratel_learn_hosts", "Hosts whose last flows are remembered");
    describe_counter!(
        "ratel_learn_findings_total",
        "Findings by what became of them"
    );
    describe_gauge!(
        "ratel_learn_threshold",
        "Suspicion above which a flow is a finding"
    );
    describe_histogram!("ratel_learn_batch_seconds", "How long scoring a batch took");
    describe_histogram!("ratel_learn_latency_seconds", "From the bus to the finding");
    describe_gauge!(
        "ratel_learn_drift",
        "Population stability index of each feature"
    );
    for verdict in [Verdict::Tell, Verdict::Enough, Verdict::Beyond] {
        counter!("ratel_learn_findings_total", "verdict" => name(verdict)).absolute(0);
    }
    counter!("ratel_learn_findings_total", "verdict" => DROPPED).absolute(0);
    counter!("ratel_learn_shed_total").absolute(0);
}

/// What became of a finding that was to be told where the bus had no room.
const DROPPED: &str = "dropped";

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Tell => "told",
        Verdict::Enough => "enough",
        Verdict::Beyond => "beyond_budget",
    }
}

/// A flow was read.
pub fn read() {
    counter!("ratel_learn_flows_total").increment(1);
}

/// Flows were left unscored.
pub fn shed(count: u64) {
    counter!("ratel_learn_shed_total").increment(count);
}

/// What became of a finding.
pub fn finding(verdict: Verdict) {
    counter!("ratel_learn_findings_total", "verdict" => name(verdict)).increment(1);
}

/// A finding was to be told and the bus had no room.
pub fn dropped() {
    counter!("ratel_learn_findings_total", "verdict" => DROPPED).increment(1);
}

/// A finding was told so long after its flow was on the bus.
pub fn latency(seconds: f64) {
    histogram!("ratel_learn_latency_seconds").record(seconds);
}

/// A batch was scored.
pub fn batch(flows: usize, seconds: f64, waiting: usize, hosts: usize, threshold: f32) {
    counter!("ratel_learn_scored_total").increment(flows as u64);
    histogram!("ratel_learn_batch_seconds").record(seconds);
    gauge!("ratel_learn_queue").set(u32::try_from(waiting).unwrap_or(u32::MAX));
    gauge!("ratel_learn_hosts").set(u32::try_from(hosts).unwrap_or(u32::MAX));
    gauge!("ratel_learn_threshold").set(f64::from(threshold));
}

/// How far a feature has moved.
pub fn drift(feature: &str, index: f64) {
    gauge!("ratel_learn_drift", "feature" => feature.to_owned()).set(index);
}
