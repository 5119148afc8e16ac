//! `ratel flows`: captures in, one row of features for each flow out.

mod rows;
mod table;

use crate::read::inputs::{self, Input};
use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use decode::capture::Reader;
use decode::packet::{Config, Decoder};
use features::{Definition, End, Flow, Meter, Seen, Settings};
use rows::Rows;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

/// `ratel flows`.
#[derive(Debug, Args)]
#[command(
    after_help = "Rows have CICFlowMeter's columns and units; docs/flows.md tells each and where the \
    definitions differ.\nExit status: 0 done, 1 failed or a capture was broken, 2 wrong usage."
)]
pub struct Flows {
    /// Capture files or folders of them, `-` for standard input.
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// How rows are printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    format: Format,
    /// A file for the rows, written whole or not at all. Default: standard output.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// What CICFlowMeter does not tell, too: the first packets one by one, traits of TLS and DNS, what the
    /// flow's hosts did lately. Goes with `--compat none` alone.
    #[arg(long)]
    more: bool,
    /// Whose definition of a flow and its features holds.
    #[arg(long, value_enum, default_value_t)]
    compat: Compat,
    /// Seconds that a flow may last.
    #[arg(long, value_name = "SECS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    flow_timeout: u32,
    /// Seconds without a packet after which a flow counts as idle.
    #[arg(long, value_name = "SECS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    activity_timeout: u32,
    /// Flows at once; beyond it those idle longest are ended to make room.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    max_flows: u32,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// A line of names, then a line for each flow.
    #[default]
    Csv,
    /// An object a line.
    Json,
    /// Apache Parquet, compressed with zstd.
    Parquet,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Compat {
    /// Nobody's: Ratel's own, which is right.
    #[default]
    None,
    /// CICFlowMeter 4's, with its faults.
    Cicflowmeter,
    /// The corrected fork's of Engelen, Rimmer and Joosen.
    Engelen,
}

impl From<Compat> for Definition {
    fn from(compat: Compat) -> Self {
        match compat {
            Compat::None => Definition::Corrected,
            Compat::Cicflowmeter => Definition::Cicflowmeter,
            Compat::Engelen => Definition::Engelen,
        }
    }
}

/// Does what the command line says; the exit status is 1 where a capture was broken.
pub fn run(args: &Flows) -> Result<ExitCode> {
    if args.more && !matches!(args.compat, Compat::None) {
        let told = "--more goes with --compat none: the others have no such columns";
        return Err(crate::Usage(told.to_owned()).into());
    }
    let mut captures = Vec::new();
    for path in &args.captures {
        inputs::find(path, &mut captures)?;
    }
    let definition = Definition::from(args.compat);
    let settings = Settings {
        definition,
        timeout_us: i64::from(args.flow_timeout) * 1_000_000,
        activity_us: i64::from(args.activity_timeout) * 1_000_000,
        has_more: args.more,
        flows_max: usize::try_from(args.max_flows)?,
    };
    let mut rows = Rows::new(args.format, settings, args.to.as_deref())?;
    let mut is_broken = false;
    for input in &captures {
        if let Err(error) = capture(input, settings, &mut rows) {
            crate::complain(&format!("{}: {error:#}", input.name()));
            is_broken = true;
        }
        if rows.is_unwanted() {
            break;
        }
    }
    rows.close()?;
    Ok(match is_broken {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Reads a capture to its end or to where it breaks; the flows until there are told in any case.
fn capture(input: &Input, settings: Settings, rows: &mut Rows) -> Result<()> {
    let is_unwanted = Cell::new(false);
    measure_while(input, settings, &|| !is_unwanted.get(), &mut |flow| {
        rows.add(flow);
        is_unwanted.set(rows.is_unwanted());
    })
}

/// Gives the flows of a capture, to its end or to where it breaks.
pub fn measure(input: &Input, settings: Settings, tell: &mut dyn FnMut(&Flow)) -> Result<()> {
    measure_while(input, settings, &|| true, tell)
}

fn measure_while(
    input: &Input,
    settings: Settings,
    is_wanted: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(&Flow),
) -> Result<()> {
    let source: Box<dyn Read> = match input {
        Input::Stdin => Box::new(io::stdin().lock()),
        Input::File(path) => Box::new(File::open(path).context("cannot be opened")?),
    };
    let mut reader = Reader::new(source).map_err(|error| anyhow!(error))?;
    let mut decoder = Decoder::new(Config::default());
    let mut meter = Meter::new(settings);
    let mut tell = |flow: &Flow, _: End| tell(flow);
    let ended = loop {
        if !is_wanted() {
            return Ok(());
        }
        match reader.next() {
            Ok(Some(frame)) => decoder.decode(&frame, |packet| {
                if let Some(seen) = Seen::of(packet, settings.definition) {
                    meter.add(&seen, &mut tell);
                }
            }),
            Ok(None) => break Ok(()),
            Err(error) => break Err(anyhow!(error)),
        }
    };
    meter.finish(&mut tell);
    ended
}
