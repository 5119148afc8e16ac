//! `ratel flows`: captures in, one row of features for each flow out.

use crate::read::inputs::{self, Input};
use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use decode::capture::Reader;
use decode::packet::{Config, Decoder};
use features::{Definition, End, Flow, Meter, Seen, Settings, write};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Rows are handed on when this many bytes of them have come together.
const CHUNK: usize = 1 << 16;

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
    let mut captures = Vec::new();
    for path in &args.captures {
        inputs::find(path, &mut captures)?;
    }
    let definition = Definition::from(args.compat);
    let settings = Settings {
        definition,
        timeout_us: i64::from(args.flow_timeout) * 1_000_000,
        activity_us: i64::from(args.activity_timeout) * 1_000_000,
        flows_max: usize::try_from(args.max_flows)?,
    };
    let mut rows = Rows::new(args.format, definition);
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

/// Rows on their way to standard output.
struct Rows {
    format: Format,
    buffer: Vec<u8>,
    failed: Option<io::Error>,
}

impl Rows {
    fn new(format: Format, definition: Definition) -> Self {
        let buffer = match format {
            Format::Csv => write::csv_head(definition).into_bytes(),
            Format::Json => Vec::new(),
        };
        Rows {
            format,
            buffer,
            failed: None,
        }
    }

    fn add(&mut self, flow: &Flow) {
        match self.format {
            Format::Csv => write::csv(flow, &mut self.buffer),
            Format::Json => write::json(flow, &mut self.buffer),
        }
        if self.buffer.len() >= CHUNK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = io::stdout().lock().write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }

    /// Nobody takes any more.
    fn is_unwanted(&self) -> bool {
        self.failed.is_some()
    }

    fn close(mut self) -> Result<()> {
        self.flush();
        match self.failed.or_else(|| io::stdout().flush().err()) {
            // A reader that went away has seen enough.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("the rows could not be written in full")
            }
            _ => Ok(()),
        }
    }
}
