//! `file-store`: files on the disk, named by what is in them.

use crate::config::outputs::FileStore;
use anyhow::{Context, Result};
use decode::file::{File, FileState};
use event::Timestamp;
use std::collections::HashMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Files that may be in the course of being stored with a handle of their own.
const MAX_OPEN_FILES: usize = 256;

/// Where files are stored.
pub struct Store {
    dir: PathBuf,
    write_fileinfo: bool,
    open: HashMap<u64, BufWriter<fs::File>>,
    errors: u64,
}

impl Store {
    /// Makes the folder.
    pub fn open(folder: &Path, config: &FileStore) -> Result<Self> {
        let dir = folder.join(&config.dir);
        fs::create_dir_all(dir.join("tmp"))
            .with_context(|| format!("cannot create the folder {}", dir.display()))?;
        Ok(Store {
            dir,
            write_fileinfo: config.write_fileinfo,
            open: HashMap::new(),
            errors: 0,
        })
    }

    /// Failures to write.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Writes the next bytes of a file.
    pub fn write(&mut self, file: &File, data: &[u8]) -> io::Result<()> {
        let result = self.try_write(file, data);
        self.errors += u64::from(result.is_err());
        result
    }

    /// Moves a finished file to where its SHA-256 says.
    pub fn end(&mut self, file: &File, now: Timestamp, record: &[u8]) -> io::Result<()> {
        let result = self.try_end(file, now, record);
        self.errors += u64::from(result.is_err());
        result
    }

    fn path(&self, file: &File) -> PathBuf {
        self.dir.join("tmp").join(format!("file.{}", file.id))
    }

    fn try_write(&mut self, file: &File, data: &[u8]) -> io::Result<()> {
        if let Some(out) = self.open.get_mut(&file.id) {
            return out.write_all(data);
        }
        let mut out = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(file))?;
        if self.open.len() >= MAX_OPEN_FILES {
            return out.write_all(data);
        }
        let mut out = BufWriter::new(out);
        out.write_all(data)?;
        self.open.insert(file.id, out);
        Ok(())
    }

    fn try_end(&mut self, file: &File, now: Timestamp, record: &[u8]) -> io::Result<()> {
        self.try_write(file, &[])?;
        if let Some(mut out) = self.open.remove(&file.id) {
            out.flush()?;
        }
        let name = match &file.sha256 {
            Some(hash) => hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            None if file.state == FileState::Truncated => format!("truncated.{}", file.id),
            None => format!("file.{}", file.id),
        };
        let dir = self.dir.join(name.get(..2).unwrap_or("00"));
        fs::create_dir_all(&dir)?;
        fs::rename(self.path(file), dir.join(&name))?;
        if self.write_fileinfo {
            let info = format!("{name}.{}.{}.json", now.secs(), file.id);
            let mut line = record.to_vec();
            line.push(b'\n');
            fs::write(dir.join(info), line)?;
        }
        Ok(())
    }
}
