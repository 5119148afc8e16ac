//! Tables of several files to one.

use super::Error;
use crate::table::{Column, Row, Table};

/// One table with the columns that all have, in the order of the first.
///
/// A column that some files lack is left out: filled in, it would tell a model which file a flow is from.
///
/// # Errors
/// Files without a column in common, or limits of a table.
pub fn join(parts: Vec<Table>) -> Result<Table, Error> {
    let mut parts = parts;
    if parts.len() < 2 {
        return Ok(parts.pop().unwrap_or_default());
    }
    let columns = shared(&parts)?;
    let mut all = Table::new(columns);
    for part in parts {
        append(&mut all, &part)?;
    }
    Ok(all)
}

fn source(table: &Table) -> String {
    table.sources.first().cloned().unwrap_or_default()
}

fn shared(parts: &[Table]) -> Result<Vec<Column>, Error> {
    let Some((first, others)) = parts.split_first() else {
        return Ok(Vec::new());
    };
    let mut columns = first.columns.clone();
    for other in others {
        columns.retain(|column| {
            let is_same = |c: &&Column| c.name == column.name && c.kind == column.kind;
            other.columns.iter().any(|c| is_same(&c))
        });
        if columns.is_empty() {
            return Err(Error::Apart {
                file: source(other),
                first: source(first),
            });
        }
        for column in &mut columns {
            let other = other.columns.iter().find(|c| c.name == column.name);
            for name in other.into_iter().flat_map(|other| &other.names) {
                if !column.names.contains(name) {
                    column.names.push(name.clone());
                }
            }
        }
    }
    Ok(columns)
}

fn append(all: &mut Table, part: &Table) -> Result<(), Error> {
    let refused = |cause| Error::Table {
        file: source(part),
        line: 0,
        cause,
    };
    let classes = part.classes.iter().map(|name| all.class(name));
    let classes = classes.collect::<Result<Vec<_>, _>>().map_err(refused)?;
    let first_host = u32::try_from(all.hosts.len()).unwrap_or(u32::MAX);
    let mut places: std::collections::HashMap<String, u32> =
        all.hosts.iter().cloned().zip(0..).collect();
    let mut next = first_host;
    let mut hosts = Vec::with_capacity(part.hosts.len());
    for host in &part.hosts {
        let place = *places.entry(host.clone()).or_insert_with(|| {
            all.hosts.push(host.clone());
            next += 1;
            next - 1
        });
        hosts.push(place);
    }
    let first_source = u16::try_from(all.sources.len()).unwrap_or(u16::MAX);
    all.sources.extend(part.sources.iter().cloned());
    let places = places_of(all, part);
    let mut values = Vec::with_capacity(places.len());
    for (at, row) in part.rows.iter().enumerate() {
        let given = part.values(at);
        values.clear();
        values.extend(places.iter().map(|(place, names)| {
            let value = given.get(*place).copied().unwrap_or(f32::NAN);
            renamed(value, names)
        }));
        let row = Row {
            class: row
                .class
                .and_then(|class| classes.get(usize::from(class)).copied()),
            host: row.host.and_then(|host| hosts.get(host as usize).copied()),
            source: first_source.saturating_add(row.source),
            ..*row
        };
        all.push(row, &values).map_err(refused)?;
    }
    Ok(())
}

/// For each column of the whole: its place in the part, and the part's names by place in the whole's.
fn places_of(all: &Table, part: &Table) -> Vec<(usize, Vec<usize>)> {
    let place = |column: &Column| {
        let at = part.columns.iter().position(|c| c.name == column.name)?;
        let name = |name: &String| column.names.iter().position(|known| known == name);
        let names = part
            .columns
            .get(at)?
            .names
            .iter()
            .filter_map(name)
            .collect();
        Some((at, names))
    };
    all.columns.iter().filter_map(place).collect()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn renamed(value: f32, names: &[usize]) -> f32 {
    match names.is_empty() || !value.is_finite() || value < 0.0 {
        true => value,
        false => names
            .get(value as usize)
            .map_or(f32::NAN, |name| *name as f32),
    }
}
