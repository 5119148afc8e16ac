//! A card of two models, one of which is better.

use super::*;
use crate::measure::{Curves, Judged};

fn outcome(quality: f32) -> Outcome {
    let judged: Vec<Judged> = (0_u16..200)
        .map(|n| {
            let is_attack = n % 4 == 0;
            let is_right = f32::from(n % 10) < 10.0 * quality;
            Judged {
                score: if is_attack == is_right { 0.9 } else { 0.1 },
                class: u16::from(is_attack),
            }
        })
        .collect();
    let names = ["normal".to_owned(), "<worm>|".to_owned()];
    Outcome {
        measures: Measures::new(&judged, 0.5, &names, &[1]),
        classes: None,
        curves: Curves::new(&judged),
        at_budget: (0.0, 0.0),
    }
}

fn card(entries: &[Entry]) -> Vec<File> {
    Card {
        name: "lab",
        version: "0",
        data: &[],
        split: "The last 30 % of the time are held out",
        rows: (100, 200, 3),
        settings: "window: 10\n",
        entries,
        limits: &["made in a lab".to_owned()],
    }
    .files()
}

fn entry(model: &str, qualities: &[f32]) -> Entry {
    Entry {
        model: model.to_owned(),
        outcomes: qualities.iter().map(|quality| outcome(*quality)).collect(),
    }
}

#[test]
fn a_card_says_where_another_model_wins() {
    let files = card(&[entry("clstm", &[0.7, 0.7]), entry("forest", &[1.0, 1.0])]);
    let text = &files[0].text;
    assert!(
        text.contains("**forest wins by accuracy**: 1.0000 against 0.7000"),
        "{text}"
    );
    assert!(text.contains("| clstm | 0.7000 ± 0.0000 |"), "{text}");
    assert!(text.contains("made in a lab"));
    assert!(
        text.contains("(worm)/"),
        "names of others stay in their cell: {text}"
    );
    let names: Vec<&str> = files.iter().map(|file| file.name).collect();
    assert_eq!(names, ["CARD.md", "roc.svg", "pr.svg", "reliability.svg"]);
    assert!(files[1].text.starts_with("<svg") && files[1].text.contains("forest"));
}

#[test]
fn a_difference_within_the_spread_is_no_victory() {
    let files = card(&[entry("clstm", &[0.6, 0.8]), entry("forest", &[0.7, 0.8])]);
    assert!(
        files[0]
            .text
            .contains("No other model is better than clstm"),
        "{}",
        files[0].text
    );
}
