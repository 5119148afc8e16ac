//! Feeds that block: the firewall holds what they list, by actions like all others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use event::action::{Action, ActionId, Mode, State};
use event::{Prefix, Timestamp};

use super::config::Deed;
use super::keep::Feeds;
use super::set::Sets;
use crate::firewall::Firewall;
use crate::host::Host;
use crate::service::Responder;
use crate::service::feed::Listed;

/// Prefixes that all feeds together have blocked. Each is an action, with its lines in journal and
/// audit log; beyond it attackers are blocked when they come.
pub const MAX_BLOCKS: usize = 16_384;

/// Blocks of one step, and releases: some 100 ms with nftables, for which an attacker who comes
/// meanwhile waits.
const SLICE: usize = 128;

/// How often feeds and actions are compared where nothing has changed.
const COMPARE: Duration = Duration::from_secs(10);

/// How long what was refused is left alone: what is protected may have moved on.
const REFUSED: Duration = Duration::from_secs(3600);

/// How an action says that its feed let go of it, before the feed's name.
const GONE: &str = "no longer listed by ";

/// Makes actions follow feeds, a batch at a time, so that attackers who come meanwhile wait for
/// milliseconds.
#[derive(Debug, Default)]
pub struct Follower {
    version: Option<u64>,
    next: Option<Timestamp>,
    /// Prefixes beyond the limit when it was last told.
    left_out: usize,
}

/// What one listing asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    feed: String,
    source: String,
    ends: Timestamp,
}

impl Follower {
    /// Does what is due: at most one batch of blocks and one of releases. Call it often; where
    /// nothing is due it costs nothing. What changed, for the topic `actions`.
    pub fn follow<F: Firewall, H: Host>(
        &mut self,
        feeds: &Feeds,
        responder: &mut Responder<F, H>,
        now: Timestamp,
    ) -> Vec<Action> {
        let version = feeds.version();
        let is_due = self.version != Some(version) || self.next.is_none_or(|next| next <= now);
        if !is_due {
            return Vec::new();
        }
        self.version = Some(version);
        let wishes = self.wishes(&feeds.sets(), now);
        let mode = match responder.mode() {
            Mode::Enforce => Mode::Enforce,
            // Nobody approves thousands one by one.
            Mode::Observe | Mode::Ask => Mode::Observe,
        };
        let (put, gone) = compare(&wishes, responder.list(), mode, now);
        let is_whole = put.len() <= SLICE && gone.len() <= SLICE;
        self.next = is_whole.then(|| now + COMPARE);
        let mut changed = Vec::new();
        if !gone.is_empty() {
            let mut by_feed: BTreeMap<String, BTreeSet<ActionId>> = BTreeMap::new();
            for (id, feed) in gone.into_iter().take(SLICE) {
                by_feed.entry(feed).or_default().insert(id);
            }
            for (feed, ids) in by_feed {
                changed.extend(responder.unlist(&ids, &format!("{GONE}{feed}"), now));
            }
        }
        if !put.is_empty() {
            let batch = put.into_iter().take(SLICE);
            let listed = batch.filter_map(|target| {
                let wish = wishes.get(&target)?;
                Some(Listed {
                    target,
                    ttl: wish.ends.since(now),
                    mode,
                    reason: format!("listed by {} ({})", wish.feed, wish.source),
                    feed: wish.feed.clone(),
                })
            });
            changed.extend(responder.block_listed(listed.collect(), now));
        }
        changed
    }

    /// What the feeds want blocked at `now`.
    fn wishes(&mut self, sets: &Sets, now: Timestamp) -> BTreeMap<Prefix, Wish> {
        let mut wishes = BTreeMap::new();
        let mut left_out = 0;
        let blocking = sets
            .0
            .iter()
            .filter(|s| s.action == Deed::Block && s.stale > now);
        for sourced in blocking {
            for entry in sourced.set.narrowed(now) {
                if wishes.len() >= MAX_BLOCKS && !wishes.contains_key(&entry.prefix) {
                    left_out += 1;
                    continue;
                }
                let ends = entry
                    .until
                    .map_or(sourced.stale, |until| until.min(sourced.stale));
                wishes.entry(entry.prefix).or_insert_with(|| Wish {
                    feed: sourced.feed.clone(),
                    source: sourced.source.clone(),
                    ends,
                });
            }
        }
        if left_out != self.left_out {
            self.left_out = left_out;
            tracing::warn!(
                "feeds list {left_out} prefixes more than the {MAX_BLOCKS} that are blocked ahead; \
                 records that name them are tagged"
            );
        }
        wishes
    }
}

/// What is to be blocked, and what is to be let go of with the feed that had it.
fn compare<'a>(
    wishes: &BTreeMap<Prefix, Wish>,
    actions: impl Iterator<Item = &'a Action>,
    mode: Mode,
    now: Timestamp,
) -> (Vec<Prefix>, Vec<(ActionId, String)>) {
    let mut held: HashMap<Prefix, Timestamp> = HashMap::new();
    let mut gone = Vec::new();
    let mut rests: BTreeSet<Prefix> = BTreeSet::new();
    for action in actions {
        let Some(feed) = &action.why.feed else {
            continue;
        };
        let target = action.what.target();
        let since = now.since(action.changed);
        match &action.state {
            // A person wants it free: as long as the feed is believed it is not done again.
            State::Undone { cause } if !cause.starts_with(GONE) => {
                let is_on = wishes.get(&target).is_some_and(|wish| wish.feed == *feed);
                if is_on && since < wishes.get(&target).map_or(REFUSED, |w| w.ends.since(now)) {
                    rests.insert(target);
                }
            }
            State::Refused { .. } if since < REFUSED => {
                rests.insert(target);
            }
            State::Undone { .. } | State::Refused { .. } | State::Expired => {}
            State::Planned
            | State::AwaitingApproval
            | State::Executed
            | State::Effective { .. }
            | State::Ineffective { .. }
            | State::Unknown { .. } => {
                if !wishes.contains_key(&target) {
                    gone.push((action.id, feed.clone()));
                } else if action.mode == mode {
                    let ends = held.entry(target).or_insert(action.ends);
                    *ends = action.ends.max(*ends);
                }
            }
        }
    }
    let lacks = |(target, wish): &(&Prefix, &Wish)| {
        let left = held.get(target).map(|ends| ends.since(now));
        // Renewed in the last quarter, and only where that makes it longer.
        let is_short = left.is_none_or(|left| left < wish.ends.since(now) / 4);
        is_short && !rests.contains(target)
    };
    let put = wishes.iter().filter(lacks).map(|(target, _)| *target);
    (put.collect(), gone)
}

#[cfg(test)]
mod tests;
