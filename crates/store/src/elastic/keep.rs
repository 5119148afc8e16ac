//! Keeps the data streams: made before the first record, ended by size and age, deleted by age and size.

use std::sync::atomic::Ordering;

use event::Timestamp;
use serde_json::{Value, json};

use super::template::{policy, template};
use super::{Elastic, Error};

/// A backing index of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Backing {
    stream: String,
    name: String,
    bytes: u64,
    created_secs: i64,
}

impl Elastic {
    /// Puts templates and makes data streams where they are not there; what is there with these names is Ratel's.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        let policy_name = self.policy_name()?;
        for stream in [self.config.events(), self.config.stats()] {
            let template = template(&self.config, &stream, policy_name.as_deref());
            let path = format!("/_index_template/{stream}");
            self.client.json("PUT", &path, Some(&template))?;
            let path = format!("/_data_stream/{stream}");
            match self.client.json("PUT", &path, None) {
                // 400: it is there already.
                Ok(_) | Err(Error::Status { status: 400, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The policy of Elasticsearch; None where the server has none, and [`Elastic::keep`] asks for each rollover.
    fn policy_name(&self) -> Result<Option<String>, Error> {
        let about = self.about()?;
        let is_opensearch = about
            .pointer("/version/distribution")
            .and_then(Value::as_str)
            == Some("opensearch");
        if is_opensearch {
            return Ok(None);
        }
        let name = self.config.index_prefix.clone();
        // Rollover alone: what is deleted depends on size as well and is asked for by `keep`.
        let policy = policy(&self.config, 0);
        match self
            .client
            .json("PUT", &format!("/_ilm/policy/{name}"), Some(&policy))
        {
            Ok(_) => Ok(Some(name)),
            // A build without lifecycle, or a user who may not.
            Err(Error::Status { status, .. }) if status < 500 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends backing indices that are full or old, and deletes the oldest until what is left is within age and size
    /// (0: no limit). To be called every minute or so. Returns how many indices were deleted.
    ///
    /// # Errors
    /// A server that fails.
    pub fn keep(&self, now: Timestamp, max_age_days: u32, max_bytes: u64) -> Result<u64, Error> {
        if !self.config.manage {
            return Ok(0);
        }
        self.prepared()?;
        let mut deleted = 0;
        let mut all = Vec::new();
        for stream in [self.config.events(), self.config.stats()] {
            let conditions = json!({"conditions": {
                "max_size": format!("{}b", self.config.rollover_bytes),
                "max_age": format!("{}h", self.config.rollover_hours),
            }});
            let path = format!("/{stream}/_rollover");
            let rolled = self.client.json("POST", &path, Some(&conditions))?;
            if rolled.get("rolled_over") == Some(&Value::Bool(true)) {
                // The new index knows no id: what the bus gives again is looked for in all of them.
                self.is_sure.store(false, Ordering::Release);
            }
            let mut backing = self.backing(&stream)?;
            // The last one is written.
            let last = backing.pop();
            all.extend(backing.into_iter().map(|index| (index, true)));
            all.extend(last.map(|index| (index, false)));
        }
        for name in surplus(&all, now, max_age_days, max_bytes) {
            self.client.json("DELETE", &format!("/{name}"), None)?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// The backing indices of a stream, the oldest first.
    fn backing(&self, stream: &str) -> Result<Vec<Backing>, Error> {
        let path = format!("/_data_stream/{stream}");
        let found = self.client.json("GET", &path, None)?;
        let names: Vec<&str> = found
            .pointer("/data_streams/0/indices")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|index| index.get("index_name")?.as_str())
            .collect();
        let path = format!("/{stream}/_stats/store?filter_path=indices.*.primaries.store");
        let sizes = self.client.json("GET", &path, None)?;
        let path = format!("/{stream}/_settings/index.creation_date");
        let created = self.client.json("GET", &path, None)?;
        Ok(names
            .into_iter()
            .map(|name| Backing {
                stream: stream.to_owned(),
                name: name.to_owned(),
                bytes: sizes
                    .get("indices")
                    .and_then(|indices| {
                        indices.get(name)?.pointer("/primaries/store/size_in_bytes")
                    })
                    .and_then(Value::as_u64)
                    .unwrap_or(0),
                created_secs: created
                    .get(name)
                    .and_then(|index| index.pointer("/settings/index/creation_date")?.as_str())
                    .and_then(|millis| millis.parse::<i64>().ok())
                    .map_or(i64::MAX, |millis| millis / 1_000),
            })
            .collect())
    }
}

/// The names of those that are too old or too much, the oldest first; what is written stays. The age of an index
/// counts from its end, which is where the next began: nothing is deleted early.
fn surplus(
    all: &[(Backing, bool)],
    now: Timestamp,
    max_age_days: u32,
    max_bytes: u64,
) -> Vec<String> {
    let mut ended: Vec<&Backing> = all
        .iter()
        .filter(|(_, is_ended)| *is_ended)
        .map(|(index, _)| index)
        .collect();
    ended.sort_by_key(|index| index.created_secs);
    let mut bytes: u64 = all.iter().map(|(index, _)| index.bytes).sum();
    let oldest = now.secs() - i64::from(max_age_days) * 86_400;
    let mut out = Vec::new();
    for index in ended {
        let ended_secs = all
            .iter()
            .filter(|(other, _)| other.stream == index.stream)
            .filter(|(other, _)| other.created_secs > index.created_secs)
            .map(|(other, _)| other.created_secs)
            .min()
            .unwrap_or(i64::MAX);
        let is_old = max_age_days > 0 && ended_secs < oldest;
        let is_much = max_bytes > 0 && bytes > max_bytes;
        if is_old || is_much {
            bytes = bytes.saturating_sub(index.bytes);
            out.push(index.name.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str, bytes: u64, day: i64, is_ended: bool) -> (Backing, bool) {
        let index = Backing {
            stream: name.trim_end_matches(|c: char| c.is_ascii_digit()).into(),
            name: name.into(),
            bytes,
            created_secs: day * 86_400,
        };
        (index, is_ended)
    }

    #[test]
    fn the_oldest_go_first_and_what_is_written_stays() {
        let all = [
            index(".ds-r-events-000001", 10, 0, true),
            index(".ds-r-events-000002", 10, 5, true),
            index(".ds-r-events-000003", 10, 9, false),
            index(".ds-r-stats-000001", 10, 0, false),
        ];
        let check = |day: i64, age: u32, bytes: u64, expected: &[&str]| {
            let now = Timestamp::new(day * 86_400, 0);
            assert_eq!(
                surplus(&all, now, age, bytes),
                expected,
                "{day} {age} {bytes}"
            );
        };
        check(10, 0, 0, &[]);
        check(10, 30, 1000, &[]);
        check(10, 4, 0, &[".ds-r-events-000001"]);
        check(10, 5, 0, &[]);
        check(100, 1, 0, &[".ds-r-events-000001", ".ds-r-events-000002"]);
        check(10, 0, 39, &[".ds-r-events-000001"]);
        check(10, 0, 1, &[".ds-r-events-000001", ".ds-r-events-000002"]);
    }
}
