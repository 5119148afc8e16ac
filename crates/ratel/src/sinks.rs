//! Where records end up: files in the log folder, or standard output.

use crate::config::eve::EveOutput;
mod certificates;
mod packets;
mod store;

use crate::config::outputs::Outputs;
use crate::read::explain::Explain;
use anyhow::{Context, Result};
use decode::file::File;
use decode::packet::Frame;
use engine::output::{Certificates, Fate, Output};
use engine::records::Seen;
use engine::records::stats::Counters;
use event::Timestamp;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Bytes gathered before a write.
const BUFFER: usize = 256 << 10;

/// All sinks of one run. The first failure to write is kept and told at the end: a full disk must
/// not go unnoticed, and must not stop detection.
pub struct Sinks {
    eves: Vec<Box<dyn Write>>,
    fast: Option<BufWriter<fs::File>>,
    stats: Option<BufWriter<fs::File>>,
    store: Option<store::Store>,
    certificates: Option<certificates::Store>,
    packets: Option<packets::Packets>,
    /// Shows alerts to people.
    pub explain: Option<Explain>,
    failure: Option<io::Error>,
    lost_records: u64,
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
            certificates: None,
            packets: None,
            explain: None,
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
                    .map(|s| store::Store::open(folder, s))
                    .transpose()?;
                sinks.certificates = outputs
                    .certificates
                    .as_ref()
                    .map(|dir| certificates::Store::open(folder, dir))
                    .transpose()?;
                sinks.packets = outputs
                    .pcap_log
                    .as_ref()
                    .map(|log| packets::Packets::new(folder, log))
                    .transpose()?;
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
            keep(&mut self.failure, packets.flush());
        }
        if let Some(explain) = &self.explain {
            keep(&mut self.failure, explain.close());
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
        if let Some(explain) = &mut self.explain {
            match explain.take(log, line) {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => {
                    keep(&mut self.failure, Err(error));
                    return;
                }
            }
        }
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

    fn file_end(&mut self, file: &File, now: Timestamp, record: &[u8]) {
        if let Some(store) = &mut self.store {
            keep(&mut self.failure, store.end(file, now, record));
        }
    }

    fn packet(&mut self, frame: &Frame<'_>, fate: &Fate) {
        if let Some(packets) = &mut self.packets {
            keep(&mut self.failure, packets.take(frame, fate));
        }
    }

    fn flow_end(&mut self, flow: u64) {
        if let Some(packets) = &mut self.packets {
            packets.release(flow);
        }
    }

    fn certificates(&mut self, certificates: &Certificates<'_>, seen: &Seen<'_>) {
        if let Some(store) = &mut self.certificates {
            keep(&mut self.failure, store.write(certificates, seen));
        }
    }

    fn add_counters(&self, counters: &mut Counters) {
        if let Some(store) = &self.store {
            counters.insert("file_store.fs_errors".to_owned(), store.errors());
        }
        if let Some(packets) = &self.packets {
            let (written, filtered) = packets.counts();
            counters.insert("pcap_log.written".to_owned(), written);
            counters.insert("pcap_log.filtered_bpf".to_owned(), filtered);
        }
    }
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
