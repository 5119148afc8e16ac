//! Capture files: however the bytes arrive, the same frames come out, and none is beyond its limit.

use decode::capture::{PACKET_MAX, Reader};
use std::io::{self, Read};

/// Frames and bytes after which a capture counts as read: a few bytes unpack to gigabytes.
const FRAMES_MAX: usize = 2_000;
const BYTES_MAX: u64 = 4 << 20;

/// Gives a few bytes at a time, as a pipe may.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = into.len().min(7).min(self.0.len());
        let (head, rest) = self.0.split_at(len);
        into[..len].copy_from_slice(head);
        self.0 = rest;
        Ok(len)
    }
}

/// What was read: each frame in short, and why reading ended.
type Told = (Vec<(i64, u64, usize, u32, u32, u32)>, Option<String>);

/// The capture reader.
pub fn capture(data: &[u8]) {
    let (whole, why) = read(data);
    let (drops, why_drops) = read(Drops(data));
    let is_damaged = |why: &Option<String>| why.as_ref().is_some_and(|why| why.contains("damaged"));
    if is_damaged(&why) || is_damaged(&why_drops) {
        // How much comes before the damage is the decompressor's affair, but not what.
        let len = whole.len().min(drops.len());
        assert_eq!(
            whole[..len],
            drops[..len],
            "what is read depends on how it arrives"
        );
    } else {
        assert_eq!(
            (whole, why),
            (drops, why_drops),
            "what is read depends on how it arrives"
        );
    }
}

fn read(source: impl Read) -> Told {
    let mut told = Vec::new();
    let mut reader = match Reader::new(source) {
        Ok(reader) => reader,
        Err(error) => return (told, Some(error.to_string())),
    };
    loop {
        if told.len() >= FRAMES_MAX || reader.offset() > BYTES_MAX {
            return (told, None);
        }
        match reader.next() {
            Ok(Some(frame)) => {
                assert!(frame.data.len() <= PACKET_MAX);
                assert_eq!(frame.number, told.len() as u64 + 1);
                let sum = frame.data.iter().fold(0u32, |sum, byte| {
                    sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
                });
                told.push((
                    frame.time.nanos(),
                    frame.number,
                    frame.data.len(),
                    frame.wire_len,
                    frame.link.0,
                    sum,
                ));
            }
            Ok(None) => return (told, None),
            Err(error) => {
                assert!(matches!(reader.next(), Ok(None)), "frames follow an error");
                return (told, Some(error.to_string()));
            }
        }
    }
}
