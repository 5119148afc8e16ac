//! Captures and labelled files to one table.

use crate::flows::measure;
use crate::read::inputs::{Input, is_capture};
use ::learn::read::{self, Format, Mapping, Options, Reader, Report};
use ::learn::table::Table;
use anyhow::{Result, anyhow};
use clap::Args;
use features::{Definition, Settings, write};
use std::path::{Path, PathBuf};

/// What is read, and how.
#[derive(Debug, Args)]
pub struct Inputs {
    /// Captures, CSV of `ratel flows` or CICFlowMeter, or labelled files; `-` for such a file on standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format, where it is not to be told by the first lines: cic, unsw-nb15, nsl-kdd, ctu-13, iot-23.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Which column means what: a YAML file, for files of no known format (docs/learn.md).
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    mapping: Option<PathBuf>,
    /// NSL-KDD's attacks by their families: dos, probe, r2l, u2r.
    #[arg(long)]
    families: bool,
}

fn format(name: &str) -> Result<Format, String> {
    Format::parse(name).ok_or_else(|| format!("there are {}", Format::NAMES.join(", ")))
}

impl Inputs {
    /// Reads all of it; lines that were left out are told on standard error.
    pub fn read(&self) -> Result<(Table, Vec<Report>)> {
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
        };
        let mut tables = Vec::with_capacity(self.files.len());
        let mut reports = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let (table, report) = one(path, &options)?;
            tell(&report);
            tables.push(table);
            reports.push(report);
        }
        Ok((read::join(tables)?, reports))
    }
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
    let (table, mut reports) = read::files(&[path], options)?;
    let report = reports
        .pop()
        .ok_or_else(|| anyhow!("{}: no flows", path.display()))?;
    Ok((table, report))
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
