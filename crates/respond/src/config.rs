//! What can be configured, with the defaults we would run ourselves.

use std::path::PathBuf;
use std::time::Duration;

use event::action::Mode;

use crate::protected::host::Wishes;

/// The configuration of the responder.
#[derive(Clone, Debug)]
pub struct Config {
    /// How far actions go. `observe` until the user turns enforcement on.
    pub mode: Mode,
    /// What is protected beyond what is computed.
    pub protected: Wishes,
    /// Where the journal and the audit log are kept; None keeps nothing, for tests and rehearsals.
    pub folder: Option<PathBuf>,
    /// Actions that are carried out in a minute. A flood with invented sources, or a rule that
    /// matches everybody, ends here.
    pub max_per_minute: u32,
    /// When an action is verified after it was carried out.
    pub checks: Vec<Duration>,
    /// How often everything in force is verified after that.
    pub sweep: Duration,
    /// Whether what was lost from the firewall is put back.
    pub repair: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            mode: Mode::Observe,
            protected: Wishes::default(),
            folder: None,
            max_per_minute: 600,
            // At once for the structure; after a second an attacker's next packets have come.
            checks: vec![
                Duration::from_millis(30),
                Duration::from_secs(1),
                Duration::from_secs(5),
            ],
            sweep: Duration::from_secs(30),
            repair: true,
        }
    }
}
