//! An explanation in words.

use super::attribute::middle_values;
use super::{Attribution, Explanation, Flow, NEAREST, Nearest, Part};
use crate::model::{Model, Score};
use crate::table::{Column, Kind, NORMAL, Table};

/// Features that differ from a normal flow, named of each.
const DIFFERS: usize = 3;
/// Share of the score below which an earlier flow is not worth a word.
const WORTH_A_WORD: f32 = 0.1;

/// Normal flows of a service from which it is told what is usual for it.
const LIKE: usize = 5;

/// Puts an explanation together: of the score of `row`, which `bearer` bears most of.
pub fn explanation(
    model: &Model,
    table: &Table,
    (row, bearer): (usize, usize),
    score: &Score,
    attribution: &Attribution,
) -> Explanation {
    let like = like(model, table, bearer);
    let usual = middle_values(model, table, like.as_deref());
    let scaler = model.scaler();
    let part = |column: &usize| {
        let name = &scaler.columns[*column].name;
        let at = table.columns.iter().position(|other| other.name == *name)?;
        let column_of = &table.columns[at];
        Some(Part {
            column: name.clone(),
            value: told(column_of, table.values(bearer)[at]),
            usual: told(column_of, usual[at]),
            share: attribution.shares[*column],
        })
    };
    let features: Vec<Part> = attribution.named.iter().filter_map(part).collect();
    let mut flows: Vec<Flow> = attribution
        .flows
        .iter()
        .map(|(row, share)| Flow {
            row: *row,
            share: *share,
        })
        .collect();
    flows.sort_by(|a, b| b.share.total_cmp(&a.share));
    let nearest = nearest(model, table, bearer);
    let text = text(model, score, &features, &flows, (row, bearer));
    Explanation {
        features,
        flows,
        nearest,
        text,
    }
}

/// The normal flows of the same service, where models hold amounts against these and there are enough of them.
fn like(model: &Model, table: &Table, row: usize) -> Option<Vec<usize>> {
    let normals = &model.normals;
    normals.scaler.rarity.as_ref()?;
    let here = normals.scaler.on(table).ok()?.service(table.values(row));
    let there = normals.scaler.on(&normals.table).ok()?;
    let is_like = |normal: &usize| there.service(normals.table.values(*normal)) == here;
    let like: Vec<usize> = (0..normals.table.len()).filter(is_like).collect();
    (like.len() >= LIKE).then_some(like)
}

fn text(
    model: &Model,
    score: &Score,
    features: &[Part],
    flows: &[Flow],
    (row, bearer): (usize, usize),
) -> String {
    let class = score.class.filter(|class| *class != NORMAL);
    let class = class.and_then(|class| model.manifest.classes.get(usize::from(class)));
    let what = match (model.manifest.is_supervised, class) {
        (true, Some(class)) => format!(
            "{:.0} % likely an attack, most like {class}",
            score.probability * 100.0
        ),
        (true, None) => format!(
            "{:.0} % likely an attack, but of no kind that was learned",
            score.probability * 100.0
        ),
        (false, _) => format!(
            "one of {} normal flows is as unusual",
            one_of(score.suspicion)
        ),
    };
    let odd = amount(score.anomaly);
    let named: Vec<String> = features
        .iter()
        .map(|part| match part.value == part.usual {
            true => format!(
                "{} is {}, usual by itself but not here",
                part.column, part.value
            ),
            false => format!("{} is {}, usually {}", part.column, part.value, part.usual),
        })
        .collect();
    let named = match named.is_empty() {
        true => "no single feature stands out".to_owned(),
        false => named.join("; "),
    };
    let before = flows
        .iter()
        .filter(|flow| flow.row != row && flow.row != bearer && flow.share >= WORTH_A_WORD)
        .count();
    let before = match before {
        0 => String::new(),
        1 => " One earlier flow of the host counted too.".to_owned(),
        count => format!(" {count} earlier flows of the host counted too."),
    };
    let whose = match bearer == row {
        true => "What counted",
        false => "What counted, of an earlier flow of the host",
    };
    format!(
        "{what}; its anomaly is {odd} times the 99th percentile of normal flows. {whose}: {named}.{before}"
    )
}

/// `10^suspicion`, in round numbers.
fn one_of(suspicion: f32) -> String {
    let count = 10.0_f32.powf(suspicion.clamp(0.0, 9.0));
    amount(count)
}

/// The normal flows that are nearest.
fn nearest(model: &Model, table: &Table, row: usize) -> Vec<Nearest> {
    let normals = &model.normals;
    let scaler = &normals.scaler;
    let (Ok(here), Ok(there)) = (scaler.on(table), scaler.on(&normals.table)) else {
        return Vec::new();
    };
    let (origins, mut now) = (scaler.origins(), Vec::new());
    here.inputs(table.values(row), &mut now);
    let mut found: Vec<(f32, usize, Vec<f32>)> = (0..normals.table.len())
        .map(|normal| {
            let mut inputs = Vec::with_capacity(now.len());
            there.inputs(normals.table.values(normal), &mut inputs);
            let mut by_column = vec![0.0_f32; scaler.columns.len()];
            for ((a, b), column) in now.iter().zip(&inputs).zip(&origins) {
                by_column[*column] += (a - b) * (a - b);
            }
            #[allow(clippy::cast_precision_loss)]
            let mean = by_column.iter().sum::<f32>() / now.len().max(1) as f32;
            (mean.sqrt(), normal, by_column)
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    found.truncate(NEAREST);
    let told_of = |(distance, normal, by_column): (f32, usize, Vec<f32>)| {
        let mut columns: Vec<usize> = (0..by_column.len())
            .filter(|at| by_column[*at] > 0.0)
            .collect();
        columns.sort_by(|a, b| by_column[*b].total_cmp(&by_column[*a]));
        let differs = columns.into_iter().take(DIFFERS).filter_map(|column| {
            let name = &scaler.columns[column].name;
            let value = |table: &Table, row: usize| {
                let at = table.columns.iter().position(|other| other.name == *name)?;
                Some(told(&table.columns[at], table.values(row)[at]))
            };
            Some((
                name.clone(),
                value(&normals.table, normal)?,
                value(table, row)?,
            ))
        });
        Nearest {
            line: normals.table.rows[normal].line,
            distance,
            differs: differs.collect(),
        }
    };
    found.into_iter().map(told_of).collect()
}

/// A value as a reader writes it.
fn told(column: &Column, value: f32) -> String {
    if value.is_nan() {
        return "missing".to_owned();
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    match column.kind {
        Kind::Number if is_time(&column.name) => time(value),
        Kind::Number => amount(value),
        Kind::Category => match column.names.get(value as usize) {
            Some(name) => name.clone(),
            None => "something else".to_owned(),
        },
    }
}

/// Whether a column is a time in microseconds, as CICFlowMeter's are and ours beside them.
fn is_time(name: &str) -> bool {
    let is_gap = |name: &str| name.starts_with("Packet ") && name.ends_with(" Gap");
    ["Flow Duration", "Total Connection Flow Time"].contains(&name)
        || name.contains(" IAT ")
        || ["Active ", "Idle ", "Pair Gap"]
            .iter()
            .any(|start| name.starts_with(start))
        || is_gap(name)
}

/// Microseconds in the unit that people would take.
fn time(micros: f32) -> String {
    let units = [(3.6e9, "h"), (6e7, "min"), (1e6, "s"), (1e3, "ms")];
    let fits = units.into_iter().find(|(size, _)| micros.abs() >= *size);
    match fits {
        Some((size, unit)) => format!("{} {unit}", amount(micros / size)),
        None if micros == 0.0 => "0 s".to_owned(),
        None => format!("{} µs", amount(micros)),
    }
}

/// A number with three digits that count.
fn amount(value: f32) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if size >= 100.0 || value.fract() == 0.0 && size >= 1.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 0.001 {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_units_and_amounts_are_not() {
        let column = |name: &str| Column {
            name: name.to_owned(),
            kind: Kind::Number,
            names: Vec::new(),
        };
        for (name, value, expected) in [
            ("Pair Gap Mean", 277_541_792.0, "4.626 min"),
            ("Flow IAT Max", 1_500.0, "1.5 ms"),
            ("Packet 3 Gap", 12.0, "12 µs"),
            ("Idle Min", 7.2e9, "2 h"),
            ("Flow Duration", 0.0, "0 s"),
            ("Packet 3 Bytes", 1_400.0, "1400"),
            ("duration", 3.0, "3"),
        ] {
            assert_eq!(told(&column(name), value), expected, "{name}");
        }
    }
}
