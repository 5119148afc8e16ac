//! `flow` records with features to rows, and findings to `alert` records.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::explain::Explanation;
use crate::model::Score;
use crate::read::services;
use crate::scale::{Rule, Scaler};
use crate::table::{Column, Kind};

/// The column that is a record's `dest_port`, as the name of a service.
const PORT: &str = "Dst Port";
/// The column that is a record's `proto`.
const PROTOCOL: &str = "Protocol";
/// What rows of `ratel flows` have and no model learns from: who talked when, and what is a name for one program.
const NO_FEATURES: [&str; 9] = [
    "Flow ID",
    "Src IP",
    "Src Port",
    "Dst IP",
    "Timestamp",
    "Label",
    "TLS JA4",
    "ICMP Code",
    "ICMP Type",
];
/// Protocols that are told apart.
const PROTOCOLS: [&str; 5] = ["TCP", "UDP", "ICMP", "IPv6-ICMP", "SCTP"];
/// First words of the ALPN list that are told apart.
const ALPNS: [&str; 4] = ["h2", "http/1.1", "imap", "dot"];
/// Fields of a flow's record that its finding repeats.
const REPEATED: [&str; 11] = [
    "flow_id",
    "parent_id",
    "in_iface",
    "vlan",
    "src_ip",
    "src_port",
    "dest_ip",
    "dest_port",
    "proto",
    "app_proto",
    "community_id",
];

/// A flow that ended.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The host that began it.
    pub host: IpAddr,
    /// When its record was written, microseconds since 1970.
    pub at_us: i64,
    /// When it was put on the bus, where that is known.
    pub published_us: i64,
    /// A value for each column.
    pub values: Vec<f32>,
    /// What its finding repeats of its record.
    pub head: Map<String, Value>,
}

/// Which values a record's row has.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<Column>,
}

impl Columns {
    /// Those that a model was trained on; the names of `known` are those that records have.
    ///
    /// # Errors
    /// The columns that records don't have.
    pub fn of(scaler: &Scaler, known: &[&str]) -> Result<Self, crate::scale::Missing> {
        let has = |name: &str| known.contains(&name) && !NO_FEATURES.contains(&name);
        let missing = scaler.columns.iter().filter(|column| !has(&column.name));
        let missing: Vec<String> = missing.map(|column| column.name.clone()).collect();
        if !missing.is_empty() {
            return Err(crate::scale::Missing(missing));
        }
        let column = |scaled: &crate::scale::Scaled| match &scaled.rule {
            Rule::Number { .. } => number(&scaled.name),
            Rule::Category { names } => Column {
                name: scaled.name.clone(),
                kind: Kind::Category,
                names: names.clone(),
            },
        };
        Ok(Columns {
            columns: scaler.columns.iter().map(column).collect(),
        })
    }

    /// Those that records have: `known` are their names and whether they are texts.
    #[must_use]
    pub fn all(known: &[(&str, bool)]) -> Self {
        let mut columns = Vec::new();
        for (name, is_text) in known {
            let names = match *name {
                _ if NO_FEATURES.contains(name) => continue,
                PORT => services::NAMES,
                PROTOCOL => &PROTOCOLS[..],
                _ if *is_text => &ALPNS[..],
                _ => &[],
            };
            columns.push(Column {
                kind: match names {
                    [] => Kind::Number,
                    _ => Kind::Category,
                },
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                ..number(name)
            });
        }
        Columns { columns }
    }

    /// The columns, for a table.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// A flow's row; none where the record is none of a flow with features, or of a capture that somebody handed in.
    #[must_use]
    pub fn flow(&self, record: &Value) -> Option<Flow> {
        if record.get("event_type")?.as_str()? != "flow" {
            return None;
        }
        let own = record.get("ratel")?;
        if own.get("capture").is_some() {
            return None;
        }
        let features = own.get("features")?.as_object()?;
        let at: event::Timestamp = record.get("timestamp")?.as_str()?.parse().ok()?;
        let host = record.get("src_ip")?.as_str()?.parse().ok()?;
        let values = self
            .columns
            .iter()
            .map(|column| value(column, record, features));
        let head = REPEATED
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), record.get(*key)?.clone())));
        Some(Flow {
            host,
            at_us: at.nanos().div_euclid(1_000),
            published_us: 0,
            values: values.collect(),
            head: head.collect(),
        })
    }
}

fn number(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind: Kind::Number,
        names: Vec::new(),
    }
}

/// What is 0 or empty is left out of records.
fn value(column: &Column, record: &Value, features: &Map<String, Value>) -> f32 {
    if column.kind == Kind::Number {
        let number = match column.name.as_str() {
            PORT => record.get("dest_port"),
            name => features.get(name),
        };
        #[allow(clippy::cast_possible_truncation)]
        let number = number.and_then(Value::as_f64).unwrap_or(0.0) as f32;
        return number;
    }
    let port = || record.get("dest_port").and_then(Value::as_u64).unwrap_or(0);
    let name = match column.name.as_str() {
        PORT => Some(services::of_port(u16::try_from(port()).unwrap_or(0))),
        PROTOCOL => record.get("proto").and_then(Value::as_str),
        name => features.get(name).and_then(Value::as_str),
    };
    let at = name.and_then(|name| column.names.iter().position(|known| known == name));
    #[allow(clippy::cast_precision_loss)]
    let at = at.map_or(f32::NAN, |at| at as f32);
    at
}

/// What a finding tells besides its flow.
pub struct Told<'a> {
    /// The model's name and the version of the program that trained it.
    pub model: (&'a str, &'a str),
    /// The score.
    pub score: Score,
    /// The probability and the suspicion from which on flows are findings.
    pub threshold: (f32, f32),
    /// Flows of the host that were looked at.
    pub window: usize,
    /// The class that it is like, and its place.
    pub class: Option<(usize, &'a str)>,
    /// Why.
    pub explanation: &'a Explanation,
    /// The moment, as EVE writes it.
    pub timestamp: String,
}

/// The `alert` record of a finding.
#[must_use]
pub fn alert(flow: &Flow, told: &Told<'_>) -> Value {
    let mut record = flow.head.clone();
    record.insert("timestamp".to_owned(), json!(told.timestamp));
    record.insert("event_type".to_owned(), json!("alert"));
    let (sid, signature) = match told.class {
        Some((at, name)) => (at, format!("Ratel model: traffic like {name}")),
        None => (
            0,
            "Ratel model: traffic of a kind not seen before".to_owned(),
        ),
    };
    record.insert(
        "alert".to_owned(),
        json!({
            "action": "allowed",
            "gid": event::record::MODEL_GID,
            "signature_id": sid,
            "rev": 1,
            "signature": signature,
            "category": "Unusual traffic",
            "severity": 3,
        }),
    );
    let features: Vec<Value> = told
        .explanation
        .features
        .iter()
        .map(|part| json!({"name": part.column, "value": part.value, "usual": part.usual, "share": part.share}))
        .collect();
    record.insert(
        "ratel".to_owned(),
        json!({"model": {
            "name": told.model.0,
            "version": told.model.1,
            "probability": told.score.probability,
            "anomaly": told.score.anomaly,
            "suspicion": told.score.suspicion,
            "threshold": told.threshold.0,
            "suspicion_threshold": told.threshold.1,
            "window": told.window,
            "features": features,
            "text": told.explanation.text,
        }}),
    );
    Value::Object(record)
}
