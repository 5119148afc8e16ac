//! Orders given again: a client that heard no answer asks once more, and nothing happens twice.

use std::collections::{HashMap, VecDeque};

use super::orders::Pending;
use event::order::What;

/// Keys remembered: hours of orders by people, minutes of a script that runs wild.
pub const MAX_KEYS: usize = 4096;

/// The longest key, bytes; the draft standard's examples are UUIDs.
pub const MAX_KEY: usize = 128;

/// What was ordered under which key. The oldest keys are forgotten first.
#[derive(Debug, Default)]
pub struct Keys {
    orders: HashMap<String, Pending>,
    age: VecDeque<String>,
}

/// What a key stands for.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing yet.
    No,
    /// The same order: here is what waits for its answer.
    Same(Pending),
    /// Another order.
    Other,
}

impl Keys {
    /// What the key stands for when `what` is ordered with it.
    #[must_use]
    pub fn look(&self, key: &str, what: &What) -> Known {
        match self.orders.get(key) {
            None => Known::No,
            Some(pending) if pending.order.what == *what => Known::Same(pending.clone()),
            Some(_) => Known::Other,
        }
    }

    /// From now on the key stands for this.
    pub fn remember(&mut self, key: &str, pending: Pending) {
        if self.orders.insert(key.to_owned(), pending).is_none() {
            self.age.push_back(key.to_owned());
        }
        while self.age.len() > MAX_KEYS {
            if let Some(oldest) = self.age.pop_front() {
                self.orders.remove(&oldest);
            }
        }
    }

    /// The order was not taken: the key is free again.
    pub fn forget(&mut self, key: &str) {
        if self.orders.remove(key).is_some() {
            self.age.retain(|kept| kept != key);
        }
    }
}

/// Whether a text can be a key: 1 to 128 visible ASCII characters.
#[must_use]
pub fn is_key(text: &str) -> bool {
    (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Timestamp;
    use event::order::Order;

    fn pending(id: &str) -> Pending {
        Pending {
            order: Order {
                id: id.into(),
                time: Timestamp::default(),
                who: "root".into(),
                what: What::UndoAll,
            },
            from: 0,
            aims: Vec::new(),
        }
    }

    #[test]
    fn a_key_stands_for_one_order_until_it_is_the_oldest_of_too_many() {
        let mut keys = Keys::default();
        assert_eq!(keys.look("k", &What::UndoAll), Known::No);
        keys.remember("k", pending("k"));
        assert_eq!(keys.look("k", &What::UndoAll), Known::Same(pending("k")));
        assert_eq!(keys.look("k", &What::ReloadRules), Known::Other);
        keys.forget("k");
        assert_eq!(keys.look("k", &What::UndoAll), Known::No);
        for i in 0..=MAX_KEYS {
            keys.remember(&format!("k{i}"), pending("k"));
        }
        assert_eq!(keys.look("k0", &What::UndoAll), Known::No);
        assert_ne!(keys.look("k1", &What::UndoAll), Known::No);
        assert_eq!((keys.orders.len(), keys.age.len()), (MAX_KEYS, MAX_KEYS));
    }

    #[test]
    fn keys_are_visible_ascii() {
        for (text, expected) in [("k", true), ("", false), ("a b", false), ("ä", false)] {
            assert_eq!(is_key(text), expected, "{text}");
        }
        assert!(is_key(&"k".repeat(MAX_KEY)) && !is_key(&"k".repeat(MAX_KEY + 1)));
    }
}
