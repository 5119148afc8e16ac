//! How many connections one address holds, so that one alone does not take all places of a door.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::auth::throttle::network;

/// Connections that each address holds. Clones are the same.
#[derive(Clone, Debug)]
pub struct Crowd {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place that is given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    /// So many connections for each address; a /64 of IPv6 is one.
    pub fn new(most: usize) -> Crowd {
        Crowd {
            most,
            held: Arc::default(),
        }
    }

    /// A place for one more connection of this address; None where it has its share.
    pub fn enter(&self, address: IpAddr) -> Option<Held> {
        let address = network(address);
        let mut held = self.lock();
        let count = held.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Held {
            crowd: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // What it guards is whole between statements.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.crowd.lock();
        if let Entry::Occupied(mut entry) = held.entry(self.address) {
            *entry.get_mut() = entry.get().saturating_sub(1);
            // Whoever has none is not remembered: the map is as large as the door.
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let crowd = Crowd::new(2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = crowd.enter(ip("192.0.2.1"));
        let second = crowd.enter(ip("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(crowd.enter(ip("192.0.2.1")).is_none());
        let other = crowd.enter(ip("192.0.2.2"));
        assert!(other.is_some());
        drop(first);
        assert!(crowd.enter(ip("192.0.2.1")).is_some());
        drop((second, other));
        assert!(crowd.lock().is_empty());
        let six = (
            crowd.enter(ip("2001:db8::1")),
            crowd.enter(ip("2001:db8::2")),
        );
        assert!(six.0.is_some() && crowd.enter(ip("2001:db8::3")).is_none());
    }
}
