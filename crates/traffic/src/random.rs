//! Chance from a seed: SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
//! generators", 2014).

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number of `least` to `most`, both included.
    pub(crate) fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most.saturating_sub(least) + 1)
    }

    /// From 0 to 1.
    pub(crate) fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in one of `of` cases.
    pub(crate) fn one_in(&mut self, of: u64) -> bool {
        self.next().is_multiple_of(of)
    }

    /// A number around `middle`, of which half lie within a factor of two and few beyond ten: as lengths of what
    /// people load are.
    pub(crate) fn around(&mut self, middle: f64) -> f64 {
        // The sum of twelve is nearly normal.
        let sum: f64 = (0..12).map(|_| self.part()).sum();
        middle * (sum - 6.0).exp()
    }

    /// The same as a length, at most `most`.
    pub(crate) fn length(&mut self, middle: f64, most: usize) -> usize {
        (self.around(middle) as usize).clamp(1, most)
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.within(0, (list.len().max(1) - 1) as u64) as usize)
    }

    /// So many letters and digits of `alphabet`.
    pub(crate) fn word(&mut self, alphabet: &[u8], len: usize) -> String {
        let letter = |_| self.pick(alphabet).copied().unwrap_or(b'x');
        (0..len).map(letter).map(char::from).collect()
    }

    /// The same, of one length of a range.
    pub(crate) fn word_within(&mut self, alphabet: &[u8], (least, most): (u64, u64)) -> String {
        let len = self.within(least, most);
        self.word(alphabet, len as usize)
    }

    /// So many bytes without a pattern: what is encrypted.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}
