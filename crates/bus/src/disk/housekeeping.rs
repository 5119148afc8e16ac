//! A thread that forces what was written to the disk, drops what is too old and shows sizes and lags.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::group::Group;
use super::log::Log;
use crate::config::Fsync;
use crate::signal::lock;
use crate::{Clock, Config};

/// How often ages and gauges are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Stops when it is dropped, after a last forcing.
#[derive(Debug)]
pub struct Housekeeper {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

struct Work {
    logs: Arc<[Vec<Arc<Log>>; 5]>,
    groups: Arc<Mutex<BTreeMap<String, Arc<Group>>>>,
    clock: Clock,
    is_synced: bool,
}

impl Housekeeper {
    /// Starts the thread.
    pub fn start(
        config: &Config,
        logs: Arc<[Vec<Arc<Log>>; 5]>,
        groups: Arc<Mutex<BTreeMap<String, Arc<Group>>>>,
        clock: Clock,
    ) -> io::Result<Housekeeper> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let work = Work {
            logs,
            groups,
            clock,
            is_synced: config.fsync != Fsync::Never,
        };
        let every = Duration::from_millis(config.fsync_interval_ms);
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("bus-disk".into())
            .spawn(move || work.run(&stopped, every))?;
        Ok(Housekeeper {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        *lock(&self.stop.0) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in there was told by the panic itself.
            let _ = thread.join();
        }
    }
}

impl Work {
    fn run(&self, (stopped, changed): &(Mutex<bool>, Condvar), sync_every: Duration) {
        let mut looked = Instant::now();
        let mut is_stopped = false;
        while !is_stopped {
            let guard = lock(stopped);
            let (guard, _) = changed
                .wait_timeout_while(guard, sync_every.min(LOOK), |stop| !*stop)
                .unwrap_or_else(PoisonError::into_inner);
            is_stopped = *guard;
            drop(guard);
            self.sync();
            if looked.elapsed() >= LOOK || is_stopped {
                looked = Instant::now();
                self.look();
            }
        }
    }

    fn sync(&self) {
        if !self.is_synced {
            return;
        }
        for log in self.logs.iter().flatten() {
            if let Err(error) = log.sync() {
                tracing::warn!(%error, "written records are not forced to the disk");
            }
        }
    }

    fn look(&self) {
        let now = self.clock.now();
        for topic in self.logs.iter() {
            for log in topic {
                if let Err(error) = log.expire(now) {
                    tracing::warn!(%error, "old records are not dropped");
                }
            }
            let bytes: u64 = topic.iter().map(|log| log.bytes()).sum();
            if let Some(log) = topic.first() {
                log.metrics.size.set(bytes as f64);
            }
        }
        let groups: Vec<_> = lock(&self.groups).values().cloned().collect();
        for group in groups {
            if let Err(error) = group.keep(self.is_synced) {
                tracing::warn!(group = group.name, %error, "commits are not forced to the disk");
            }
        }
    }
}
