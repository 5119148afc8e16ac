//! Which definition of a flow and its features holds.

/// CICFlowMeter's own, its corrected fork's, or the one that is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Definition {
    /// Ratel's: IPv4 and IPv6, flows of one packet, the end of a connection where TCP ends it,
    /// every protocol under its number.
    #[default]
    Corrected,
    /// CICFlowMeter v4 with its faults, for models that were trained on its output.
    Cicflowmeter,
    /// The fork of Engelen, Rimmer and Joosen, for models that were trained on that.
    Engelen,
}

impl Definition {
    /// Reads the name that `--compat` takes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Definition::Corrected),
            "cicflowmeter" => Some(Definition::Cicflowmeter),
            "engelen" => Some(Definition::Engelen),
            _ => None,
        }
    }

    /// CICFlowMeter's faults hold.
    pub(crate) fn is_original(self) -> bool {
        self == Definition::Cicflowmeter
    }

    /// Flows of a single packet are told; the original leaves them out.
    pub(crate) fn tells_single_packets(self) -> bool {
        !self.is_original()
    }

    /// Only packets whose outermost network layer is IPv4 count, unreassembled.
    pub(crate) fn is_ipv4_only(self) -> bool {
        self != Definition::Corrected
    }
}
