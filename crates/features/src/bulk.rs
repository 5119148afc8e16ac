//! Bulk transfer within a flow: runs of at least four packets with payload in one direction, none
//! of them a second after the one before, and none in the other direction between.

/// A pause that ends a run, in microseconds.
const PAUSE_US: i64 = 1_000_000;
/// Packets that make a run a bulk.
const RUN: u32 = 4;

/// The runs of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bulk {
    bulks: u32,
    packets: u64,
    bytes: u64,
    duration_us: i64,
    run: u32,
    run_bytes: u64,
    run_began: i64,
    /// When this direction last carried payload in a run.
    pub(crate) last: i64,
}

impl Bulk {
    /// A packet with `payload` bytes of this direction; `other` is when the other direction last
    /// carried payload.
    pub(crate) fn add(&mut self, time: i64, payload: u32, other: i64) {
        if other > self.run_began {
            self.run_began = 0;
        }
        if payload == 0 {
            return;
        }
        let payload = u64::from(payload);
        if self.run_began == 0 || time - self.last > PAUSE_US {
            self.run_began = time;
            self.run = 1;
            self.run_bytes = payload;
        } else {
            self.run += 1;
            self.run_bytes += payload;
            if self.run == RUN {
                self.bulks += 1;
                self.packets += u64::from(self.run);
                self.bytes += self.run_bytes;
                self.duration_us += time - self.run_began;
            } else if self.run > RUN {
                self.packets += 1;
                self.bytes += payload;
                self.duration_us += time - self.last;
            }
        }
        self.last = time;
    }

    /// Mean bytes of a bulk.
    pub(crate) fn mean_bytes(&self) -> f64 {
        ratio(self.bytes as f64, f64::from(self.bulks))
    }

    /// Mean packets of a bulk.
    pub(crate) fn mean_packets(&self) -> f64 {
        ratio(self.packets as f64, f64::from(self.bulks))
    }

    /// Bytes a second while a bulk lasts.
    pub(crate) fn rate(&self) -> f64 {
        ratio(self.bytes as f64, self.duration_us as f64 / 1e6)
    }
}

/// A quotient, 0 where there is nothing to divide by.
pub(crate) fn ratio(over: f64, under: f64) -> f64 {
    if under == 0.0 { 0.0 } else { over / under }
}
