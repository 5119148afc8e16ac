//! What only an engine needs that packets never stop coming to: time without packets, other rules.

use super::Engine;
use crate::config::RulesLoaded;
use crate::detect::{Migration, Ruleset, Tallies};
use crate::output::Output;
use decode::packet::Frame;
use event::Timestamp;
use std::sync::Arc;

/// Rules for an engine that runs already.
#[derive(Clone, Debug)]
pub struct NewRules {
    /// The rules.
    pub ruleset: Arc<Ruleset>,
    /// What became of them when they were loaded, for counters.
    pub loaded: RulesLoaded,
    /// Settings of parsers, where the rules want other things computed than those before.
    pub app: Option<decode::app::Config>,
    /// How what the rules before remembered is understood by these.
    pub migration: Arc<Migration>,
}

impl Engine {
    /// Takes one frame of which is known whether its checksum is still to be filled in by a network
    /// card (see `is_checksum_pending` of a packet).
    pub fn on_live_frame(
        &mut self,
        frame: &Frame<'_>,
        is_checksum_pending: bool,
        to: &mut dyn Output,
    ) {
        self.decoder.set_checksum_pending(is_checksum_pending);
        self.on_frame(frame, to);
    }

    /// Time passed without a packet, or beside packets: looks at one of `parts` of all flows, and ends
    /// and tells those that were silent for too long.
    pub fn on_tick(&mut self, now: Timestamp, parts: usize, to: &mut dyn Output) {
        self.core.on_time(now);
        self.flows.expire(self.core.now, parts);
        for mut flow in self.flows.take_ended() {
            self.core.end_flow(&mut flow, to);
        }
    }

    /// Runs other rules from now on; flows, streams and transactions go on. What becomes of what rules
    /// remembered is told at [`Migration`].
    pub fn take_rules(&mut self, rules: &NewRules) {
        let old = self.core.detector.ruleset();
        let own;
        let migration = if rules.migration.is_from(old) {
            &*rules.migration
        } else {
            own = Migration::new(old, &rules.ruleset);
            &own
        };
        for (_, flow) in self.flows.iter_mut() {
            if let Some(memory) = flow.detection.as_mut() {
                memory.migrate(migration);
            }
        }
        self.core.detector.switch(rules.ruleset.clone(), migration);
        self.core.recorder.source.ruleset = Some(rules.ruleset.clone());
        self.core.config.rules = rules.loaded;
        if let Some(app) = &rules.app {
            self.core.config.app = app.clone();
        }
    }

    /// How often each of the rules that run was looked at.
    #[must_use]
    pub fn tallies(&self) -> &Arc<Tallies> {
        self.core.detector.tallies()
    }

    /// The rules that run.
    #[must_use]
    pub fn ruleset(&self) -> &Arc<Ruleset> {
        self.core.detector.ruleset()
    }
}
