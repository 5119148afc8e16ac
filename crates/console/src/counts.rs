//! How many events of each kind passed, without reading more of a record than its kind.

use std::collections::BTreeMap;

/// Kinds that are counted by name: EVE has some 40. What else comes is counted together.
const MAX_KINDS: usize = 64;

/// Counts of events by `event_type`.
#[derive(Clone, Debug, Default)]
pub struct EventCounts {
    kinds: BTreeMap<String, u64>,
    others: u64,
}

impl EventCounts {
    /// Counts one EVE record.
    pub fn on_record(&mut self, record: &[u8]) {
        match event::record::kind(record) {
            Some(kind) => {
                if let Some(count) = self.kinds.get_mut(kind) {
                    *count += 1;
                } else if self.kinds.len() < MAX_KINDS {
                    self.kinds.insert(kind.to_owned(), 1);
                } else {
                    self.others += 1;
                }
            }
            None => self.others += 1,
        }
    }

    /// The counts by kind; `other` for those that have no kind, or one too many.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<String, u64> {
        let mut counts = self.kinds.clone();
        if self.others > 0 {
            *counts.entry("other".to_owned()).or_default() += self.others;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_kind_and_never_more_kinds_than_its_limit() {
        let mut counts = EventCounts::default();
        counts.on_record(br#"{"timestamp":"x","event_type":"alert","src_ip":"192.0.2.1"}"#);
        counts.on_record(br#"{"timestamp":"x","event_type":"alert"}"#);
        counts.on_record(br#"{"event_type":"flow""#);
        counts.on_record(b"");
        counts.on_record(br#"{"event_type":"no closing quote"#);
        counts.on_record(br#"{"event_type":"a b"}"#);
        assert_eq!(
            counts.by_kind(),
            BTreeMap::from([("alert".into(), 2), ("flow".into(), 1), ("other".into(), 3)])
        );
        for i in 0..1000 {
            counts.on_record(format!(r#"{{"event_type":"k{i}"}}"#).as_bytes());
        }
        let told = counts.by_kind();
        assert_eq!(told.len(), MAX_KINDS + 1);
        assert_eq!(told.values().sum::<u64>(), 1006);
    }
}
