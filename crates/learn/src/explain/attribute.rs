//! Shares of features and flows in a score.

use super::TOP;
use crate::clstm::Clstm;
use crate::detector::Detector;
use crate::model::{Kind, Model};
use crate::scale::{Missing, Rule, Scaled, Scaler};
use crate::table::{Column, Row, Table};
use crate::window::EXTRA;

/// Steps of the integral from what is usual to what is.
const STEPS: usize = 64;
/// Features that are tried when the named ones are chosen: those that counted most by themselves.
const TRIED: usize = 14;

/// What counted in a score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attribution {
    /// By column of the scaler, its share; none is negative, and all add up to 1 unless nothing counted.
    pub shares: Vec<f32>,
    /// The columns whose removal takes most away, one after the other; at most [`TOP`].
    pub named: Vec<usize>,
    /// Rows of the window and their shares.
    pub flows: Vec<(usize, f32)>,
}

/// A window as the nets see it, and what would be usual in its place.
struct Case {
    shape: [usize; 3],
    now: Vec<f32>,
    usual: Vec<f32>,
    origins: Vec<usize>,
    columns: usize,
}

/// What counted in the score of a row with this history of its host.
///
/// # Errors
/// Columns that the table lacks.
pub fn attribute(
    model: &Model,
    table: &Table,
    history: &[usize],
    row: usize,
) -> Result<Attribution, Missing> {
    match &model.kind {
        Kind::Clstm(clstm) => of_clstm(clstm, table, history, row),
        Kind::Baseline(detector) => of_detector(model, detector.as_ref(), table, row),
    }
}

/// By column, how much of the suspicion integrated gradients lay on it; below 0 what made it less suspicious.
///
/// # Errors
/// Columns that the table lacks.
pub fn integrated(
    clstm: &Clstm,
    table: &Table,
    history: &[usize],
    row: usize,
) -> Result<Vec<f32>, Missing> {
    let (case, _) = Case::of(clstm, table, history, row)?;
    Ok(case.by_column(&case.integrated(clstm)))
}

/// By column, how far the suspicion falls when it is as usual.
///
/// # Errors
/// Columns that the table lacks.
pub fn occluded(
    clstm: &Clstm,
    table: &Table,
    history: &[usize],
    row: usize,
) -> Result<Vec<f32>, Missing> {
    let all: Vec<Vec<usize>> = (0..clstm.facts.scaler.columns.len())
        .map(|column| vec![column])
        .collect();
    let (case, _) = Case::of(clstm, table, history, row)?;
    let scores = case.without(clstm, &all);
    Ok(scores[1..].iter().map(|left| scores[0] - left).collect())
}

/// The suspicion of a row with this history of its host as it is, and with each set of columns as usual.
///
/// # Errors
/// Columns that the table lacks.
pub fn without(
    model: &Model,
    table: &Table,
    history: &[usize],
    row: usize,
    sets: &[Vec<usize>],
) -> Result<(f32, Vec<f32>), Missing> {
    let mut scores = match &model.kind {
        Kind::Clstm(clstm) => Case::of(clstm, table, history, row)?.0.without(clstm, sets),
        Kind::Baseline(detector) => {
            let usual = usual_values(model, table);
            asked(model, detector.as_ref(), table, row, (&usual, sets))?
        }
    };
    let left = scores.split_off(1);
    Ok((scores.first().copied().unwrap_or_default(), left))
}

fn of_clstm(
    clstm: &Clstm,
    table: &Table,
    history: &[usize],
    row: usize,
) -> Result<Attribution, Missing> {
    let (case, rows) = Case::of(clstm, table, history, row)?;
    let gradients = case.integrated(clstm);
    let by_gradient = shares(&case.by_column(&gradients));
    let single: Vec<Vec<usize>> = (0..case.columns).map(|column| vec![column]).collect();
    let scores = case.without(clstm, &single);
    let falls: Vec<f32> = scores[1..].iter().map(|left| scores[0] - left).collect();
    let by_fall = shares(&falls);
    let both: Vec<f32> = by_gradient
        .iter()
        .zip(&by_fall)
        .map(|(a, b)| a + b)
        .collect();
    let shares_of_both = shares(&both);
    let named = greedy(&shares_of_both, |sets| {
        case.without(clstm, sets)[1..].to_vec()
    });
    let [_, places, width] = case.shape;
    let of_place = |at: usize| gradients[at * width..(at + 1) * width].iter().sum::<f32>();
    let by_place: Vec<f32> = (0..places).map(of_place).collect();
    Ok(Attribution {
        shares: shares_of_both,
        named,
        flows: rows.into_iter().zip(shares(&by_place)).collect(),
    })
}

/// Of a detector that is asked from outside only: occlusion alone, of the flow alone.
fn of_detector(
    model: &Model,
    detector: &dyn Detector,
    table: &Table,
    row: usize,
) -> Result<Attribution, Missing> {
    let usual = usual_values(model, table);
    let ask = |sets: &[Vec<usize>]| asked(model, detector, table, row, (&usual, sets));
    let single: Vec<Vec<usize>> = (0..model.scaler().columns.len())
        .map(|column| vec![column])
        .collect();
    let scores = ask(&single)?;
    let falls: Vec<f32> = scores[1..].iter().map(|left| scores[0] - left).collect();
    let shares = shares(&falls);
    let named = greedy(&shares, |sets| {
        ask(sets)
            .map(|scores| scores[1..].to_vec())
            .unwrap_or_default()
    });
    Ok(Attribution {
        shares,
        named,
        flows: vec![(row, 1.0)],
    })
}

/// The suspicion of a row as it is, then with each set of columns as usual.
fn asked(
    model: &Model,
    detector: &dyn Detector,
    table: &Table,
    row: usize,
    (usual, sets): (&[f32], &[Vec<usize>]),
) -> Result<Vec<f32>, Missing> {
    let place = |column: &Scaled| {
        let is_it = |other: &Column| other.name == column.name;
        table.columns.iter().position(is_it)
    };
    let places: Vec<Option<usize>> = model.scaler().columns.iter().map(place).collect();
    let mut asked = Table::new(table.columns.clone());
    let whole = std::iter::once(&[][..]).chain(sets.iter().map(Vec::as_slice));
    for set in whole {
        let mut values = table.values(row).to_vec();
        for place in set.iter().filter_map(|column| places[*column]) {
            values[place] = usual[place];
        }
        // As wide as the table, and few.
        let _ = asked.push(Row::default(), &values);
    }
    let rows: Vec<usize> = (0..asked.len()).collect();
    let raw = detector.raw(&asked, &rows)?;
    let suspicion = |raw| model.manifest.raw.of(raw).0;
    Ok(raw.into_iter().map(suspicion).collect())
}

/// By column of the table what makes a flow as usual as can be. Where amounts are held against those of the same
/// service, a missing one is: no amount is usual of all services.
fn usual_values(model: &Model, table: &Table) -> Vec<f32> {
    let mut usual = middle_values(model, table, None);
    if model.scaler().rarity.is_some() {
        for (value, column) in usual.iter_mut().zip(&table.columns) {
            if column.kind == crate::table::Kind::Number {
                *value = f32::NAN;
            }
        }
    }
    usual
}

/// By column of the table the middle of normal amounts, the commonest normal name; of these normal flows, or of all.
pub fn middle_values(model: &Model, table: &Table, like: Option<&[usize]>) -> Vec<f32> {
    let normals = &model.normals.table;
    let all: Vec<usize> = (0..normals.len()).collect();
    let rows = like.unwrap_or(&all);
    let usual = |column: &Column| {
        let Some(at) = normals
            .columns
            .iter()
            .position(|other| other.name == column.name)
        else {
            return f32::NAN;
        };
        let values = rows
            .iter()
            .filter_map(|row| normals.values(*row).get(at).copied());
        let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        if normals.columns[at].kind == crate::table::Kind::Number {
            return values.get(values.len() / 2).copied().unwrap_or(f32::NAN);
        }
        let runs = values.chunk_by(|a, b| a == b);
        let commonest = runs.max_by_key(|run| run.len()).and_then(|run| run.first());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let name = commonest.and_then(|value| normals.columns[at].names.get(*value as usize));
        let place = name.and_then(|name| column.names.iter().position(|other| other == name));
        #[allow(clippy::cast_precision_loss)]
        let place = place.map_or(f32::NAN, |place| place as f32);
        place
    };
    table.columns.iter().map(usual).collect()
}

/// Takes features one after the other, each time the one without which least is left.
fn greedy(shares: &[f32], left: impl Fn(&[Vec<usize>]) -> Vec<f32>) -> Vec<usize> {
    let mut candidates: Vec<usize> = (0..shares.len())
        .filter(|column| shares[*column] > 0.0)
        .collect();
    candidates.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
    candidates.truncate(TRIED);
    let mut named: Vec<usize> = Vec::new();
    while named.len() < TOP && !candidates.is_empty() {
        let with = |column: &usize| [&named[..], &[*column]].concat();
        let sets: Vec<Vec<usize>> = candidates.iter().map(with).collect();
        let left = left(&sets);
        let least =
            (0..candidates.len().min(left.len())).min_by(|a, b| left[*a].total_cmp(&left[*b]));
        let Some(least) = least else {
            break;
        };
        named.push(candidates.remove(least));
    }
    named
}

/// What raises the score, as shares of all that does.
fn shares(amounts: &[f32]) -> Vec<f32> {
    let raised = |amount: &f32| {
        if amount.is_finite() {
            amount.max(0.0)
        } else {
            0.0
        }
    };
    let sum: f32 = amounts.iter().map(raised).sum();
    let share = |amount: &f32| if sum > 0.0 { raised(amount) / sum } else { 0.0 };
    amounts.iter().map(share).collect()
}

impl Case {
    fn of(
        clstm: &Clstm,
        table: &Table,
        history: &[usize],
        row: usize,
    ) -> Result<(Self, Vec<usize>), Missing> {
        let windows = clstm.windows(table, history)?;
        let window = history.iter().position(|other| *other == row).unwrap_or(0);
        let mut now = Vec::new();
        let places = windows.batch(&[window], &mut now);
        let flow = usual_inputs(&clstm.facts.scaler);
        let mut usual = now.clone();
        for place in usual.chunks_mut(windows.width) {
            // A place without a flow stays one; the time between flows is what it is.
            if place[flow.len()] > 0.0 {
                place[..flow.len()].copy_from_slice(&flow);
            }
        }
        let origins = clstm.facts.scaler.origins();
        let case = Case {
            shape: [1, places, windows.width],
            now,
            usual,
            columns: clstm.facts.scaler.columns.len(),
            origins,
        };
        Ok((case, windows.members(window)))
    }

    /// By place and input, the gradients along the way, times the way.
    fn integrated(&self, clstm: &Clstm) -> Vec<f32> {
        let size = self.now.len();
        let mut path = Vec::with_capacity(STEPS * size);
        for step in 0..STEPS {
            // The middle of each step: an integral by rectangles.
            #[allow(clippy::cast_precision_loss)]
            let part = (step as f32 + 0.5) / STEPS as f32;
            let pairs = self.now.iter().zip(&self.usual);
            path.extend(pairs.map(|(now, usual)| usual + part * (now - usual)));
        }
        let gradients = clstm.gradient(path, [STEPS, self.shape[1], self.shape[2]]);
        let mut sums = vec![0.0_f32; size];
        for gradient in gradients.chunks(size) {
            for (sum, gradient) in sums.iter_mut().zip(gradient) {
                *sum += gradient;
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let steps = STEPS as f32;
        let way = self
            .now
            .iter()
            .zip(&self.usual)
            .map(|(now, usual)| now - usual);
        sums.iter()
            .zip(way)
            .map(|(sum, way)| sum / steps * way)
            .collect()
    }

    fn by_column(&self, inputs: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; self.columns];
        for place in inputs.chunks(self.shape[2]) {
            for (input, column) in place.iter().zip(&self.origins) {
                sums[*column] += input;
            }
        }
        sums
    }

    /// The suspicion as it is, then with each set of columns as usual in all flows of the window.
    fn without(&self, clstm: &Clstm, sets: &[Vec<usize>]) -> Vec<f32> {
        let mut batch = self.now.clone();
        let width = self.shape[2];
        debug_assert_eq!(self.origins.len() + EXTRA, width);
        for set in sets {
            let mut left = self.now.clone();
            for (at, value) in left.iter_mut().enumerate() {
                if self
                    .origins
                    .get(at % width)
                    .is_some_and(|column| set.contains(column))
                {
                    *value = self.usual[at];
                }
            }
            batch.extend(left);
        }
        clstm.suspicion(batch, [sets.len() + 1, self.shape[1], width])
    }
}

/// The inputs of a usual flow: amounts in the middle, of each category the commonest name.
fn usual_inputs(scaler: &Scaler) -> Vec<f32> {
    let each = scaler.columns.iter().flat_map(|column| match &column.rule {
        Rule::Number { .. } => vec![0.0],
        Rule::Category { names } => {
            let mut inputs = vec![0.0; names.len() + 1];
            // Names stand in the order of how common they are; one is on a scale where distances are bent.
            inputs[0] = match scaler.rarity {
                Some(_) => 1.0,
                None => 1.0_f32.asinh(),
            };
            inputs
        }
    });
    each.collect()
}
