//! Bytes of a fuzzer as numbers and pieces, front to back; what is missing is zero.

/// Takes an input apart.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// Two bytes, the greater first.
    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// So many bytes, or all that are left.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Lengths of pieces that a seed decides: from one byte to 31, so that fields and lines are cut.
pub struct Cuts(u32);

impl Cuts {
    /// From a byte of the input.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        Cuts(u32::from(seed) | 1 << 8)
    }

    /// The length of the next piece.
    pub fn next_len(&mut self) -> usize {
        // Marsaglia's xorshift: any order that the seed decides will do.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % 31 + 1
    }
}
