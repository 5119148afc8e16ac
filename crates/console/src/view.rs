//! The actions that the topic `actions` told of: what is in force, and what became of the rest.

use std::collections::{BTreeMap, BTreeSet};

use event::Prefix;
use event::action::{Action, ActionId};

/// Actions kept: some 100 MB at a kilobyte each. Beyond it those that are over go first.
pub const MAX_ACTIONS: usize = 100_000;

/// One action and when it was told last.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The action as it was told last.
    pub action: Action,
    /// The version of the view in which it was.
    pub seen: u64,
}

/// Every action known, by its id. Pure: told by the topic, asked by the API.
#[derive(Debug)]
pub struct View {
    actions: BTreeMap<ActionId, Kept>,
    /// Those that are over: the first to be forgotten.
    over: BTreeSet<ActionId>,
    version: u64,
    limit: usize,
    forgotten: u64,
}

impl Default for View {
    fn default() -> Self {
        View::with_limit(MAX_ACTIONS)
    }
}

/// Which actions are asked for. What is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Names of states; `in_force` stands for all those that the firewall holds.
    pub states: Vec<String>,
    /// Names of steps.
    pub steps: Vec<String>,
    /// The action's target has an address in common with this.
    pub target: Option<Prefix>,
    /// The playbook that planned it.
    pub playbook: Option<String>,
}

impl Filter {
    fn takes(&self, action: &Action) -> bool {
        let state = action.state.name();
        let stated = |name: &String| name == state || (name == "in_force" && action.is_in_force());
        (self.states.is_empty() || self.states.iter().any(stated))
            && (self.steps.is_empty() || self.steps.iter().any(|step| step == action.what.step()))
            && self
                .target
                .is_none_or(|target| target.overlaps(&action.what.target()))
            && (self.playbook.is_none() || self.playbook == action.why.playbook)
    }
}

/// A page of actions, the newest first.
#[derive(Debug, Default)]
pub struct Page {
    /// The actions.
    pub actions: Vec<Action>,
    /// Where the next page begins; None where there is none.
    pub next: Option<ActionId>,
}

impl View {
    /// An empty view of at most `limit` actions.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        View {
            actions: BTreeMap::new(),
            over: BTreeSet::new(),
            version: 0,
            limit: limit.max(1),
            forgotten: 0,
        }
    }

    /// Takes what the topic says of an action. Repeats and what is older than what is known
    /// change nothing; whether it changed anything.
    pub fn apply(&mut self, action: Action) -> bool {
        let id = action.id;
        if let Some(known) = self.actions.get(&id)
            && (known.action.changed > action.changed || known.action == action)
        {
            return false;
        }
        self.version += 1;
        if action.is_over() {
            self.over.insert(id);
        } else {
            self.over.remove(&id);
        }
        let seen = self.version;
        self.actions.insert(id, Kept { action, seen });
        while self.actions.len() > self.limit {
            self.forget_one();
        }
        true
    }

    fn forget_one(&mut self) {
        let oldest_over = self.over.pop_first();
        let id = oldest_over.or_else(|| self.actions.keys().next().copied());
        if let Some(id) = id {
            self.actions.remove(&id);
            self.forgotten += 1;
        }
    }

    /// One action.
    #[must_use]
    pub fn get(&self, id: ActionId) -> Option<&Action> {
        self.actions.get(&id).map(|kept| &kept.action)
    }

    /// Up to `limit` actions that the filter takes, the newest first, from before `before` on.
    #[must_use]
    pub fn page(&self, filter: &Filter, before: Option<ActionId>, limit: usize) -> Page {
        let until = before.unwrap_or(ActionId(u64::MAX));
        let mut page = Page::default();
        let newest_first = self.actions.range(..until).rev();
        for kept in newest_first.map(|(_, kept)| kept) {
            if !filter.takes(&kept.action) {
                continue;
            }
            if page.actions.len() == limit {
                page.next = page.actions.last().map(|action| action.id);
                break;
            }
            page.actions.push(kept.action.clone());
        }
        page
    }

    /// Every action with the version in which it was told, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.actions.values()
    }

    /// Grows with each change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many actions are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Actions that were forgotten to make room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many actions are in each state, by the state's name.
    #[must_use]
    pub fn by_state(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for kept in self.actions.values() {
            *counts.entry(kept.action.state.name()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
pub(crate) mod tests;
