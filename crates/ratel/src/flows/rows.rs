//! Rows on their way to standard output or into a file.

use super::Format;
use super::table::Table;
use anyhow::{Context as _, Result};
use features::{Flow, Settings, write};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Rows are handed on when this many bytes of them have come together.
const CHUNK: usize = 1 << 16;

/// Where rows go.
pub struct Rows {
    kind: Kind,
    place: Place,
    failed: Option<anyhow::Error>,
}

enum Kind {
    Text { format: Format, buffer: Vec<u8> },
    Table(Box<Table<Out>>),
}

/// A file that takes its name when it is whole.
struct Place {
    file: Option<(PathBuf, PathBuf)>,
    out: Option<Out>,
}

/// What is written into.
pub enum Out {
    Stdout(io::Stdout),
    File(File),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Out::Stdout(out) => out.write(bytes),
            Out::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Out::Stdout(out) => out.flush(),
            Out::File(file) => file.sync_all(),
        }
    }
}

impl Rows {
    /// Rows of flows that are measured so.
    pub fn new(format: Format, settings: Settings, to: Option<&Path>) -> Result<Self> {
        let Settings {
            definition,
            has_more,
            ..
        } = settings;
        let (mut place, out) = Place::open(to)?;
        let kind = match format {
            Format::Parquet => Kind::Table(Box::new(Table::new(definition, has_more, out)?)),
            Format::Csv | Format::Json => {
                place.out = Some(out);
                let buffer = match format {
                    Format::Csv => write::csv_head(definition, has_more).into_bytes(),
                    Format::Json | Format::Parquet => Vec::new(),
                };
                Kind::Text { format, buffer }
            }
        };
        Ok(Rows {
            kind,
            place,
            failed: None,
        })
    }

    /// One row more.
    pub fn add(&mut self, flow: &Flow) {
        if self.failed.is_some() {
            return;
        }
        let done = match &mut self.kind {
            Kind::Text { format, buffer } => {
                match format {
                    Format::Csv => write::csv(flow, buffer),
                    Format::Json | Format::Parquet => write::json(flow, buffer),
                }
                if buffer.len() < CHUNK {
                    return;
                }
                self.place.write(buffer)
            }
            Kind::Table(table) => table.add(flow),
        };
        self.failed = done.err();
    }

    /// Nobody takes any more.
    pub fn is_unwanted(&self) -> bool {
        self.failed.is_some()
    }

    /// Writes what is left.
    pub fn close(mut self) -> Result<()> {
        let ended = match self.failed.take() {
            Some(error) => Err(error),
            None => match self.kind {
                Kind::Text { mut buffer, .. } => self.place.write(&mut buffer),
                Kind::Table(table) => table.close().map(|out| self.place.out = Some(out)),
            },
        };
        let ended = ended.and_then(|()| self.place.keep());
        match ended {
            // A reader that went away has seen enough.
            Err(error) if is_gone(&error) => Ok(()),
            other => other.context("the rows could not be written in full"),
        }
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}

impl Place {
    fn open(to: Option<&Path>) -> Result<(Self, Out)> {
        let Some(path) = to else {
            let place = Place {
                file: None,
                out: None,
            };
            return Ok((place, Out::Stdout(io::stdout())));
        };
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(name);
        let file =
            File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        let place = Place {
            file: Some((part, path.to_owned())),
            out: None,
        };
        Ok((place, Out::File(file)))
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        if let Some(out) = &mut self.out {
            out.write_all(buffer)?;
        }
        buffer.clear();
        Ok(())
    }

    /// All is written: the file takes its name.
    fn keep(&mut self) -> Result<()> {
        if let Some(out) = &mut self.out {
            out.flush()?;
        }
        if let Some((part, path)) = self.file.take() {
            std::fs::rename(&part, &path)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.file {
            // What is not whole is nobody's.
            let _ = std::fs::remove_file(part);
        }
    }
}
