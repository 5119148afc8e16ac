//! Random numbers that are the same for the same seed on every machine.
//!
//! The generator is xoshiro256++ (D. Blackman and S. Vigna, "Scrambled Linear Pseudorandom Number
//! Generators", 2021), begun by SplitMix64 as its authors advise. A model must come out the same bit for bit
//! from one version of a library to the next, which no library's default generator promises.

/// A stream of random numbers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Random([u64; 4]);

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Random(std::array::from_fn(|_| split_mix(&mut state)))
    }

    /// The stream of a seed for one purpose: two purposes have nothing in common.
    #[must_use]
    pub fn of(seed: u64, purpose: u64) -> Self {
        let mut state = purpose;
        Random::new(seed ^ split_mix(&mut state))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[0]
            .wrapping_add(state[3])
            .rotate_left(23)
            .wrapping_add(state[0]);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number from 0 to below `limit`; 0 where the limit is 0.
    ///
    /// The high half of a product is taken: its bias is below `limit` / 2^64.
    pub fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.bits()) * limit as u128;
        (wide >> 64) as usize
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normally distributed, mean 0 and deviation 1 (G. Box and M. Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Brings a list into another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }

    /// `count` of a list's entries, none twice, in the order of the list; all where it has fewer.
    pub fn some<T: Copy>(&mut self, list: &[T], count: usize) -> Vec<T> {
        let mut wanted = count.min(list.len());
        let mut some = Vec::with_capacity(wanted);
        for (at, entry) in list.iter().enumerate() {
            if self.below(list.len() - at) < wanted {
                some.push(*entry);
                wanted -= 1;
            }
        }
        some
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_that_of_the_authors() {
        // State 1, 2, 3, 4 as in the test vectors of the reference code.
        let mut random = Random([1, 2, 3, 4]);
        let stream = [41_943_041, 58_720_359, 3_588_806_011_781_223];
        assert_eq!([random.bits(), random.bits(), random.bits()], stream);
    }

    #[test]
    fn some_of_a_list_are_as_many_as_asked_for_and_in_order() {
        let list: Vec<usize> = (0..100).collect();
        let some = Random::new(7).some(&list, 10);
        assert_eq!(some.len(), 10);
        assert!(some.is_sorted());
        assert_eq!(some, Random::new(7).some(&list, 10));
        assert_ne!(some, Random::new(8).some(&list, 10));
        assert_eq!(Random::new(7).some(&list, 1000), list);
    }
}
