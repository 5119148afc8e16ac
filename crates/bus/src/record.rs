//! What goes onto the bus and what comes off it.

use std::ops::Range;

use event::{RecordId, Timestamp, Topic};

/// The largest value, bytes: far above any EVE record, below what one read should ever take into memory.
pub const MAX_VALUE: usize = 4 << 20;

/// The largest key, bytes: keys are addresses, flow ids and incident ids.
pub const MAX_KEY: usize = 1 << 10;

/// One record to publish.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its name, where its caller made one (to publish it again under the same name); else the bus makes one.
    pub id: Option<RecordId>,
    /// Records of one key stay in order. At most [`MAX_KEY`] bytes; may be empty.
    pub key: &'a [u8],
    /// At most [`MAX_VALUE`] bytes.
    pub value: &'a [u8],
}

/// A record with its name, ready to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub id: RecordId,
    pub key: &'a [u8],
    pub value: &'a [u8],
}

/// A record is kept: it outlives the death of the process (and, with `fsync: always`, of the machine).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Where it is.
    pub topic: Topic,
    /// Which part of the topic.
    pub partition: u32,
    /// Its place there; later records have greater ones.
    pub offset: u64,
    /// Its name.
    pub id: RecordId,
}

/// One record as a reader gets it, lent by its [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Where it was.
    pub topic: Topic,
    /// Which part of the topic.
    pub partition: u32,
    /// Its place there.
    pub offset: u64,
    /// Its name: the same for each repeat.
    pub id: RecordId,
    /// When it was published, by the clock of its publisher.
    pub time: Timestamp,
    /// What it is ordered by.
    pub key: &'a [u8],
    /// What it says.
    pub value: &'a [u8],
}

/// Records that a group will never see: they were dropped (by age or size) or damaged before it came to read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where.
    pub topic: Topic,
    /// Which part of the topic.
    pub partition: u32,
    /// Offsets that are missing.
    pub offsets: Range<u64>,
    /// Why they are.
    pub why: GapReason,
}

/// Why records are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// The group was further behind than the topic is kept.
    Retention,
    /// The disk gave back other bytes than were written.
    Damaged,
}

/// A partition of a topic.
pub(crate) type Part = (Topic, u32);

/// Some records in order, and what is missing before or between them.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    records: Vec<Place>,
    gaps: Vec<Gap>,
    positions: Vec<(Part, u64)>,
}

#[derive(Debug)]
pub(crate) struct Place {
    pub topic: Topic,
    pub partition: u32,
    pub offset: u64,
    pub id: RecordId,
    pub time: Timestamp,
    pub key: Range<usize>,
    pub value: Range<usize>,
}

impl Batch {
    /// Places must lie within `bytes`: what does not reads as empty. `positions`: where each
    /// partition goes on behind this batch.
    pub(crate) fn new(
        bytes: Vec<u8>,
        records: Vec<Place>,
        gaps: Vec<Gap>,
        positions: Vec<(Part, u64)>,
    ) -> Batch {
        Batch {
            bytes,
            records,
            gaps,
            positions,
        }
    }

    pub(crate) fn positions(&self) -> &[(Part, u64)] {
        &self.positions
    }

    /// The records, in order within each partition.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Delivery<'_>> + ExactSizeIterator {
        self.records.iter().map(|place| Delivery {
            topic: place.topic,
            partition: place.partition,
            offset: place.offset,
            id: place.id,
            time: place.time,
            key: self.bytes.get(place.key.clone()).unwrap_or_default(),
            value: self.bytes.get(place.value.clone()).unwrap_or_default(),
        })
    }

    /// How many records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record; there may be a gap all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What the group will never see, told once, with the first batch after it.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}
