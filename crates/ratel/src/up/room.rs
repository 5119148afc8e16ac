//! How far readers of the bus are behind, and how much room folders have that grow.

use super::keep::Kept;
use super::watch;
use crate::site::Site;
use console::web::{Reader, Room, Storage};
use event::Timestamp;
use rustix::fs::statvfs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Store;

/// How long the size of folders is good for: each file of them is looked at.
const FRESH: Duration = Duration::from_secs(10);

/// Files that are looked at in one folder; what is beyond is not counted.
const MAX_FILES: usize = 50_000;

/// Folders in folders.
const MAX_DEPTH: usize = 8;

/// What tells readers and room.
pub fn teller(site: &Site, bus: &bus::Bus, kept: &Kept) -> Arc<dyn Fn() -> Storage + Send + Sync> {
    let (bus, kept) = (bus.clone(), kept.clone());
    let folders = [
        ("events", site.store.dir.clone()),
        ("topics", site.bus.dir.clone()),
        ("packets", site.data_dir.join(watch::PACKETS)),
        ("data", site.data_dir.clone()),
    ];
    let known: Mutex<Option<(Instant, Vec<Room>)>> = Mutex::default();
    Arc::new(move || {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = known.as_ref().is_some_and(|(at, _)| at.elapsed() < FRESH);
        if !is_fresh {
            *known = Some((Instant::now(), rooms(&folders)));
        }
        let rooms = known.as_ref().map(|(_, rooms)| rooms.clone());
        drop(known);
        Storage {
            readers: readers(&bus),
            rooms: rooms.unwrap_or_default(),
            events: kept.store.get().ok().as_ref().and_then(events),
        }
    })
}

/// Who reads what, the furthest behind first.
fn readers(bus: &bus::Bus) -> Vec<Reader> {
    let mut readers: Vec<Reader> = bus
        .lags()
        .into_iter()
        .map(|lag| Reader {
            group: lag.group,
            topic: lag.topic.name().to_owned(),
            behind: lag.records,
        })
        .collect();
    readers.sort_by(|a, b| {
        b.behind
            .cmp(&a.behind)
            .then_with(|| (&a.group, &a.topic).cmp(&(&b.group, &b.topic)))
    });
    readers
}

/// Folders that are there; one inside another is told by itself, and not again by the outer.
fn rooms(folders: &[(&str, PathBuf)]) -> Vec<Room> {
    let all: Vec<&Path> = folders.iter().map(|(_, folder)| folder.as_path()).collect();
    let room = |(what, folder): &(&str, PathBuf)| {
        let disk = statvfs(folder).ok()?;
        let device = std::fs::metadata(folder).ok()?.dev();
        let mut left = MAX_FILES;
        Some(Room {
            what: (*what).to_owned(),
            folder: folder.display().to_string(),
            disk: format!(
                "{}:{}",
                rustix::fs::major(device),
                rustix::fs::minor(device)
            ),
            used: size(folder, &all, &mut left, MAX_DEPTH),
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            size: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    };
    folders.iter().filter_map(room).collect()
}

/// Bytes of the files below a folder but for those of `others`.
fn size(folder: &Path, others: &[&Path], left: &mut usize, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let mut sum = 0_u64;
    for entry in entries.flatten() {
        let Some(rest) = left.checked_sub(1) else {
            break;
        };
        *left = rest;
        let path = entry.path();
        // Of a link itself, not of what it names.
        let Ok(facts) = entry.metadata() else {
            continue;
        };
        if !facts.is_dir() {
            sum = sum.saturating_add(facts.len());
        } else if depth > 0 && !others.contains(&path.as_path()) {
            sum = sum.saturating_add(size(&path, others, left, depth - 1));
        }
    }
    sum
}

/// What the embedded store keeps.
fn events(store: &Store) -> Option<console::web::EventsKept> {
    let Store::Embedded(store) = store else {
        return None;
    };
    let mut told = console::web::EventsKept {
        events: 0,
        bytes_in: 0,
        bytes: 0,
        oldest: None,
        scarce: store.level().text().map(str::to_owned),
    };
    let mut oldest: Option<i64> = None;
    for slice in store.slices() {
        let facts = slice.facts();
        told.events += facts.events;
        told.bytes_in += facts.bytes_in;
        told.bytes += slice.disk_bytes();
        oldest = match (oldest, facts.min_time) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    told.oldest = oldest.map(Timestamp::from_nanos);
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_inside_another_is_counted_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (outer, inner) = (folder.path().to_owned(), folder.path().join("inner"));
        std::fs::create_dir_all(inner.join("deep")).expect("folders");
        std::fs::write(outer.join("a"), [0; 10]).expect("a file");
        std::fs::write(inner.join("deep/b"), [0; 7]).expect("a file");
        let absent = outer.join("absent");
        let told = rooms(&[("outer", outer), ("inner", inner), ("absent", absent)]);
        let told: Vec<_> = told.iter().map(|room| (&*room.what, room.used)).collect();
        assert_eq!(told, [("outer", 10), ("inner", 7)]);
    }
}
