//! How loud a change is told, before a storm has its say.

use event::Timestamp;
use event::incident::{Kind, Severity};

use super::Policy;
use super::entry::Kept;
use crate::change::{Telling, What};

/// How loud the change would be told on a calm day.
pub fn wish(kept: &Kept, what: &What, policy: &Policy, now: Timestamp) -> Telling {
    let (incident, memory) = (&kept.incident, &kept.memory);
    let was_told = memory.told.is_some();
    match what {
        // What was told is made right, whatever silences say by now: it would stay open for ever.
        What::Closed { .. } if was_told => Telling::Quiet,
        What::Closed { .. } => Telling::Withheld,
        // What a person says of it is shown where it was told.
        What::Updated { .. } if memory.is_triaged && was_told => Telling::Quiet,
        _ if !is_heard(kept) => Telling::Withheld,
        _ if incident.severity < policy.tell_from && was_told => Telling::Quiet,
        _ if incident.severity < policy.tell_from => Telling::Withheld,
        _ if memory.is_resumed => Telling::Loud,
        // A beacon that is slower than what counts as idle is told once.
        What::Reopened
            if was_told && !is_worth_a_digest(kept) && incident.kind != Kind::Response =>
        {
            Telling::Quiet
        }
        What::Opened | What::Reopened => Telling::Loud,
        // It was in a storm's digest and became worse, or its silence is over, or it rose to what is told.
        What::Risen { .. } if !was_told => Telling::Loud,
        What::Updated { .. } if !was_told && !memory.is_in_digest => Telling::Loud,
        What::Updated { .. } if !was_told => Telling::Withheld,
        What::Risen { .. } => {
            let is_grave = incident.severity == Severity::Critical;
            let told = memory.told.map_or(Timestamp::default(), |told| told.at);
            let is_soon = now.since(told) < policy.refresh;
            if is_grave || incident.severity >= Severity::High && !is_soon {
                Telling::Loud
            } else {
                Telling::Quiet
            }
        }
        What::Updated { .. } => {
            if is_worth_a_digest(kept) && is_digest_due(kept, policy, now) {
                Telling::Loud
            } else if is_refresh_due(kept, policy, now) {
                Telling::Quiet
            } else {
                Telling::Withheld
            }
        }
    }
}

/// Whether anything came that no silence covers: ever, or since something of it was told. An answer that
/// does not work concerns everybody.
pub fn is_heard(kept: &Kept) -> bool {
    let memory = &kept.memory;
    let has_news = match memory.told {
        Some(_) => memory.has_audible_news,
        None => memory.is_audible,
    };
    has_news || kept.incident.kind == Kind::Response
}

/// Events since people were told of it last.
pub fn since_told(kept: &Kept) -> u64 {
    let told = kept.memory.told.map_or(0, |told| told.events);
    kept.incident.events.saturating_sub(told)
}

/// Whether there is more to tell than that it goes on: rules, steps or victims that are new, or a
/// severity that was not worth a message at once.
pub fn is_worth_a_digest(kept: &Kept) -> bool {
    let incident = &kept.incident;
    kept.memory.told.is_some_and(|told| {
        incident.signatures.len() > told.signatures
            || incident.tactics.len() > told.tactics
            || incident.victims.len() > told.victims
            || told.severity < Some(incident.severity)
    })
}

/// Whether it is time for another message about the same.
pub fn is_digest_due(kept: &Kept, policy: &Policy, now: Timestamp) -> bool {
    let told = kept.memory.told;
    told.is_some_and(|told| now.since(told.at) >= policy.digest)
}

fn is_refresh_due(kept: &Kept, policy: &Policy, now: Timestamp) -> bool {
    let at = kept.memory.refreshed.at;
    kept.is_more_than(&kept.memory.refreshed) && now.since(at) >= policy.refresh
}
