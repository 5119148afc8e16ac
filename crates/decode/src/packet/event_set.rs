//! Decoder events: what can be wrong with a packet, by Suricata's names.

/// One event, numbered in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecodeEvent(pub u8);

/// A set of events: 256 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeEvents([u64; 4]);

impl DecodeEvents {
    /// Adds an event.
    pub fn add(&mut self, event: DecodeEvent) {
        self.0[usize::from(event.0 >> 6)] |= 1 << (event.0 & 63);
    }

    /// Whether the event is there.
    #[must_use]
    pub fn has(&self, event: DecodeEvent) -> bool {
        self.0[usize::from(event.0 >> 6)] & (1 << (event.0 & 63)) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}
