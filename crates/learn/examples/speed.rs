//! How fast windows are scored and learned, and how long a million flows take: `speed [FLOWS]`. One core.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use learn::model::Model;
use learn::random::Random;
use learn::table::{Column, Kind, Row, Table};
use learn::train::{Progress, Settings, Watch};

/// Features of a flow, as many as a flow of CICFlowMeter has.
const FEATURES: usize = 78;
/// Hosts that the flows are of.
const HOSTS: usize = 200;

struct Told(Instant);

impl Watch for Told {
    fn epoch(&mut self, progress: &Progress) -> bool {
        println!(
            "{:7.1} s {:>3.0} % {} {}/{}: held back {:.4}",
            self.0.elapsed().as_secs_f64(),
            progress.part_done * 100.0,
            progress.what,
            progress.epoch,
            progress.epochs,
            progress.held_back
        );
        true
    }
}

/// Flows of hosts in three moods, one of which is an attack of two kinds.
fn flows(count: usize) -> Table {
    let columns = (0..FEATURES).map(|at| Column {
        name: format!("feature {at}"),
        kind: Kind::Number,
        names: Vec::new(),
    });
    let mut table = Table::new(columns.collect());
    let kinds = ["scan", "flood"].map(|kind| table.class(kind).unwrap_or(0));
    let mut random = Random::new(1);
    let mut values = vec![0.0_f32; FEATURES];
    for at in 0..count {
        let host = random.below(HOSTS);
        let mood = random.below(20);
        let class = kinds.get(mood).copied().unwrap_or(0);
        let level = random.normal();
        for (place, value) in values.iter_mut().enumerate() {
            let shift = if class > 0 && place % 7 == mood {
                2.0
            } else {
                0.0
            };
            *value = (level + shift + random.normal()) as f32;
        }
        let row = Row {
            class: Some(class),
            host: Some(host as u32),
            at_us: at as i64 * 10_000,
            ..Row::default()
        };
        if table.push(row, &values).is_err() {
            break;
        }
    }
    table
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |count| count.parse())?;
    let table = flows(count);
    let rows: Vec<usize> = (0..table.len()).collect();
    let settings = Settings::default();
    let begin = Instant::now();
    let model = Model::train(&table, &rows, &settings, &mut Told(begin))?;
    let took = begin.elapsed().as_secs_f64();
    println!(
        "trained {count} flows in {took:.1} s, {:.1} min",
        took / 60.0
    );
    let some = &rows[..rows.len().min(50_000)];
    let begin = Instant::now();
    let scores = model.score(&table, some)?;
    let took = begin.elapsed().as_secs_f64();
    println!("scored {:.0} windows/s", scores.len() as f64 / took);
    let begin = Instant::now();
    let explained = 20;
    for row in 0..explained {
        model.explain(&table, some, row)?;
    }
    let took = begin.elapsed().as_secs_f64();
    println!(
        "explained in {:.1} ms each",
        took * 1000.0 / explained as f64
    );
    Ok(())
}
