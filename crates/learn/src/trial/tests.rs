//! Every model's way from rows to a file and back, judged on kinds that it never saw; and rows that teach nothing.

use super::*;
use crate::baseline::Which as Base;
use crate::random::Random;
use crate::table::{Column, Kind, Row};
use crate::train::{Labels, Silent};

/// Normal rows around 0.5 in four features; scans and worms far from them, each in its own.
fn table(rows: usize) -> Table {
    let column = |n: usize| Column {
        name: format!("x{n}"),
        kind: Kind::Number,
        names: Vec::new(),
    };
    let mut table = Table::new((0..4).map(column).collect());
    let (scan, worm) = (table.class("scan").unwrap(), table.class("worm").unwrap());
    let mut random = Random::new(3);
    for n in 0..rows {
        let mut values = [0; 4].map(|_| random.unit() as f32);
        let class = match n % 10 {
            3 => scan,
            6 => worm,
            _ => 0,
        };
        if class != 0 {
            values[usize::from(class)] += 5.0;
        }
        let row = Row {
            class: Some(class),
            line: u32::try_from(n).unwrap(),
            ..Row::default()
        };
        table.push(row, &values).unwrap();
    }
    table
}

fn all(table: &Table) -> Vec<usize> {
    (0..table.len()).collect()
}

#[test]
fn every_baseline_goes_through_a_model_file_and_is_judged_on_what_it_never_saw() {
    let table = table(1000);
    let known: Vec<usize> = all(&table)
        .into_iter()
        .filter(|row| row % 10 != 6)
        .collect();
    let name = format!("ratel-learn-trial-{}.ratel-model", std::process::id());
    let path = std::env::temp_dir().join(name);
    for which in Which::all().into_iter().skip(1) {
        let settings = Settings::default();
        let model = train(which, &table, &known, &settings, &mut Silent).unwrap();
        model.save(&path).unwrap();
        let again = Model::load(&path).unwrap();
        let rows = all(&table);
        assert_eq!(
            again.score(&table, &rows),
            model.score(&table, &rows),
            "{}",
            which.name()
        );
        let outcome = judge(&again, &table, &rows, usual_threshold(&again)).unwrap();
        assert!(outcome.measures.roc_auc > 0.7, "{}", which.name());
        let unseen: Vec<&str> = outcome
            .measures
            .kinds
            .iter()
            .filter(|kind| kind.is_unseen)
            .map(|kind| kind.name.as_str())
            .collect();
        assert_eq!(unseen, ["worm"]);
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn rows_that_teach_nothing_are_refused_with_the_reason() {
    let table = table(400);
    let normal: Vec<usize> = all(&table)
        .into_iter()
        .filter(|row| table.is_attack(*row) == Some(false))
        .collect();
    let refusal = |which, rows: &[usize]| {
        let trained = train(which, &table, rows, &Settings::default(), &mut Silent);
        trained
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let forest = Which::Baseline(Base::RandomForest);
    assert!(refusal(forest, &normal).contains("all flows are labelled \"normal\""));
    assert!(refusal(Which::Baseline(Base::Pca), &normal[..20]).contains("too few to learn from"));
    assert!(refusal(forest, &[]).contains("nothing to tell it from"));
}

#[test]
fn without_labels_a_model_knows_rare_flows_only() {
    let table = table(600);
    let settings = Settings {
        labels: Labels::Ignore,
        ..Settings::default()
    };
    let rows = all(&table);
    let model = train(
        Which::Baseline(Base::ZScore),
        &table,
        &rows,
        &settings,
        &mut Silent,
    )
    .unwrap();
    assert!((usual_threshold(&model) - 0.99).abs() < 1e-6);
    let outcome = judge(&model, &table, &rows, 0.99).unwrap();
    assert!(
        outcome.measures.detection_at_5 > 0.8,
        "{:?}",
        outcome.measures
    );
}

/// Small enough for a test.
fn small() -> Settings {
    Settings {
        hidden: 16,
        state: 8,
        members: 1,
        folds: 2,
        epochs: 4,
        ..Settings::default()
    }
}

#[test]
fn labels_that_mean_nothing_teach_nothing() {
    let mut table = table(3000);
    let mut classes: Vec<Option<u16>> = table.rows.iter().map(|row| row.class).collect();
    Random::new(7).shuffle(&mut classes);
    for (row, class) in table.rows.iter_mut().zip(classes) {
        row.class = class;
    }
    let rows = all(&table);
    let (learned, judged) = rows.split_at(2000);
    for which in Which::all() {
        let model = train(which, &table, learned, &small(), &mut Silent).unwrap();
        let auc = judge(&model, &table, judged, 0.5).unwrap().measures.roc_auc;
        assert!((0.42..0.58).contains(&auc), "{}: {auc}", which.name());
    }
}

#[test]
fn nothing_of_what_is_held_out_is_in_a_model() {
    let (table, mut other) = (table(1500), table(1500));
    let rows = all(&table);
    let learned = &rows[..1000];
    let values: Vec<f32> = (0..other.columns.len()).map(|n| 1e6 + n as f32).collect();
    let mut changed = Table::new(other.columns.clone());
    changed.classes.clone_from(&other.classes);
    for (at, row) in other.rows.drain(..).enumerate() {
        let values = if at < 1000 { table.values(at) } else { &values };
        changed.push(row, values).unwrap();
    }
    for which in Which::all() {
        let scores = |table: &Table| {
            let model = train(which, table, learned, &small(), &mut Silent).unwrap();
            model.score(table, learned).unwrap()
        };
        assert_eq!(scores(&table), scores(&changed), "{}", which.name());
    }
}
