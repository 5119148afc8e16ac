//! Writes a slice anew, once and for all: one segment, records in columns; with or without its events of little worth.

use std::fs;
use std::sync::Arc;

use tantivy::directory::{MmapDirectory, OwnedBytes};
use tantivy::fastfield::AliveBitSet;
use tantivy::index::{Segment, SegmentComponent};
use tantivy::indexer::merge_filtered_segments;
use tantivy::store::StoreWriter;
use tantivy::{Directory, Index, SegmentReader};

use super::Embedded;
use super::bits::Bits;
use super::endings;
use super::facts::Facts;
use super::matching::column::{each, some};
use super::records::Appender;
use super::records::lent::{Lender, Lending};
use super::schema::ROW;
use super::slice::{FACTS, INDEX, Opened, RECORDS, Slice, size};
use super::writer::{put, settings};
use crate::Error;
use crate::retention::Worth;

impl Embedded {
    /// Seals a slice that is written no more; `thin` leaves out what is worth little. It is searched
    /// on meanwhile, and the old folder goes when the new one is in its place.
    pub fn seal(&self, slice: &Slice, thin: bool) -> Result<(), Error> {
        let opened = self.opened(slice)?;
        let generation = slice.generation + 1;
        let dir = self.slice_dir(slice.number, generation);
        let making = dir.with_extension("tmp");
        let _ = fs::remove_dir_all(&making);
        let result = write(slice, &opened, &making, thin).and_then(|facts| {
            put(&making, &dir)?;
            Ok(Slice::new(&dir, slice.number, generation, facts))
        });
        let new = match result {
            Ok(new) => new,
            Err(error) => {
                // Half a slice only takes room.
                let _ = fs::remove_dir_all(&making);
                return Err(error);
            }
        };
        if new.with_facts(|facts| facts.events) == 0 {
            self.slices_mut().remove(&slice.number);
            remove(&new)?;
        } else {
            self.add(Arc::new(new));
        }
        remove(slice)
    }

    /// Drops a slice with all its events.
    pub fn drop_slice(&self, slice: &Slice) -> Result<(), Error> {
        self.slices_mut().remove(&slice.number);
        remove(slice)
    }
}

fn remove(slice: &Slice) -> Result<(), Error> {
    slice.close();
    // First out of sight: a folder that is half removed must not be taken for a slice.
    let going = slice.dir.with_extension("tmp");
    fs::rename(&slice.dir, &going).map_err(Error::io("remove", &slice.dir))?;
    fs::remove_dir_all(&going).map_err(Error::io("remove", &going))
}

fn write(
    slice: &Slice,
    opened: &Opened,
    making: &std::path::Path,
    thin: bool,
) -> Result<Facts, Error> {
    let failed = |error| Error::index("seal", slice.number)(error);
    let index_dir = making.join(INDEX);
    fs::create_dir_all(&index_dir).map_err(Error::io("make", &index_dir))?;
    let before = slice.facts();
    let segments = segments(opened).map_err(failed)?;
    let kept = if thin {
        let kept: tantivy::Result<Vec<Bits>> = segments.iter().map(|(_, s)| worthy(s)).collect();
        Some(kept.map_err(failed)?)
    } else {
        None
    };
    let filters = match &kept {
        Some(kept) => kept.iter().map(|bits| Some(alive(bits))).collect(),
        None => segments.iter().map(|_| None).collect(),
    };
    let list: Vec<Segment> = segments
        .iter()
        .map(|(_, segment)| segment.clone())
        .collect();
    let directory = MmapDirectory::open(&index_dir).map_err(|error| failed(error.into()))?;
    let index = merge_filtered_segments(&list, settings(), filters, directory).map_err(failed)?;
    let merged = merged(&index, &index_dir, slice.number)?;
    if let Some(reader) = &merged {
        endings::write(making, reader, slice.number)?;
    }
    let lender = match &merged {
        Some(reader) => Some((
            Lender::of(reader).map_err(failed)?,
            documents(reader).map_err(failed)?,
        )),
        None => None,
    };
    let rows = match &kept {
        Some(kept) => Some(rows(&segments, kept).map_err(failed)?),
        None => None,
    };
    let mut facts = Facts {
        is_sealed: true,
        is_thinned: before.is_thinned || thin,
        disk_bytes: 0,
        ..before
    };
    let path = making.join(RECORDS);
    let mut records = Appender::sealed(&path)?;
    let mut bytes_in = 0;
    // A slice that is thinned borrowed of its own index, and does of the new one from now on.
    let old = match opened.lender().map_err(failed)? {
        Some(lender) => {
            let searcher = opened.searcher();
            let reader = searcher.segment_readers().first();
            let documents = reader.map_or(Ok(Documents::default()), documents);
            Some((lender, documents.map_err(failed)?))
        }
        None => None,
    };
    let document = |row| old.as_ref()?.1.of(row);
    let from = old.as_ref().map(|(lender, _)| Lending {
        lender,
        document: &document,
    });
    let document = |row| lender.as_ref()?.1.of(row);
    let to = lender.as_ref().map(|(lender, _)| Lending {
        lender,
        document: &document,
    });
    let is_kept = |row: u64| match &rows {
        Some(rows) => rows.contains(u32::try_from(row).unwrap_or(u32::MAX)),
        None => true,
    };
    for head in opened.records.heads() {
        let block = opened.records.read(&head)?;
        let mut result = Ok(());
        opened
            .records
            .each(&head, &block, is_kept, from, |row, id, text| {
                bytes_in += text.len() as u64 + 1;
                if result.is_ok() {
                    result = records.push(row, id, text, to);
                }
            })?;
        result?;
    }
    records.flush(to)?;
    facts.records_len = records.sync()?;
    facts.bytes_in = bytes_in;
    if let Some(rows) = &rows {
        facts.events = rows.count();
        facts
            .kinds
            .retain(|kind, _| Worth::of(kind) > Worth::Little);
    }
    facts.disk_bytes = size(making);
    write_facts(making, &facts)?;
    Ok(facts)
}

/// The one segment of an index that was just merged. The store of documents, which are none, goes: it takes two bytes for
/// each.
fn merged(
    index: &Index,
    dir: &std::path::Path,
    slice: u64,
) -> Result<Option<SegmentReader>, Error> {
    let failed = |error| Error::index("seal", slice)(error);
    let segments = index.searchable_segments().map_err(failed)?;
    let Some(segment) = segments.first() else {
        return Ok(None);
    };
    let name = segment.relative_path(SegmentComponent::Store);
    let path = dir.join(&name);
    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    let file = index
        .directory()
        .open_write(&name)
        .map_err(|error| failed(error.into()))?;
    let settings = settings();
    StoreWriter::new(
        file,
        settings.docstore_compression,
        settings.docstore_blocksize,
        false,
    )
    .and_then(StoreWriter::close)
    .map_err(Error::io("write", &path))?;
    let reader = SegmentReader::open(segment).map_err(failed)?;
    Ok((reader.max_doc() > 0).then_some(reader))
}

/// The documents of rows. Merges put documents in any order.
#[derive(Debug, Default)]
struct Documents(Vec<u32>);

impl Documents {
    fn of(&self, row: u64) -> Option<u32> {
        let place = usize::try_from(row).ok()?;
        self.0
            .get(place)
            .copied()
            .filter(|document| *document != u32::MAX)
    }
}

/// Which document of a segment each row is.
fn documents(reader: &SegmentReader) -> tantivy::Result<Documents> {
    let column = reader.fast_fields().u64(ROW)?;
    // Rows of a slice are counted from 0, at most as many as a segment may have documents.
    let rows = column.max_value().min(u64::from(u32::MAX - 1)) as usize + 1;
    let mut of_rows = vec![u32::MAX; rows];
    each(&column, reader.max_doc(), |document, row: u64| {
        if let Some(place) = usize::try_from(row)
            .ok()
            .and_then(|row| of_rows.get_mut(row))
        {
            *place = document;
        }
    });
    Ok(Documents(of_rows))
}

/// The segments in the order of their rows.
fn segments(opened: &Opened) -> tantivy::Result<Vec<(u64, Segment)>> {
    let mut segments = Vec::new();
    for segment in opened.index().searchable_segments()? {
        let reader = tantivy::SegmentReader::open(&segment)?;
        let first = reader.fast_fields().u64(ROW)?.min_value();
        segments.push((first, segment));
    }
    segments.sort_by_key(|(first, _)| *first);
    Ok(segments)
}

/// Documents of a segment that are worth more than little.
fn worthy(segment: &Segment) -> tantivy::Result<Bits> {
    let reader = tantivy::SegmentReader::open(segment)?;
    let mut kept = Bits::all(reader.max_doc());
    let Some(column) = reader.fast_fields().str("event_type")? else {
        return Ok(kept);
    };
    let mut little = Vec::new();
    let mut stream = column.dictionary().stream()?;
    while stream.advance() {
        let kind = std::str::from_utf8(stream.key()).unwrap_or_default();
        if Worth::of(kind) == Worth::Little {
            little.push(stream.term_ord());
        }
    }
    let mut gone = Bits::none(reader.max_doc());
    super::matching::column::among(column.ords(), &little, &mut gone);
    gone.negate();
    kept.and(&gone);
    Ok(kept)
}

/// A set as Tantivy writes it: the number of documents, then words of 64 bits.
fn alive(bits: &Bits) -> AliveBitSet {
    let mut bytes = bits.len().to_le_bytes().to_vec();
    for word in bits.words() {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    AliveBitSet::open(OwnedBytes::new(bytes))
}

/// Rows of the documents that stay.
fn rows(segments: &[(u64, Segment)], kept: &[Bits]) -> tantivy::Result<Bits> {
    let mut list = Vec::new();
    let (mut of, mut places, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for ((_, segment), bits) in segments.iter().zip(kept) {
        let reader = tantivy::SegmentReader::open(segment)?;
        let column = reader.fast_fields().u64(ROW)?;
        let documents: Vec<u32> = bits.iter().collect();
        some(
            &column,
            &documents,
            &mut of,
            &mut places,
            &mut values,
            &mut |_, row| list.push(row),
        );
    }
    let last = list.iter().max().copied().unwrap_or_default();
    let mut rows = Bits::none(
        u32::try_from(last)
            .unwrap_or(u32::MAX - 1)
            .saturating_add(1),
    );
    for row in list {
        rows.insert(u32::try_from(row).unwrap_or(u32::MAX));
    }
    Ok(rows)
}

/// Writes what is known of a sealed slice beside it.
fn write_facts(dir: &std::path::Path, facts: &Facts) -> Result<(), Error> {
    let path = dir.join(FACTS);
    let bytes = serde_json::to_vec(facts).unwrap_or_default();
    let file = fs::File::create(&path).map_err(Error::io("make", &path))?;
    std::io::Write::write_all(&mut &file, &bytes).map_err(Error::io("write", &path))?;
    file.sync_all().map_err(Error::io("sync", &path))
}
