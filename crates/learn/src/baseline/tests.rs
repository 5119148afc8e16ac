//! Every baseline on traffic that it must understand, and its way through a model file.

use super::*;
use crate::table::{Column, Kind, Row};

/// Normal rows around 0 in six features that go together; attacks that break with it, and few values missing.
fn table(rows: usize) -> Table {
    let column = |n: usize| Column {
        name: format!("x{n}"),
        kind: Kind::Number,
        names: Vec::new(),
    };
    let mut table = Table::new((0..6).map(column).collect());
    let scan = table.class("scan").unwrap();
    let mut random = Random::new(5);
    for n in 0..rows {
        let is_attack = n % 5 == 0;
        let common = random.unit() as f32;
        let mut values = [common; 6].map(|value| value + 0.1 * random.unit() as f32);
        if is_attack {
            values[1] += 2.0;
            values[3] -= 3.0;
        }
        if n % 50 == 7 {
            values[5] = f32::NAN;
        }
        let class = Some(if is_attack { scan } else { 0 });
        table
            .push(
                Row {
                    class,
                    ..Row::default()
                },
                &values,
            )
            .unwrap();
    }
    table
}

/// The probability that an attack is more suspicious than a normal row.
fn auc(table: &Table, rows: &[usize], scores: &[f32]) -> f64 {
    let of = |wanted: bool| {
        let pairs = rows.iter().zip(scores);
        pairs
            .filter(move |(row, _)| table.is_attack(**row) == Some(wanted))
            .map(|(_, score)| *score)
    };
    let pairs: Vec<bool> = of(true)
        .flat_map(|a| of(false).map(move |n| a > n))
        .collect();
    pairs.iter().filter(|won| **won).count() as f64 / pairs.len() as f64
}

#[test]
fn every_baseline_tells_attacks_from_normal_rows_that_it_never_saw() {
    let table = table(1500);
    let (train, test): (Vec<usize>, Vec<usize>) = (0..1500).partition(|row| *row < 1000);
    for which in Which::ALL {
        let model = Baseline::fit(which, &table, &train, 1).unwrap();
        let scores = model.raw(&table, &test).unwrap();
        let auc = auc(&table, &test, &scores);
        // Each feature by itself is not as odd as how they go together, and it looks at each by itself.
        let least = if which == Which::Rarity { 0.9 } else { 0.95 };
        assert!(auc > least, "{}: {auc}", which.name());
    }
}

#[test]
fn the_same_seed_gives_the_same_model_and_its_file_the_same_scores() {
    let table = table(600);
    let rows: Vec<usize> = (0..600).collect();
    for which in Which::ALL {
        let model = Baseline::fit(which, &table, &rows, 3).unwrap();
        assert_eq!(model, Baseline::fit(which, &table, &rows, 3).unwrap());
        let again =
            Baseline::from_tensors(which, model.scaler().clone(), &model.to_tensors()).unwrap();
        assert_eq!(
            again.raw(&table, &rows),
            model.raw(&table, &rows),
            "{}",
            which.name()
        );
        assert_eq!(again, model);
    }
}

#[test]
fn damaged_arrays_are_refused_and_never_followed_in_circles() {
    let table = table(200);
    let rows: Vec<usize> = (0..200).collect();
    for which in Which::ALL
        .into_iter()
        .filter(|which| *which != Which::ZScore)
    {
        let model = Baseline::fit(which, &table, &rows, 3).unwrap();
        let whole = model.to_tensors();
        for name in whole.keys() {
            let mut without = whole.clone();
            without.remove(name);
            let read = |tensors| Baseline::from_tensors(which, model.scaler().clone(), tensors);
            assert!(read(&without).is_err(), "{} without {name}", which.name());
            let mut damaged = whole.clone();
            damaged.insert(name.clone(), vec![f32::NAN]);
            assert!(read(&damaged).is_err());
            let mut shuffled = whole.clone();
            for values in shuffled.values_mut() {
                values.reverse();
            }
            if let Ok(model) = read(&shuffled) {
                assert_eq!(model.raw(&table, &[0, 1]).unwrap().len(), 2);
            }
        }
    }
}

#[test]
fn rows_without_labels_are_enough_for_those_that_need_none() {
    let mut table = table(300);
    for row in &mut table.rows {
        row.class = None;
    }
    let rows: Vec<usize> = (0..300).collect();
    for which in Which::ALL {
        let fitted = Baseline::fit(which, &table, &rows, 1);
        match which {
            Which::Logistic | Which::Boosting | Which::RandomForest => {
                assert_eq!(fitted, Err(Error::OneClass(which.name())));
            }
            _ => assert!(fitted.unwrap().is_unsupervised(), "{}", which.name()),
        }
        assert!(Baseline::fit(which, &table, &[], 1).is_err());
    }
}

#[test]
fn labels_without_meaning_teach_nothing() {
    let mut table = table(1200);
    let classes: Vec<Option<u16>> = table.rows.iter().map(|row| row.class).collect();
    let mut shuffled = classes.clone();
    Random::new(9).shuffle(&mut shuffled);
    for (row, class) in table.rows.iter_mut().zip(&shuffled) {
        row.class = *class;
    }
    let (train, test): (Vec<usize>, Vec<usize>) = (0..1200).partition(|row| *row < 800);
    for which in [Which::Logistic, Which::Boosting, Which::RandomForest] {
        let model = Baseline::fit(which, &table, &train, 1).unwrap();
        let auc = auc(&table, &test, &model.raw(&table, &test).unwrap());
        assert!((0.38..0.62).contains(&auc), "{}: {auc}", which.name());
    }
}
