//! Whether explanations hold: what they name is taken away, and as much at random.

use serde::Serialize;

use super::{TOP, attribute, bearers, history_of, without};
use crate::model::Model;
use crate::random::Random;
use crate::scale::Missing;
use crate::table::Table;

/// Draws of random features for each finding.
const DRAWS: usize = 10;
/// The purpose of this chance.
const CHANCE: u64 = 0x65_78_70;

/// How explanations of findings hold (deletion, after V. Petsiuk et al., "RISE", 2018).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Proof {
    /// Findings that were explained.
    pub findings: usize,
    /// Of all draws of as many random features, in how many the score falls further without the named ones.
    pub borne_out: f64,
    /// How far suspicion falls without the named features, mean.
    pub fall_named: f64,
    /// How far it falls without random ones, mean.
    pub fall_random: f64,
}

impl Proof {
    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        if self.findings == 0 {
            return "No flow is above the model's threshold: there is nothing to explain."
                .to_owned();
        }
        format!(
            "{} findings explained: without the {TOP} named features the score falls further than without {TOP} random \
             ones in {:.1} % of the draws, by {:.3} against {:.3}.",
            self.findings,
            100.0 * self.borne_out,
            self.fall_named,
            self.fall_random
        )
    }
}

/// Explains up to `most` of the findings among these rows, spread evenly, and takes away what was named.
///
/// # Errors
/// Columns that the table lacks.
pub fn prove(model: &Model, table: &Table, rows: &[usize], most: usize) -> Result<Proof, Missing> {
    let scores = model.score(table, rows)?;
    let pairs = rows.iter().zip(&scores);
    let findings: Vec<usize> = pairs
        .filter(|(_, score)| model.is_finding(score))
        .map(|(row, _)| *row)
        .collect();
    let count = findings.len().min(most);
    let chosen = (0..count).filter_map(|at| findings.get(at * findings.len() / count));
    let mut random = Random::of(model.manifest.settings.seed, CHANCE);
    let all: Vec<usize> = (0..model.scaler().columns.len()).collect();
    let mut proof = Proof::default();
    let mut draws = 0_u32;
    for row in chosen {
        let history = history_of(table, rows, *row);
        let at = history.iter().position(|other| other == row).unwrap_or(0);
        let bearers = bearers(model, table, &history, at)?;
        let row = bearers.first().map_or(row, |(bearer, _)| bearer);
        let named = attribute(model, table, &history, *row)?.named;
        let mut sets = vec![named];
        sets.extend((0..DRAWS).map(|_| random.some(&all, TOP)));
        let (whole, left) = without(model, table, &history, *row, &sets)?;
        let Some((named, others)) = left.split_first() else {
            continue;
        };
        for other in others {
            draws += 1;
            proof.borne_out += f64::from(u8::from(named < other));
            proof.fall_named += f64::from(whole - named);
            proof.fall_random += f64::from(whole - other);
        }
        proof.findings += 1;
    }
    let draws = f64::from(draws.max(1));
    proof.borne_out /= draws;
    proof.fall_named /= draws;
    proof.fall_random /= draws;
    Ok(proof)
}
