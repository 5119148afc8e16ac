//! Fills the newest slice and begins the next.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use event::{RecordId, Timestamp};
use tantivy::directory::MmapDirectory;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{Index, IndexSettings, IndexWriter, TantivyDocument};

use super::Embedded;
use super::document::{Refusal, Shape};
use super::facts::{Facts, LAYOUT};
use super::records::Appender;
use super::schema;
use super::slice::{INDEX, RECORDS, Slice, open_index};
use crate::Error;
use crate::retention::Worth;

/// Bytes of memory for what is not committed yet; beyond them a segment is written early.
const MEMORY: usize = 96 << 20;
/// Small segments are merged as soon as there are so many of about one size.
const MERGE_AT: usize = 8;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is found after the next commit.
    Kept {
        /// Values of it that were not of the type of their field.
        conflicts: u32,
    },
    /// It is no record.
    Refused(Refusal),
    /// There is no room for what is worth so much.
    LeftOut(Worth),
}

/// Writes into the newest slice. There is one for a folder.
pub struct Writer {
    store: Arc<Embedded>,
    slice: Arc<Slice>,
    index: IndexWriter<TantivyDocument>,
    shape: Shape,
    records: Appender,
    facts: Facts,
    is_dirty: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("slice", &self.slice.number)
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Goes on behind the last commit.
    pub(crate) fn open(store: Arc<Embedded>, now: Timestamp) -> Result<Writer, Error> {
        let newest = store.newest();
        match newest {
            Some(slice) if is_fit(&slice) => Writer::on(store, slice),
            Some(slice) => {
                let facts = Facts {
                    offsets: slice.facts().offsets,
                    ..Facts::default()
                };
                let next = create(&store, slice.number + 1, facts, now)?;
                Writer::on(store, next)
            }
            None => {
                let first = create(&store, 1, Facts::default(), now)?;
                Writer::on(store, first)
            }
        }
    }

    fn on(store: Arc<Embedded>, slice: Arc<Slice>) -> Result<Writer, Error> {
        let number = slice.number;
        let index = open_index(&slice.dir, number)?;
        let facts = super::slice::committed(&index, number)?;
        let shape = Shape::of(&index.schema()).ok_or_else(|| Error::Damaged {
            path: slice.dir.clone(),
            why: "its schema is not ours".into(),
        })?;
        let records = Appender::open(&slice.dir.join(RECORDS), facts.records_len)?;
        let index: IndexWriter<TantivyDocument> = index
            .writer_with_num_threads(1, MEMORY)
            .map_err(Error::index("write", number))?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(MERGE_AT);
        index.set_merge_policy(Box::new(policy));
        Ok(Writer {
            store,
            slice,
            index,
            shape,
            records,
            facts,
            is_dirty: false,
        })
    }

    /// For each partition, the offset to go on with.
    #[must_use]
    pub const fn offsets(&self) -> &std::collections::BTreeMap<u32, u64> {
        &self.facts.offsets
    }

    /// Takes a record. It is found once [`Writer::commit`] returned.
    pub fn push(
        &mut self,
        id: RecordId,
        arrived: Timestamp,
        record: &[u8],
    ) -> Result<Taken, Error> {
        if record.len() > self.store.config.max_record_bytes {
            return Ok(Taken::Refused(Refusal::TooLarge));
        }
        let Ok(text) = std::str::from_utf8(record) else {
            return Ok(Taken::Refused(Refusal::NoJson));
        };
        let parsed = match self.shape.read(text, arrived) {
            Ok(parsed) => parsed,
            Err(refusal) => return Ok(Taken::Refused(refusal)),
        };
        let worth = Worth::of(&parsed.kind);
        if !self.store.level().keeps(worth) {
            return Ok(Taken::LeftOut(worth));
        }
        let row = self.facts.rows;
        let conflicts = parsed.conflicts;
        self.facts.rows += 1;
        self.facts
            .add(parsed.time.nanos(), &parsed.kind, text.len());
        self.records.push(row, id, text, None)?;
        self.index
            .add_document(parsed.into_document(&self.shape, row))
            .map_err(Error::index("write", self.slice.number))?;
        self.is_dirty = true;
        Ok(Taken::Kept { conflicts })
    }

    /// Says how far the topic is read.
    pub fn read_to(&mut self, partition: u32, next: u64) {
        if self.facts.offsets.insert(partition, next) != Some(next) {
            self.is_dirty = true;
        }
    }

    /// Events that wait for a commit, or offsets.
    #[must_use]
    pub const fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Bytes of records of the slice that is written.
    #[must_use]
    pub const fn slice_bytes(&self) -> u64 {
        self.facts.bytes_in
    }

    /// Makes what was taken last: after this it is found, and survives any death of the process.
    pub fn commit(&mut self, now: Timestamp) -> Result<(), Error> {
        if !self.is_dirty {
            return Ok(());
        }
        self.records.flush(None)?;
        self.facts.records_len = self.records.sync()?;
        self.facts.written = now.nanos();
        commit(&mut self.index, &self.facts, self.slice.number)?;
        self.is_dirty = false;
        self.slice.committed(self.facts.clone())?;
        let limits = &self.store.config.slices;
        let age = now.nanos().saturating_sub(self.facts.created) / 1_000_000_000;
        let is_full = self.facts.events >= limits.max_events
            || self.facts.bytes_in >= limits.max_bytes
            || age >= i64::try_from(limits.max_age_secs).unwrap_or(i64::MAX);
        if is_full && self.facts.events > 0 {
            self.next_slice(now)?;
        }
        Ok(())
    }

    /// Ends this slice and begins the next; the old one is sealed in the background.
    fn next_slice(&mut self, now: Timestamp) -> Result<(), Error> {
        let facts = Facts {
            offsets: self.facts.offsets.clone(),
            ..Facts::default()
        };
        let next = create(&self.store, self.slice.number + 1, facts, now)?;
        *self = Writer::on(self.store.clone(), next)?;
        self.store.wake();
        Ok(())
    }

    /// Ends the slice that is written, if it holds anything, so that it can be sealed.
    pub fn end_slice(&mut self, now: Timestamp) -> Result<(), Error> {
        self.commit(now)?;
        if self.facts.events > 0 {
            self.next_slice(now)?;
        }
        Ok(())
    }
}

/// Whether new events may go into a slice: it is not sealed and has today's columns.
fn is_fit(slice: &Slice) -> bool {
    let is_open = slice.with_facts(|facts| !facts.is_sealed && facts.layout == LAYOUT);
    is_open
        && open_index(&slice.dir, slice.number)
            .is_ok_and(|index| index.schema() == schema::schema())
}

/// Settings of an index: the store of documents is left empty, records have their own file.
#[must_use]
pub fn settings() -> IndexSettings {
    IndexSettings {
        docstore_compression: Compressor::Zstd(ZstdCompressor {
            compression_level: Some(1),
        }),
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    }
}

/// Makes an empty slice: beside its place first, so that it is there whole or not at all.
fn create(
    store: &Arc<Embedded>,
    number: u64,
    mut facts: Facts,
    now: Timestamp,
) -> Result<Arc<Slice>, Error> {
    facts.layout = LAYOUT;
    facts.created = now.nanos();
    facts.written = now.nanos();
    let dir = store.slice_dir(number, 0);
    let making = dir.with_extension("tmp");
    let _ = fs::remove_dir_all(&making);
    let index_dir = making.join(INDEX);
    fs::create_dir_all(&index_dir).map_err(Error::io("make", &index_dir))?;
    let records = making.join(RECORDS);
    Appender::open(&records, 0)?.sync()?;
    let directory = MmapDirectory::open(&index_dir)
        .map_err(|error| Error::index("make", number)(error.into()))?;
    let index = Index::create(directory, schema::schema(), settings())
        .map_err(Error::index("make", number))?;
    schema::register(&index);
    let mut writer: IndexWriter<TantivyDocument> = index
        .writer_with_num_threads(1, 15_000_000)
        .map_err(Error::index("make", number))?;
    commit(&mut writer, &facts, number)?;
    drop(writer);
    put(&making, &dir)?;
    let slice = Arc::new(Slice::new(&dir, number, 0, facts));
    store.add(slice.clone());
    Ok(slice)
}

/// Gives a folder its name, for good.
pub fn put(making: &Path, dir: &Path) -> Result<(), Error> {
    fs::rename(making, dir).map_err(Error::io("name", dir))?;
    if let Some(parent) = dir.parent() {
        let folder = fs::File::open(parent).map_err(Error::io("open", parent))?;
        folder.sync_all().map_err(Error::io("sync", parent))?;
    }
    Ok(())
}

fn commit(
    writer: &mut IndexWriter<TantivyDocument>,
    facts: &Facts,
    number: u64,
) -> Result<(), Error> {
    let payload = serde_json::to_string(facts).unwrap_or_default();
    let mut prepared = writer
        .prepare_commit()
        .map_err(Error::index("commit", number))?;
    prepared.set_payload(&payload);
    prepared.commit().map_err(Error::index("commit", number))?;
    Ok(())
}
