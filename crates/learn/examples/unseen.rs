//! How well a model finds kinds of attack that it never saw: `unseen FILE KIND,KIND... [SETTING=VALUE...]`.
//!
//! The kinds stay out of training; they and blocks of all other rows are judged. Settings are those of
//! `ratel learn train`.
#![allow(clippy::print_stdout)]

use std::path::Path;

use learn::measure::{Judged, Measures};
use learn::model::{Kind, Model};
use learn::read;
use learn::split::{Hold, Split};
use learn::table::NORMAL;
use learn::train::{Progress, Settings, Watch};

struct Told;

impl Watch for Told {
    fn epoch(&mut self, progress: &Progress) -> bool {
        eprintln!(
            "{:>3.0} % {} {}/{}: loss {:.4}, held back {:.4}",
            progress.part_done * 100.0,
            progress.what,
            progress.epoch,
            progress.epochs,
            progress.loss,
            progress.held_back
        );
        true
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(kinds)) = (arguments.next(), arguments.next()) else {
        return Err("give a file and the kinds to leave out, with commas between them".into());
    };
    let mut settings = serde_json::to_value(Settings::default())?;
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or("settings are NAME=VALUE")?;
        settings[name] = serde_json::from_str(value)?;
    }
    let settings: Settings = serde_json::from_value(settings)?;
    let (table, _) = read::files(&[Path::new(&file)], &read::Options::default())?;
    let kinds: Vec<String> = kinds.split(',').map(str::to_owned).collect();
    let split = Split::new(&table, &kinds, &Hold::Blocks(0.2))?;
    let model = Model::train(&table, &split.train, &settings, &mut Told)?;
    let scores = model.score(&table, &split.test)?;
    let Kind::Clstm(clstm) = &model.kind else {
        return Err("not a convolutional LSTM".into());
    };
    println!(
        "rule {:?}, metrics {:?}",
        clstm.facts.rule, model.manifest.metrics
    );
    let all: Vec<usize> = (0..split.test.len()).collect();
    let signals = clstm.signals(&clstm.windows(&table, &split.test)?, &all);
    let views: [(&str, Vec<f32>); 3] = [
        (
            "both",
            scores.iter().map(|score| score.probability).collect(),
        ),
        (
            "classes",
            signals
                .odds
                .iter()
                .map(|odds| 1.0 / (1.0 + (-odds).exp()))
                .collect(),
        ),
        (
            "anomaly",
            signals
                .error
                .iter()
                .map(|error| error / (1.0 + error))
                .collect(),
        ),
    ];
    for (name, view) in views {
        let judge = |only_new: bool| -> Vec<Judged> {
            let pairs = split.test.iter().zip(&view);
            pairs
                .filter(|(row, _)| {
                    let class = table.rows[**row].class.unwrap_or(NORMAL);
                    !only_new || class == NORMAL || split.unseen.contains(&class)
                })
                .map(|(row, score)| Judged {
                    class: table.rows[*row].class.unwrap_or(NORMAL),
                    score: *score,
                })
                .collect()
        };
        for only_new in [false, true] {
            let measures = Measures::new(&judge(only_new), 0.5, &table.classes, &split.unseen);
            println!(
                "{name:8} {}: AUC {:.4}, at 1 % {:.3}, at 5 % {:.3}, accuracy {:.3}, ECE {:.3}",
                if only_new { "new kinds" } else { "all kinds" },
                measures.roc_auc,
                measures.detection_at_1,
                measures.detection_at_5,
                measures.accuracy,
                measures.ece
            );
            if only_new {
                for kind in measures.kinds.iter().filter(|kind| kind.is_unseen) {
                    println!(
                        "    {:16} {:6}: at 1 % {:.3}, at 5 % {:.3}",
                        kind.name, kind.rows, kind.detected_at_1, kind.detected_at_5
                    );
                }
            }
        }
    }
    Ok(())
}
