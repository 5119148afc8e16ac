//! What the role counts. A recorder must be installed before, or nothing is told.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_incidents` | state | incidents that are remembered, by status |
//! | `ratel_alerts_total` | severity, engine | findings that became part of an incident |
//! | `ratel_alert_changes_total` | what, telling | changes of incidents, by how loud they were told |
//! | `ratel_alert_hidden_total` | kind | findings that a silence or a suppression covered |
//! | `ratel_alert_storm` | | 1 while what is new is told in digests |
//! | `ratel_alert_sigma_rules` | state | Sigma rules, loaded and refused |
//! | `ratel_alert_assets` | | assets that are known |

use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::change::Change;
use crate::engine::Engine;
use crate::finding::Finding;
use crate::silence::Judgement;

/// Tells a recorder what the names mean.
pub fn describe() {
    describe_gauge!(
        "ratel_incidents",
        "Incidents that are remembered, by status"
    );
    describe_counter!(
        "ratel_alerts_total",
        "Findings that became part of an incident"
    );
    describe_counter!(
        "ratel_alert_changes_total",
        "Changes of incidents, by how loud they were told"
    );
    describe_counter!(
        "ratel_alert_hidden_total",
        "Findings that a silence or a suppression covered"
    );
    describe_gauge!(
        "ratel_alert_storm",
        "1 while what is new is told in digests"
    );
    describe_gauge!("ratel_alert_sigma_rules", "Sigma rules, loaded and refused");
    describe_gauge!("ratel_alert_assets", "Assets that are known");
}

/// Counts a finding.
pub fn finding(finding: &Finding) {
    counter!("ratel_alerts_total", "severity" => finding.severity.name(), "engine" => finding.engine.name())
        .increment(1);
}

/// Counts what a silence covered.
pub fn hidden(judgement: Judgement<'_>) {
    let kind = match judgement {
        Judgement::Heard => return,
        Judgement::Silenced(_) => "silence",
        Judgement::Suppressed => "suppress",
    };
    counter!("ratel_alert_hidden_total", "kind" => kind).increment(1);
}

/// Counts a change.
pub fn change(change: &Change) {
    counter!("ratel_alert_changes_total", "what" => change.what.name(), "telling" => change.telling.name())
        .increment(1);
}

/// Tells how the engine stands.
pub fn engine(engine: &Engine) {
    for (state, count) in engine.counts() {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        gauge!("ratel_incidents", "state" => state).set(count as f64);
    }
    gauge!("ratel_alert_storm").set(f64::from(u8::from(engine.is_storm())));
}

/// Tells how many assets there are.
pub fn assets(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    gauge!("ratel_alert_assets").set(count as f64);
}

/// Tells how Sigma rules stand.
pub fn sigma(loaded: usize, refused: usize) {
    for (state, count) in [("loaded", loaded), ("refused", refused)] {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        gauge!("ratel_alert_sigma_rules", "state" => state).set(count as f64);
    }
}
