//! Recognises what a flow speaks and hands its bytes to the parser.

use decode::app::Parser;
use event::AppProtocol;

/// What is known of a flow's application.
pub struct AppLayer {
    /// The protocol that is parsed; `Unknown` until recognised, `Failed` where it was not.
    pub protocol: AppProtocol,
    /// What was recognised in each direction.
    pub seen: [AppProtocol; 2],
    /// The protocol before an upgrade.
    pub original: Option<AppProtocol>,
    /// The parser.
    pub parser: Option<Box<dyn Parser>>,
    /// Events of recognition itself: `applayer_mismatch_protocol_both_directions` and so on.
    pub events: Vec<&'static str>,
}

impl std::fmt::Debug for AppLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppLayer")
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Default for AppLayer {
    fn default() -> Self {
        AppLayer {
            protocol: AppProtocol::Unknown,
            seen: [AppProtocol::Unknown; 2],
            original: None,
            parser: None,
            events: Vec::new(),
        }
    }
}
