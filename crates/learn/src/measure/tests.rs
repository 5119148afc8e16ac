//! Measures against their definitions, written down slowly.

use super::*;
use proptest::prelude::*;

fn names() -> Vec<String> {
    ["normal", "scan", "worm"].map(str::to_owned).to_vec()
}

/// Few different scores, so that many are alike.
fn some() -> impl Strategy<Value = Vec<Judged>> {
    let one = (0_u8..12, 0_u16..3).prop_map(|(score, class)| Judged {
        score: f32::from(score) / 11.0,
        class,
    });
    prop::collection::vec(one, 0..60)
}

fn auc(judged: &[Judged]) -> f64 {
    let (attacks, normal): (Vec<Judged>, Vec<Judged>) =
        judged.iter().copied().partition(|one| one.class != 0);
    if attacks.is_empty() || normal.is_empty() {
        return 0.5;
    }
    let pairs = attacks
        .iter()
        .flat_map(|a| normal.iter().map(move |n| (a.score, n.score)));
    let won = pairs.map(|(a, n)| {
        if a > n {
            1.0
        } else if a == n {
            0.5
        } else {
            0.0
        }
    });
    won.sum::<f64>() / (attacks.len() * normal.len()) as f64
}

/// Over all thresholds that there are: the most attacks found with at most this share of normal rows.
fn detection(judged: &[Judged], budget: f64) -> f64 {
    let found = |is_attack: bool, threshold: f32| {
        let of = judged.iter().filter(|one| (one.class != 0) == is_attack);
        let reached = of.clone().filter(|one| one.score >= threshold).count();
        reached as f64 / of.count().max(1) as f64
    };
    let thresholds = judged.iter().map(|one| one.score);
    let within = thresholds.filter(|threshold| found(false, *threshold) <= budget);
    within
        .map(|threshold| found(true, threshold))
        .fold(0.0, f64::max)
}

fn average_precision(judged: &[Judged]) -> f64 {
    let attacks = judged.iter().filter(|one| one.class != 0).count();
    let mut thresholds: Vec<f32> = judged.iter().map(|one| one.score).collect();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let mut sum = 0.0;
    let mut recall = 0.0;
    for threshold in thresholds {
        let found = judged.iter().filter(|one| one.score >= threshold);
        let right = found.clone().filter(|one| one.class != 0).count();
        let now = right as f64 / attacks.max(1) as f64;
        sum += (now - recall) * right as f64 / found.count() as f64;
        recall = now;
    }
    sum
}

fn calibration_error(judged: &[Judged]) -> f64 {
    let error = |bin: usize| {
        let (low, high) = (bin as f64 / 15.0, (bin + 1) as f64 / 15.0);
        let is_in = |one: &&Judged| {
            let score = f64::from(one.score);
            (low..high).contains(&score) || (bin == 14 && score >= 1.0)
        };
        let rows: Vec<&Judged> = judged.iter().filter(is_in).collect();
        let score: f64 = rows.iter().map(|one| f64::from(one.score)).sum();
        let attacks = rows.iter().filter(|one| one.class != 0).count() as f64;
        (score - attacks).abs() / judged.len().max(1) as f64
    };
    (0..15).map(error).sum()
}

proptest! {
    #[test]
    fn measures_are_what_their_definitions_say(judged in some()) {
        let measures = Measures::new(&judged, 0.5, &names(), &[2]);
        for (measure, definition) in [
            (measures.roc_auc, auc(&judged)),
            (measures.pr_auc, average_precision(&judged)),
            (measures.detection_at_1, detection(&judged, 0.01)),
            (measures.detection_at_5, detection(&judged, 0.05)),
            (measures.ece, calibration_error(&judged)),
        ] {
            prop_assert!((measure - definition).abs() < 1e-9, "{measure} {definition}");
        }
        let by_kind: u64 = measures.kinds.iter().map(|kind| kind.rows).sum();
        prop_assert_eq!(by_kind, measures.rows);
        let c = measures.confusion;
        prop_assert_eq!(c.true_positives + c.false_negatives, measures.attacks);
    }

    #[test]
    fn curves_go_from_corner_to_corner_and_never_back(judged in some()) {
        let curves = Curves::new(&judged);
        prop_assert!(curves.roc.windows(2).all(|p| p[0].x <= p[1].x && p[0].y <= p[1].y));
        prop_assert!(curves.pr.windows(2).all(|p| p[0].x <= p[1].x));
        let rows: u64 = curves.reliability.iter().map(|bin| bin.rows).sum();
        prop_assert_eq!(rows, judged.len() as u64);
    }
}

#[test]
fn a_perfect_model_has_all_marks() {
    let judged: Vec<Judged> = (0..100_u16)
        .map(|n| Judged {
            score: if n < 40 { 1.0 } else { 0.0 },
            class: if n < 40 { 1 + n % 2 } else { 0 },
        })
        .collect();
    let measures = Measures::new(&judged, 0.5, &names(), &[2]);
    for mark in [
        measures.accuracy,
        measures.precision,
        measures.recall,
        measures.f1,
        measures.macro_f1,
        measures.roc_auc,
        measures.pr_auc,
        measures.detection_at_1,
    ] {
        assert!((mark - 1.0).abs() < 1e-12);
    }
    assert!(measures.ece < 1e-12);
    let unseen: Vec<bool> = measures.kinds.iter().map(|kind| kind.is_unseen).collect();
    assert_eq!(unseen, [false, false, true]);
}

#[test]
fn a_model_that_says_the_same_of_all_is_worth_nothing() {
    let judged: Vec<Judged> = (0..100_u16)
        .map(|n| Judged {
            score: f32::NAN,
            class: n % 2,
        })
        .collect();
    let measures = Measures::new(&judged, 0.5, &names(), &[]);
    assert!((measures.roc_auc - 0.5).abs() < 1e-12);
    assert!(measures.detection_at_5.abs() < 1e-12);
    assert_eq!(Measures::new(&[], 0.5, &names(), &[]).rows, 0);
}

#[test]
fn kinds_are_named_as_the_confusion_says() {
    let classes = Classes::new(&names(), [(0, 0), (0, 1), (1, 1), (1, 1)]);
    assert_eq!(classes.confusion, [[1, 1, 0], [0, 2, 0], [0, 0, 0]]);
    assert!((classes.accuracy - 0.75).abs() < 1e-12);
    assert!((classes.classes[1].precision - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(classes.classes.len(), 2);
}

#[test]
fn mean_and_spread_are_those_of_the_textbook() {
    let spread = Spread::of([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
    assert!((spread.mean - 5.0).abs() < 1e-12);
    assert!((spread.deviation - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
}
