//! The embedded store: slices of events in a folder, filled one after the other.

mod aggregate;
pub mod bits;
mod care;
mod document;
mod endings;
mod facts;
mod find;
mod hits;
mod matching;
mod records;
mod schema;
mod seal;
mod slice;
mod tail;
mod threads;
mod top;
mod values;
mod writer;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use event::{RecordId, Timestamp};

pub use self::document::Refusal;
pub use self::facts::Facts;
use self::records::lent::Lending;
pub use self::slice::Slice;
pub use self::tail::Position;
pub use self::writer::{Taken, Writer};
use crate::search::Hit;
use crate::{Config, Error};

/// The folder of slices within the store's.
const SLICES: &str = "slices";
/// Held by the process that writes.
const LOCK: &str = "lock";

/// A slice with its index and records.
type OpenedSlice = (Arc<Slice>, Arc<slice::Opened>);

/// The slices of a folder.
#[derive(Debug)]
pub struct Embedded {
    config: Config,
    slices: RwLock<BTreeMap<u64, Arc<Slice>>>,
    tick: AtomicU64,
    /// Held while this process may write.
    lock: Option<fs::File>,
    wants_care: AtomicBool,
    /// How scarce room is.
    level: AtomicU8,
}

impl Embedded {
    /// Opens the folder for writing and reading.
    pub fn open(config: &Config) -> Result<Embedded, Error> {
        let dir = config.dir.join(SLICES);
        fs::create_dir_all(&dir).map_err(Error::io("make", &dir))?;
        let path = config.dir.join(LOCK);
        let lock = fs::File::create(&path).map_err(Error::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    dir: config.dir.clone(),
                });
            }
            Err(fs::TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
        clear(&dir)?;
        let store = Embedded::with(config, Some(lock));
        store.look()?;
        Ok(store)
    }

    /// Opens the folder for reading, also while another process writes.
    pub fn open_read_only(config: &Config) -> Result<Embedded, Error> {
        let store = Embedded::with(config, None);
        store.look()?;
        Ok(store)
    }

    fn with(config: &Config, lock: Option<fs::File>) -> Embedded {
        Embedded {
            config: config.clone(),
            slices: RwLock::default(),
            tick: AtomicU64::new(0),
            lock,
            wants_care: AtomicBool::new(true),
            level: AtomicU8::new(0),
        }
    }

    /// Reads which slices there are.
    fn look(&self) -> Result<(), Error> {
        let dir = self.config.dir.join(SLICES);
        let mut found = BTreeMap::new();
        for (number, generation) in names(&dir)? {
            // Of two generations the later one counts.
            found.insert(number, generation);
        }
        let known = self.slices();
        let mut slices = BTreeMap::new();
        for (number, generation) in found {
            let same = known
                .iter()
                .find(|slice| slice.number == number && slice.generation == generation);
            let slice = match same {
                Some(slice) => {
                    if self.lock.is_none() {
                        slice.refresh()?;
                    }
                    slice.clone()
                }
                None => {
                    let dir = self.slice_dir(number, generation);
                    match Slice::load(&dir, number, generation) {
                        Ok(slice) => Arc::new(slice),
                        // It went away while we looked: dropped, or written anew.
                        Err(_) if self.lock.is_none() && !dir.exists() => continue,
                        Err(error @ Error::Layout { .. }) => return Err(error),
                        Err(error) if self.lock.is_some() => {
                            // One damaged slice must not take the others away.
                            tracing::error!("slice {number} is left out: {error}");
                            continue;
                        }
                        Err(error) => return Err(error),
                    }
                }
            };
            slices.insert(number, slice);
        }
        *self.slices_mut() = slices;
        Ok(())
    }

    /// Sees what another process wrote, where this one only reads.
    fn see(&self) -> Result<(), Error> {
        if self.lock.is_none() {
            self.look()
        } else {
            Ok(())
        }
    }

    fn slices_mut(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<u64, Arc<Slice>>> {
        self.slices
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The slices, oldest first.
    #[must_use]
    pub fn slices(&self) -> Vec<Arc<Slice>> {
        let slices = self.slices.read();
        slices
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    fn newest(&self) -> Option<Arc<Slice>> {
        self.slices().pop()
    }

    fn add(&self, slice: Arc<Slice>) {
        self.slices_mut().insert(slice.number, slice);
    }

    fn slice_dir(&self, number: u64, generation: u64) -> PathBuf {
        let dir = self.config.dir.join(SLICES);
        dir.join(format!("{number:010}-{generation}"))
    }

    /// Tells whoever looks after slices that there is something to do.
    fn wake(&self) {
        self.wants_care.store(true, Ordering::Release);
    }

    /// Whether somebody told since this was asked last.
    pub fn is_woken(&self) -> bool {
        self.wants_care.swap(false, Ordering::AcqRel)
    }

    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether a record is kept.
    pub fn holds(&self, id: RecordId) -> Result<bool, Error> {
        for slice in self.slices().iter().rev() {
            if let Some((_, opened)) = self.opened_now(slice)?
                && opened.records.row_of(id)?.is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A writer. There must be one at a time.
    pub fn writer(self: &Arc<Self>, now: Timestamp) -> Result<Writer, Error> {
        if self.lock.is_none() {
            return Err(Error::ReadOnly);
        }
        Writer::open(self.clone(), now)
    }

    /// The slices that may hold events of `from..to`, as they are now.
    fn of_time(&self, from: i64, to: i64) -> Result<Vec<Arc<Slice>>, Error> {
        if self.lock.is_none() {
            self.look()?;
        }
        let mut slices = self.slices();
        slices.retain(|slice| slice.with_facts(|facts| facts.may_hold(from, to)));
        Ok(slices)
    }

    /// Opens a slice, and closes the one that was used longest ago where too many are open.
    fn opened(&self, slice: &Slice) -> Result<Arc<slice::Opened>, Error> {
        let tick = self.tick.fetch_add(1, Ordering::Relaxed);
        if slice.last_used().is_none() {
            let mut open: Vec<(u64, Arc<Slice>)> = self
                .slices()
                .into_iter()
                .filter_map(|slice| Some((slice.last_used()?, slice)))
                .collect();
            open.sort_unstable_by_key(|(used, _)| *used);
            let over = (open.len() + 1).saturating_sub(self.config.slices.max_open);
            for (_, slice) in open.iter().take(over) {
                slice.close();
            }
        }
        slice.open(tick)
    }

    /// Opens a slice of a list that was taken before, or what it was written anew as since; none where it is gone.
    fn opened_now(&self, slice: &Arc<Slice>) -> Result<Option<OpenedSlice>, Error> {
        let mut slice = slice.clone();
        loop {
            match self.opened(&slice) {
                Ok(opened) => return Ok(Some((slice, opened))),
                Err(error) if slice.dir.exists() => return Err(error),
                Err(error) => {
                    self.see()?;
                    let mut slices = self.slices().into_iter();
                    match slices.find(|now| now.number == slice.number) {
                        // Generations only grow, and there are few of one slice: this comes to an end.
                        Some(now) if now.generation > slice.generation => slice = now,
                        Some(_) => return Err(error),
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    /// One event by its id.
    pub fn get(&self, id: RecordId) -> Result<Option<Hit>, Error> {
        if self.lock.is_none() {
            self.look()?;
        }
        for slice in self.slices().iter().rev() {
            let Some((_, opened)) = self.opened_now(slice)? else {
                continue;
            };
            let failed = Error::index("search", slice.number);
            if let Some(row) = opened.records.row_of(id)?
                && let Some((time, id, event)) = record(&opened, row, failed)?
            {
                let time = time.unwrap_or_else(|| id.time());
                return Ok(Some(Hit { id, time, event }));
            }
        }
        Ok(None)
    }

    /// Ids of the last records, at most `limit`, oldest first.
    pub fn recent_ids(&self, limit: usize) -> Result<Vec<RecordId>, Error> {
        let mut ids: Vec<RecordId> = Vec::new();
        for slice in self.slices().iter().rev() {
            let opened = self.opened(slice)?;
            for head in opened.records.heads().iter().rev() {
                if ids.len() >= limit {
                    break;
                }
                let block = opened.records.names(head)?;
                ids.extend(block.ids().iter().rev());
            }
        }
        ids.truncate(limit);
        ids.reverse();
        Ok(ids)
    }
}

/// The record of a row with the time of its event.
fn record(
    opened: &slice::Opened,
    row: u64,
    failed: impl FnOnce(tantivy::TantivyError) -> Error,
) -> Result<Option<(Option<Timestamp>, RecordId, String)>, Error> {
    let lent = (|| {
        let place = opened.document_of(row)?;
        let time = match &place {
            Some((reader, document)) => reader.fast_fields().date(schema::TIME)?.first(*document),
            None => None,
        };
        let document = place.map(|(_, document)| document);
        tantivy::Result::Ok((document, time, opened.lender()?))
    })();
    let (document, time, lender) = lent.map_err(failed)?;
    let document = |_: u64| document;
    let lending = lender.map(|lender| Lending {
        lender,
        document: &document,
    });
    let time = time.map(|time| Timestamp::from_nanos(time.into_timestamp_nanos()));
    let found = opened.records.get(row, lending)?;
    Ok(found.map(|(id, text)| (time, id, text)))
}

/// Numbers and generations of the slices in a folder, ascending.
fn names(dir: &Path) -> Result<Vec<(u64, u64)>, Error> {
    let mut names = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(Error::io("list", dir)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::io("list", dir))?;
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.split_once('-'));
        if let Some((number, generation)) = parts
            && let (Ok(number), Ok(generation)) = (number.parse(), generation.parse())
        {
            names.push((number, generation));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes what a crash left half made, and generations that were written anew.
fn clear(dir: &Path) -> Result<(), Error> {
    let names = names(dir)?;
    for (older, newer) in names.iter().zip(names.iter().skip(1)) {
        if older.0 == newer.0 {
            let path = dir.join(format!("{:010}-{}", older.0, older.1));
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
