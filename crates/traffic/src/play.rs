//! Packets through an engine, as live traffic goes: what is trained, shown and tested with them sees the same records.

use crate::{Captured, Hour};
use engine::detect::{Detector, Ruleset};
use engine::output::Output;
use engine::pipeline::Engine;
use engine::records::config::{AlertConfig, EveConfig};
use engine::records::{Recorder, Source};
use event::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How often the engine is told the time, as the sensor tells it.
const TICK: Duration = Duration::from_secs(1);

/// An engine that tells flows with their features, as the sensor has it for the role `learn`; with rules, their
/// alerts as well.
#[must_use]
pub fn engine(rules: Option<Arc<Ruleset>>) -> Engine {
    let config = engine::config::Config {
        features: Some(features::Attach::default()),
        ..Default::default()
    };
    let eve = EveConfig {
        flow: true,
        alert: rules.is_some().then(AlertConfig::default),
        ..EveConfig::default()
    };
    let source = Source {
        ruleset: rules.clone(),
        ..Source::default()
    };
    let detector = Detector::new(rules.unwrap_or_default(), Default::default());
    Engine::new(config, detector, Recorder::new(vec![eve], source))
}

/// Shows packets to an engine, the first of them under the number `first`. The engine is told the time each second, so
/// that flows end by time, as where packets never stop coming.
pub fn play(engine: &mut Engine, frames: &[Captured], first: u64, to: &mut dyn Output) {
    let mut tick = Timestamp::default();
    for (number, frame) in (first..).zip(frames) {
        if frame.time >= tick {
            engine.on_tick(frame.time, 1, to);
            tick = frame.time + TICK;
        }
        engine.on_frame(&frame.frame(number), to);
    }
}

/// The `flow` records of an hour with their features, as the sensor publishes them, by an engine of its own.
#[must_use]
pub fn flows(hour: &Hour) -> Vec<Vec<u8>> {
    let mut engine = engine(None);
    let mut flows = Flows::default();
    play(&mut engine, &hour.frames, 1, &mut flows);
    engine.finish(&mut flows);
    flows.0
}

/// Lines of `flow` records.
#[derive(Default)]
struct Flows(Vec<Vec<u8>>);

impl Output for Flows {
    fn record(&mut self, _log: usize, kind: &'static str, line: &[u8]) {
        if kind == "flow" {
            self.0.push(line.to_vec());
        }
    }
}
