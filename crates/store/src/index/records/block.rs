//! One compressed block of records.

use std::cell::RefCell;
use std::io;

use event::RecordId;

use super::columns;
use super::lent::Lending;
use super::varint::{put, take, unzigzag, zigzag};

/// Bytes of a head.
pub const HEAD: usize = 92;
const MAGIC: &[u8; 4] = b"RtB2";
/// The most bytes that a block may say it holds: a block is full at some 100 KiB and one record more.
const MAX_TEXT: u32 = 64 << 20;

/// What a block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where it begins in its file.
    pub offset: u64,
    /// Its first row.
    pub first_row: u64,
    /// Its last row.
    pub last_row: u64,
    /// How many records.
    pub records: u32,
    /// The least id.
    pub min_id: RecordId,
    /// The greatest id.
    pub max_id: RecordId,
    names_len: u32,
    text_len: u32,
    /// Bytes of the records as they came.
    pub raw_len: u32,
    raw_names_len: u32,
    /// Bytes of the records as columns; 0 where they stand as they came.
    columns_len: u32,
    checksum: u64,
}

impl Head {
    fn write(&self) -> [u8; HEAD] {
        let mut out = Vec::with_capacity(HEAD);
        out.extend_from_slice(MAGIC);
        for number in [
            self.records,
            self.names_len,
            self.text_len,
            self.raw_len,
            self.raw_names_len,
            self.columns_len,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.first_row, self.last_row, self.checksum] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.min_id.to_bytes());
        out.extend_from_slice(&self.max_id.to_bytes());
        let check = fnv(&out);
        out.extend_from_slice(&check.to_le_bytes());
        let mut head = [0; HEAD];
        for (to, from) in head.iter_mut().zip(&out) {
            *to = *from;
        }
        head
    }

    /// Reads a head that stands at `offset`; none where the bytes are no head.
    #[must_use]
    pub fn read(bytes: &[u8; HEAD], offset: u64) -> Option<Head> {
        const SAID: usize = 4 + 6 * 4 + 3 * 8 + 2 * 16;
        let (said, check) = bytes.split_at_checked(SAID)?;
        if u64::from_le_bytes(*check.first_chunk()?) != fnv(said) {
            return None;
        }
        let mut rest = said.strip_prefix(MAGIC)?;
        let mut u32s = [0; 6];
        for number in &mut u32s {
            let (bytes, after) = rest.split_first_chunk()?;
            *number = u32::from_le_bytes(*bytes);
            rest = after;
        }
        let mut u64s = [0; 3];
        for number in &mut u64s {
            let (bytes, after) = rest.split_first_chunk()?;
            *number = u64::from_le_bytes(*bytes);
            rest = after;
        }
        let (min_id, rest) = rest.split_first_chunk()?;
        let max_id = rest.first_chunk()?;
        let [
            records,
            names_len,
            text_len,
            raw_len,
            raw_names_len,
            columns_len,
        ] = u32s;
        let [first_row, last_row, checksum] = u64s;
        let lengths = [raw_len, raw_names_len, columns_len];
        lengths.iter().all(|len| *len <= MAX_TEXT).then_some(Head {
            offset,
            first_row,
            last_row,
            records,
            min_id: RecordId::from_bytes(*min_id),
            max_id: RecordId::from_bytes(*max_id),
            names_len,
            text_len,
            raw_len,
            raw_names_len,
            columns_len,
            checksum,
        })
    }

    /// Bytes behind the head.
    #[must_use]
    pub const fn body_len(&self) -> usize {
        self.names_len as usize + self.text_len as usize
    }

    /// Bytes of rows and ids, right behind the head.
    #[must_use]
    pub const fn names_len(&self) -> usize {
        self.names_len as usize
    }

    /// Where the next block begins.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + HEAD as u64 + self.body_len() as u64
    }
}

/// FNV-1a, 64 bits, over eight bytes at a time: it finds bytes that went wrong, no forger.
fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, word: u64| {
        (hash ^ word)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(23)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for word in words {
        hash = step(hash, u64::from_le_bytes(*word));
    }
    rest.iter()
        .fold(hash, |hash, byte| step(hash, u64::from(*byte)))
}

/// Unpacks at most `len` bytes. Each thread keeps what it unpacks with: to make it anew takes longer than a small block.
fn decompress(bytes: &[u8], len: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        static UNPACKS: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    UNPACKS.with_borrow_mut(|unpacks| match unpacks {
        Some(unpacks) => unpacks.decompress(bytes, len),
        None => unpacks
            .insert(zstd::bulk::Decompressor::new()?)
            .decompress(bytes, len),
    })
}

/// Records with their rows and ids.
#[derive(Debug, Default)]
pub struct Block {
    rows: Vec<u64>,
    ids: Vec<RecordId>,
    body: Body,
}

/// The texts of a block.
#[derive(Debug)]
enum Body {
    /// One behind the other.
    Texts {
        text: String,
        /// Where each ends.
        ends: Vec<u32>,
    },
    /// As columns, which are put together when a record is asked for.
    Columns {
        bytes: Vec<u8>,
        /// Bytes of all texts.
        raw_len: usize,
    },
}

impl Default for Body {
    fn default() -> Body {
        Body::Texts {
            text: String::new(),
            ends: Vec::new(),
        }
    }
}

/// Records while they are gathered for a block.
#[derive(Debug, Default)]
pub struct Pending {
    rows: Vec<u64>,
    ids: Vec<RecordId>,
    /// Where each record ends in `text`.
    ends: Vec<u32>,
    text: String,
}

impl Block {
    /// Its ids in the order of rows.
    #[must_use]
    pub fn ids(&self) -> &[RecordId] {
        &self.ids
    }

    /// The id of a row.
    #[must_use]
    pub fn id_of(&self, row: u64) -> Option<RecordId> {
        self.ids.get(self.rows.binary_search(&row).ok()?).copied()
    }

    /// The row of an id.
    #[must_use]
    pub fn row_of(&self, id: RecordId) -> Option<u64> {
        let place = self.ids.iter().position(|other| *other == id)?;
        self.rows.get(place).copied()
    }

    /// Calls with row, id and text of each record whose row is wanted. None where the bytes are not what was written,
    /// or where nobody lends what the index has.
    pub fn each(
        &self,
        wanted: impl Fn(u64) -> bool,
        lending: Option<Lending<'_>>,
        mut with: impl FnMut(u64, RecordId, &str),
    ) -> Option<()> {
        match &self.body {
            Body::Texts { text, ends } => {
                let mut start = 0;
                for ((row, id), end) in self.rows.iter().zip(&self.ids).zip(ends) {
                    let end = *end as usize;
                    if wanted(*row) {
                        with(*row, *id, text.get(start..end)?);
                    }
                    start = end;
                }
                Some(())
            }
            Body::Columns { bytes, raw_len } => {
                let row = |number: usize| self.rows.get(number).copied().filter(|row| wanted(*row));
                columns::unpack(bytes, *raw_len, row, lending, |row, text| {
                    if let Some(id) = self.id_of(row) {
                        with(row, id, text);
                    }
                })
            }
        }
    }

    /// Reads rows and ids alone, from the first [`Head::names_len`] bytes behind a head.
    #[must_use]
    pub fn read_names(head: &Head, bytes: &[u8]) -> Option<Block> {
        let names = decompress(bytes, head.raw_names_len as usize).ok()?;
        let mut block = Block::default();
        block.take_names(head, &names)?;
        Some(block)
    }

    /// Reads the bytes behind a head; none where they are not what was written.
    #[must_use]
    pub fn read(head: &Head, bytes: &[u8]) -> Option<Block> {
        if fnv(bytes) != head.checksum {
            return None;
        }
        let (names, text) = bytes.split_at_checked(head.names_len as usize)?;
        let names = decompress(names, head.raw_names_len as usize).ok()?;
        let mut block = Block::default();
        let mut rest = block.take_names(head, &names)?;
        block.body = if head.columns_len > 0 {
            Body::Columns {
                bytes: decompress(text, head.columns_len as usize).ok()?,
                raw_len: head.raw_len as usize,
            }
        } else {
            let text = decompress(text, head.raw_len as usize).ok()?;
            let text = String::from_utf8(text).ok()?;
            let mut ends = Vec::new();
            let mut end = 0_u64;
            for _ in 0..head.records {
                end = end.checked_add(take(&mut rest)?)?;
                ends.push(u32::try_from(end).ok()?);
            }
            Body::Texts { text, ends }
        };
        Some(block)
    }

    /// Takes rows and ids; what stands behind them.
    fn take_names<'a>(&mut self, head: &Head, names: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = names;
        let mut before = 0_u64;
        for _ in 0..head.records {
            let row = before.checked_add(take(&mut rest)?)?;
            self.rows.push(row);
            before = row.checked_add(1)?;
        }
        let (mut high, mut low) = (0_u64, 0_u64);
        for _ in 0..head.records {
            high = high.wrapping_add(unzigzag(take(&mut rest)?));
            low = low.wrapping_add(unzigzag(take(&mut rest)?));
            self.ids.push(whole(high, low));
        }
        Some(rest)
    }
}

impl Pending {
    /// Takes a record.
    pub fn push(&mut self, row: u64, id: RecordId, text: &str) {
        self.rows.push(row);
        self.ids.push(id);
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
    }

    /// Forgets all records.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.ids.clear();
        self.ends.clear();
        self.text.clear();
    }

    /// Bytes of its records.
    #[must_use]
    pub const fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn texts(&self) -> impl Iterator<Item = (u64, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let texts = starts.zip(&self.ends).map(|(start, end)| {
            let text = self.text.get(start as usize..*end as usize);
            text.unwrap_or_default()
        });
        self.rows.iter().copied().zip(texts)
    }

    /// Its bytes, head first; the head's offset is left to who writes it. As columns it is smaller by
    /// a third, with what the index lends by two thirds, and takes some times longer to write.
    pub fn write(
        &self,
        level: i32,
        as_columns: bool,
        lending: Option<Lending<'_>>,
    ) -> io::Result<(Head, Vec<u8>)> {
        let columns = if as_columns {
            columns::pack(self.texts(), lending)
                .filter(|columns| columns.len() <= MAX_TEXT as usize)
        } else {
            None
        };
        let names = self.names(columns.is_none());
        let packed_names = zstd::bulk::compress(&names, level)?;
        let text = columns.as_deref().unwrap_or(self.text.as_bytes());
        let packed_text = zstd::bulk::compress(text, level)?;
        let mut bytes = vec![0; HEAD];
        bytes.extend_from_slice(&packed_names);
        bytes.extend_from_slice(&packed_text);
        let nothing = RecordId::from_bytes([0; 16]);
        let head = Head {
            offset: 0,
            first_row: self.rows.first().copied().unwrap_or_default(),
            last_row: self.rows.last().copied().unwrap_or_default(),
            records: self.rows.len() as u32,
            min_id: self.ids.iter().min().copied().unwrap_or(nothing),
            max_id: self.ids.iter().max().copied().unwrap_or(nothing),
            names_len: packed_names.len() as u32,
            text_len: packed_text.len() as u32,
            raw_len: self.text.len() as u32,
            raw_names_len: names.len() as u32,
            columns_len: columns.map_or(0, |columns| columns.len() as u32),
            checksum: fnv(bytes.get(HEAD..).unwrap_or_default()),
        };
        if let Some(place) = bytes.first_chunk_mut() {
            *place = head.write();
        }
        Ok((head, bytes))
    }

    /// Rows and ids, each as the difference to the one before, and lengths where the texts do not tell them.
    fn names(&self, with_lengths: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rows.len() * 8);
        let mut before = 0;
        for row in &self.rows {
            put(&mut out, row.wrapping_sub(before));
            before = row + 1;
        }
        let (mut high, mut low) = (0, 0);
        for id in &self.ids {
            let (this_high, this_low) = halves(*id);
            put(&mut out, zigzag(this_high.wrapping_sub(high)));
            put(&mut out, zigzag(this_low.wrapping_sub(low)));
            (high, low) = (this_high, this_low);
        }
        if with_lengths {
            let mut start = 0;
            for end in &self.ends {
                put(&mut out, u64::from(end - start));
                start = *end;
            }
        }
        out
    }
}

/// An id's halves, turned so that ids which follow each other differ in low bits only: the count
/// within a millisecond stands above 42 bits that name the producer.
fn halves(id: RecordId) -> (u64, u64) {
    let id = u128::from_be_bytes(id.to_bytes());
    ((id >> 64) as u64, (id as u64).rotate_left(22))
}

fn whole(high: u64, low: u64) -> RecordId {
    let id = u128::from(high) << 64 | u128::from(low.rotate_right(22));
    RecordId::from_bytes(id.to_be_bytes())
}
