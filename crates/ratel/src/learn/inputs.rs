//! Captures, labelled files and what the store holds to one table.

use super::stored::Stored;
use crate::flows::measure;
use crate::read::inputs::{Input, is_capture};
use ::learn::read::{self, Alerted, Format, LeftOut, Mapping, Options, Reader, Report};
use ::learn::table::Table;
use anyhow::Result;
use clap::{Args, ValueEnum};
use features::columns::{Value, blank};
use features::{Definition, Settings, write};
use std::path::{Path, PathBuf};

/// What is read, and how.
#[derive(Debug, Args)]
pub struct Inputs {
    /// Captures, eve.json with features, CSV of `ratel flows` or CICFlowMeter, or labelled files, also as .gz and .zst;
    /// `-` for such a file on standard input.
    #[arg(required_unless_present = "store", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format, where it is not to be told by the first lines: cic, unsw-nb15, nsl-kdd, ctu-13, iot-23, eve.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Which column means what: a YAML file, for files of no known format (docs/learn.md).
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    mapping: Option<PathBuf>,
    /// NSL-KDD's attacks by their families: dos, probe, r2l, u2r.
    #[arg(long)]
    families: bool,
    /// What becomes of flows that an alert is about, of eve.json and of the store. Not given: `leave-out` where a model
    /// is trained, `keep` elsewhere.
    #[arg(long, value_enum, value_name = "WHAT")]
    alerted: Option<OfAlerts>,
    #[command(flatten)]
    stored: Stored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OfAlerts {
    /// They don't count, nor what else of their host went on in the hour of the alert or the next.
    LeaveOut,
    /// They are attacks, of the kind that the alert's category names; the other flows are normal.
    Attack,
    /// They are flows as any other.
    Keep,
}

fn format(name: &str) -> Result<Format, String> {
    Format::parse(name).ok_or_else(|| format!("there are {}", Format::NAMES.join(", ")))
}

impl Inputs {
    /// Reads all of it; what was left out is told on standard error. `usually` says what becomes of flows under an
    /// alert where the command line does not.
    pub fn read(&self, usually: Alerted) -> Result<(Table, Vec<Report>)> {
        let mapping = match &self.mapping {
            Some(path) => {
                let text = super::yaml(path)?;
                Some(Mapping::parse(&path.display().to_string(), &text).map_err(super::usage)?)
            }
            None => None,
        };
        let options = Options {
            format: self.format,
            mapping,
            has_families: self.families,
            known: known(),
            alerted: match self.alerted {
                Some(OfAlerts::LeaveOut) => Alerted::LeaveOut,
                Some(OfAlerts::Attack) => Alerted::Attack,
                Some(OfAlerts::Keep) => Alerted::Keep,
                None => usually,
            },
            is_newest_first: false,
        };
        let mut tables = Vec::with_capacity(self.files.len());
        let mut reports = Vec::with_capacity(self.files.len());
        let files = self.files.iter().map(|path| one(path, &options));
        let stored = self.stored.is_asked_for();
        let stored = stored.then(|| self.stored.read(&options));
        let mut empty = None;
        for read in files.chain(stored) {
            let (table, report) = match read {
                Ok(read) => read,
                // A capture without flows among many is no reason to stop: only where none has any.
                Err(error) if self.files.len() > 1 && is_empty(&error) => {
                    crate::complain(&format!("{error:#}"));
                    empty = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            tell(&report);
            tables.push(table);
            reports.push(report);
        }
        if let (Some(error), true) = (empty, tables.is_empty()) {
            return Err(error);
        }
        Ok((read::join(tables)?, reports))
    }
}

fn is_empty(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<read::Error>();
    matches!(error, Some(read::Error::Empty { .. }))
}

fn one(path: &Path, options: &Options) -> Result<(Table, Report)> {
    if path == Path::new("-") {
        return Ok(read::lines(
            "standard input",
            std::io::stdin().lock(),
            options,
        )?);
    }
    if is_capture(path) {
        return capture(path, options);
    }
    let name = path.display().to_string();
    Ok(read::lines(&name, crate::events::open(path)?, options)?)
}

/// The features that `flow` records have, and whether they are texts.
fn known() -> Vec<(&'static str, bool)> {
    let is_text = |value: &Value| matches!(value, Value::Text(_) | Value::Address(_));
    let columns = blank(Definition::Corrected, true).into_iter();
    columns
        .map(|(name, value)| (name, is_text(&value)))
        .collect()
}

/// The flows of a capture come in the same way as a file of `ratel flows --more`, with all columns that the running
/// system has: a model that was trained on one fits the others.
fn capture(path: &Path, options: &Options) -> Result<(Table, Report)> {
    let name = path.display().to_string();
    let definition = Definition::default();
    let settings = Settings {
        definition,
        has_more: true,
        ..Settings::default()
    };
    let options = Options {
        format: Some(Format::Cic),
        mapping: None,
        ..options.clone()
    };
    let mut reader = Reader::new(&name, &options);
    reader.line(write::csv_head(definition, true).as_bytes())?;
    let mut line = Vec::new();
    let mut refused = None;
    let ended = measure(&Input::File(path.to_owned()), settings, &mut |flow| {
        line.clear();
        write::csv(flow, &mut line);
        if refused.is_none() {
            refused = reader.line(&line).err();
        }
    });
    if let Err(error) = ended {
        crate::complain(&format!("{name}: {error:#}; the flows until there count"));
    }
    match refused {
        Some(error) => Err(error.into()),
        None => Ok(reader.finish()?),
    }
}

fn tell(report: &Report) {
    tell_left_out(report);
    if report.bad == 0 {
        return;
    }
    let first: Vec<String> = report
        .first_bad
        .iter()
        .map(|bad| format!("line {}: {}", bad.line, bad.why))
        .collect();
    crate::complain(&format!(
        "{}: {} lines were left out: {}",
        report.file,
        report.bad,
        first.join("; ")
    ));
}

/// Flows that were understood and are not in the table, a line for each reason.
fn tell_left_out(report: &Report) {
    let LeftOut {
        without_features,
        of_captures,
        alerted,
        of_alerted_hosts,
    } = report.left_out;
    let file = &report.file;
    if without_features > 0 {
        crate::complain(&format!(
            "{file}: flows without features left out: {without_features}; `ratel read --flow-features` and \
             `sensor.flow_features: true` write them"
        ));
    }
    if of_captures > 0 {
        crate::complain(&format!(
            "{file}: flows of captures that somebody handed in left out: {of_captures}"
        ));
    }
    if alerted + of_alerted_hosts > 0 {
        crate::complain(&format!(
            "{file}: flows under an alert left out: {alerted}; others of the same hosts that went on in that hour or the next: \
             {of_alerted_hosts} (--alerted)"
        ));
    }
}
