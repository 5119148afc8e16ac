//! Elasticsearch's aggregations, carried out by Tantivy on the documents that matched, joined over segments and slices.

mod distinct;
mod told;

use serde_json::{Map, Value};
use tantivy::SegmentReader;
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::intermediate_agg_result::IntermediateAggregationResults;
use tantivy::aggregation::{
    AggContextParams, AggregationLimitsGuard, DistributedAggregationCollector,
};
use tantivy::collector::{Collector, SegmentCollector};

use super::bits::Bits;
use super::schema;
use crate::Error;
use crate::fields::{self, Place};

/// Buckets of one answer, as Elasticsearch's `search.max_buckets`.
const MAX_BUCKETS: u32 = 65_536;
/// Bytes of memory that one question may use for buckets.
const MAX_MEMORY: u64 = 256 << 20;
/// Aggregations of one question, all levels together.
const MAX_AGGREGATIONS: usize = 64;
/// Documents that are handed over in one go.
const STRIDE: usize = 1024;

/// An aggregation that runs.
pub struct Aggregating {
    asked: Value,
    request: Aggregations,
    /// Aggregations that count distinct values of a column, and the column.
    distinct: Vec<(String, String)>,
    context: AggContextParams,
    so_far: Option<IntermediateAggregationResults>,
}

impl Aggregating {
    /// Reads a request; none where nothing is asked for.
    pub fn of(request: &Value) -> Result<Option<Aggregating>, Error> {
        let Value::Object(fields) = request else {
            return match request {
                Value::Null => Ok(None),
                _ => Err(Error::Asked(
                    "aggs: an object of aggregations by name".into(),
                )),
            };
        };
        if fields.is_empty() {
            return Ok(None);
        }
        let asked = request.clone();
        let mut count = 0;
        let named = named(fields, &mut count)?;
        let distinct = distinct::asked(&named);
        let request: Aggregations = serde_json::from_value(Value::Object(named))
            .map_err(|error| Error::Asked(format!("aggs: {error}")))?;
        let limits = AggregationLimitsGuard::new(Some(MAX_MEMORY), Some(MAX_BUCKETS));
        Ok(Some(Aggregating {
            asked,
            request,
            distinct,
            context: AggContextParams::new(limits, Default::default()),
            so_far: None,
        }))
    }

    /// What the documents of a segment are to the answer; none where there are no documents.
    pub fn of_segment(
        &self,
        reader: &SegmentReader,
        bits: &Bits,
    ) -> tantivy::Result<Option<IntermediateAggregationResults>> {
        if bits.is_empty() {
            return Ok(None);
        }
        let mut rest = self.request.clone();
        let mut found: Option<IntermediateAggregationResults> = None;
        for (name, column) in &self.distinct {
            // Whoever counts distinct values sees each once.
            if let Some(first) = distinct::first(reader, column, bits)?
                && let Some(one) = rest.remove(name)
            {
                let counted = self.run(
                    Aggregations::from_iter([(name.clone(), one)]),
                    reader,
                    &first,
                )?;
                match &mut found {
                    Some(found) => found.merge_fruits(counted)?,
                    None => found = Some(counted),
                }
            }
        }
        if rest.is_empty() {
            return Ok(found);
        }
        let mut all = self.run(rest, reader, bits)?;
        if let Some(found) = found {
            all.merge_fruits(found)?;
        }
        Ok(Some(all))
    }

    /// Hands documents of a segment to Tantivy.
    fn run(
        &self,
        request: Aggregations,
        reader: &SegmentReader,
        bits: &Bits,
    ) -> tantivy::Result<IntermediateAggregationResults> {
        let collector = DistributedAggregationCollector::from_aggs(request, self.context.clone());
        let mut segment = collector.for_segment(0, reader)?;
        let mut documents = Vec::with_capacity(STRIDE);
        let mut iter = bits.iter();
        loop {
            documents.clear();
            documents.extend(iter.by_ref().take(STRIDE));
            if documents.is_empty() {
                break;
            }
            segment.collect_block(&documents);
        }
        segment.harvest()
    }

    /// Takes what [`Aggregating::of_segment`] gave; segments come in one order, so that one answer comes of it.
    pub fn take(&mut self, found: IntermediateAggregationResults) -> tantivy::Result<()> {
        match &mut self.so_far {
            Some(so_far) => so_far.merge_fruits(found),
            None => {
                self.so_far = Some(found);
                Ok(())
            }
        }
    }

    /// The answer.
    pub fn finish(self) -> Result<Value, Error> {
        let failed = |why: String| Error::Asked(format!("aggs: {why}"));
        let results = self
            .so_far
            .unwrap_or_default()
            .into_final_result(self.request, self.context.limits)
            .map_err(|error| failed(error.to_string()))?;
        let mut told = serde_json::to_value(results).map_err(|error| failed(error.to_string()))?;
        told::alike(&self.asked, &mut told, 0);
        Ok(told)
    }
}

/// The request with the names of our columns in place of paths.
fn named(fields: &Map<String, Value>, count: &mut usize) -> Result<Map<String, Value>, Error> {
    let mut out = Map::new();
    for (name, one) in fields {
        *count += 1;
        if *count > MAX_AGGREGATIONS {
            return Err(Error::Asked(format!("aggs: at most {MAX_AGGREGATIONS}")));
        }
        let Value::Object(parts) = one else {
            return Err(Error::Asked(format!("aggs: {name}: no object")));
        };
        let mut translated = Map::new();
        for (key, value) in parts {
            match (key.as_str(), value) {
                ("aggs" | "aggregations", Value::Object(inner)) => {
                    translated.insert("aggs".into(), Value::Object(self::named(inner, count)?));
                }
                ("meta", _) => {}
                (_, Value::Object(body)) => {
                    bounded(name, body)?;
                    let mut body = body.clone();
                    if let Some(Value::String(path)) = body.get("field") {
                        let column = column(path)?;
                        body.insert("field".into(), Value::String(column));
                    }
                    translated.insert(key.clone(), Value::Object(body));
                }
                _ => return Err(Error::Asked(format!("aggs: {name}: {key}: no object"))),
            }
        }
        out.insert(name.clone(), Value::Object(translated));
    }
    Ok(out)
}

/// What is asked for in numbers of buckets: more than an answer has is refused before anything multiplies it.
const SIZES: [&str; 4] = ["size", "shard_size", "segment_size", "split_size"];

fn bounded(name: &str, body: &Map<String, Value>) -> Result<(), Error> {
    let is_fine = |size: &Value| size.as_u64().is_some_and(|size| size <= MAX_BUCKETS.into());
    match SIZES
        .iter()
        .find(|size| body.get(**size).is_some_and(|value| !is_fine(value)))
    {
        Some(size) => Err(Error::Asked(format!(
            "aggs: {name}: {size}: 0 to {MAX_BUCKETS}"
        ))),
        None => Ok(()),
    }
}

/// The column with the whole values of a path that is counted.
fn column(path: &str) -> Result<String, Error> {
    let place = fields::place(path);
    let is_counted = match place {
        Place::Known(field) => field.is_counted,
        Place::Twin(_) | Place::Time | Place::Rest => true,
        Place::Id | Place::Silent => false,
    };
    let name = schema::column(path, place).filter(|_| is_counted);
    name.ok_or_else(|| Error::Asked(format!("aggs: {path} is not counted")))
}
