//! From settings to what the engine and the outputs are told.

pub mod engine;
pub mod eve;
pub mod outputs;
pub mod policies;
pub mod traffic;

use crate::settings::Settings;

/// What is taken where no `suricata.yaml` is given.
pub const DEFAULTS: &str = include_str!("defaults.yaml");

/// Tells once what the configuration says that makes no sense or that nobody knows.
pub fn warn(settings: &Settings) {
    for complaint in settings.complaints().iter().chain(&settings.refusals()) {
        crate::complain(&format!("configuration: {complaint}"));
    }
    let unknown = settings.unknown();
    if !unknown.is_empty() {
        crate::complain(&format!(
            "configuration: not used here: {}",
            unknown.join(", ")
        ));
    }
}
