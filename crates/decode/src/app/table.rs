//! The table of protocols, and the queue of transactions that parsers share.

use super::Entry;
use event::AppProtocol;
use std::collections::VecDeque;
use std::ops::Range;

/// Every protocol that is parsed. Recognition asks them in this order.
#[rustfmt::skip] // one line each, so that each protocol's line changes on its own
pub static PROTOCOLS: &[Entry] = &[
    super::http::ENTRY,
    super::ftp::ENTRY,
    super::ftp::DATA_ENTRY,
    super::smtp::ENTRY,
    super::ssh::ENTRY,
    super::tls::ENTRY,
    super::dns::DNS,
    super::dns::MDNS,
];

/// The line of `protocol`.
#[must_use]
pub fn entry(protocol: AppProtocol) -> Option<&'static Entry> {
    PROTOCOLS.iter().find(|entry| entry.protocol == protocol)
}

/// Transactions of one flow, oldest first, by ids that count up from 0.
#[derive(Debug)]
pub struct Transactions<T> {
    /// Id of `held[0]`.
    first: u64,
    held: VecDeque<Option<T>>,
}

impl<T> Default for Transactions<T> {
    fn default() -> Self {
        Transactions {
            first: 0,
            held: VecDeque::new(),
        }
    }
}

impl<T> Transactions<T> {
    /// Ids from the oldest held to the next to be given.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.first..self.first + self.held.len() as u64
    }

    /// Number of transactions held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.iter().flatten().count()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.iter().all(Option::is_none)
    }

    /// Opens a transaction made by `make` from its id.
    pub fn open(&mut self, make: impl FnOnce(u64) -> T) -> &mut T {
        let id = self.first + self.held.len() as u64;
        self.held.push_back(None);
        let at = self.held.len() - 1;
        self.held[at].insert(make(id))
    }

    /// The transaction `id`.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&T> {
        self.held
            .get(usize::try_from(id.checked_sub(self.first)?).ok()?)?
            .as_ref()
    }

    /// The transaction `id`.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        self.held
            .get_mut(usize::try_from(id.checked_sub(self.first)?).ok()?)?
            .as_mut()
    }

    /// The newest transaction.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.held.back_mut()?.as_mut()
    }

    /// All held, oldest first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.held.iter_mut().flatten()
    }

    /// All held, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.held.iter().flatten()
    }

    /// Forgets `id`.
    pub fn drop(&mut self, id: u64) {
        if let Some(slot) = id
            .checked_sub(self.first)
            .and_then(|at| usize::try_from(at).ok())
            .and_then(|at| self.held.get_mut(at))
        {
            *slot = None;
        }
        while matches!(self.held.front(), Some(None)) {
            self.held.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_ids_while_transactions_come_and_go() {
        let mut txs = Transactions::default();
        for _ in 0..3 {
            txs.open(|id| id);
        }
        txs.drop(1);
        assert_eq!(txs.range(), 0..3);
        txs.drop(0);
        assert_eq!(txs.range(), 2..3);
        assert_eq!(txs.get(2), Some(&2));
        assert_eq!(txs.get(0), None);
        txs.open(|id| id);
        assert_eq!(txs.range(), 2..4);
    }
}
