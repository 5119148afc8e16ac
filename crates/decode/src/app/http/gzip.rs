//! The header of a gzip stream (RFC 1952 section 2.3), read as forgivingly as browsers read it:
//! checksums and reserved flags are not looked at.

const HAS_HEADER_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;

/// What a step over the header did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderStep {
    /// So many bytes belong to it.
    Taken(usize),
    /// It is over: the bytes belong to what follows.
    Done,
    /// This is no gzip header.
    Wrong,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Crc,
    Done,
}

/// How far the header was read.
#[derive(Debug, Default)]
pub(super) struct GzipHeader {
    stage: Stage,
    /// Bytes taken within the stage.
    taken: usize,
    flags: u8,
    extra: usize,
}

impl GzipHeader {
    /// Reads on.
    pub(super) fn step(&mut self, input: &[u8]) -> HeaderStep {
        let mut at = 0;
        loop {
            if self.stage == Stage::Done {
                return if at == 0 {
                    HeaderStep::Done
                } else {
                    HeaderStep::Taken(at)
                };
            }
            if self.skips() {
                self.next();
                continue;
            }
            let Some(byte) = input.get(at) else {
                return HeaderStep::Taken(at);
            };
            at += 1;
            if !self.take(*byte) {
                return HeaderStep::Wrong;
            }
        }
    }

    /// Whether the stage has nothing in this header.
    fn skips(&self) -> bool {
        match self.stage {
            Stage::ExtraLength => self.flags & HAS_EXTRA == 0,
            Stage::Extra => self.taken >= self.extra,
            Stage::Name => self.flags & HAS_NAME == 0,
            Stage::Comment => self.flags & HAS_COMMENT == 0,
            Stage::Crc => self.flags & HAS_HEADER_CRC == 0,
            Stage::Fixed | Stage::Done => false,
        }
    }

    fn next(&mut self) {
        self.taken = 0;
        self.stage = match self.stage {
            Stage::Fixed => Stage::ExtraLength,
            Stage::ExtraLength => Stage::Extra,
            Stage::Extra => Stage::Name,
            Stage::Name => Stage::Comment,
            Stage::Comment => Stage::Crc,
            Stage::Crc | Stage::Done => Stage::Done,
        };
    }

    /// Takes one byte; false where it can't stand there.
    fn take(&mut self, byte: u8) -> bool {
        let at = self.taken;
        self.taken += 1;
        match self.stage {
            Stage::Fixed => match (at, byte) {
                (0, 0x1f) | (1, 0x8b) | (2, 8) => {}
                (0..=2, _) => return false,
                (3, flags) => self.flags = flags,
                (4..=8, _) => {}
                _ => self.next(),
            },
            Stage::ExtraLength => {
                self.extra |= usize::from(byte) << (8 * at.min(1));
                if at == 1 {
                    self.next();
                }
            }
            Stage::Name | Stage::Comment => {
                if byte == 0 {
                    self.next();
                }
            }
            Stage::Crc => {
                if at == 1 {
                    self.next();
                }
            }
            Stage::Extra | Stage::Done => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &[u8], expected: HeaderStep) {
        assert_eq!(GzipHeader::default().step(header), expected);
        let mut by_byte = GzipHeader::default();
        for byte in header {
            if by_byte.step(&[*byte]) == HeaderStep::Wrong {
                assert_eq!(expected, HeaderStep::Wrong);
                return;
            }
        }
        assert_ne!(expected, HeaderStep::Wrong);
    }

    #[test]
    fn reads_every_optional_part() {
        check(b"\x1f\x8b\x08\0\0\0\0\0\0\0", HeaderStep::Taken(10));
        check(
            b"\x1f\x8b\x08\x02\0\0\0\0\0\0\x11\x22",
            HeaderStep::Taken(12),
        );
        check(
            b"\x1f\x8b\x08\x04\0\0\0\0\0\0\x04\0abcd",
            HeaderStep::Taken(16),
        );
        check(b"\x1f\x8b\x08\x08\0\0\0\0\0\0name\0", HeaderStep::Taken(15));
        check(
            b"\x1f\x8b\x08\x1e\0\0\0\0\0\0\x01\0en\0c\0\x34\x12",
            HeaderStep::Taken(19),
        );
        check(b"\x1f\x8b\x08\0\0\0\0\0\0\0data", HeaderStep::Taken(10));
        check(b"\x1f\x8c", HeaderStep::Wrong);
    }
}
