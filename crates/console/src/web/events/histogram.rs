//! `GET /api/v1/events/histogram`: how many events over time, by their type.

use std::collections::BTreeMap;

use event::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::search::Request;
use utoipa::{IntoParams, ToSchema};

use super::Which;
use crate::api::problem::Problem;
use crate::web::app::App;
use crate::web::extract::{Json, Query};
use crate::web::shapes::Moment;

/// Buckets unless asked otherwise: what a wide screen shows.
const BUCKETS: u64 = 60;

/// Buckets at most.
const MAX_BUCKETS: u64 = 500;

/// Types told apart in one bucket; EVE has some 40.
const MAX_TYPES: u64 = 50;

/// Widths of buckets that people can read, seconds.
const WIDTHS: [u64; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    604_800, 2_592_000,
];

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Buckets at most; their width is one that people can read.
    #[param(minimum = 1, maximum = 500, default = 60)]
    buckets: Option<u64>,
}

/// Events over time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Histogram {
    /// The width of a bucket.
    interval_secs: u64,
    /// The buckets in order, empty ones too.
    buckets: Vec<Bucket>,
}

/// One bucket.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bucket {
    /// Where it begins.
    #[schema(value_type = Moment)]
    time: Timestamp,
    /// Its events.
    total: u64,
    /// The same by `event_type`.
    by_type: BTreeMap<String, u64>,
}

/// Counts events over time. Without `since`: the last day.
#[utoipa::path(get, path = "/events/histogram", tag = "events", params(Which, Asked),
    responses((status = 200, body = Histogram)))]
pub async fn show(
    app: App,
    Query(which): Query<Which>,
    Query(asked): Query<Asked>,
) -> Result<Json<Histogram>, Problem> {
    let now = app.now();
    let most = asked.buckets.unwrap_or(BUCKETS);
    if !(1..=MAX_BUCKETS).contains(&most) {
        return Err(Problem::bad(format!("buckets: 1 to {MAX_BUCKETS}")));
    }
    let mut request = which.request(now)?;
    let since = match request.since {
        Some(since) => since,
        None => super::since_or(None, "1d", now)?,
    };
    let until = request.until.unwrap_or(now);
    if until <= since {
        return Err(Problem::unprocessable("until must come after since"));
    }
    let width = width(until.since(since).as_secs(), most);
    request = Request {
        since: Some(since),
        until: Some(until),
        limit: 0,
        exact_total: false,
        aggregations: json!({"by_time": {
            "date_histogram": {"field": "@timestamp", "fixed_interval": format!("{width}s")},
            "aggs": {"by_type": {"terms": {"field": "event_type", "size": MAX_TYPES}}},
        }}),
        ..request
    };
    let (answer, _) = app.find(request).await?;
    let found = buckets(&answer.aggregations["by_time"]);
    Ok(Json(Histogram {
        interval_secs: width,
        buckets: fill(&found, since.secs(), until, width),
    }))
}

/// The narrowest width that people can read with which `span` takes at most `most` buckets, one of
/// which may be cut at each end.
pub fn width(span: u64, most: u64) -> u64 {
    let fits = |width: &u64| span / width < most.max(2) - 1;
    let fallback = || {
        (span / most.max(2).saturating_sub(1))
            .max(1)
            .next_multiple_of(2_592_000)
    };
    WIDTHS.into_iter().find(fits).unwrap_or_else(fallback)
}

type Found = BTreeMap<i64, (u64, BTreeMap<String, u64>)>;

/// What Elasticsearch's form of an answer says, by the second in which a bucket begins.
fn buckets(answer: &Value) -> Found {
    let list = answer["buckets"].as_array();
    list.into_iter()
        .flatten()
        .map(|bucket| {
            let begins = bucket["key"].as_f64().unwrap_or_default() as i64 / 1000;
            let total = bucket["doc_count"].as_u64().unwrap_or_default();
            let types = bucket["by_type"]["buckets"].as_array();
            let types = types.into_iter().flatten().filter_map(|kind| {
                let name = kind["key"].as_str()?.to_owned();
                Some((name, kind["doc_count"].as_u64()?))
            });
            (begins, (total, types.collect()))
        })
        .collect()
}

/// Every bucket from `since` on, those without events too.
fn fill(found: &Found, since: i64, until: Timestamp, width: u64) -> Vec<Bucket> {
    let width = i64::try_from(width).unwrap_or(i64::MAX).max(1);
    let first = since.div_euclid(width) * width;
    (0..=MAX_BUCKETS as i64)
        .map(|at| first.saturating_add(at.saturating_mul(width)))
        .take_while(|begins| Timestamp::new(*begins, 0) < until)
        .map(|begins| {
            let (total, by_type) = found.get(&begins).cloned().unwrap_or_default();
            Bucket {
                time: Timestamp::new(begins, 0),
                total,
                by_type,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_as_wide_as_people_read_and_never_too_many() {
        let check = |span, most, expected| assert_eq!(width(span, most), expected);
        check(3600, 60, 120);
        check(3600, 61, 120);
        check(3600, 500, 10);
        check(86_400, 60, 1800);
        check(0, 1, 1);
        for span in [1, 59, 3600, 86_400, 86_400 * 365, 86_400 * 36_500] {
            for most in [2, 60, 500] {
                let width = width(span, most);
                assert!(span / width < most, "{span} {most} {width}");
            }
        }
    }

    #[test]
    fn empty_buckets_are_told_too() {
        let answer = json!({"buckets": [{"key": 120_000.0, "doc_count": 3,
            "by_type": {"buckets": [{"key": "alert", "doc_count": 2}, {"key": "dns", "doc_count": 1}]}}]});
        let filled = fill(&buckets(&answer), 70, Timestamp::new(240, 0), 60);
        let told: Vec<_> = filled.iter().map(|b| (b.time.secs(), b.total)).collect();
        assert_eq!(told, [(60, 0), (120, 3), (180, 0)]);
        assert_eq!(filled[1].by_type["alert"], 2);
    }
}
