//! One slice: a folder with an index, the records, and what is known of them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher, SegmentReader};

use super::bits::Bits;
use super::endings::{self, Endings};
use super::facts::{Facts, LAYOUT};
use super::matching::column::within;
use super::records::Records;
use super::records::lent::Lender;
use super::schema;
use crate::Error;

/// The folder of the index.
pub const INDEX: &str = "index";
/// The file of records.
pub const RECORDS: &str = "records";
/// What is known of a sealed slice.
pub const FACTS: &str = "slice.json";

/// One slice.
#[derive(Debug)]
pub struct Slice {
    /// Slices are numbered in the order in which they are written.
    pub number: u64,
    /// How often it was written anew: sealed, thinned.
    pub generation: u64,
    /// Its folder.
    pub dir: PathBuf,
    facts: RwLock<Facts>,
    opened: Mutex<Option<Arc<Opened>>>,
    used: AtomicU64,
    /// Whether it could not be written anew, since it is damaged.
    is_stuck: AtomicBool,
    /// Whether its index was held against its checksums since this process began.
    is_checked: AtomicBool,
}

/// A slice that can be searched.
pub struct Opened {
    index: Index,
    reader: IndexReader,
    /// The records.
    pub records: Records,
    dir: PathBuf,
    /// Whether it is written no more: then it has one segment.
    is_sealed: bool,
    lender: OnceLock<Lender>,
    endings: OnceLock<HashMap<String, Endings>>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened")
    }
}

impl Opened {
    /// The state of the last commit.
    #[must_use]
    pub fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// The segment and document of a row.
    pub fn document_of(&self, row: u64) -> tantivy::Result<Option<(SegmentReader, u32)>> {
        for reader in self.searcher().segment_readers() {
            let rows = reader.fast_fields().u64(schema::ROW)?;
            let mut found = Bits::none(reader.max_doc());
            within(&rows, row, row, &mut found);
            if let Some(document) = found.iter().next() {
                return Ok(Some((reader.clone(), document)));
            }
        }
        Ok(None)
    }

    /// The columns that lend to its records; none where they stand whole.
    pub fn lender(&self) -> tantivy::Result<Option<&Lender>> {
        let searcher = self.searcher();
        let Some(reader) = searcher
            .segment_readers()
            .first()
            .filter(|_| self.is_sealed)
        else {
            return Ok(None);
        };
        if let Some(lender) = self.lender.get() {
            return Ok(Some(lender));
        }
        let lender = Lender::of(reader)?;
        Ok(Some(self.lender.get_or_init(|| lender)))
    }

    /// How the strings of a column end, where that is known.
    #[must_use]
    pub fn endings(&self, column: &str) -> Option<&Endings> {
        let all = self.endings.get_or_init(|| {
            if self.is_sealed {
                endings::read(&self.dir)
            } else {
                HashMap::new()
            }
        });
        all.get(column)
    }

    /// The index.
    #[must_use]
    pub const fn index(&self) -> &Index {
        &self.index
    }
}

impl Slice {
    /// Reads what is known of the slice in a folder.
    pub fn load(dir: &Path, number: u64, generation: u64) -> Result<Slice, Error> {
        let path = dir.join(FACTS);
        let facts: Facts = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| Error::Damaged {
                path,
                why: error.to_string(),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                committed(&open_index(dir, number)?, number)?
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        if facts.layout != LAYOUT {
            return Err(Error::Layout {
                dir: dir.to_owned(),
                layout: facts.layout,
            });
        }
        Ok(Slice::new(dir, number, generation, facts))
    }

    /// A slice that was just made.
    #[must_use]
    pub fn new(dir: &Path, number: u64, generation: u64, facts: Facts) -> Slice {
        Slice {
            number,
            generation,
            dir: dir.to_owned(),
            facts: RwLock::new(facts),
            opened: Mutex::default(),
            used: AtomicU64::new(0),
            is_stuck: AtomicBool::new(false),
            is_checked: AtomicBool::new(false),
        }
    }

    /// What is known of it.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let facts = self.facts.read();
        facts
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// With what is known of it, without a copy.
    pub fn with_facts<T>(&self, with: impl FnOnce(&Facts) -> T) -> T {
        let facts = self.facts.read();
        with(&facts.unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn set(&self, facts: Facts) {
        let mut place = self
            .facts
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *place = facts;
    }

    /// The slice, opened for searching at its last commit or the one of when it was opened.
    pub fn open(&self, tick: u64) -> Result<Arc<Opened>, Error> {
        self.used.store(tick, Ordering::Relaxed);
        let mut opened = self
            .opened
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(opened) = opened.as_ref() {
            return Ok(opened.clone());
        }
        let index = open_index(&self.dir, self.number)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(Error::index("open", self.number))?;
        let records = Records::open(&self.dir.join(RECORDS))?;
        records.follow(self.with_facts(|facts| facts.records_len))?;
        let new = Arc::new(Opened {
            index,
            reader,
            records,
            dir: self.dir.clone(),
            is_sealed: self.with_facts(|facts| facts.is_sealed),
            lender: OnceLock::new(),
            endings: OnceLock::new(),
        });
        *opened = Some(new.clone());
        Ok(new)
    }

    /// When it was used last, and whether it is open.
    #[must_use]
    pub fn last_used(&self) -> Option<u64> {
        let opened = self.opened.lock();
        opened
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .is_some()
            .then(|| self.used.load(Ordering::Relaxed))
    }

    /// Closes it; who searches goes on with what it has.
    pub fn close(&self) {
        let mut opened = self
            .opened
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *opened = None;
    }

    /// Whether it is damaged and stays as it is.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }

    /// Leaves it as it is from now on.
    pub fn stick(&self) {
        self.is_stuck.store(true, Ordering::Relaxed);
    }

    /// Holds the files of its index against the checksums that Tantivy keeps of them, once in a process; what
    /// searches and lent values are read from is nowhere else looked at whole. Returns the damaged files, or
    /// nothing where it was done before.
    pub fn check(&self) -> Result<Option<Vec<PathBuf>>, Error> {
        if self.is_checked.swap(true, Ordering::Relaxed) {
            return Ok(None);
        }
        let damaged = open_index(&self.dir, self.number)?.validate_checksum();
        let damaged = damaged.map_err(Error::index("check", self.number))?;
        let mut damaged: Vec<PathBuf> = damaged.into_iter().collect();
        damaged.sort();
        Ok(Some(damaged))
    }

    /// Shows a commit that this process made.
    pub fn committed(&self, facts: Facts) -> Result<(), Error> {
        // Held to the end: opened between this look and the new facts, it would stay at the commit before; and facts
        // that are new before the index is would let a follower pass over what it does not find yet.
        let opened = self
            .opened
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(opened) = opened.as_ref() {
            opened.records.follow(facts.records_len)?;
            opened
                .reader
                .reload()
                .map_err(Error::index("reload", self.number))?;
        }
        self.set(facts);
        Ok(())
    }

    /// Looks for a commit that another process made.
    pub fn refresh(&self) -> Result<(), Error> {
        if self.with_facts(|facts| facts.is_sealed) {
            return Ok(());
        }
        let facts = committed(&open_index(&self.dir, self.number)?, self.number)?;
        self.committed(facts)
    }

    /// Bytes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        let known = self.with_facts(|facts| facts.disk_bytes);
        if known > 0 { known } else { size(&self.dir) }
    }
}

/// Bytes of all files under a folder.
#[must_use]
pub fn size(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Opens the index of a slice.
pub fn open_index(dir: &Path, number: u64) -> Result<Index, Error> {
    let directory = MmapDirectory::open(dir.join(INDEX))
        .map_err(|error| Error::index("open", number)(error.into()))?;
    let index = Index::open(directory).map_err(Error::index("open", number))?;
    schema::register(&index);
    Ok(index)
}

/// What the last commit says.
pub fn committed(index: &Index, number: u64) -> Result<Facts, Error> {
    let meta = index.load_metas().map_err(Error::index("read", number))?;
    let payload = meta.payload.unwrap_or_default();
    serde_json::from_str(&payload).map_err(|error| Error::Damaged {
        path: PathBuf::from(format!("slice {number}")),
        why: format!("its last commit says no facts: {error}"),
    })
}
