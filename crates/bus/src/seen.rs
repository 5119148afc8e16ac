//! Remembers the ids of records, a bounded number of them, so that a repeat is known as one.

use std::collections::{HashSet, VecDeque};

use event::RecordId;

/// The last ids that a reader handled. A group keeps one; partitions that keep order may share it.
#[derive(Debug)]
pub struct Seen {
    ids: HashSet<RecordId>,
    order: VecDeque<RecordId>,
    limit: usize,
}

impl Seen {
    /// Remembers `limit` ids (at least 1). A repeat comes when its publisher comes back, behind all
    /// that others published meanwhile: 65,536 stand for a second at the rates of a busy sensor.
    /// Memory: about 50 bytes each.
    #[must_use]
    pub fn new(limit: usize) -> Seen {
        Seen {
            ids: HashSet::new(),
            order: VecDeque::new(),
            limit: limit.max(1),
        }
    }

    /// Whether this is the first time; remembers the id and forgets the oldest at the limit.
    pub fn first(&mut self, id: RecordId) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        if self.order.len() == self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.order.push_back(id);
        true
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{RecordIds, Timestamp};

    #[test]
    fn a_repeat_is_known_until_the_limit_pushes_it_out() {
        let mut ids = RecordIds::new(7);
        let made: Vec<_> = (0..5).map(|_| ids.next(Timestamp::new(1, 0))).collect();
        let mut seen = Seen::new(3);
        assert!(seen.is_empty());
        for id in &made[..3] {
            assert!(seen.first(*id));
        }
        assert!(!seen.first(made[0]), "a repeat");
        assert!(seen.first(made[3]), "pushes out the oldest");
        assert!(seen.first(made[0]), "forgotten, so new again");
        assert_eq!(seen.len(), 3);
    }
}
