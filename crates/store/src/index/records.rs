//! The records of a slice as they came: a file of compressed blocks, in the order of their rows.
//!
//! A row is the number of a record within its slice. Blocks are only appended; what a crash left
//! behind the last commit is cut off by the next writer. Each block says in its head what it holds,
//! so that the list of blocks is read from the heads alone.

mod block;
mod columns;
pub mod lent;
mod varint;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use event::RecordId;

use self::block::Pending;
pub use self::block::{Block, Head};
use self::lent::Lending;
use crate::Error;

/// Bytes of records in a block that is written while events come: small enough to be read fast for one hit.
const OPEN_BLOCK: usize = 128 << 10;
/// Bytes of records in a block that is written once and for all: larger ones pack better, and take longer to read for
/// one hit. With the real mix, before anything is lent: 16.1 times smaller at 128 KiB, 17.3 at 256, 18.6 at 512.
const SEALED_BLOCK: usize = 512 << 10;
/// Level of zstd for those: 12 is no smaller, 15 by a fourteenth for eight times the work.
const SEALED_LEVEL: i32 = 9;
/// Level of zstd while events come: the sensor must not wait.
const OPEN_LEVEL: i32 = 1;
/// Blocks that are kept decompressed for each slice, some 4 MiB at most: columns are a third of their texts.
const CACHED: usize = 16;

/// Appends records.
#[derive(Debug)]
pub struct Appender {
    file: File,
    path: PathBuf,
    len: u64,
    pending: Pending,
    block_bytes: usize,
    level: i32,
    as_columns: bool,
}

impl Appender {
    /// Opens the file for appending behind its first `len` bytes; what is behind them is cut off.
    pub fn open(path: &Path, len: u64) -> Result<Appender, Error> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(Error::io("open", path))?;
        file.set_len(len).map_err(Error::io("cut", path))?;
        Ok(Appender {
            file,
            path: path.to_owned(),
            len,
            pending: Pending::default(),
            block_bytes: OPEN_BLOCK,
            level: OPEN_LEVEL,
            as_columns: false,
        })
    }

    /// A new file that is written once and read for long.
    pub fn sealed(path: &Path) -> Result<Appender, Error> {
        Ok(Appender {
            block_bytes: SEALED_BLOCK,
            level: SEALED_LEVEL,
            as_columns: true,
            ..Appender::open(path, 0)?
        })
    }

    /// Takes a record; rows must ascend.
    pub fn push(
        &mut self,
        row: u64,
        id: RecordId,
        text: &str,
        lending: Option<Lending<'_>>,
    ) -> Result<(), Error> {
        self.pending.push(row, id, text);
        if self.pending.text_len() >= self.block_bytes {
            return self.flush(lending);
        }
        Ok(())
    }

    /// Writes what is pending.
    pub fn flush(&mut self, lending: Option<Lending<'_>>) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (_, bytes) = self
            .pending
            .write(self.level, self.as_columns, lending)
            .map_err(Error::io("compress for", &self.path))?;
        if let Err(error) = self.file.write_all_at(&bytes, self.len) {
            // A part may be there: cut off, so that a later try begins where this one did.
            let _ = self.file.set_len(self.len);
            return Err(Error::io("write", &self.path)(error));
        }
        self.len += bytes.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Forces what was flushed to the disk; its length.
    pub fn sync(&mut self) -> Result<u64, Error> {
        self.file
            .sync_data()
            .map_err(Error::io("sync", &self.path))?;
        Ok(self.len)
    }
}

/// Reads records.
#[derive(Debug)]
pub struct Records {
    file: File,
    path: PathBuf,
    heads: RwLock<Heads>,
    cache: Mutex<Vec<(u64, Arc<Block>)>>,
}

#[derive(Debug, Default)]
struct Heads {
    list: Vec<Head>,
    /// Bytes that the list covers.
    len: u64,
}

impl Records {
    /// Opens the file for reading; made empty where it is not there and may be.
    pub fn open(path: &Path) -> Result<Records, Error> {
        Ok(Records {
            file: File::open(path).map_err(Error::io("open", path))?,
            path: path.to_owned(),
            heads: RwLock::default(),
            cache: Mutex::default(),
        })
    }

    /// Reads the heads of blocks up to this length of the file.
    pub fn follow(&self, len: u64) -> Result<(), Error> {
        let mut heads = self
            .heads
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        while heads.len < len {
            let mut bytes = [0; block::HEAD];
            let at = heads.len;
            self.file
                .read_exact_at(&mut bytes, at)
                .map_err(Error::io("read", &self.path))?;
            let head = Head::read(&bytes, at).ok_or_else(|| self.damaged(at))?;
            heads.len = head.end();
            heads.list.push(head);
        }
        Ok(())
    }

    fn damaged(&self, at: u64) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            why: format!("the block at byte {at}"),
        }
    }

    /// The heads of blocks that are known.
    #[must_use]
    pub fn heads(&self) -> Vec<Head> {
        let heads = self.heads.read();
        heads
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .list
            .clone()
    }

    /// The block that holds a row.
    pub fn find(&self, row: u64) -> Option<Head> {
        let heads = self
            .heads
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = heads.list.partition_point(|head| head.last_row < row);
        heads
            .list
            .get(place)
            .filter(|head| head.first_row <= row)
            .cloned()
    }

    /// Reads a block, or lends it from those read last.
    pub fn block(&self, head: &Head) -> Result<Arc<Block>, Error> {
        {
            let mut cache = lock(&self.cache);
            if let Some(place) = cache.iter().position(|(at, _)| *at == head.offset) {
                let entry = cache.remove(place);
                let block = entry.1.clone();
                cache.push(entry);
                return Ok(block);
            }
        }
        let block = Arc::new(self.read(head)?);
        let mut cache = lock(&self.cache);
        if cache.len() >= CACHED {
            cache.remove(0);
        }
        cache.push((head.offset, block.clone()));
        Ok(block)
    }

    /// Reads a block without keeping it.
    pub fn read(&self, head: &Head) -> Result<Block, Error> {
        let mut bytes = vec![0; head.body_len()];
        self.file
            .read_exact_at(&mut bytes, head.offset + block::HEAD as u64)
            .map_err(Error::io("read", &self.path))?;
        Block::read(head, &bytes).ok_or_else(|| self.damaged(head.offset))
    }

    /// Reads rows and ids of a block.
    pub fn names(&self, head: &Head) -> Result<Block, Error> {
        let mut bytes = vec![0; head.names_len()];
        self.file
            .read_exact_at(&mut bytes, head.offset + block::HEAD as u64)
            .map_err(Error::io("read", &self.path))?;
        Block::read_names(head, &bytes).ok_or_else(|| self.damaged(head.offset))
    }

    /// Calls with row, id and text of each record of a block whose row is wanted.
    pub fn each(
        &self,
        head: &Head,
        block: &Block,
        wanted: impl Fn(u64) -> bool,
        lending: Option<Lending<'_>>,
        with: impl FnMut(u64, RecordId, &str),
    ) -> Result<(), Error> {
        block
            .each(wanted, lending, with)
            .ok_or_else(|| self.damaged(head.offset))
    }

    /// The record of a row.
    pub fn get(
        &self,
        row: u64,
        lending: Option<Lending<'_>>,
    ) -> Result<Option<(RecordId, String)>, Error> {
        let Some(head) = self.find(row) else {
            return Ok(None);
        };
        let mut found = None;
        let block = self.block(&head)?;
        self.each(
            &head,
            &block,
            |other| other == row,
            lending,
            |_, id, text| {
                found = Some((id, text.to_owned()));
            },
        )?;
        Ok(found)
    }

    /// The row of an id.
    pub fn row_of(&self, id: RecordId) -> Result<Option<u64>, Error> {
        for head in self.heads().iter().rev() {
            if !(head.min_id..=head.max_id).contains(&id) {
                continue;
            }
            if let Some(row) = self.names(head)?.row_of(id) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
