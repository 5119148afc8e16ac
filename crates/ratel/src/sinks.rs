//! Where records end up: files in the log folder, or standard output.

use crate::config::eve::EveOutput;
use crate::config::outputs::{FileStore, Outputs};
use anyhow::{Context, Result};
use decode::file::{File, FileState};
use decode::packet::{Frame, LinkType};
use engine::output::Output;
use engine::records::stats::Counters;
use std::collections::HashMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes gathered before a write.
const BUFFER: usize = 256 << 10;
/// Files that may be in the course of being stored at once.
const MAX_OPEN_FILES: usize = 256;

/// All sinks of one run. The first failure to write is kept and told at the end: a full disk must
/// not go unnoticed, and must not stop detection.
pub struct Sinks {
    eves: Vec<Box<dyn Write>>,
    fast: Option<BufWriter<fs::File>>,
    stats: Option<BufWriter<fs::File>>,
    store: Option<Store>,
    packets: Option<Packets>,
    failure: Option<io::Error>,
    lost_records: u64,
}

struct Packets {
    out: BufWriter<fs::File>,
    is_begun: bool,
    only_alerts: bool,
}

struct Store {
    dir: PathBuf,
    write_fileinfo: bool,
    open: HashMap<u64, (PathBuf, BufWriter<fs::File>)>,
}

/// Where EVE goes.
pub enum Target<'a> {
    /// Files in this folder.
    Folder(&'a Path),
    /// Standard output; no other logs.
    Stdout,
    /// Nowhere.
    Nothing,
}

impl Sinks {
    /// Opens every output.
    pub fn open(target: &Target<'_>, eves: &[EveOutput], outputs: &Outputs) -> Result<Self> {
        let mut sinks = Sinks {
            eves: Vec::new(),
            fast: None,
            stats: None,
            store: None,
            packets: None,
            failure: None,
            lost_records: 0,
        };
        match target {
            Target::Nothing => sinks
                .eves
                .extend(eves.iter().map(|_| Box::new(io::sink()) as _)),
            Target::Stdout => {
                for _ in eves {
                    sinks
                        .eves
                        .push(Box::new(BufWriter::with_capacity(BUFFER, io::stdout())));
                }
            }
            Target::Folder(folder) => {
                for eve in eves {
                    sinks.eves.push(Box::new(create(folder, &eve.file)?));
                }
                let make =
                    |name: &Option<String>| name.as_ref().map(|n| create(folder, n)).transpose();
                sinks.fast = make(&outputs.fast)?;
                sinks.stats = make(&outputs.stats)?;
                sinks.store = outputs
                    .file_store
                    .as_ref()
                    .map(|s| Store::open(folder, s))
                    .transpose()?;
                if let Some(log) = &outputs.pcap_log {
                    let out = create(folder, &log.file)?;
                    sinks.packets = Some(Packets {
                        out,
                        is_begun: false,
                        only_alerts: log.only_alerts,
                    });
                }
            }
        }
        Ok(sinks)
    }

    /// Writes out what is still held; an error tells of the first thing that could not be written.
    pub fn close(mut self) -> Result<()> {
        for eve in &mut self.eves {
            keep(&mut self.failure, eve.flush());
        }
        for log in [&mut self.fast, &mut self.stats].into_iter().flatten() {
            keep(&mut self.failure, log.flush());
        }
        if let Some(packets) = &mut self.packets {
            keep(&mut self.failure, packets.out.flush());
        }
        match self.failure {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) if self.lost_records == 0 => Err(error.into()),
            Some(error) => Err(anyhow::Error::new(error)
                .context(format!("{} records were lost", self.lost_records))),
        }
    }
}

impl Output for Sinks {
    fn record(&mut self, log: usize, _kind: &'static str, line: &[u8]) {
        let Some(out) = self.eves.get_mut(log) else {
            return;
        };
        let written = out.write_all(line).and_then(|()| out.write_all(b"\n"));
        self.lost_records += u64::from(written.is_err());
        keep(&mut self.failure, written);
    }

    fn fast_alert(&mut self, line: &str) {
        if let Some(fast) = &mut self.fast {
            keep(&mut self.failure, writeln!(fast, "{line}"));
        }
    }

    fn stats(&mut self, counters: &Counters) {
        if let Some(stats) = &mut self.stats {
            for (name, value) in counters.iter().filter(|(_, value)| **value > 0) {
                keep(
                    &mut self.failure,
                    writeln!(stats, "{name:<45} | Total | {value}"),
                );
            }
        }
    }

    fn file_bytes(&mut self, file: &File, _offset: u64, data: &[u8]) {
        if let Some(store) = &mut self.store {
            keep(&mut self.failure, store.write(file, data));
        }
    }

    fn file_end(&mut self, file: &File, record: &[u8]) {
        if let Some(store) = &mut self.store {
            keep(&mut self.failure, store.end(file, record));
        }
    }

    fn packet(&mut self, frame: &Frame<'_>, has_alert: bool) {
        if let Some(packets) = &mut self.packets
            && (has_alert || !packets.only_alerts)
        {
            keep(&mut self.failure, packets.write(frame));
        }
    }
}

impl Packets {
    fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.out.write_all(&pcap_header(frame.link))?;
        }
        self.out
            .write_all(&(frame.time.secs() as u32).to_le_bytes())?;
        self.out
            .write_all(&frame.time.subsec_micros().to_le_bytes())?;
        self.out
            .write_all(&(frame.data.len() as u32).to_le_bytes())?;
        self.out.write_all(&frame.wire_len.to_le_bytes())?;
        self.out.write_all(frame.data)
    }
}

impl Store {
    fn open(folder: &Path, config: &FileStore) -> Result<Self> {
        let dir = folder.join(&config.dir);
        fs::create_dir_all(dir.join("tmp"))
            .with_context(|| format!("cannot create the folder {}", dir.display()))?;
        Ok(Store {
            dir,
            write_fileinfo: config.write_fileinfo,
            open: HashMap::new(),
        })
    }

    fn write(&mut self, file: &File, data: &[u8]) -> io::Result<()> {
        if !self.open.contains_key(&file.id) {
            if self.open.len() >= MAX_OPEN_FILES {
                return Err(io::Error::other("too many files are being stored at once"));
            }
            let path = self.dir.join("tmp").join(format!("file.{}", file.id));
            let out = BufWriter::new(fs::File::create(&path)?);
            self.open.insert(file.id, (path, out));
        }
        match self.open.get_mut(&file.id) {
            Some((_, out)) => out.write_all(data),
            None => Ok(()),
        }
    }

    /// Moves a finished file to where its SHA-256 says.
    fn end(&mut self, file: &File, record: &[u8]) -> io::Result<()> {
        if !self.open.contains_key(&file.id) {
            self.write(file, &[])?;
        }
        let Some((path, mut out)) = self.open.remove(&file.id) else {
            return Ok(());
        };
        out.flush()?;
        let name = match &file.sha256 {
            Some(hash) => hash
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
            None if file.state == FileState::Truncated => format!("truncated.{}", file.id),
            None => format!("file.{}", file.id),
        };
        let dir = self.dir.join(name.get(..2).unwrap_or("00"));
        fs::create_dir_all(&dir)?;
        let to = dir.join(&name);
        fs::rename(path, &to)?;
        if self.write_fileinfo {
            let info = format!("{name}.{}.{}.json", file.size, file.id);
            let mut line = record.to_vec();
            line.push(b'\n');
            fs::write(dir.join(info), line)?;
        }
        Ok(())
    }
}

/// The header of a pcap file with microseconds, least significant byte first.
fn pcap_header(link: LinkType) -> [u8; 24] {
    let mut header = [0; 24];
    header[..4].copy_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    header[4..6].copy_from_slice(&2_u16.to_le_bytes());
    header[6..8].copy_from_slice(&4_u16.to_le_bytes());
    header[16..20].copy_from_slice(&262_144_u32.to_le_bytes());
    header[20..].copy_from_slice(&link.0.to_le_bytes());
    header
}

fn create(folder: &Path, name: &str) -> Result<BufWriter<fs::File>> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create the folder {}", parent.display()))?;
    }
    let file =
        fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::with_capacity(BUFFER, file))
}

fn keep(failure: &mut Option<io::Error>, result: io::Result<()>) {
    if let Err(error) = result {
        failure.get_or_insert(error);
    }
}
