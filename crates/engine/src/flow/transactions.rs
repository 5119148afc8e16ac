//! What was told of each transaction of a flow.

use std::collections::VecDeque;

/// What was told of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxTold {
    /// Its record was written.
    pub is_logged: bool,
    /// How many of its events were written.
    pub events: u16,
    /// Whether its files of a direction are stored.
    pub stores_files: [bool; 2],
}

/// What was told of the transactions of a flow, by their ids.
#[derive(Debug, Default)]
pub struct TxsTold {
    first: u64,
    told: VecDeque<TxTold>,
}

impl TxsTold {
    /// What was told of `id`.
    #[must_use]
    pub fn get(&self, id: u64) -> TxTold {
        self.at(id)
            .and_then(|at| self.told.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// Remembers what was told of `id`; ids only grow, those before the first held are forgotten.
    pub fn set(&mut self, id: u64, told: TxTold) {
        if self.told.is_empty() {
            self.first = id;
        }
        let Some(at) = self.at(id) else { return };
        if at >= self.told.len() {
            self.told.resize(at + 1, TxTold::default());
        }
        if let Some(slot) = self.told.get_mut(at) {
            *slot = told;
        }
    }

    /// Forgets transactions before `id`.
    pub fn forget_before(&mut self, id: u64) {
        while self.first < id && self.told.pop_front().is_some() {
            self.first += 1;
        }
    }

    fn at(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_by_id_while_old_ones_go() {
        let logged = TxTold {
            is_logged: true,
            events: 1,
            stores_files: [false, true],
        };
        let mut txs = TxsTold::default();
        txs.set(5, logged);
        txs.set(7, logged);
        assert_eq!(txs.get(5), logged);
        assert_eq!(txs.get(6), TxTold::default());
        txs.forget_before(7);
        assert_eq!(txs.get(5), TxTold::default());
        assert_eq!(txs.get(7), logged);
        txs.forget_before(9);
        txs.set(9, logged);
        assert_eq!(txs.get(9), logged);
    }
}
