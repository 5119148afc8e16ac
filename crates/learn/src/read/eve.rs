//! EVE's JSON lines to rows: `flow` records with features, and which of their flows are under an alert.

use super::alerts::{Alerts, Course, Under, client};
use super::{Alerted, Error, LeftOut, Options, Report};
use crate::record::Columns;
use crate::table::{NORMAL, Row, Table};
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;

/// Longest record, bytes: the largest that the store keeps as it is set up.
pub(super) const MAX_RECORD: usize = 1 << 20;

/// Rows as records come.
pub(super) struct Records {
    columns: Columns,
    alerted: Alerted,
    is_newest_first: bool,
    table: Table,
    /// By row its flow.
    flows: Vec<Course>,
    hosts: Vec<IpAddr>,
    places: HashMap<IpAddr, u32>,
    alerts: Alerts,
    report: Report,
    lines: u64,
}

impl Records {
    pub(super) fn new(name: &str, options: &Options) -> Self {
        let columns = Columns::all(&options.known);
        let mut table = Table::new(columns.columns().to_vec());
        table.sources.push(name.to_owned());
        Records {
            columns,
            alerted: options.alerted,
            is_newest_first: options.is_newest_first,
            table,
            flows: Vec::new(),
            hosts: Vec::new(),
            places: HashMap::new(),
            alerts: Alerts::default(),
            report: Report::new(name, super::Format::Eve),
            lines: 0,
        }
    }

    /// Takes a line; kinds of records that say nothing of flows are not even parsed.
    pub(super) fn add(&mut self, line: u64, text: &str) -> Result<(), Error> {
        self.lines += 1;
        if !matches!(
            event::record::kind(text.as_bytes()),
            Some("flow" | "alert") | None
        ) {
            return Ok(());
        }
        let understood = match serde_json::from_str::<Value>(text) {
            Ok(record) => self.record(line, &record),
            Err(error) => Ok(Err(format!("no JSON: {error}"))),
        };
        match understood? {
            Ok(()) => Ok(()),
            Err(why) => {
                let is_empty = self.table.is_empty() && self.report.left_out.is_none();
                self.report.refuse(line, why, self.lines, is_empty)
            }
        }
    }

    /// The inner error is the line's alone.
    fn record(&mut self, line: u64, record: &Value) -> Result<Result<(), String>, Error> {
        let own = |key: &str| record.get("ratel").and_then(|own| own.get(key));
        let Some(kind) = record.get("event_type").and_then(Value::as_str) else {
            return Ok(Err("no event_type".to_owned()));
        };
        let is_of_capture = own("capture").is_some();
        match kind {
            "flow" if is_of_capture => self.report.left_out.of_captures += 1,
            "flow" if own("features").is_none() => self.report.left_out.without_features += 1,
            "flow" => return self.flow(line, record),
            "alert" if !is_of_capture && self.alerted != Alerted::Keep => {
                let is_noted = self.alerts.note(record);
                return is_noted.map(Ok).map_err(|cause| self.limit(line, cause));
            }
            _ => {}
        }
        Ok(Ok(()))
    }

    fn flow(&mut self, line: u64, record: &Value) -> Result<Result<(), String>, Error> {
        let Some(flow) = self.columns.flow(record) else {
            let why = "a flow without timestamp or src_ip that can be read";
            return Ok(Err(why.to_owned()));
        };
        let next = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let host = *self.places.entry(flow.host).or_insert(next);
        if host == next {
            self.hosts.push(flow.host);
        }
        let row = Row {
            class: None,
            host: Some(host),
            at_us: last_packet(record).unwrap_or(flow.at_us),
            source: 0,
            line: u32::try_from(line).unwrap_or(u32::MAX),
        };
        let course = Course {
            id: record.get("flow_id").and_then(Value::as_u64),
            is_alerted: of_flow(record, "alerted").and_then(Value::as_bool) == Some(true),
            begin_us: time_us(record, "start").unwrap_or(row.at_us),
            end_us: row.at_us,
        };
        if course.is_alerted {
            // Its alert's own record names the kind, where it is there and came before.
            let added = self.alerts.add(course.id, "");
            added.map_err(|cause| self.limit(line, cause))?;
        }
        let missing = flow.values.iter().filter(|value| value.is_nan()).count();
        self.report.missing += missing as u64;
        self.flows.push(course);
        let pushed = self.table.push(row, &flow.values);
        pushed.map(Ok).map_err(|cause| self.limit(line, cause))
    }

    fn limit(&self, line: u64, cause: crate::table::Error) -> Error {
        Error::Table {
            file: self.report.file.clone(),
            line,
            cause,
        }
    }

    /// What was read, in the order of time: the same records give the same table, whatever they were kept in.
    pub(super) fn finish(mut self, sha256: String) -> Result<(Table, Report), Error> {
        let file = self.report.file.clone();
        let is_empty = self.table.is_empty() && self.report.left_out.is_none();
        if self.report.has_too_many_bad(self.lines, is_empty) {
            return Err(self.report.too_many_bad(self.lines));
        }
        let LeftOut {
            without_features: flows,
            ..
        } = self.report.left_out;
        if self.table.is_empty() {
            return Err(match flows {
                0 => Error::Empty { file },
                flows => Error::NoFeatures { file, flows },
            });
        }
        let kept = self.judge()?;
        if kept.is_empty() {
            let flows = self.table.len();
            return Err(Error::AllAlerted { file, flows });
        }
        let mut order = kept;
        if self.is_newest_first {
            order.reverse();
        }
        let rows = &self.table.rows;
        order.sort_by_key(|row| rows.get(*row).map(|row| row.at_us));
        self.table.arrange(&order);
        self.name_hosts();
        if self.is_newest_first {
            for (line, row) in (1..).zip(&mut self.table.rows) {
                row.line = line;
            }
        }
        let unlabelled = self.table.rows.iter().filter(|row| row.class.is_none());
        self.report.unlabelled = unlabelled.count() as u64;
        self.report.rows = self.table.len() as u64;
        self.report.sha256 = sha256;
        Ok((self.table, self.report))
    }

    /// The rows that stay. Those under an alert get their class or are left out.
    fn judge(&mut self) -> Result<Vec<usize>, Error> {
        let mut kept = Vec::with_capacity(self.table.len());
        for at in 0..self.table.len() {
            let row = self.table.rows.get(at).copied().unwrap_or_default();
            let host = row.host.and_then(|host| self.hosts.get(host as usize));
            let flow = self.flows.get(at).copied().unwrap_or_default();
            let under = match self.alerted {
                Alerted::Keep => Under::Nothing,
                Alerted::LeaveOut | Alerted::Attack => self.alerts.of(flow, host),
            };
            let class = match (under, self.alerted) {
                (Under::Alert(kind), Alerted::Attack) => {
                    let class = self.table.class(&kind);
                    Some(class.map_err(|cause| self.limit(u64::from(row.line), cause))?)
                }
                (Under::Alert(_), Alerted::LeaveOut | Alerted::Keep) => {
                    self.report.left_out.alerted += 1;
                    continue;
                }
                (Under::Host, _) => {
                    self.report.left_out.of_alerted_hosts += 1;
                    continue;
                }
                (Under::Nothing, Alerted::Attack) => Some(NORMAL),
                (Under::Nothing, Alerted::LeaveOut | Alerted::Keep) => None,
            };
            if let Some(row) = self.table.rows.get_mut(at) {
                row.class = class;
            }
            kept.push(at);
        }
        Ok(kept)
    }

    /// Hosts get their places in the order of rows, and those of rows that were left out none.
    fn name_hosts(&mut self) {
        let mut places: HashMap<u32, u32> = HashMap::new();
        for row in &mut self.table.rows {
            let Some(old) = row.host else { continue };
            let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
            let new = *places.entry(old).or_insert(next);
            if new == next
                && let Some(host) = self.hosts.get(old as usize)
            {
                self.table.hosts.push(host.to_string());
            }
            row.host = Some(new);
        }
    }
}

/// A time of a flow, microseconds since 1970.
fn time_us(record: &Value, key: &str) -> Option<i64> {
    let time: event::Timestamp = of_flow(record, key)?.as_str()?.parse().ok()?;
    Some(time.nanos().div_euclid(1_000))
}

fn of_flow<'a>(record: &'a Value, key: &str) -> Option<&'a Value> {
    record.get("flow")?.get(key)
}

/// When the last packet came of a flow whose record was written because the program ended: at that moment all are, and
/// where a capture was read most flows wait for it. The others' records have the time that the running system knows.
fn last_packet(record: &Value) -> Option<i64> {
    if of_flow(record, "reason")?.as_str()? != "shutdown" {
        return None;
    }
    time_us(record, "end")
}

impl Alerts {
    /// Remembers an alert's flow and host.
    fn note(&mut self, record: &Value) -> Result<(), crate::table::Error> {
        let flow = record.get("flow_id").and_then(Value::as_u64);
        let time = record.get("timestamp").and_then(Value::as_str);
        let time = time.and_then(|time| time.parse::<event::Timestamp>().ok());
        let at_us = time.map(|time| time.nanos().div_euclid(1_000));
        let alert = record.get("alert");
        let kind = alert
            .and_then(|alert| alert.get("category"))
            .and_then(Value::as_str);
        let source = alert.and_then(|alert| alert.get("source")?.get("ip")?.as_str()?.parse().ok());
        self.add(flow, kind.unwrap_or_default())?;
        for host in [client(record), source].into_iter().flatten() {
            if let Some(at_us) = at_us {
                self.add_host(host, at_us)?;
            }
        }
        Ok(())
    }
}
