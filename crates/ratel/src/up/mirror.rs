//! Silences in force stand in Alertmanagers too.

use alert::notify::Notifier;
use alert::notify::alertmanager::silences::Active;
use state::State;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::roles::compile;
use crate::control::now;

/// How often silences are looked at: people who silence look at the other screen next.
const LOOK: Duration = Duration::from_secs(3);

/// Keeps Alertmanagers told, until it is dropped.
pub async fn silences(state: &State, notifier: &Arc<Notifier>) -> Infallible {
    loop {
        tokio::time::sleep(LOOK).await;
        let Ok(silences) = state.silences().active(now()).await else {
            // The role tells of a state that does not answer.
            continue;
        };
        let active = silences.into_iter().filter_map(|one| {
            Some(Active {
                matches: Arc::from(compile(&one.query).ok()?),
                id: one.id,
                ends: one.expires,
                owner: one.owner,
                reason: one.reason,
            })
        });
        let active: Vec<Active> = active.collect();
        let notifier = notifier.clone();
        let mirror = move || notifier.mirror(&active, now());
        // A fault there is told by the next look.
        let _ = tokio::task::spawn_blocking(mirror).await;
    }
}
