//! Alerts and events of a stretch of time in numbers, as the first page shows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event::Timestamp;
use serde_json::{Value, json};
use store::query::{Predicate, Query, Value as Word};
use store::search::Request;

use super::app::App;
use super::events::histogram::width;
use super::events::values::ValueCount;
use super::hosts::SignatureCount;
use super::overview::{AddressCount, AlertBucket, Top};
use crate::api::problem::Problem;

/// Buckets of a histogram.
const BUCKETS: u64 = 90;

/// Addresses that are looked up to count countries.
const MAX_SOURCES: usize = 200;

/// What is shown of each list.
const SHOWN: usize = 10;

/// What alerts and events of a stretch of time say in numbers.
#[derive(Debug, Default)]
pub struct Counted {
    /// The width of a bucket.
    pub interval_secs: u64,
    /// Alerts over time.
    pub alerts: Vec<AlertBucket>,
    /// All of them.
    pub alerts_total: u64,
    /// All events.
    pub events_total: u64,
    /// What occurs most.
    pub top: Top,
}

impl App {
    /// Alerts and events of a stretch of time in numbers; what can't be told is said in `missing`.
    pub async fn alerts_since(
        &self,
        since: Timestamp,
        now: Timestamp,
        missing: &mut Vec<String>,
    ) -> Arc<Counted> {
        let span = now.since(since).as_secs();
        let app = self.clone();
        let counting = async move { app.count_since(since, now).await };
        match self.tallies.get(span, now, counting).await {
            Ok(counted) => counted,
            Err(problem) => {
                missing.push(problem.detail);
                Arc::default()
            }
        }
    }

    async fn count_since(&self, since: Timestamp, now: Timestamp) -> Result<Counted, Problem> {
        let interval = width(now.since(since).as_secs(), BUCKETS);
        let request = |query, aggregations| Request {
            since: Some(since),
            until: Some(now + Duration::from_secs(1)),
            limit: 0,
            aggregations,
            ..Request::of(query)
        };
        let terms = |field: &str, size: usize| json!({"terms": {"field": field, "size": size}});
        let alerts = Query::Field {
            path: "event_type".to_owned(),
            is: Predicate::Is(Word::Word("alert".to_owned())),
        };
        let mut signatures = terms("alert.signature_id", SHOWN);
        signatures["aggs"] = json!({"name": terms("alert.signature.keyword", 1)});
        let of_alerts = request(
            alerts,
            json!({
                "by_time": {
                    "date_histogram": {"field": "@timestamp", "fixed_interval": format!("{interval}s")},
                    "aggs": {"by_severity": terms("alert.severity", SHOWN)},
                },
                "sources": terms("src_ip", MAX_SOURCES),
                "destinations": terms("dest_ip", SHOWN),
                "signatures": signatures,
            }),
        );
        let of_all = request(Query::All, json!({"protocols": terms("app_proto", SHOWN)}));
        let (alerts, _) = self.find(of_alerts).await?;
        let (all, _) = self.find(of_all).await?;
        let found = &alerts.aggregations;
        let known = self.countries.clone();
        let sources = counts(&found["sources"]);
        let destinations = counts(&found["destinations"]);
        let (sources, destinations, countries) = self
            .wait(move || {
                let country = |address: &str| known.of(address);
                let mut countries = BTreeMap::<String, u64>::new();
                for (address, count) in &sources {
                    if let Some(code) = country(address) {
                        *countries.entry(code).or_default() += count;
                    }
                }
                let named = |(value, count): (String, u64)| AddressCount {
                    country: country(&value),
                    value,
                    count,
                };
                let sources: Vec<_> = sources.into_iter().take(SHOWN).map(named).collect();
                let destinations: Vec<_> = destinations.into_iter().map(named).collect();
                (sources, destinations, countries)
            })
            .await?;
        let mut countries: Vec<_> = countries.into_iter().map(counted).collect();
        countries.sort_by_key(|country| std::cmp::Reverse(country.count));
        countries.truncate(SHOWN);
        Ok(Counted {
            interval_secs: interval,
            alerts: over_time(&found["by_time"], since, now, interval),
            alerts_total: alerts.total,
            events_total: all.total,
            top: Top {
                sources,
                destinations,
                signatures: self::signatures(&found["signatures"]),
                countries,
                protocols: counts(&all.aggregations["protocols"])
                    .into_iter()
                    .map(counted)
                    .collect(),
            },
        })
    }
}

fn counted((value, count): (String, u64)) -> ValueCount {
    ValueCount { value, count }
}

/// The buckets of an answer to `terms`, as text and number.
pub fn counts(answer: &Value) -> Vec<(String, u64)> {
    buckets(answer)
        .map(|bucket| {
            (
                key(bucket),
                bucket["doc_count"].as_u64().unwrap_or_default(),
            )
        })
        .collect()
}

/// The buckets of an answer.
pub fn buckets(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["buckets"].as_array().into_iter().flatten()
}

/// What a bucket stands for, as a text.
pub fn key(bucket: &Value) -> String {
    match (&bucket["key_as_string"], &bucket["key"]) {
        (Value::String(text), _) | (_, Value::String(text)) => text.clone(),
        (_, Value::Number(number)) => match number.as_f64() {
            // Some stores write whole numbers with a fraction.
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 9e15 => {
                format!("{}", whole as i64)
            }
            _ => number.to_string(),
        },
        (_, other) => other.to_string(),
    }
}

/// Rules by how often they fired, with what they say.
pub fn signatures(answer: &Value) -> Vec<SignatureCount> {
    buckets(answer)
        .map(|bucket| SignatureCount {
            signature_id: key(bucket).parse().unwrap_or_default(),
            signature: buckets(&bucket["name"]).next().map(key).unwrap_or_default(),
            count: bucket["doc_count"].as_u64().unwrap_or_default(),
        })
        .collect()
}

fn over_time(answer: &Value, since: Timestamp, now: Timestamp, width: u64) -> Vec<AlertBucket> {
    let width = i64::try_from(width).unwrap_or(i64::MAX).max(1);
    let found: BTreeMap<i64, &Value> = buckets(answer)
        .map(|bucket| {
            let begins = bucket["key"].as_f64().unwrap_or_default() as i64 / 1000;
            (begins, bucket)
        })
        .collect();
    let first = since.secs().div_euclid(width) * width;
    (0..=2 * BUCKETS as i64)
        .map(|at| first.saturating_add(at.saturating_mul(width)))
        .take_while(|begins| *begins <= now.secs())
        .map(|begins| {
            let bucket = found.get(&begins).copied().unwrap_or(&Value::Null);
            AlertBucket {
                time: Timestamp::new(begins, 0),
                total: bucket["doc_count"].as_u64().unwrap_or_default(),
                by_severity: counts(&bucket["by_severity"]).into_iter().collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_buckets_are_texts_whatever_a_store_makes_of_them() {
        let check = |bucket: Value, expected: &str| assert_eq!(key(&bucket), expected);
        check(json!({"key": 2.0}), "2");
        check(json!({"key": 2_010_935}), "2010935");
        check(json!({"key": 0.5}), "0.5");
        check(json!({"key": "a"}), "a");
        check(json!({"key": 1, "key_as_string": "true"}), "true");
    }
}
