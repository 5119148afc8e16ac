//! Trains the model that ships with the program: `make model`.
//!
//! Hours of generated traffic, with attacks, go through the engine as live traffic does; its `flow` records with their
//! features become rows, and the rows a model. The same program makes the same file.

use anyhow::{Context as _, Result, bail};
use engine::detect::Detector;
use engine::output::Output;
use engine::pipeline::Engine;
use engine::records::{EveConfig, Recorder, Source};
use event::Timestamp;
use features::Definition;
use features::columns::{Value as Cell, blank};
use learn::model::Model;
use learn::record::Columns;
use learn::table::{NORMAL, Row, Table};
use learn::train::{Progress, Settings, Watch};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;
use traffic::{Attack, Ends, Plan, Traffic};

/// Offices that the model sees, each with other people and habits, and hours of each.
const OFFICES: u64 = 6;
const HOURS: u64 = 8;
/// Workstations of each.
const PEOPLE: u8 = 12;
/// The first moment: a Monday, 2025-06-16T00:00:00Z.
const START: i64 = 1_750_032_000;

fn main() -> Result<()> {
    let Some(path) = std::env::args_os().nth(1) else {
        bail!("usage: model FILE");
    };
    let known: Vec<(&str, bool)> = blank(Definition::Corrected, true)
        .into_iter()
        .map(|(name, value)| (name, matches!(value, Cell::Text(_) | Cell::Address(_))))
        .collect();
    let columns = Columns::all(&known);
    let mut rows = Rows {
        table: Table::new(columns.columns().to_vec()),
        columns,
        attacks: BTreeMap::new(),
        hosts: HashMap::new(),
        office: 0,
        failed: None,
    };
    for attack in Attack::ALL {
        rows.table.class(attack.name())?;
    }
    for office in 0..OFFICES {
        rows.office = office;
        rows.attacks.clear();
        let mut traffic = Traffic::new(Plan {
            seed: 1000 + office,
            people: PEOPLE,
            start: Timestamp::new(START + i64::try_from(office * HOURS * 3600)?, 0),
            has_attacks: true,
        });
        let mut engine = engine();
        for _ in 0..HOURS {
            let hour = traffic.hour();
            rows.attacks.extend(hour.attacks);
            let mut tick = Timestamp::default();
            for (number, frame) in (1..).zip(&hour.frames) {
                if frame.time >= tick {
                    // Flows end by time, as where packets never stop coming.
                    engine.on_tick(frame.time, 1, &mut rows);
                    tick = frame.time + Duration::from_secs(1);
                }
                engine.on_frame(&frame.frame(number), &mut rows);
            }
        }
        engine.finish(&mut rows);
    }
    if let Some(failed) = rows.failed {
        bail!("a record cannot be read: {failed}");
    }
    let table = rows.table;
    let all = clean(&table);
    let attacks = all
        .iter()
        .filter(|row| table.is_attack(**row) == Some(true))
        .count();
    eprintln!(
        "{} flows of {} hosts, {attacks} of attacks",
        table.len(),
        table.hosts.len()
    );
    let settings = Settings {
        name: "default".to_owned(),
        seed: 1,
        // Small enough to ship, and to be trained in some minutes.
        hidden: 32,
        members: 1,
        folds: 2,
        epochs: 10,
        windows_per_epoch: 30_000,
        ..Settings::default()
    };
    let model = Model::train(&table, &all, &settings, &mut Told)?;
    model
        .save(Path::new(&path))
        .context("the model cannot be written")?;
    for (name, value) in &model.manifest.metrics {
        eprintln!("{name} {value:.4}");
    }
    Ok(())
}

/// The rows to learn from: without what a host does besides while it takes part in an attack. Whose score that is,
/// the attack's or its own, nobody can say, and the threshold would have to stand above it.
fn clean(table: &Table) -> Vec<usize> {
    let hour = |row: usize| {
        table.rows[row]
            .at_us
            .div_euclid(learn::threshold::INCIDENT_US)
    };
    let mut attacked = BTreeSet::new();
    for row in 0..table.len() {
        if table.is_attack(row) == Some(true) {
            // What was done at the end of an hour shows in the next.
            attacked.insert((table.rows[row].host, hour(row)));
            attacked.insert((table.rows[row].host, hour(row) + 1));
        }
    }
    let is_clean = |row: &usize| {
        table.is_attack(*row) == Some(true)
            || !attacked.contains(&(table.rows[*row].host, hour(*row)))
    };
    (0..table.len()).filter(is_clean).collect()
}

/// Tells how it goes.
struct Told;

impl Watch for Told {
    fn epoch(&mut self, progress: &Progress) -> bool {
        let Progress {
            what,
            epoch,
            loss,
            held_back,
            part_done,
            ..
        } = progress;
        eprintln!(
            "{what} {epoch}: loss {loss:.4}, held back {held_back:.4}, {:.0} %",
            part_done * 100.0
        );
        true
    }
}

/// An engine without rules, as the sensor has it.
fn engine() -> Engine {
    let config = engine::config::Config {
        features: Some(features::Attach::default()),
        ..Default::default()
    };
    let eve = EveConfig {
        flow: true,
        ..EveConfig::default()
    };
    let ruleset = std::sync::Arc::default();
    let recorder = Recorder::new(vec![eve], Source::default());
    Engine::new(config, Detector::new(ruleset, Default::default()), recorder)
}

/// Rows of the flows that end.
struct Rows {
    table: Table,
    columns: Columns,
    attacks: BTreeMap<Ends, Attack>,
    hosts: HashMap<(u64, IpAddr), u32>,
    office: u64,
    failed: Option<String>,
}

impl Output for Rows {
    fn record(&mut self, _log: usize, kind: &'static str, line: &[u8]) {
        if kind == "flow"
            && let Err(error) = self.take(line)
        {
            self.failed.get_or_insert(format!("{error:#}"));
        }
    }
}

impl Rows {
    fn take(&mut self, line: &[u8]) -> Result<()> {
        let record: serde_json::Value = serde_json::from_slice(line)?;
        let flow = self.columns.flow(&record).context("no features")?;
        let attack = ends(&record).and_then(|ends| self.attacks.get(&ends));
        let class = match attack {
            Some(attack) => self.table.class(attack.name())?,
            None => NORMAL,
        };
        let next = u32::try_from(self.hosts.len())?;
        let host = *self.hosts.entry((self.office, flow.host)).or_insert(next);
        if host == next {
            self.table.hosts.push(flow.host.to_string());
        }
        let row = Row {
            class: Some(class),
            host: Some(host),
            at_us: flow.at_us,
            line: u32::try_from(self.table.len() + 1)?,
            ..Row::default()
        };
        Ok(self.table.push(row, &flow.values)?)
    }
}

fn ends(record: &serde_json::Value) -> Option<Ends> {
    let address = |key: &str| record[key].as_str()?.parse::<Ipv4Addr>().ok();
    let port = |key: &str| u16::try_from(record[key].as_u64()?).ok();
    Some(Ends {
        source: address("src_ip")?,
        source_port: port("src_port")?,
        destination: address("dest_ip")?,
        destination_port: port("dest_port")?,
    })
}
