//! LZMA in its oldest file format: five bytes of settings, a length, and a range-coded stream.
//!
//! Only whole streams are taken, since a body that is packed so is rare and small; the text below
//! follows the "LZMA specification" (draft of 2015).

/// What a stream came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unpacked {
    /// All that could be read; a broken or cut stream gives what came before.
    Bytes(Vec<u8>),
    /// It needs more memory than is granted.
    TooLarge,
    /// It is none.
    Wrong,
}

const PROB_HALF: u16 = 1 << 10;
const STATES: usize = 12;
const POS_STATES: usize = 16;
/// Distances from which on the lowest bits have a tree of their own.
const END_POS_MODEL: u32 = 14;
const FULL_DISTANCES: usize = 1 << (END_POS_MODEL / 2);
const ALIGN_BITS: u32 = 4;
const MIN_MATCH: usize = 2;

/// Unpacks `input`, putting out `limit` bytes at most.
pub(super) fn unpack(input: &[u8], dictionary_limit: usize, limit: usize) -> Unpacked {
    let Some((header, packed)) = input.split_first_chunk::<13>() else {
        return Unpacked::Wrong;
    };
    let [props, d0, d1, d2, d3, size @ ..] = *header;
    if props >= 9 * 5 * 5 {
        return Unpacked::Wrong;
    }
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]) as usize;
    let size = u64::from_le_bytes(size);
    let size = (size != u64::MAX).then_some(size);
    let Some(coder) = RangeDecoder::new(packed) else {
        return Unpacked::Wrong;
    };
    let (lc, rest) = (u32::from(props % 9), u32::from(props / 9));
    let mut decoder = Decoder::new(coder, lc, rest % 5, rest / 5, dictionary.max(4096));
    let wanted = size.map_or(limit, |size| {
        usize::try_from(size).unwrap_or(limit).min(limit)
    });
    while decoder.out.len() < wanted {
        if decoder.step().is_none() {
            break;
        }
        // The dictionary grows with the output, so what its header claims costs nothing yet.
        if decoder.out.len().min(dictionary) > dictionary_limit {
            return Unpacked::TooLarge;
        }
    }
    decoder.out.truncate(wanted);
    if decoder.out.is_empty() && size != Some(0) {
        return Unpacked::Wrong;
    }
    Unpacked::Bytes(decoder.out)
}

struct RangeDecoder<'a> {
    input: std::slice::Iter<'a, u8>,
    range: u32,
    code: u32,
}

impl<'a> RangeDecoder<'a> {
    fn new(packed: &'a [u8]) -> Option<Self> {
        let (first, rest) = packed.split_first_chunk::<5>()?;
        let [zero, a, b, c, d] = *first;
        let code = u32::from_be_bytes([a, b, c, d]);
        (zero == 0).then(|| RangeDecoder {
            input: rest.iter(),
            range: u32::MAX,
            code,
        })
    }

    fn normalize(&mut self) -> Option<()> {
        if self.range < 1 << 24 {
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(*self.input.next()?);
        }
        Some(())
    }

    fn bit(&mut self, prob: &mut u16) -> Option<u32> {
        let bound = (self.range >> 11) * u32::from(*prob);
        let bit = if self.code < bound {
            *prob += ((1 << 11) - *prob) >> 5;
            self.range = bound;
            0
        } else {
            *prob -= *prob >> 5;
            self.code -= bound;
            self.range -= bound;
            1
        };
        self.normalize()?;
        Some(bit)
    }

    fn direct(&mut self, bits: u32) -> Option<u32> {
        let mut result = 0u32;
        for _ in 0..bits {
            self.range >>= 1;
            let bit = u32::from(self.code >= self.range);
            if bit == 1 {
                self.code -= self.range;
            }
            self.normalize()?;
            result = result << 1 | bit;
        }
        Some(result)
    }

    fn tree(&mut self, probs: &mut [u16], bits: u32) -> Option<u32> {
        let mut at = 1u32;
        for _ in 0..bits {
            at = at << 1 | self.bit(probs.get_mut(at as usize)?)?;
        }
        Some(at - (1 << bits))
    }

    fn reverse_tree(&mut self, probs: &mut [u16], bits: u32) -> Option<u32> {
        let (mut at, mut result) = (1u32, 0u32);
        for place in 0..bits {
            let bit = self.bit(probs.get_mut(at as usize)?)?;
            at = at << 1 | bit;
            result |= bit << place;
        }
        Some(result)
    }
}

struct LengthCoder {
    choice: [u16; 2],
    low: [[u16; 8]; POS_STATES],
    mid: [[u16; 8]; POS_STATES],
    high: [u16; 256],
}

impl LengthCoder {
    fn new() -> Self {
        LengthCoder {
            choice: [PROB_HALF; 2],
            low: [[PROB_HALF; 8]; POS_STATES],
            mid: [[PROB_HALF; 8]; POS_STATES],
            high: [PROB_HALF; 256],
        }
    }

    fn read(&mut self, coder: &mut RangeDecoder<'_>, pos_state: usize) -> Option<usize> {
        let [first, second] = &mut self.choice;
        let length = if coder.bit(first)? == 0 {
            coder.tree(self.low.get_mut(pos_state)?, 3)?
        } else if coder.bit(second)? == 0 {
            8 + coder.tree(self.mid.get_mut(pos_state)?, 3)?
        } else {
            16 + coder.tree(&mut self.high, 8)?
        };
        Some(length as usize)
    }
}

struct Decoder<'a> {
    coder: RangeDecoder<'a>,
    lc: u32,
    lp_mask: usize,
    pb_mask: usize,
    dictionary: usize,
    literals: Vec<[u16; 0x300]>,
    is_match: [[u16; POS_STATES]; STATES],
    is_rep: [u16; STATES],
    is_rep0: [u16; STATES],
    is_rep1: [u16; STATES],
    is_rep2: [u16; STATES],
    is_rep0_long: [[u16; POS_STATES]; STATES],
    pos_slots: [[u16; 64]; 4],
    pos_special: [u16; 1 + FULL_DISTANCES],
    pos_align: [u16; 1 << ALIGN_BITS],
    lengths: LengthCoder,
    rep_lengths: LengthCoder,
    state: usize,
    reps: [usize; 4],
    out: Vec<u8>,
}

impl<'a> Decoder<'a> {
    fn new(coder: RangeDecoder<'a>, lc: u32, lp: u32, pb: u32, dictionary: usize) -> Self {
        Decoder {
            coder,
            lc,
            lp_mask: (1 << lp) - 1,
            pb_mask: (1 << pb) - 1,
            dictionary,
            literals: vec![[PROB_HALF; 0x300]; 1 << (lc + lp)],
            is_match: [[PROB_HALF; POS_STATES]; STATES],
            is_rep: [PROB_HALF; STATES],
            is_rep0: [PROB_HALF; STATES],
            is_rep1: [PROB_HALF; STATES],
            is_rep2: [PROB_HALF; STATES],
            is_rep0_long: [[PROB_HALF; POS_STATES]; STATES],
            pos_slots: [[PROB_HALF; 64]; 4],
            pos_special: [PROB_HALF; 1 + FULL_DISTANCES],
            pos_align: [PROB_HALF; 1 << ALIGN_BITS],
            lengths: LengthCoder::new(),
            rep_lengths: LengthCoder::new(),
            state: 0,
            reps: [0; 4],
            out: Vec::new(),
        }
    }

    /// Reads one literal or match; None at the end, or where the stream breaks.
    fn step(&mut self) -> Option<()> {
        let pos_state = self.out.len() & self.pb_mask;
        let state = self.state;
        let probs = self.is_match.get_mut(state)?.get_mut(pos_state)?;
        if self.coder.bit(probs)? == 0 {
            return self.literal();
        }
        let length = if self.coder.bit(self.is_rep.get_mut(state)?)? == 0 {
            self.new_match(pos_state)?
        } else if self.coder.bit(self.is_rep0.get_mut(state)?)? == 0 {
            let probs = self.is_rep0_long.get_mut(state)?.get_mut(pos_state)?;
            if self.coder.bit(probs)? == 0 {
                self.state = if state < 7 { 9 } else { 11 };
                return self.copy(1);
            }
            self.repeated(pos_state)?
        } else {
            self.older_distance()?;
            self.repeated(pos_state)?
        };
        self.copy(length + MIN_MATCH)
    }

    fn literal(&mut self) -> Option<()> {
        let previous = self.out.last().copied().unwrap_or(0);
        let low = (self.out.len() & self.lp_mask) << self.lc;
        let context = low + (usize::from(previous) >> (8 - self.lc));
        let mut matched = if self.state >= 7 {
            self.back(self.reps[0])?
        } else {
            0
        };
        let probs = self.literals.get_mut(context)?;
        let mut symbol = 1usize;
        if self.state >= 7 {
            while symbol < 0x100 {
                let expected = usize::from(matched >> 7);
                matched <<= 1;
                let at = ((1 + expected) << 8) + symbol;
                let bit = self.coder.bit(probs.get_mut(at)?)? as usize;
                symbol = symbol << 1 | bit;
                if bit != expected {
                    break;
                }
            }
        }
        while symbol < 0x100 {
            symbol = symbol << 1 | self.coder.bit(probs.get_mut(symbol)?)? as usize;
        }
        self.out.push(symbol as u8);
        self.state = match self.state {
            0..=3 => 0,
            4..=9 => self.state - 3,
            _ => self.state - 6,
        };
        Some(())
    }

    fn new_match(&mut self, pos_state: usize) -> Option<usize> {
        self.reps = [0, self.reps[0], self.reps[1], self.reps[2]];
        let length = self.lengths.read(&mut self.coder, pos_state)?;
        self.state = if self.state < 7 { 7 } else { 10 };
        self.reps[0] = self.distance(length)?;
        Some(length)
    }

    fn repeated(&mut self, pos_state: usize) -> Option<usize> {
        let length = self.rep_lengths.read(&mut self.coder, pos_state)?;
        self.state = if self.state < 7 { 8 } else { 11 };
        Some(length)
    }

    fn older_distance(&mut self) -> Option<()> {
        let [r0, r1, r2, r3] = self.reps;
        self.reps = if self.coder.bit(self.is_rep1.get_mut(self.state)?)? == 0 {
            [r1, r0, r2, r3]
        } else if self.coder.bit(self.is_rep2.get_mut(self.state)?)? == 0 {
            [r2, r0, r1, r3]
        } else {
            [r3, r0, r1, r2]
        };
        Some(())
    }

    /// None for the end mark.
    fn distance(&mut self, length: usize) -> Option<usize> {
        let slot = self.coder.tree(self.pos_slots.get_mut(length.min(3))?, 6)?;
        if slot < 4 {
            return Some(slot as usize);
        }
        let bits = (slot >> 1) - 1;
        let base = (2 | (slot & 1)) << bits;
        let distance = if slot < END_POS_MODEL {
            let start = (base - slot) as usize;
            base + self
                .coder
                .reverse_tree(self.pos_special.get_mut(start..)?, bits)?
        } else {
            let high = self.coder.direct(bits - ALIGN_BITS)? << ALIGN_BITS;
            let low = self.coder.reverse_tree(&mut self.pos_align, ALIGN_BITS)?;
            base.wrapping_add(high).wrapping_add(low)
        };
        (distance != u32::MAX).then_some(distance as usize)
    }

    fn back(&self, distance: usize) -> Option<u8> {
        if distance >= self.dictionary {
            return None;
        }
        self.out
            .get(self.out.len().checked_sub(distance + 1)?)
            .copied()
    }

    fn copy(&mut self, length: usize) -> Option<()> {
        for _ in 0..length {
            let byte = self.back(self.reps[0])?;
            self.out.push(byte);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hello hello hello`, packed with an unknown size and an end mark.
    const HELLO: &[u8] = &[
        0x5d, 0x00, 0x00, 0x04, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x34,
        0x19, 0x49, 0xdb, 0x85, 0x5c, 0x67, 0x72, 0x3c, 0xf9, 0x5f, 0xff, 0xff, 0xf7, 0x42, 0x00,
        0x00,
    ];

    #[test]
    fn unpacks_a_stream() {
        let expected = Unpacked::Bytes(b"hello hello hello".to_vec());
        assert_eq!(unpack(HELLO, 1 << 24, 1000), expected);
        assert_eq!(
            unpack(HELLO, 1 << 24, 5),
            Unpacked::Bytes(b"hello".to_vec())
        );
    }

    #[test]
    fn refuses_what_is_too_large_or_none() {
        assert_eq!(unpack(HELLO, 10, 1000), Unpacked::TooLarge);
        assert_eq!(unpack(b"<html>", 1 << 24, 1000), Unpacked::Wrong);
        assert_eq!(unpack(&[0xff; 40], usize::MAX, 1000), Unpacked::Wrong);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            props in 0u8..225,
        ) {
            unpack(&bytes, 1 << 16, 1 << 16);
            let head = [props, 0, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0];
            unpack(&[&head[..], &bytes].concat(), 1 << 16, 1 << 16);
        }
    }
}
