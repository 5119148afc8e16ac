//! What a group has read: one small file for each group, written in place.
//!
//! Each partition has a slot of two copies that are written in turn, each with a count and a
//! checksum: whatever a power loss does to one, the other stands.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use event::Topic;

use crate::record::Part;

const COPY: usize = 32;
const SLOT: usize = 2 * COPY;
const MAGIC: u32 = u32::from_le_bytes(*b"RTLG");

/// The file of one group.
#[derive(Debug)]
pub struct Offsets {
    file: File,
    slots: BTreeMap<Part, Slot>,
    dirty: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    place: u64,
    count: u64,
    /// The next offset to read.
    offset: u64,
}

impl Offsets {
    /// Opens or makes the file. The second value counts slots that could not be read: their
    /// partitions are read again from where the log begins.
    pub fn open(path: &Path) -> io::Result<(Offsets, usize)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut slots = BTreeMap::new();
        let mut damaged = 0;
        for (number, slot) in bytes.chunks(SLOT).enumerate() {
            let place = (number * SLOT) as u64;
            match slot.chunks(COPY).filter_map(read).max_by_key(|x| x.1) {
                Some((part, count, offset)) => {
                    let slot = Slot {
                        place,
                        count,
                        offset,
                    };
                    slots.insert(part, slot);
                }
                None => damaged += 1,
            }
        }
        let offsets = Offsets {
            file,
            slots,
            dirty: false,
        };
        Ok((offsets, damaged))
    }

    /// The next offset to read of each partition that was ever committed.
    pub fn all(&self) -> impl Iterator<Item = (Part, u64)> + '_ {
        self.slots.iter().map(|(part, slot)| (*part, slot.offset))
    }

    /// The next offset to read.
    pub fn get(&self, part: Part) -> Option<u64> {
        self.slots.get(&part).map(|slot| slot.offset)
    }

    /// Sets it, in the file first.
    pub fn set(&mut self, part: Part, offset: u64) -> io::Result<()> {
        let slot = match self.slots.get(&part) {
            Some(slot) => Slot {
                count: slot.count + 1,
                offset,
                ..*slot
            },
            None => Slot {
                place: self
                    .slots
                    .values()
                    .map(|slot| slot.place + SLOT as u64)
                    .max()
                    .unwrap_or(0),
                count: 1,
                offset,
            },
        };
        let copy = write(part, slot.count, offset);
        if slot.count == 1 {
            // Both at once, so that later commits never need space.
            let mut both = [0; SLOT];
            both[..COPY].copy_from_slice(&copy);
            both[COPY..].copy_from_slice(&copy);
            self.file.write_all_at(&both, slot.place)?;
        } else {
            let place = slot.place + (slot.count % 2) * COPY as u64;
            self.file.write_all_at(&copy, place)?;
        }
        self.slots.insert(part, slot);
        self.dirty = true;
        Ok(())
    }

    /// Forces commits to the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// 32 bytes: magic (4), topic (2), partition (2), count (8), offset (8), nothing (4), checksum of these (4).
fn write((topic, partition): Part, count: u64, offset: u64) -> [u8; COPY] {
    let mut out = [0; COPY];
    out[..4].copy_from_slice(&MAGIC.to_le_bytes());
    out[4..6].copy_from_slice(&(topic.index() as u16).to_le_bytes());
    out[6..8].copy_from_slice(&(partition as u16).to_le_bytes());
    out[8..16].copy_from_slice(&count.to_le_bytes());
    out[16..24].copy_from_slice(&offset.to_le_bytes());
    let checksum = crc32c::crc32c(&out[..28]);
    out[28..].copy_from_slice(&checksum.to_le_bytes());
    out
}

fn read(bytes: &[u8]) -> Option<(Part, u64, u64)> {
    let bytes: &[u8; COPY] = bytes.try_into().ok()?;
    let topic = u16::from_le_bytes([bytes[4], bytes[5]]);
    let topic = *Topic::ALL.get(usize::from(topic))?;
    let partition = u32::from(u16::from_le_bytes([bytes[6], bytes[7]]));
    let count = u64::from_le_bytes(bytes[8..16].try_into().ok()?);
    let offset = u64::from_le_bytes(bytes[16..24].try_into().ok()?);
    (write((topic, partition), count, offset) == *bytes).then_some((
        (topic, partition),
        count,
        offset,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: Part = (Topic::Orders, 3);

    #[test]
    fn what_was_set_is_there_after_a_new_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("g");
        let (mut offsets, _) = Offsets::open(&path).unwrap();
        for offset in 1..=7 {
            offsets.set(PART, offset).unwrap();
            offsets.set((Topic::Events, 0), offset * 10).unwrap();
        }
        offsets.sync().unwrap();
        let (offsets, damaged) = Offsets::open(&path).unwrap();
        assert_eq!(damaged, 0);
        let all: Vec<_> = offsets.all().collect();
        assert_eq!(all, [((Topic::Events, 0), 70), (PART, 7)]);
    }

    #[test]
    fn a_damaged_copy_gives_the_one_before_and_two_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("g");
        let (mut offsets, _) = Offsets::open(&path).unwrap();
        offsets.set(PART, 5).unwrap();
        offsets.set(PART, 6).unwrap();
        offsets.file.write_all_at(&[0xff], 20).unwrap();
        let (offsets, damaged) = Offsets::open(&path).unwrap();
        assert_eq!((offsets.get(PART), damaged), (Some(5), 0));
        offsets.file.write_all_at(&[0xff], 52).unwrap();
        let (offsets, damaged) = Offsets::open(&path).unwrap();
        assert_eq!((offsets.get(PART), damaged), (None, 1));
    }
}
