//! Writes records: in bulk, each exactly once, and only what the server took is acknowledged.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event::RecordId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{Document, document, plain};
use super::{Elastic, Error, names};

/// The most bytes of one request: Elastic's advice is 5 to 15 MB.
const MAX_BYTES: usize = 5 << 20;

/// The most documents of one request.
const MAX_DOCUMENTS: usize = 5_000;

/// How often a request is tried before its caller is told; a caller tries again later.
const TRIES: u32 = 5;

/// The wait before the second try; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records that are there now and were not before.
    pub created: u64,
    /// Records that were there already.
    pub repeated: u64,
    /// Records of `created` of which only time, id and text are kept: the server took nothing else.
    pub plain: u64,
    /// Requests that were tried again.
    pub retried: u64,
}

#[derive(Deserialize)]
struct Done {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    #[serde(default)]
    error: Option<Value>,
}

impl Elastic {
    /// Writes these records. Where it returns, the server has acknowledged every one; where it fails, some may be
    /// there, and the same batch is to be given again.
    ///
    /// # Errors
    /// A server that fails for longer than a few tries, or that refuses a record's bare text.
    pub fn write<'a>(
        &self,
        records: impl IntoIterator<Item = (RecordId, &'a str)>,
    ) -> Result<Written, Error> {
        self.prepared()?;
        let mut written = Written::default();
        let mut batch: Vec<(Document, &str)> = Vec::new();
        let mut bytes = 0;
        for (id, record) in records {
            let document = document(self.config.schema, id, record);
            if !batch.is_empty()
                && (bytes + document.source.len() > MAX_BYTES || batch.len() >= MAX_DOCUMENTS)
            {
                self.batch(std::mem::take(&mut batch), &mut written)?;
                bytes = 0;
            }
            bytes += document.source.len();
            batch.push((document, record));
        }
        self.batch(batch, &mut written)?;
        metrics::counter!("ratel_store_elastic_created_total").increment(written.created);
        metrics::counter!("ratel_store_elastic_repeated_total").increment(written.repeated);
        metrics::counter!("ratel_store_elastic_plain_total").increment(written.plain);
        metrics::counter!("ratel_store_elastic_retries_total").increment(written.retried);
        Ok(written)
    }

    fn batch(&self, batch: Vec<(Document, &str)>, written: &mut Written) -> Result<(), Error> {
        let mut left = batch;
        let mut wait = FIRST_WAIT;
        let mut tries = 0;
        while !left.is_empty() {
            // A data stream knows ids of its last index alone: what may have come before is looked for in all.
            let result = self
                .unknown(left.clone(), written)
                .and_then(|unknown| self.once(unknown, written));
            let failed = match result {
                Ok(remaining) if remaining.is_empty() => return Ok(()),
                Ok(remaining) => {
                    left = remaining;
                    Error::Status {
                        status: 429,
                        path: "/_bulk".into(),
                        reason: "the server has too much to do".into(),
                    }
                }
                Err(error) => {
                    self.is_sure.store(false, Ordering::Release);
                    error
                }
            };
            tries += 1;
            if tries >= TRIES || !failed.is_passing() {
                return Err(failed);
            }
            written.retried += 1;
            std::thread::sleep(wait);
            wait *= 2;
        }
        Ok(())
    }

    /// Those that are not there yet; all of them where nothing can have come before.
    fn unknown<'a>(
        &self,
        batch: Vec<(Document, &'a str)>,
        written: &mut Written,
    ) -> Result<Vec<(Document, &'a str)>, Error> {
        if self.is_sure.load(Ordering::Acquire) || batch.is_empty() {
            return Ok(batch);
        }
        self.refresh()?;
        let ids: Vec<String> = batch
            .iter()
            .map(|(document, _)| document.id.to_string())
            .collect();
        let body = json!({
            "size": ids.len(),
            "_source": false,
            "track_total_hits": false,
            "query": {"terms": {names::ID: ids}},
        });
        let path = self.search_path("_search");
        let found = self.client.json("POST", &path, Some(&body))?;
        let known: HashSet<&str> = found
            .pointer("/hits/hits")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|hit| hit.get("_id")?.as_str())
            .collect();
        if known.is_empty() {
            // The log is read in order: behind the first batch that is new, all is new.
            self.is_sure.store(true, Ordering::Release);
        }
        let before = batch.len();
        let unknown: Vec<_> = batch
            .into_iter()
            .filter(|(document, _)| !known.contains(document.id.to_string().as_str()))
            .collect();
        written.repeated += (before - unknown.len()) as u64;
        Ok(unknown)
    }

    /// Tries once; what the server had no time for comes back.
    fn once<'a>(
        &self,
        batch: Vec<(Document, &'a str)>,
        written: &mut Written,
    ) -> Result<Vec<(Document, &'a str)>, Error> {
        if batch.is_empty() {
            return Ok(batch);
        }
        let path = "/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason";
        let body = self.lines(batch.iter().map(|(document, _)| document));
        let answer = self
            .client
            .ask("POST", path, Some(("application/x-ndjson", &body)))?;
        let done: Done =
            serde_json::from_value(answer.json(path)?).map_err(|error| Error::Unreadable {
                path: path.into(),
                why: error.to_string(),
            })?;
        if done.items.len() != batch.len() {
            return Err(Error::Unreadable {
                path: path.into(),
                why: format!("{} answers for {} records", done.items.len(), batch.len()),
            });
        }
        let mut again = Vec::new();
        for ((sent, record), item) in batch.into_iter().zip(done.items) {
            match item.create.status {
                200..=299 => {
                    written.created += 1;
                    written.plain += u64::from(sent == plain(sent.id, record));
                }
                409 => written.repeated += 1,
                408 | 429 | 500..=599 => again.push((sent, record)),
                status => {
                    let bare = plain(sent.id, record);
                    if sent == bare {
                        return Err(Error::Status {
                            status,
                            path: "/_bulk".into(),
                            reason: item.create.error.unwrap_or_default().to_string(),
                        });
                    }
                    tracing::debug!(id = %sent.id, status, error = ?item.create.error, "a record is kept as bare text");
                    again.push((bare, record));
                }
            }
        }
        Ok(again)
    }

    fn lines<'a>(&self, batch: impl Iterator<Item = &'a Document>) -> Vec<u8> {
        let (events, stats) = (self.config.events(), self.config.stats());
        let mut body = Vec::new();
        for document in batch {
            let stream = if document.is_stats { &stats } else { &events };
            // Writing into memory cannot fail.
            let _ = writeln!(
                body,
                r#"{{"create":{{"_index":"{stream}","_id":"{}"}}}}"#,
                document.id
            );
            body.extend_from_slice(&document.source);
            body.push(b'\n');
        }
        body
    }
}
