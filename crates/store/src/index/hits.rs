//! From the documents that were chosen to hits: rows, ids, records. Blocks are read side by side, each once.

use std::collections::HashMap;

use event::{RecordId, Timestamp};
use tantivy::columnar::Column;

use super::find::Part;
use super::records::Head;
use super::records::lent::Lending;
use super::schema::ROW;
use super::threads;
use super::top::Place;
use crate::Error;
use crate::search::Hit;

/// A document with its row.
#[derive(Clone, Copy)]
pub struct Chosen {
    slice: u32,
    row: u64,
    document: u32,
    /// What it is ordered by.
    pub key: i64,
}

/// A document with its id.
#[derive(Clone, Copy)]
pub struct Named {
    /// The document.
    pub chosen: Chosen,
    /// Its id.
    pub id: RecordId,
}

/// Records by slice and row.
type Texts = Vec<((u32, u64), String)>;

/// Documents of one block.
struct Run<'a> {
    part: &'a Part,
    head: Head,
    chosen: Vec<Chosen>,
}

/// Documents by the block that holds each.
fn by_block(parts: &[Part], mut chosen: Vec<Chosen>) -> Vec<Run<'_>> {
    chosen.sort_unstable_by_key(|one| (one.slice, one.row));
    let mut runs: Vec<(u32, Run<'_>)> = Vec::new();
    for one in chosen {
        match runs.last_mut() {
            Some((slice, run)) if *slice == one.slice && one.row <= run.head.last_row => {
                run.chosen.push(one);
            }
            _ => {
                if let Some(part) = parts.get(one.slice as usize)
                    && let Some(head) = part.opened.records.find(one.row)
                {
                    let chosen = vec![one];
                    runs.push((one.slice, Run { part, head, chosen }));
                }
            }
        }
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

/// The rows of documents.
fn rows(parts: &[Part], places: &[(i64, Place)]) -> Result<Vec<Chosen>, Error> {
    let mut columns: HashMap<(u32, u32), Column<u64>> = HashMap::new();
    let mut chosen = Vec::with_capacity(places.len());
    for (key, place) in places {
        let Some(part) = parts.get(place.slice as usize) else {
            continue;
        };
        let column = match columns.entry((place.slice, place.segment)) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let readers = part.searcher.segment_readers();
                let Some(reader) = readers.get(place.segment as usize) else {
                    continue;
                };
                let column = reader
                    .fast_fields()
                    .u64(ROW)
                    .map_err(Error::index("search", part.slice.number))?;
                entry.insert(column)
            }
        };
        if let Some(row) = column.first(place.document) {
            chosen.push(Chosen {
                slice: place.slice,
                row,
                document: place.document,
                key: *key,
            });
        }
    }
    Ok(chosen)
}

/// The ids of documents. Many events may share one time, so each block is read once, and of it the ids alone.
pub fn named(parts: &[Part], places: &[(i64, Place)]) -> Result<Vec<Named>, Error> {
    let runs = by_block(parts, rows(parts, places)?);
    let named = threads::side_by_side(runs.len(), |number| -> Result<Vec<Named>, Error> {
        let Some(run) = runs.get(number) else {
            return Ok(Vec::new());
        };
        let block = run.part.opened.records.names(&run.head)?;
        let name = |chosen: &Chosen| {
            let id = block.id_of(chosen.row)?;
            Some(Named {
                chosen: *chosen,
                id,
            })
        };
        Ok(run.chosen.iter().filter_map(name).collect())
    });
    let named: Result<Vec<Vec<Named>>, Error> = named.into_iter().collect();
    Ok(named?.concat())
}

/// The hits with their records, in the order of the documents; each block is read once.
pub fn texts(parts: &[Part], named: &[Named], sign: i64) -> Result<Vec<Hit>, Error> {
    let runs = by_block(parts, named.iter().map(|one| one.chosen).collect());
    let read = threads::side_by_side(runs.len(), |number| match runs.get(number) {
        Some(run) => run.texts(),
        None => Ok(Vec::new()),
    });
    let mut texts: HashMap<(u32, u64), String> = HashMap::with_capacity(named.len());
    for found in read {
        texts.extend(found?);
    }
    let hit = |one: &Named| {
        let event = texts.remove(&(one.chosen.slice, one.chosen.row))?;
        let time = Timestamp::from_nanos(one.chosen.key.wrapping_mul(sign));
        Some(Hit {
            id: one.id,
            time,
            event,
        })
    };
    Ok(named.iter().filter_map(hit).collect())
}

impl Run<'_> {
    /// The records of its documents.
    fn texts(&self) -> Result<Texts, Error> {
        let place = |row: u64| {
            let place = self.chosen.binary_search_by_key(&row, |one| one.row).ok()?;
            self.chosen.get(place)
        };
        let opened = &self.part.opened;
        let lender = opened
            .lender()
            .map_err(Error::index("search", self.part.slice.number))?;
        let document = |row| place(row).map(|one| one.document);
        let lending = lender.map(|lender| Lending {
            lender,
            document: &document,
        });
        let block = opened.records.block(&self.head)?;
        let is_wanted = |row| place(row).is_some();
        let mut found = Vec::with_capacity(self.chosen.len());
        opened
            .records
            .each(&self.head, &block, is_wanted, lending, |row, _, text| {
                let slice = place(row).map_or(0, |one| one.slice);
                found.push(((slice, row), text.to_owned()));
            })?;
        Ok(found)
    }
}
