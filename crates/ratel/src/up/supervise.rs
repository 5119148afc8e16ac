//! Keeps roles running: one that fails starts again, later each time; all stop in the order of the flow.

use crate::control::now;
use anyhow::Result;
use event::Timestamp;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The wait before a failed role starts again; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait. Half a minute: what failed for a while may be mended by a person any time.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A role that ran this long was well: the next wait is the first one again.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// All roles together have this long to stop. systemd would kill after 90 s; people wait less.
const DRAIN: Duration = Duration::from_secs(10);

/// One run of a role: ends well when the token is cancelled, or fails.
pub type Run = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A part of Ratel that runs until it is told to stop.
pub struct Role {
    /// The crate's name.
    pub name: &'static str,
    /// Starts it once.
    pub start: Box<dyn Fn(CancellationToken, Voice) -> Run + Send + Sync>,
}

/// With what a role says how it is.
#[derive(Clone)]
pub struct Voice {
    name: &'static str,
    healths: Healths,
}

impl Voice {
    /// It has started and does all that it should.
    pub fn runs(&self) {
        self.healths.set(self.name, State::Running);
    }

    /// It runs, and something that it should do it can't; who says so has told the log.
    pub fn limps(&self, why: &str) {
        self.healths.set(self.name, State::Degraded(why.to_owned()));
    }
}

/// How a role is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is told to start and has not yet.
    Starting,
    /// It runs.
    Running,
    /// It runs, and something that it should do it can't.
    Degraded(String),
    /// It failed with this reason and will start again.
    Failed(String),
    /// It was told to stop and did.
    Stopped,
}

/// How one role is and how often it has started again.
#[derive(Clone, Debug)]
pub struct Health {
    /// How it is now.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// How often it failed.
    pub failures: u64,
}

/// The health of all roles, shared with whoever shows it.
#[derive(Clone, Debug, Default)]
pub struct Healths(Arc<Mutex<BTreeMap<&'static str, Health>>>);

impl Healths {
    /// A copy of what is known now.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<&'static str, Health> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether every role has started and works.
    #[must_use]
    pub fn are_ready(&self) -> bool {
        let works = |health: &Health| matches!(health.state, State::Running | State::Degraded(_));
        let all = self.snapshot();
        !all.is_empty() && all.values().all(works)
    }

    fn set(&self, name: &'static str, state: State) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let health = all.entry(name).or_insert(Health {
            state: State::Starting,
            since: now(),
            failures: 0,
        });
        if health.state != state {
            health.since = now();
        }
        health.failures += u64::from(matches!(state, State::Failed(_)));
        health.state = state;
    }
}

/// Roles in the order of the flow, each in a task of its own.
pub struct Supervisor {
    running: Vec<(&'static str, CancellationToken, JoinHandle<()>)>,
    healths: Healths,
}

impl Supervisor {
    /// Starts all roles; `roles` are in the order of the flow: who writes comes before who reads.
    #[must_use]
    pub fn start(roles: Vec<Role>, healths: Healths) -> Self {
        // Readers start first, so that nothing is written before somebody listens.
        let mut running: Vec<_> = roles
            .into_iter()
            .rev()
            .map(|role| {
                let (name, stop) = (role.name, CancellationToken::new());
                healths.set(name, State::Starting);
                let task = tokio::spawn(keep(role, stop.clone(), healths.clone()));
                (name, stop, task)
            })
            .collect();
        running.reverse();
        Supervisor { running, healths }
    }

    /// Stops all roles one after the other in the order of the flow, so that each still takes what
    /// the one before it wrote. Returns the names of those that did not stop in time.
    pub async fn stop(self) -> Vec<&'static str> {
        let end = Instant::now() + DRAIN;
        let mut late = Vec::new();
        for (name, stop, task) in self.running {
            stop.cancel();
            let abort = task.abort_handle();
            if tokio::time::timeout_at(end, task).await.is_err() {
                abort.abort();
                late.push(name);
            } else {
                self.healths.set(name, State::Stopped);
            }
        }
        late
    }
}

/// Runs one role until it is told to stop, again and again where it fails.
async fn keep(role: Role, stop: CancellationToken, healths: Healths) {
    let mut wait = FIRST_WAIT;
    let mut told = String::new();
    loop {
        let begun = Instant::now();
        healths.set(role.name, State::Starting);
        let voice = Voice {
            name: role.name,
            healths: healths.clone(),
        };
        // A task of its own: a panic ends the run and not the supervisor.
        let why = match tokio::spawn((role.start)(stop.clone(), voice)).await {
            Ok(Ok(())) if stop.is_cancelled() => return,
            Ok(Ok(())) => "ended without being told to".to_owned(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(error) => format!("panicked: {error}"),
        };
        if stop.is_cancelled() {
            tracing::warn!(role = role.name, why, "failed while stopping");
            return;
        }
        if begun.elapsed() >= WELL_AFTER {
            wait = FIRST_WAIT;
        }
        // Once for each reason: what fails for a day is told once.
        if told != why {
            tracing::error!(
                role = role.name,
                "{why}; tried again after {wait:?}, then later each time"
            );
            told.clone_from(&why);
        }
        healths.set(role.name, State::Failed(why));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn role<F, R>(name: &'static str, start: F) -> Role
    where
        F: Fn(CancellationToken, Voice) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        Role {
            name,
            start: Box::new(move |stop, voice| Box::pin(start(stop, voice))),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_fails_starts_again_later_each_time() {
        let (starts, healths) = (Arc::new(AtomicU64::new(0)), Healths::default());
        let count = starts.clone();
        let failing = role("failing", move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            async { bail!("no such interface") }
        });
        let supervisor = Supervisor::start(vec![failing], healths.clone());
        // 0 s, 0.5 s, 1.5 s, 3.5 s, 7.5 s.
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!(starts.load(Ordering::Relaxed), 5);
        let health = healths.snapshot()["failing"].clone();
        assert_eq!(health.state, State::Failed("no such interface".to_owned()));
        assert_eq!(health.failures, 5);
        assert!(!healths.are_ready());
        assert!(supervisor.stop().await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_of_that_role_alone() {
        let healths = Healths::default();
        let well = role("well", |stop, voice| async move {
            voice.runs();
            stop.cancelled().await;
            Ok(())
        });
        let panics = role("panics", |_, _| async { panic!("out of cheese") });
        let supervisor = Supervisor::start(vec![panics, well], healths.clone());
        tokio::time::sleep(Duration::from_millis(100)).await;
        let all = healths.snapshot();
        assert_eq!(all["well"].state, State::Running);
        assert!(matches!(&all["panics"].state, State::Failed(why) if why.contains("panicked")));
        assert!(supervisor.stop().await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn roles_stop_in_the_order_of_the_flow_and_the_late_are_named() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let stopping = |name: &'static str| {
            let order = order.clone();
            role(name, move |stop, _| {
                let order = order.clone();
                async move {
                    stop.cancelled().await;
                    order.lock().unwrap().push(name);
                    Ok(())
                }
            })
        };
        let deaf = role("deaf", |_, _| std::future::pending());
        let roles = vec![stopping("sensor"), stopping("respond"), deaf];
        let supervisor = Supervisor::start(roles, Healths::default());
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(supervisor.stop().await, ["deaf"]);
        assert_eq!(*order.lock().unwrap(), ["sensor", "respond"]);
    }
}
