//! The folder of pcap files: one for each flow that alerted, found by `flow_id` and time.
//!
//! `3f/FLOW_ID-SECONDS.pcap`: the folder is the lowest byte of the `flow_id`, so that none grows large; the
//! seconds are those of the first packet inside. Times have nanoseconds.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Seconds by which a record may seem older than the packets it is about: its flow's first packets may
/// have been overwritten before it alerted, and clocks of captures step.
const SLACK_SECS: i64 = 2;

/// The pcap file with packets of the flow `flow_id` that alerted at `secs` (seconds since 1970); None where
/// there is none, or none any more.
///
/// # Errors
/// The folder or the file can't be read.
pub fn find(folder: &Path, flow_id: u64, secs: i64) -> io::Result<Option<File>> {
    let prefix = format!("{flow_id}-");
    let entries = match fs::read_dir(folder.join(part(flow_id))) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut best: Option<(i64, PathBuf)> = None;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let start = name
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".pcap"))
            .and_then(|start| start.parse::<i64>().ok());
        let Some(start) = start.filter(|start| *start <= secs.saturating_add(SLACK_SECS)) else {
            continue;
        };
        // The one that began last before it.
        if best.as_ref().is_none_or(|(known, _)| start > *known) {
            best = Some((start, entry.path()));
        }
    }
    match best.map(|(_, path)| File::open(path)) {
        None => Ok(None),
        Some(Ok(file)) => Ok(Some(file)),
        // Deleted a moment ago to make room.
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Some(Err(error)) => Err(error),
    }
}

/// Where packets of a flow go whose first has this time.
pub(super) fn path(folder: &Path, flow: u64, secs: i64) -> PathBuf {
    folder.join(part(flow)).join(format!("{flow}-{secs}.pcap"))
}

fn part(flow: u64) -> String {
    format!("{:02x}", flow & 0xff)
}

/// Makes a file that only its owner may read: packets hold what people said.
pub(super) fn create(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Every file in the folder with its size, the oldest first.
pub(super) fn files(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for part in fs::read_dir(folder)? {
        let part = part?;
        if !part.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(part.path())? {
            let entry = entry?;
            let is_ours = entry.path().extension().is_some_and(|e| e == "pcap");
            let Some(about) = entry
                .metadata()
                .ok()
                .filter(|about| is_ours && about.is_file())
            else {
                continue;
            };
            let modified = about.modified().unwrap_or(std::time::UNIX_EPOCH);
            found.push((modified, entry.path(), about.len()));
        }
    }
    found.sort();
    Ok(found
        .into_iter()
        .map(|(_, path, len)| (path, len))
        .collect())
}
