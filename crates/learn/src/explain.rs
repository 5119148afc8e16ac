//! Why a flow was found.
//!
//! Two ways that know nothing of each other: integrated gradients (M. Sundararajan et al., "Axiomatic Attribution
//! for Deep Networks", 2017) from what is usual to what is, and occlusion, which asks how far the score falls when
//! a feature is as usual. The features that are named are those whose removal, one after the other, takes most
//! away: so it is the score itself that bears them out.

mod attribute;
mod proof;
mod words;

use serde::Serialize;

pub use attribute::{Attribution, attribute, integrated, occluded, without};
pub use proof::{Proof, prove};

use crate::model::{self, Model};
use crate::scale::Missing;
use crate::table::Table;
use crate::window::Links;

/// Features that an explanation names.
pub const TOP: usize = 5;
/// Normal flows that it names.
pub const NEAREST: usize = 3;

/// A feature that counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The feature's name.
    pub column: String,
    /// Its value, as a reader writes it.
    pub value: String,
    /// What it is in normal traffic.
    pub usual: String,
    /// Its share of the score, of all features that raise it; the shares of all add up to 1.
    pub share: f32,
}

/// A flow of the window that counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flow {
    /// The table's row.
    pub row: usize,
    /// Its share of the score.
    pub share: f32,
}

/// A normal flow that the model has seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nearest {
    /// The line of the training data it came from.
    pub line: u32,
    /// Distance in scaled inputs, root of the mean square.
    pub distance: f32,
    /// Where it differs most: feature, its value there, its value here.
    pub differs: Vec<(String, String, String)>,
}

/// Why a flow was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What counted most, the most first; at most [`TOP`].
    pub features: Vec<Part>,
    /// Flows of the window that counted, the most first.
    pub flows: Vec<Flow>,
    /// Normal flows that are most like it.
    pub nearest: Vec<Nearest>,
    /// All this in words.
    pub text: String,
}

/// Explains a row's score; `rows` are those it was scored with, and a row that is not one of them is taken alone.
///
/// # Errors
/// Columns that the table lacks.
pub fn explain(
    model: &Model,
    table: &Table,
    rows: &[usize],
    row: usize,
) -> Result<Explanation, Missing> {
    let history = history_of(table, rows, row);
    let at = history.iter().position(|other| *other == row).unwrap_or(0);
    let score = model.score(table, &history)?[at];
    let bearers = bearers(model, table, &history, at)?;
    let Some((bearer, _)) = bearers.first().copied() else {
        let attribution = attribute(model, table, &history, row)?;
        return Ok(words::explanation(
            model,
            table,
            (row, row),
            &score,
            &attribution,
        ));
    };
    let mut attribution = attribute(model, table, &history, bearer)?;
    attribution.flows = bearers;
    Ok(words::explanation(
        model,
        table,
        (row, bearer),
        &score,
        &attribution,
    ))
}

/// Where the flows of a host are joined to one score: those that bear it, the most suspicious first, with their
/// shares. `at` is the place of the flow that is explained in its history.
fn bearers(
    model: &Model,
    table: &Table,
    history: &[usize],
    at: usize,
) -> Result<Vec<(usize, f32)>, Missing> {
    let Some(recent) = &model.manifest.recent else {
        return Ok(Vec::new());
    };
    let links = Links::of(table, history);
    let last: Vec<usize> = links.chain(at).take(recent.flows).collect();
    let scores = model.own(table, history, &last)?;
    let mut bearers: Vec<(usize, f32)> = last
        .iter()
        .zip(scores)
        .map(|(at, score)| (history[*at], score.suspicion.max(0.0)))
        .collect();
    // The flow itself counts however suspicious it is, of those before it the most suspicious.
    if let Some((_, before)) = bearers.split_first_mut() {
        before.sort_by(|a, b| b.1.total_cmp(&a.1));
    }
    bearers.truncate(model::TOP);
    let sum = |bearers: &[(usize, f32)]| bearers.iter().map(|(_, own)| own).sum::<f32>();
    let own = bearers.first().map_or(0.0, |(_, own)| *own);
    if model::alone(own) >= sum(&bearers) / model::TOP as f32 {
        bearers.truncate(1);
    }
    bearers.sort_by(|a, b| b.1.total_cmp(&a.1));
    let sum = sum(&bearers);
    for (_, suspicion) in &mut bearers {
        *suspicion /= sum.max(f32::MIN_POSITIVE);
    }
    Ok(bearers)
}

/// Of these rows, those of the host of `row`, itself among them; it alone where it is not.
fn history_of(table: &Table, rows: &[usize], row: usize) -> Vec<usize> {
    let host = table.rows.get(row).and_then(|row| row.host);
    let is_history =
        |other: &usize| *other == row || host.is_some() && table.rows[*other].host == host;
    let history: Vec<usize> = rows.iter().copied().filter(is_history).collect();
    match history.contains(&row) {
        true => history,
        false => vec![row],
    }
}
