//! What a model promises, on small traffic made here.

use std::path::Path;

use super::folder::Folder;
use super::{Kind, Model, Score};
use crate::explain;
use crate::random::Random;
use crate::table::{Column, Row, Table};
use crate::train::{Error, Labels, Progress, Settings, Silent, Watch};

const FEATURES: usize = 12;
const NORMAL: u16 = 0;
const SCAN: u16 = 1;
const FLOOD: u16 = 2;
const TUNNEL: u16 = 3;

/// Flows of twelve amounts and a protocol. Normal amounts hang together; each kind of attack tears some away.
fn traffic(count: usize, seed: u64) -> Table {
    let column = |name: String, kind, names: &[&str]| Column {
        name,
        kind,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let amounts = (0..FEATURES).map(|at| column(format!("f{at}"), crate::table::Kind::Number, &[]));
    let proto = column(
        "proto".to_owned(),
        crate::table::Kind::Category,
        &["tcp", "udp"],
    );
    let mut table = Table::new(amounts.chain([proto]).collect());
    for kind in ["scan", "flood", "tunnel"] {
        table.class(kind).unwrap();
    }
    let mut random = Random::new(seed);
    for at in 0..count {
        let class = [SCAN, FLOOD, TUNNEL]
            .get(random.below(12))
            .copied()
            .unwrap_or(NORMAL);
        let level = random.normal();
        let mut values: Vec<f32> = (0..FEATURES)
            .map(|place| {
                let sign = if place % 2 == 0 { 1.0 } else { -1.0 };
                (sign * level + 0.3 * random.normal()) as f32
            })
            .collect();
        let torn: &[usize] = match class {
            SCAN => &[0, 3, 5, 6, 9],
            FLOOD => &[1, 2, 4, 8, 10],
            TUNNEL => &[2, 5, 7, 9, 11],
            _ => &[],
        };
        for place in torn {
            values[*place] += 4.0;
        }
        values.push(f32::from(u8::from(random.below(4) == 0)));
        let row = Row {
            class: Some(class),
            host: Some(u32::try_from(random.below(20)).unwrap()),
            at_us: i64::try_from(at).unwrap() * 1_000_000,
            line: u32::try_from(at).unwrap() + 1,
            ..Row::default()
        };
        table.push(row, &values).unwrap();
    }
    table
}

fn small() -> Settings {
    Settings {
        window: 4,
        windows_per_epoch: 200_000,
        dropout: 0.1,
        epochs: 6,
        batch: 64,
        hidden: 16,
        state: 12,
        members: 1,
        folds: 2,
        learning_rate: 5e-3,
        ..Settings::default()
    }
}

fn all(table: &Table) -> Vec<usize> {
    (0..table.len()).collect()
}

fn train(table: &Table, settings: &Settings) -> Model {
    Model::train(table, &all(table), settings, &mut Silent).unwrap()
}

fn bytes(model: &Model) -> Vec<u8> {
    let folder = Folder::new();
    let path = folder.path().join("model");
    model.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

/// The share of pairs of an attack and a normal flow in which the attack is the more suspicious.
fn area(model: &Model, table: &Table, is_judged: impl Fn(u16) -> bool) -> f64 {
    let scores = model.score(table, &all(table)).unwrap();
    area_of(&scores, table, is_judged)
}

fn area_of(scores: &[Score], table: &Table, is_judged: impl Fn(u16) -> bool) -> f64 {
    let class = |row: usize| table.rows[row].class.unwrap();
    let of = |is: &dyn Fn(u16) -> bool| -> Vec<f32> {
        let rows = (0..table.len()).filter(|row| is(class(*row)));
        rows.map(|row| scores[row].suspicion).collect()
    };
    let (attacks, normal) = (of(&is_judged), of(&|class| class == NORMAL));
    let won: usize = attacks
        .iter()
        .map(|a| normal.iter().filter(|n| *n < a).count())
        .sum();
    won as f64 / (attacks.len() * normal.len()) as f64
}

#[test]
fn the_same_rows_and_seed_give_the_same_model_bit_for_bit() {
    let table = traffic(600, 1);
    let first = train(&table, &small());
    let second = train(&table, &small());
    assert_eq!(bytes(&first), bytes(&second));
    let scores = |model: &Model| -> Vec<u32> {
        let scores = model.score(&table, &all(&table)).unwrap();
        scores
            .iter()
            .map(|score| score.suspicion.to_bits())
            .collect()
    };
    assert_eq!(scores(&first), scores(&second));
    let other = Settings { seed: 2, ..small() };
    assert_ne!(bytes(&first), bytes(&train(&table, &other)));
}

#[test]
fn attacks_are_found_also_of_a_kind_that_was_never_seen() {
    let table = traffic(1500, 1);
    let seen: Vec<usize> = all(&table)
        .into_iter()
        .filter(|row| table.rows[*row].class != Some(TUNNEL))
        .collect();
    let model = Model::train(&table, &seen, &small(), &mut Silent).unwrap();
    let other = traffic(600, 2);
    let known = area(&model, &other, |class| class == SCAN || class == FLOOD);
    let new = area(&model, &other, |class| class == TUNNEL);
    assert!(known > 0.97 && new > 0.9, "{known} {new}");
    // A few hundred rows held back tell a calibration error badly: it is judged on many fresh ones.
    let fresh = traffic(4000, 3);
    let rows: Vec<usize> = all(&fresh)
        .into_iter()
        .filter(|row| fresh.rows[*row].class != Some(TUNNEL))
        .collect();
    let scores = model.score(&fresh, &rows).unwrap();
    let told: Vec<f32> = scores.iter().map(|score| score.probability).collect();
    let truth: Vec<bool> = rows
        .iter()
        .map(|row| fresh.is_attack(*row) == Some(true))
        .collect();
    let error = crate::calibrate::expected_error(&told, &truth);
    assert!(error < 0.05, "{error}");
}

#[test]
fn labels_that_mean_nothing_teach_nothing() {
    let mut table = traffic(1000, 1);
    let mut classes: Vec<Option<u16>> = table.rows.iter().map(|row| row.class).collect();
    Random::new(5).shuffle(&mut classes);
    for (row, class) in table.rows.iter_mut().zip(classes) {
        row.class = class;
    }
    let model = train(&table, &small());
    let mut other = traffic(1000, 2);
    let mut classes: Vec<Option<u16>> = other.rows.iter().map(|row| row.class).collect();
    Random::new(6).shuffle(&mut classes);
    for (row, class) in other.rows.iter_mut().zip(classes) {
        row.class = class;
    }
    let area = area(&model, &other, |class| class != NORMAL);
    assert!((area - 0.5).abs() < 0.06, "{area}");
}

#[test]
fn without_labels_what_is_not_normal_is_found() {
    let table = traffic(1200, 1);
    let settings = Settings {
        labels: Labels::Ignore,
        epochs: 15,
        ..small()
    };
    let model = train(&table, &settings);
    assert!(!model.manifest.is_supervised);
    assert_eq!(
        model.manifest.trained.classes.len(),
        1,
        "attacks are left out"
    );
    // Flows of an attack and ordinary ones take turns here at random on every host: so each is judged by itself.
    let other = traffic(600, 2);
    let own = model.own(&other, &all(&other), &all(&other)).unwrap();
    let area = area_of(&own, &other, |class| class != NORMAL);
    assert!(area > 0.85, "{area}");
}

#[test]
fn without_labels_a_host_is_as_suspicious_as_its_last_flows_together() {
    let table = traffic(1200, 1);
    let settings = Settings {
        labels: Labels::Ignore,
        ..small()
    };
    let model = train(&table, &settings);
    let mut other = traffic(600, 2);
    for row in &mut other.rows {
        // Attacks and ordinary flows each have hosts of their own.
        row.host = row.host.map(|host| match row.class {
            Some(NORMAL) => host,
            _ => 100 + host,
        });
    }
    let joined = model.score(&other, &all(&other)).unwrap();
    let own = model.own(&other, &all(&other), &all(&other)).unwrap();
    // The first flows of a host count for less: there is nothing yet that bears them out.
    for row in &mut other.rows[..300] {
        row.class = Some(u16::MAX);
    }
    let attacked = |class| class != NORMAL && class != u16::MAX;
    let (joined, own) = (
        area_of(&joined, &other, attacked),
        area_of(&own, &other, attacked),
    );
    assert!(joined > own && joined > 0.95, "{joined} {own}");
}

/// Says stop after so many rounds.
struct Stop(usize);

impl Watch for Stop {
    fn epoch(&mut self, _progress: &Progress) -> bool {
        self.0 -= 1;
        self.0 > 0
    }
}

#[test]
fn a_training_that_was_stopped_goes_on_to_the_same_model() {
    let table = traffic(400, 1);
    let whole = bytes(&train(&table, &small()));
    let folder = Folder::new();
    let settings = Settings {
        checkpoints: Some(folder.path().to_owned()),
        ..small()
    };
    // Each time it is stopped after three rounds: within a net, and between nets.
    let mut stops = 0;
    let model = loop {
        match Model::train(&table, &all(&table), &settings, &mut Stop(3)) {
            Ok(model) => break model,
            Err(Error::Stopped { .. }) => stops += 1,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(stops >= 3, "{stops}");
    assert!(bytes(&model) == whole);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    model.forget_checkpoint();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn rows_and_settings_that_can_not_be_are_refused_in_words() {
    let table = traffic(300, 1);
    let check = |rows: &[usize], settings: Settings, expected: &str| {
        let error = Model::train(&table, rows, &settings, &mut Silent).err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            error.contains(expected),
            "{error:?} instead of {expected:?}"
        );
    };
    let of = |is: fn(u16) -> bool| -> Vec<usize> {
        let is = |row: &usize| is(table.rows[*row].class.unwrap());
        all(&table).into_iter().filter(is).collect()
    };
    check(&[], small(), "0 flows are too few");
    check(&all(&table)[..50], small(), "50 flows are too few");
    let use_labels = Settings {
        labels: Labels::Use,
        ..small()
    };
    check(
        &of(|class| class == NORMAL),
        use_labels,
        "all flows are labelled \"normal\"",
    );
    check(&[0; 200], small(), "too few");
    for (settings, expected) in [
        (
            Settings {
                window: 0,
                ..small()
            },
            "setting window: 0 is not within 1 and 64",
        ),
        (
            Settings {
                batch: 1,
                ..small()
            },
            "setting batch",
        ),
        (
            Settings {
                hidden: 1 << 20,
                ..small()
            },
            "setting hidden",
        ),
        (
            Settings {
                learning_rate: f32::NAN,
                ..small()
            },
            "setting learning_rate: NaN",
        ),
        (
            Settings {
                dropout: 2.0,
                ..small()
            },
            "setting dropout",
        ),
    ] {
        check(&all(&table), settings, expected);
    }
    let folder = Folder::new();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let settings = Settings {
        checkpoints: Some(file),
        ..small()
    };
    check(&all(&table), settings, "checkpoint");
    let mut same = Table::new(table.columns.clone());
    for row in 0..200 {
        same.push(table.rows[row], table.values(0)).unwrap();
    }
    let error = Model::train(&same, &all(&same), &small(), &mut Silent).err();
    assert!(matches!(error, Some(Error::Constant)));
}

#[test]
fn values_that_are_no_numbers_do_no_harm() {
    let mut table = traffic(400, 1);
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        for class in [NORMAL, SCAN] {
            let row = Row {
                class: Some(class),
                ..Row::default()
            };
            table.push(row, &[odd; FEATURES + 1]).unwrap();
        }
    }
    let model = train(&table, &small());
    let scores = model.score(&table, &all(&table)).unwrap();
    let is_sane = |score: &super::Score| {
        (0.0..=1.0).contains(&score.probability)
            && score.anomaly.is_finite()
            && score.suspicion.is_finite()
    };
    assert!(scores.iter().all(is_sane));
    let last = table.len() - 1;
    assert!(model.explain(&table, &[last], last).is_ok());
}

#[test]
fn a_model_file_that_does_not_fit_is_refused_in_words() {
    let table = traffic(300, 1);
    let model = train(&table, &small());
    let whole = bytes(&model);
    let load = |bytes: &[u8]| Model::from_bytes(Path::new("m"), bytes);
    let read = load(&whole).unwrap();
    assert_eq!(bytes(&read), whole);
    let scores = |model: &Model| model.score(&table, &all(&table)).unwrap();
    assert_eq!(scores(&read), scores(&model));
    let refused = |bytes: &[u8], expected: &str| {
        let error = load(bytes)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            error.contains(expected),
            "{error:?} instead of {expected:?}"
        );
    };
    refused(&whole[..whole.len() - 1], "not a whole safetensors file");
    refused(b"", "not a whole safetensors file");
    let (head, tensors) = super::file::parse(&whole).unwrap();
    let folder = Folder::new();
    let changed = |head: &str, tensors: &crate::detector::Tensors| {
        let path = folder.path().join("changed");
        super::file::write(&path, head, tensors).unwrap();
        std::fs::read(path).unwrap()
    };
    let newer = head.replacen("\"format\":1", "\"format\":2", 1);
    refused(&changed(&newer, &tensors), "format 2, this version reads 1");
    refused(&changed("{}", &tensors), "format 0");
    refused(&changed("no", &tensors), "no JSON");
    let unknown = head.replacen("\"kind\":\"clstm\"", "\"kind\":\"oracle\"", 1);
    refused(&changed(&unknown, &tensors), "oracle");
    for (name, expected) in [
        ("teller.0.lstm.state", "teller.0.lstm.state"),
        ("normals", "normal flows"),
    ] {
        let mut fewer = tensors.clone();
        fewer.remove(name);
        refused(&changed(&head, &fewer), expected);
        let mut shorter = tensors.clone();
        shorter.get_mut(name).unwrap().pop();
        refused(&changed(&head, &shorter), expected);
        let mut odd = tensors.clone();
        odd.get_mut(name).unwrap()[0] = f32::NAN;
        refused(&changed(&head, &odd), "NaN");
    }
    let missing = model
        .score(&Table::new(table.columns[1..].to_vec()), &[])
        .unwrap_err();
    assert_eq!(missing.to_string(), "columns are missing: f0");
}

#[test]
fn what_an_explanation_names_is_what_counted() {
    let table = traffic(1200, 1);
    let model = train(&table, &small());
    let Kind::Clstm(clstm) = &model.kind else {
        panic!("a convolutional LSTM");
    };
    let rows = all(&table);
    let scores = model.score(&table, &rows).unwrap();
    let findings: Vec<usize> = rows
        .iter()
        .copied()
        .filter(|row| scores[*row].suspicion > 2.0)
        .take(60)
        .collect();
    assert!(findings.len() >= 40, "{}", findings.len());
    let mut random = Random::new(9);
    let (mut better, mut agree) = (0, 0);
    for row in &findings {
        let history = vec![*row];
        let attribution = explain::attribute(&model, &table, &history, *row).unwrap();
        let others: Vec<usize> = (0..=FEATURES)
            .filter(|at| !attribution.named.contains(at))
            .collect();
        let sets = vec![
            attribution.named.clone(),
            random.some(&others, explain::TOP),
        ];
        let (_, left) = explain::without(&model, &table, &history, *row, &sets).unwrap();
        better += usize::from(left[0] < left[1]);
        // The two ways know nothing of each other: what one puts first is among the first of the other.
        let first = |amounts: &[f32], count: usize| -> Vec<usize> {
            let mut order: Vec<usize> = (0..amounts.len()).collect();
            order.sort_by(|a, b| amounts[*b].total_cmp(&amounts[*a]));
            order.truncate(count);
            order
        };
        let gradients = explain::integrated(clstm, &table, &history, *row).unwrap();
        let falls = explain::occluded(clstm, &table, &history, *row).unwrap();
        agree += usize::from(first(&gradients, 4).contains(&first(&falls, 1)[0]));
    }
    let share = |count: usize| count as f64 / findings.len() as f64;
    assert!(share(better) >= 0.95, "{}", share(better));
    assert!(share(agree) >= 0.8, "{}", share(agree));
    let told = model.explain(&table, &rows, findings[0]).unwrap();
    assert!(!told.features.is_empty() && told.features.len() <= explain::TOP);
    assert_eq!(told.nearest.len(), explain::NEAREST);
    assert!(
        told.text.contains(&told.features[0].column),
        "{}",
        told.text
    );
}

#[test]
fn gradients_add_up_to_the_score() {
    let table = traffic(600, 1);
    let model = train(&table, &small());
    let Kind::Clstm(clstm) = &model.kind else {
        panic!("a convolutional LSTM");
    };
    let rows = all(&table);
    let scores = model.score(&table, &rows).unwrap();
    let everything: Vec<usize> = (0..=FEATURES).collect();
    let findings = rows
        .iter()
        .filter(|row| scores[**row].suspicion > 2.0)
        .take(10);
    for row in findings {
        let sum: f32 = explain::integrated(clstm, &table, &[*row], *row)
            .unwrap()
            .iter()
            .sum();
        let sets = [everything.clone()];
        let (whole, left) = explain::without(&model, &table, &[*row], *row, &sets).unwrap();
        let way = whole - left[0];
        assert!((sum - way).abs() < 0.2 * way.abs().max(0.5), "{sum} {way}");
    }
}
