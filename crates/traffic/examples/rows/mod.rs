//! Traffic through the engine, as live traffic goes; its `flow` records with their features become rows.

use anyhow::{Context as _, Result, bail};
use engine::output::Output;
use event::Timestamp;
use features::Definition;
use features::columns::{Value as Cell, blank};
use learn::record::Columns;
use learn::table::{NORMAL, Row, Table};
use learn::train::{Progress, Settings, Watch};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use traffic::{Attack, Ends, Plan, Traffic, play};

/// Offices that the model that ships sees, each with other people and habits, and hours of each.
pub const OFFICES: u64 = 6;
pub const HOURS: u64 = 8;
/// Workstations of an office.
const PEOPLE: u8 = 12;
/// The first moment: a Monday, 2025-06-16T00:00:00Z.
const START: i64 = 1_750_032_000;

/// An attack: its office, the hour in which it began, its kind.
pub type Instance = (u64, u64, Attack);

/// Rows of flows as they end.
pub struct Rows {
    pub table: Table,
    /// By row the attack that it is of.
    pub instances: Vec<Option<Instance>>,
    columns: Columns,
    attacks: BTreeMap<Ends, Instance>,
    hosts: HashMap<(u64, IpAddr), u32>,
    office: u64,
    failed: Option<String>,
}

impl Rows {
    /// None yet; the kinds of attack are known.
    pub fn new() -> Result<Self> {
        let is_text = |value: &Cell| matches!(value, Cell::Text(_) | Cell::Address(_));
        let known: Vec<(&str, bool)> = blank(Definition::Corrected, true)
            .into_iter()
            .map(|(name, value)| (name, is_text(&value)))
            .collect();
        let columns = Columns::all(&known);
        let mut table = Table::new(columns.columns().to_vec());
        for attack in Attack::ALL {
            table.class(attack.name())?;
        }
        Ok(Rows {
            table,
            instances: Vec::new(),
            columns,
            attacks: BTreeMap::new(),
            hosts: HashMap::new(),
            office: 0,
            failed: None,
        })
    }

    /// These hours of an office; `place` sets its time apart from that of others.
    pub fn office(
        &mut self,
        seed: u64,
        place: u64,
        hours: Range<u64>,
        has_attacks: bool,
    ) -> Result<()> {
        self.office = seed;
        self.attacks.clear();
        let mut traffic = Traffic::new(Plan {
            seed,
            people: PEOPLE,
            start: Timestamp::new(START + i64::try_from(place * 3600)?, 0),
            has_attacks,
        })
        .after(hours.start);
        let mut engine = play::engine(None);
        for number in hours {
            let hour = traffic.hour();
            let instances = hour.attacks.into_iter();
            self.attacks
                .extend(instances.map(|(ends, attack)| (ends, (seed, number, attack))));
            play::play(&mut engine, &hour.frames, 1, self);
        }
        engine.finish(self);
        match self.failed.take() {
            Some(failed) => bail!("a record cannot be read: {failed}"),
            None => Ok(()),
        }
    }

    /// Rows without what a host does besides while it takes part in an attack: whose score that is, the attack's or
    /// its own, nobody can say, and the threshold would have to stand above it.
    pub fn clean(&self) -> Vec<usize> {
        let table = &self.table;
        let hour = |row: usize| {
            let at_us = table.rows[row].at_us;
            at_us.div_euclid(learn::threshold::INCIDENT_US)
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
            let is_attack = table.is_attack(*row) == Some(true);
            is_attack || !attacked.contains(&(table.rows[*row].host, hour(*row)))
        };
        (0..table.len()).filter(is_clean).collect()
    }

    fn take(&mut self, line: &[u8]) -> Result<()> {
        let record: serde_json::Value = serde_json::from_slice(line)?;
        let flow = self.columns.flow(&record).context("no features")?;
        let instance = ends(&record).and_then(|ends| self.attacks.get(&ends));
        let class = match instance {
            Some((_, _, attack)) => self.table.class(attack.name())?,
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
        self.instances.push(instance.copied());
        Ok(self.table.push(row, &flow.values)?)
    }
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

/// Small enough to ship, and to be trained in some minutes.
pub fn settings() -> Settings {
    Settings {
        name: "default".to_owned(),
        seed: 1,
        hidden: 32,
        members: 1,
        folds: 2,
        epochs: 10,
        windows_per_epoch: 30_000,
        ..Settings::default()
    }
}

/// Tells how a training goes.
pub struct Told;

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
