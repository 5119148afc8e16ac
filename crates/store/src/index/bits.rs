//! Sets of the documents of a segment, a bit for each.

/// A set of documents: numbers below its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    /// None of `len` documents.
    #[must_use]
    pub fn none(len: u32) -> Bits {
        Bits {
            words: vec![0; len.div_ceil(64) as usize],
            len,
        }
    }

    /// All of `len` documents.
    #[must_use]
    pub fn all(len: u32) -> Bits {
        let mut bits = Bits {
            words: vec![u64::MAX; len.div_ceil(64) as usize],
            len,
        };
        bits.trim();
        bits
    }

    /// What lies behind the last document is never set.
    fn trim(&mut self) {
        let over = self.len % 64;
        if over > 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << over) - 1;
        }
    }

    /// How many documents there are, in the set or not.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether no document is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Takes a document in; one that is not there is left out.
    pub fn insert(&mut self, document: u32) {
        if document < self.len
            && let Some(word) = self.words.get_mut(document as usize / 64)
        {
            *word |= 1 << (document % 64);
        }
    }

    /// Takes a document out.
    pub fn remove(&mut self, document: u32) {
        if let Some(word) = self.words.get_mut(document as usize / 64) {
            *word &= !(1 << (document % 64));
        }
    }

    /// Whether it is in.
    #[must_use]
    pub fn contains(&self, document: u32) -> bool {
        let word = self.words.get(document as usize / 64);
        word.is_some_and(|word| word >> (document % 64) & 1 == 1)
    }

    /// Keeps what is in both.
    pub fn and(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Takes in what is in the other.
    pub fn or(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// What was not in.
    pub fn negate(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.trim();
    }

    /// How many are in.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Its words of 64 bits, the lowest document first.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The documents in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(place as u32 * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(len: u32, members: &BTreeSet<u32>) -> Bits {
        let mut bits = Bits::none(len);
        for member in members {
            bits.insert(*member);
        }
        bits
    }

    proptest! {
        #[test]
        fn it_is_a_set(
            len in 0u32..300,
            a in prop::collection::btree_set(0u32..300, 0..200),
            b in prop::collection::btree_set(0u32..300, 0..200),
        ) {
            let a: BTreeSet<u32> = a.into_iter().filter(|n| *n < len).collect();
            let b: BTreeSet<u32> = b.into_iter().filter(|n| *n < len).collect();
            let list = |bits: &Bits| bits.iter().collect::<BTreeSet<u32>>();
            let mut both = set(len, &a);
            both.and(&set(len, &b));
            prop_assert_eq!(list(&both), a.intersection(&b).copied().collect());
            let mut either = set(len, &a);
            either.or(&set(len, &b));
            prop_assert_eq!(list(&either), a.union(&b).copied().collect());
            let mut others = set(len, &a);
            others.negate();
            prop_assert_eq!(list(&others), (0..len).filter(|n| !a.contains(n)).collect());
            prop_assert_eq!(others.count(), u64::from(len) - a.len() as u64);
            prop_assert_eq!(Bits::all(len).count(), u64::from(len));
            prop_assert!((0..len).all(|n| set(len, &a).contains(n) == a.contains(&n)));
        }
    }
}
