//! `pcap-log`: packets kept as pcap files.

use crate::config::outputs::PcapLog;
use anyhow::Result;
use decode::filter::Filter;
use decode::packet::{Frame, LinkType};
use engine::output::Fate;
use event::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes of one packet that a pcap file announces at most (libpcap's `MAXIMUM_SNAPLEN`).
const SNAP_LEN: u32 = 262_144;
/// Bytes of a packet's header in a pcap file.
const RECORD_HEADER: usize = 16;
/// Bytes of packets that wait for their flow to alert, over all flows.
const WAITING_MAX: usize = 64 << 20;

/// The packets of one run.
pub struct Packets {
    config: PcapLog,
    folder: PathBuf,
    filter: Option<Filter>,
    file: Option<BufWriter<fs::File>>,
    is_begun: bool,
    /// Bytes in the file at hand.
    size: u64,
    /// Files that were written, oldest first.
    files: VecDeque<PathBuf>,
    /// Packets with stream data of flows that did not alert yet.
    waiting: HashMap<u64, Vec<Waiting>>,
    waiting_bytes: usize,
    written: u64,
    filtered: u64,
}

/// A packet that waits for its flow to alert.
pub struct Waiting {
    time: Timestamp,
    link: LinkType,
    wire_len: u32,
    data: Vec<u8>,
}

impl Packets {
    /// Keeps packets below `folder`; the file is opened with the first of them.
    pub fn new(folder: &Path, config: &PcapLog) -> Result<Self> {
        let filter = match &config.filter {
            Some(text) => Some(Filter::parse(text)?),
            None => None,
        };
        let folder = match &config.dir {
            Some(dir) => folder.join(dir),
            None => folder.to_owned(),
        };
        Ok(Packets {
            config: config.clone(),
            folder,
            filter,
            file: None,
            is_begun: false,
            size: 0,
            files: VecDeque::new(),
            waiting: HashMap::new(),
            waiting_bytes: 0,
            written: 0,
            filtered: 0,
        })
    }

    /// Packets written, and those that the filter kept out.
    pub fn counts(&self) -> (u64, u64) {
        (self.written, self.filtered)
    }

    /// Keeps a frame, where it is to be kept.
    pub fn take(&mut self, frame: &Frame<'_>, fate: &Fate) -> io::Result<()> {
        if !self.config.only_alerts {
            return self.write(frame);
        }
        if fate.has_alert || fate.is_flow_alerted {
            for held in fate.flow.map(|flow| self.release(flow)).unwrap_or_default() {
                self.write(&Frame {
                    time: held.time,
                    number: 0,
                    data: &held.data,
                    wire_len: held.wire_len,
                    link: held.link,
                })?;
            }
            return self.write(frame);
        }
        if let Some(flow) = fate.flow
            && fate.has_stream_data
            && self.waiting_bytes + frame.data.len() <= WAITING_MAX
        {
            self.waiting_bytes += frame.data.len();
            self.waiting.entry(flow).or_default().push(Waiting {
                time: frame.time,
                link: frame.link,
                wire_len: frame.wire_len,
                data: frame.data.to_vec(),
            });
        }
        Ok(())
    }

    /// What waited for `flow` to alert.
    pub fn release(&mut self, flow: u64) -> Vec<Waiting> {
        let held = self.waiting.remove(&flow).unwrap_or_default();
        self.waiting_bytes -= held.iter().map(|held| held.data.len()).sum::<usize>();
        held
    }

    /// Writes out what is still held.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }

    fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let len = (RECORD_HEADER + frame.data.len()) as u64;
        if self.file.is_none() || self.size + len > self.config.limit {
            self.open(frame.time)?;
        }
        if self
            .filter
            .as_ref()
            .is_some_and(|filter| !filter.matches(frame))
        {
            self.filtered += 1;
            return Ok(());
        }
        let Some(out) = &mut self.file else {
            return Ok(());
        };
        // The file's kind of link is that of its first packet.
        if !std::mem::replace(&mut self.is_begun, true) {
            out.write_all(&header(frame.link))?;
        }
        out.write_all(&(frame.time.secs() as u32).to_le_bytes())?;
        out.write_all(&frame.time.subsec_micros().to_le_bytes())?;
        for len in [frame.data.len() as u32, frame.wire_len] {
            out.write_all(&len.to_le_bytes())?;
        }
        out.write_all(frame.data)?;
        self.size += len;
        self.written += 1;
        Ok(())
    }

    /// Begins the next file, named by the moment of its first packet.
    fn open(&mut self, time: Timestamp) -> io::Result<()> {
        self.flush()?;
        if let Some(max) = self.config.max_files
            && self.files.len() >= max
            && let Some(oldest) = self.files.pop_front()
        {
            fs::remove_file(oldest)?;
        }
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(self.config.name_at(time));
        self.file = Some(BufWriter::new(fs::File::create(&path)?));
        self.files.push_back(path);
        self.is_begun = false;
        self.size = 0;
        Ok(())
    }
}

/// The header of a pcap file with microseconds, least significant byte first.
fn header(link: LinkType) -> [u8; 24] {
    let mut header = [0; 24];
    header[..4].copy_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    header[4..6].copy_from_slice(&2_u16.to_le_bytes());
    header[6..8].copy_from_slice(&4_u16.to_le_bytes());
    header[16..20].copy_from_slice(&SNAP_LEN.to_le_bytes());
    header[20..].copy_from_slice(&link.0.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(secs: i64, data: &[u8]) -> Frame<'_> {
        Frame {
            time: Timestamp::new(secs, 0),
            number: 1,
            data,
            wire_len: data.len() as u32,
            link: LinkType(1),
        }
    }

    fn packets(config: PcapLog) -> (tempfile::TempDir, Packets) {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let packets = Packets::new(folder.path(), &config).expect("no filter can be wrong");
        (folder, packets)
    }

    fn len(folder: &tempfile::TempDir, name: &str) -> u64 {
        fs::metadata(folder.path().join(name)).map_or(0, |meta| meta.len())
    }

    #[test]
    fn begins_a_file_where_the_limit_is_reached_and_keeps_no_more_than_asked() {
        let (folder, mut packets) = packets(PcapLog {
            limit: 40,
            max_files: Some(2),
            ..PcapLog::default()
        });
        for secs in 1..=5 {
            let fate = Fate::default();
            packets
                .take(&frame(secs, &[0; 4]), &fate)
                .expect("the disk has room");
        }
        packets.flush().expect("the disk has room");
        assert_eq!(len(&folder, "log.pcap.1"), 0);
        assert_eq!(len(&folder, "log.pcap.3"), 24 + 40);
        assert_eq!(len(&folder, "log.pcap.5"), 24 + 20);
    }

    #[test]
    fn keeps_what_alerted_with_the_data_that_came_before() {
        let (folder, mut packets) = packets(PcapLog {
            only_alerts: true,
            ..PcapLog::default()
        });
        let of = |flow, has_stream_data, is_flow_alerted| Fate {
            flow: Some(flow),
            has_stream_data,
            is_flow_alerted,
            has_alert: is_flow_alerted,
        };
        for (secs, fate) in [
            (1, of(1, false, false)),
            (2, of(1, true, false)),
            (3, of(2, true, false)),
            (4, of(1, false, true)),
            (5, of(1, false, true)),
        ] {
            packets
                .take(&frame(secs, &[0; 4]), &fate)
                .expect("the disk has room");
        }
        packets.flush().expect("the disk has room");
        assert_eq!(len(&folder, "log.pcap.2"), 24 + 3 * 20);
        assert_eq!(packets.release(2).len(), 1);
        assert_eq!(packets.waiting_bytes, 0);
    }
}
