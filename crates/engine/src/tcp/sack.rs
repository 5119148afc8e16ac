//! Selective acknowledgements: which bytes beyond the last ACK have arrived (RFC 2018).

use super::sequence::{after, before, from, until};
use smallvec::SmallVec;

/// Ranges kept at most; a header holds 4, and what comes beyond the limit only costs the window
/// estimate some precision.
const MAX_RANGES: usize = 64;

/// Ranges acknowledged beyond the last ACK, in order, without touching each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Sack {
    ranges: SmallVec<[(u32, u32); 4]>,
}

impl Sack {
    /// Takes the blocks of a packet's option.
    pub(super) fn update(&mut self, blocks: &[u8], last_ack: u32, window: u32) {
        for (left, right) in blocks_of(blocks) {
            let is_useful = after(right, last_ack)
                && before(left, right)
                && until(left, last_ack.wrapping_add(window));
            if is_useful {
                self.insert(left, right);
            }
        }
        self.prune(last_ack);
    }

    /// Forgets what the last ACK covers.
    pub(super) fn prune(&mut self, last_ack: u32) {
        if self.ranges.is_empty() {
            return;
        }
        self.ranges.retain(|(_, right)| !before(*right, last_ack));
        if let Some((left, _)) = self.ranges.first_mut()
            && before(*left, last_ack)
        {
            *left = last_ack;
        }
    }

    /// Bytes in all ranges.
    pub(super) fn size(&self) -> u32 {
        self.ranges.iter().fold(0, |sum: u32, (left, right)| {
            sum.wrapping_add(right.wrapping_sub(*left))
        })
    }

    /// Whether the blocks of a packet say nothing new.
    pub(super) fn covers(&self, blocks: &[u8], last_ack: u32) -> bool {
        blocks_of(blocks).all(|(left, right)| {
            until(right, last_ack)
                || self
                    .ranges
                    .iter()
                    .any(|(l, r)| from(left, *l) && until(right, *r))
        })
    }

    fn insert(&mut self, mut left: u32, mut right: u32) {
        let mut place = 0;
        let mut merged = false;
        self.ranges.retain(|&mut (l, r)| {
            let touches = !(after(l, right) || before(r, left));
            if touches {
                left = if before(l, left) { l } else { left };
                right = if after(r, right) { r } else { right };
                merged = true;
            } else if before(l, left) {
                place += 1;
            }
            !touches
        });
        if merged || self.ranges.len() < MAX_RANGES {
            self.ranges
                .insert(place.min(self.ranges.len()), (left, right));
        }
    }
}

fn blocks_of(option: &[u8]) -> impl Iterator<Item = (u32, u32)> + '_ {
    option.chunks_exact(8).filter_map(|block| {
        let (left, right) = block.split_at_checked(4)?;
        Some((
            u32::from_be_bytes(left.try_into().ok()?),
            u32::from_be_bytes(right.try_into().ok()?),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blocks: &[(u32, u32)], last_ack: u32, size: u32, count: usize) {
        let mut sack = Sack::default();
        for (left, right) in blocks {
            let bytes = [left.to_be_bytes(), right.to_be_bytes()].concat();
            sack.update(&bytes, last_ack, 1000);
        }
        assert_eq!(
            (sack.size(), sack.ranges.len()),
            (size, count),
            "{blocks:?}"
        );
    }

    #[test]
    fn ranges_are_merged_and_pruned() {
        check(&[(1, 10), (10, 20), (1, 20)], 0, 19, 1);
        check(&[(10, 20), (5, 15), (15, 25)], 0, 20, 1);
        check(&[(1, 20), (30, 50), (10, 25)], 0, 44, 2);
        check(&[(1, 20), (30, 50), (10, 35)], 0, 49, 1);
        check(&[(5000, 5010)], 0, 0, 0);
        check(&[(10, 5)], 0, 0, 0);
        check(&[(10, 20), (30, 40)], 15, 15, 2);
    }
}
