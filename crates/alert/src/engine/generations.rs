//! A table of bounded size that forgets what was not used for long: two generations, of which the
//! older is dropped when the younger is full.

use std::collections::HashMap;
use std::hash::Hash;

/// Keeps at least the last `limit / 2` keys that were put, at most `limit`.
#[derive(Debug)]
pub struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// An empty table for at most `limit` entries.
    pub fn new(limit: usize) -> Self {
        Generations {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (limit / 2).max(1),
        }
    }

    /// What is known of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Puts a value in place of what was known.
    pub fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// What is known of a key, to be changed; made where nothing is.
    pub fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let known = self.young.remove(&key).or_else(|| self.old.remove(&key));
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(key).or_insert(known.unwrap_or_else(make))
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// How many are known.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_last_is_known_and_the_size_is_bounded() {
        let mut table = Generations::new(10);
        for n in 0..1000 {
            table.insert(n, n);
            assert!(table.len() <= 10);
            for recent in (0..=n).rev().take(5) {
                assert_eq!(table.get(&recent), Some(&recent));
            }
        }
        assert_eq!(table.get(&0), None);
        *table.entry(999, || 0) += 1;
        assert_eq!(table.get(&999), Some(&1000));
        assert_eq!(*table.entry(5000, || 7), 7);
        table.remove(&5000);
        assert_eq!(table.get(&5000), None);
        assert!(table.len() <= 10);
    }

    #[test]
    fn what_is_used_stays() {
        let mut table = Generations::new(10);
        table.insert("kept", 0);
        for _ in 0..100 {
            *table.entry("kept", || 0) += 1;
            table.insert(["a", "b", "c", "d", "e", "f"][table.len() % 6], 0);
        }
        assert_eq!(table.get(&"kept"), Some(&100));
    }
}
