//! Captures that were handed in, and the one thread that reads them, one after the other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event::Timestamp;
use tokio::sync::{Semaphore, watch};

use super::upload::{OnDisk, Upload, sweep};
use super::{Capture, CaptureState, Checksums};
use crate::service::lock;
use crate::web::lent::{CaptureJob, CaptureRead, Lent};

/// Captures that wait for their turn.
const WAITING: usize = 8;

/// Captures that are remembered; their events stay in the store.
const KNOWN: usize = 1000;

/// Captures that arrive at once.
const UPLOADS: usize = 4;

/// How long one capture may be read.
const READING: Duration = Duration::from_secs(600);

/// Captures and their reader. Clones are the same.
#[derive(Clone, Debug)]
pub struct Captures(Arc<Shelf>);

/// What clones of [`Captures`] share.
#[derive(Debug)]
pub struct Shelf {
    /// Where files stand while they are read.
    pub folder: PathBuf,
    known: Mutex<BTreeMap<u64, Capture>>,
    queue: SyncSender<Job>,
    /// Uploads at once.
    pub uploads: Semaphore,
    /// Rule tests at once: one.
    pub tests: Semaphore,
}

#[derive(Debug)]
struct Job {
    number: u64,
    id: String,
    file: OnDisk,
    is_checked: bool,
}

/// The queue is full.
#[derive(Debug)]
pub struct Full;

impl std::ops::Deref for Captures {
    type Target = Shelf;

    fn deref(&self) -> &Shelf {
        &self.0
    }
}

impl Captures {
    /// Begins to read what is handed in, in a thread of its own, until told to stop. Files stand in
    /// `folder` while they are read.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(
        folder: PathBuf,
        lent: Lent,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        stop: watch::Receiver<bool>,
    ) -> std::io::Result<Captures> {
        sweep(&folder);
        let (queue, jobs) = sync_channel(WAITING);
        let shelf = Captures(Arc::new(Shelf {
            folder,
            known: Mutex::default(),
            queue,
            uploads: Semaphore::new(UPLOADS),
            tests: Semaphore::new(1),
        }));
        let own = Arc::downgrade(&shelf.0);
        std::thread::Builder::new()
            .name("captures".to_owned())
            .spawn(move || work(&own, &jobs, &lent, &now, &stop))?;
        Ok(shelf)
    }

    /// Queues what arrived.
    ///
    /// # Errors
    /// Too many wait.
    pub fn queue(&self, capture: Capture, upload: Upload) -> Result<(), Full> {
        let mut known = lock(&self.known);
        let number = known.last_key_value().map_or(1, |(last, _)| last + 1);
        let job = Job {
            number,
            id: capture.id.clone(),
            file: upload.file,
            is_checked: capture.checksums == Checksums::All,
        };
        match self.queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return Err(Full),
        }
        known.insert(number, capture);
        while known.len() > KNOWN {
            known.pop_first();
        }
        Ok(())
    }

    /// The capture of this name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Capture> {
        let known = lock(&self.known);
        known.values().rev().find(|known| known.id == id).cloned()
    }

    /// Captures from before `before` on, the newest first, each with its place.
    #[must_use]
    pub fn page(&self, before: Option<u64>, limit: usize) -> (Vec<Capture>, Option<u64>) {
        let known = lock(&self.known);
        let mut rest = known.range(..before.unwrap_or(u64::MAX)).rev();
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(page.last()).map(|(number, _)| **number);
        (page.into_iter().map(|(_, one)| one.clone()).collect(), next)
    }
}

impl Shelf {
    fn change(&self, number: u64, change: impl FnOnce(&mut Capture)) {
        if let Some(capture) = lock(&self.known).get_mut(&number) {
            change(capture);
        }
    }
}

/// Reads what is queued until nobody can queue any more.
fn work(
    shelf: &std::sync::Weak<Shelf>,
    jobs: &Receiver<Job>,
    lent: &Lent,
    now: &Arc<dyn Fn() -> Timestamp + Send + Sync>,
    stop: &watch::Receiver<bool>,
) {
    while let Ok(job) = jobs.recv() {
        let Some(shelf) = shelf.upgrade() else { return };
        shelf.change(job.number, |one| one.state = CaptureState::Reading);
        // What panics is that capture's end, not the reader's.
        let reading = std::panic::AssertUnwindSafe(|| read(&job, lent, stop));
        let read = std::panic::catch_unwind(reading).unwrap_or_else(|_| CaptureRead {
            error: Some("the engine failed; see the log".to_owned()),
            ..CaptureRead::default()
        });
        shelf.change(job.number, |one| {
            one.finished = Some(now());
            one.packets = read.packets;
            one.events = read.events;
            one.alerts = read.alerts;
            one.wrong_checksums = read.wrong_checksums;
            one.state = match read.error {
                None => CaptureState::Done,
                Some(_) => CaptureState::Failed,
            };
            one.error = read.error;
        });
    }
}

fn read(job: &Job, lent: &Lent, stop: &watch::Receiver<bool>) -> CaptureRead {
    let Some(read) = &lent.read_capture else {
        return CaptureRead {
            error: Some("captures are not read in this process".to_owned()),
            ..CaptureRead::default()
        };
    };
    let end = Instant::now() + READING;
    let is_late = || *stop.borrow() || stop.has_changed().is_err() || Instant::now() > end;
    let mut refusal = None;
    let mut line = Vec::new();
    let mut take = |record: &[u8]| {
        mark(record, &job.id, &mut line);
        match (lent.publish_events)(&[&line]).pop() {
            Some(Ok(_)) | None => true,
            Some(Err(why)) => {
                refusal = Some(why);
                false
            }
        }
    };
    let mut done = read(CaptureJob {
        file: job.file.path(),
        name: &job.id,
        rules: None,
        is_checked: job.is_checked,
        stop: &is_late,
        take: &mut take,
        refused: &mut Vec::new(),
        loaded: &mut 0,
    });
    if let Some(why) = refusal {
        done.error = Some(format!("its events can't be published: {why}"));
    } else if is_late() && done.error.is_none() {
        done.error = Some("it took too long; what was read stays".to_owned());
    }
    done
}

/// The record with the capture's name in it: `ratel.capture`.
fn mark(record: &[u8], id: &str, into: &mut Vec<u8>) {
    // Quotes inside texts are escaped: this can only be a member.
    const MEMBER: &[u8] = b",\"ratel\":{";
    into.clear();
    let record = record.trim_ascii_end();
    let found = record
        .windows(MEMBER.len())
        .rposition(|part| part == MEMBER);
    if let Some((head, tail)) = found.and_then(|at| record.split_at_checked(at + MEMBER.len())) {
        let more = if tail.first() == Some(&b'}') { "" } else { "," };
        into.extend_from_slice(head);
        into.extend_from_slice(format!(r#""capture":"{id}"{more}"#).as_bytes());
        into.extend_from_slice(tail);
        return;
    }
    let open = record.strip_suffix(b"}").unwrap_or(record);
    into.extend_from_slice(open);
    into.extend_from_slice(format!(r#","ratel":{{"capture":"{id}"}}}}"#).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(id: &str) -> Capture {
        Capture {
            id: id.to_owned(),
            name: None,
            state: CaptureState::Waiting,
            owner: "ann".to_owned(),
            created: Timestamp::default(),
            finished: None,
            bytes: 1,
            packets: 0,
            events: 0,
            alerts: 0,
            wrong_checksums: 0,
            checksums: Checksums::None,
            error: None,
            query: String::new(),
        }
    }

    #[test]
    fn a_record_is_marked_with_its_capture() {
        let mut line = Vec::new();
        mark(b"{\"event_type\":\"dns\"}\n", "c1", &mut line);
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["ratel"]["capture"], "c1");
        assert_eq!(event::record::kind(&line), Some("dns"));
        let with = br#"{"event_type":"alert","ratel":{"matches":[1]},"a":",\"ratel\":{"}"#;
        mark(with, "c1", &mut line);
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let expected = serde_json::json!({"capture": "c1", "matches": [1]});
        assert_eq!(read["ratel"], expected);
    }

    #[tokio::test]
    async fn captures_are_read_one_after_the_other_and_their_events_marked() {
        let folder = tempfile::tempdir().unwrap();
        let (tell, stop) = watch::channel(false);
        let published = Arc::new(Mutex::new(Vec::new()));
        let publish = published.clone();
        let mut lent = Lent::nothing();
        lent.publish_events = Arc::new(move |records| {
            let texts = records
                .iter()
                .map(|record| String::from_utf8_lossy(record).into_owned());
            lock(&publish).extend(texts);
            records
                .iter()
                .map(|_| Ok(event::RecordId::from_bytes([7; 16])))
                .collect()
        });
        lent.read_capture = Some(Arc::new(|job: CaptureJob<'_>| {
            assert!(job.file.exists() && !job.is_checked);
            (job.take)(br#"{"event_type":"alert"}"#);
            CaptureRead {
                packets: 3,
                events: 1,
                alerts: 1,
                wrong_checksums: 2,
                error: None,
            }
        }));
        let now = Arc::new(|| Timestamp::new(9, 0));
        let shelf = Captures::start(folder.path().to_owned(), lent, now, stop).unwrap();
        for id in ["c1", "c2"] {
            let request = axum::extract::Request::builder()
                .header("content-type", "application/octet-stream")
                .body(axum::body::Body::from("x"))
                .unwrap();
            let upload = super::super::upload::receive(request, folder.path(), id)
                .await
                .unwrap();
            shelf.queue(capture(id), upload).unwrap();
        }
        let end = Instant::now() + Duration::from_secs(10);
        while shelf.get("c2").unwrap().state != CaptureState::Done && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let done = shelf.get("c2").unwrap();
        assert_eq!(
            (done.packets, done.alerts, done.finished.is_some()),
            (3, 1, true)
        );
        assert_eq!(done.wrong_checksums, 2);
        assert_eq!(lock(&published).len(), 2);
        assert!(lock(&published)[0].contains(r#""ratel":{"capture":"c1"}"#));
        let (page, next) = shelf.page(None, 1);
        assert_eq!((page[0].id.as_str(), next), ("c2", Some(2)));
        assert_eq!(shelf.page(next, 1).0[0].id, "c1");
        drop(tell);
    }
}
