//! The first documents by time among many, with all that share the last one's time.

/// Where a document is: slice, segment and number, as the search counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index in the list of slices.
    pub slice: u32,
    /// Segment of its searcher.
    pub segment: u32,
    /// Document of the segment.
    pub document: u32,
}

/// Keeps the `limit` greatest by key and all others with the key of the last of them: events of one
/// time are ordered by their ids, which are looked up for the chosen only.
#[derive(Debug)]
pub struct Top {
    limit: usize,
    kept: Vec<(i64, Place)>,
    /// What lies below is not wanted any more.
    least: i64,
}

impl Top {
    /// Nothing yet.
    #[must_use]
    pub const fn new(limit: usize) -> Top {
        Top {
            limit,
            kept: Vec::new(),
            least: i64::MIN,
        }
    }

    /// The key that a document needs to be wanted.
    #[must_use]
    pub const fn least(&self) -> i64 {
        self.least
    }

    /// Whether as many are kept as are wanted.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.kept.len() >= self.limit
    }

    /// Takes a document.
    pub fn push(&mut self, key: i64, place: Place) {
        if key < self.least || self.limit == 0 {
            return;
        }
        self.kept.push((key, place));
        // Not at each: a selection costs as much as what it looks at.
        if self.kept.len() >= 2 * self.limit + 4096 {
            self.settle();
        }
    }

    /// Drops what is not wanted.
    pub fn settle(&mut self) {
        if self.limit == 0 || self.kept.len() <= self.limit {
            return;
        }
        let last = self.limit - 1;
        let (_, (key, _), _) = self.kept.select_nth_unstable_by(last, |a, b| b.0.cmp(&a.0));
        let key = *key;
        self.least = key;
        self.kept.retain(|(other, _)| *other >= key);
    }

    /// What was kept.
    #[must_use]
    pub fn into_kept(mut self) -> Vec<(i64, Place)> {
        self.settle();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_keeps_the_first_and_those_of_the_same_time(
            keys in prop::collection::vec(-20i64..20, 0..300),
            limit in 0usize..40,
        ) {
            let mut top = Top::new(limit);
            for (number, key) in keys.iter().enumerate() {
                top.push(*key, Place { slice: 0, segment: 0, document: number as u32 });
                if number % 50 == 0 {
                    top.settle();
                }
            }
            let mut kept: Vec<i64> = top.into_kept().iter().map(|(key, _)| *key).collect();
            kept.sort_unstable();
            let mut sorted = keys.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let least = limit.checked_sub(1).and_then(|last| sorted.get(last.min(sorted.len().checked_sub(1)?)).copied());
            let mut expected: Vec<i64> = keys.into_iter().filter(|key| least.is_some_and(|least| *key >= least)).collect();
            expected.sort_unstable();
            prop_assert_eq!(kept, expected);
        }
    }
}
