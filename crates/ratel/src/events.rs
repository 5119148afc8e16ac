//! `ratel search`, `ratel tail` and `ratel store`: what is kept, found from the command line. The store's folder is read
//! directly, beside a running Ratel or without one.

mod line;

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use event::{RecordIds, Timestamp};
use store::index::{Embedded, Taken};
use store::query::Query;
use store::search::{Hit, MAX_LIMIT, Request};
use store::{Config, Store};

use crate::control::now;
use crate::site::Site;
use crate::{Usage, table};

/// How often it is looked for new events.
const LOOK: Duration = Duration::from_millis(250);
/// Events that are printed at once while following.
const AT_ONCE: usize = 1000;
/// Between two commits of an import, as the role has them.
const COMMIT: Duration = Duration::from_millis(500);
/// The longest line of an import; a longer one is no record.
const MAX_LINE: u64 = 8 << 20;

/// Where the store is.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// The folder of the store. Default: that of the configuration.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A line for people.
    #[default]
    Table,
    /// The record as it came, a line each.
    Json,
}

/// `ratel search`.
#[derive(Debug, Args)]
#[command(
    after_help = "The query is written as in Kibana: event_type:alert AND src_ip:10.0.0.0/8 AND alert.severity:<=2\n\
    Exit status: 0 found, 1 failed or nothing found, 2 wrong usage."
)]
pub struct Search {
    /// What is looked for; without it every event.
    #[arg(value_name = "QUERY", default_value = "")]
    query: String,
    /// From this time on: a moment (RFC 3339 or EVE's form) or how long ago, `15m`, `1h`, `7d`.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many, the newest first.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    /// How events are printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

/// `ratel tail`.
#[derive(Debug, Args)]
pub struct Tail {
    /// Which events; without it all.
    #[arg(value_name = "QUERY", default_value = "")]
    query: String,
    /// How events are printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

/// `ratel store …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Put files of EVE lines into the store, plain or compressed (.gz, .zst); `-` reads standard input. No Ratel may
    /// run on the folder meanwhile.
    Import(Import),
    /// What is kept and what it takes.
    Stats(Stats),
}

/// `ratel store import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Files of lines of JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// `ratel store stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// Also the bytes of each column of the index.
    #[arg(short = 'v', long)]
    verbose: bool,
    #[command(flatten)]
    place: Place,
}

impl Place {
    /// This folder, or that of this configuration.
    pub const fn new(dir: Option<PathBuf>, config: Option<PathBuf>) -> Place {
        Place { dir, config }
    }

    /// What the store is called where people are told of it.
    pub fn name(&self) -> Result<String> {
        let config = self.settings()?;
        Ok(match config.kind {
            store::config::Kind::Embedded => format!("store {}", config.dir.display()),
            store::config::Kind::Elasticsearch => "store".to_owned(),
        })
    }

    fn settings(&self) -> Result<Config> {
        let mut config = Site::read(self.config.as_deref())?.store;
        if let Some(dir) = &self.dir {
            config.dir.clone_from(dir);
        }
        Ok(config)
    }

    /// The store for reading, also beside a running Ratel.
    pub fn reader(&self) -> Result<Store> {
        let config = self.settings()?;
        if config.kind == store::config::Kind::Embedded && !config.dir.exists() {
            bail!("there is no store in {}", config.dir.display());
        }
        Ok(Store::open_read_only(&config)?)
    }
}

/// A query as people type it; every event where there is none.
pub fn query(text: &str) -> Result<Query> {
    if text.trim().is_empty() {
        return Ok(Query::All);
    }
    Query::parse(text)
        .map(|query| query.at(now()))
        .map_err(|error| Usage(format!("query: {error}")).into())
}

/// A moment, or how long ago.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let wrong = || {
        Usage(format!(
            "{text:?} is no time; write 15m, 1h, 7d or 2026-01-02T03:04:05Z"
        ))
    };
    let unit = text.chars().last().ok_or_else(wrong)?;
    let secs: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong().into()),
    };
    let number = text
        .get(..text.len() - 1)
        .and_then(|number| number.parse::<u32>().ok());
    let secs = secs * u64::from(number.ok_or_else(wrong)?);
    let nanos = i64::try_from(secs)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000_000);
    Ok(Timestamp::from_nanos(now.nanos().saturating_sub(nanos)))
}

/// Carries out `ratel search`.
pub fn search(args: &Search) -> Result<ExitCode> {
    let now = now();
    let moment = |text: &Option<String>| text.as_ref().map(|text| moment(text, now)).transpose();
    let mut request = Request {
        since: moment(&args.since)?,
        until: moment(&args.until)?,
        exact_total: false,
        ..Request::of(query(&args.query)?)
    };
    let store = args.place.reader()?;
    let mut left = args.limit;
    let mut is_any = false;
    while left > 0 {
        request.limit = left.min(MAX_LIMIT);
        let answer = store.search(&request)?;
        is_any |= !answer.hits.is_empty();
        if !print(&answer.hits, args.output) {
            break;
        }
        left -= answer.hits.len().min(left);
        let Some(next) = answer.next else { break };
        request.after = Some(next);
    }
    Ok(if is_any {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Carries out `ratel tail`: until nobody reads any more.
pub fn tail(args: &Tail) -> Result<ExitCode> {
    let query = query(&args.query)?;
    let store = args.place.reader()?;
    let Store::Embedded(store) = &store else {
        bail!("only the embedded store can be followed");
    };
    let mut at = store.end()?;
    loop {
        let (hits, next) = store.since(at, &query, AT_ONCE)?;
        if !print(&hits, args.output) {
            return Ok(ExitCode::SUCCESS);
        }
        at = next;
        if hits.len() < AT_ONCE {
            std::thread::sleep(LOOK);
        }
    }
}

/// Whether somebody still reads.
fn print(hits: &[Hit], output: Output) -> bool {
    let mut out = std::io::stdout().lock();
    let written = hits.iter().try_for_each(|hit| match output {
        Output::Json => writeln!(out, "{}", hit.event),
        Output::Table => writeln!(out, "{}", line::of(hit)),
    });
    written.and_then(|()| out.flush()).is_ok()
}

/// Carries out `ratel store`.
pub fn run(verb: &Verb) -> Result<ExitCode> {
    match verb {
        Verb::Import(args) => import(args),
        Verb::Stats(args) => stats(args),
    }
}

fn import(args: &Import) -> Result<ExitCode> {
    let store = Store::open(&args.place.settings()?)?;
    let mut random = [0; 8];
    let mut source = std::fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    source
        .read_exact(&mut random)
        .context("cannot read /dev/urandom")?;
    let mut ids = RecordIds::new(u64::from_ne_bytes(random));
    let mut writer = store.writer(now())?;
    let (mut kept, mut refused) = (0_u64, 0_u64);
    let mut last = Instant::now();
    for path in &args.files {
        let mut reader = open(path)?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line);
            if read.with_context(|| format!("cannot read {}", path.display()))? == 0 {
                break;
            }
            let record = line.trim_ascii();
            if record.is_empty() {
                continue;
            }
            let now = now();
            match writer.push(ids.next(now), now, record)? {
                Taken::Kept { .. } => kept += 1,
                Taken::Refused(_) | Taken::LeftOut(_) => refused += 1,
            }
            if last.elapsed() >= COMMIT {
                writer.commit(now)?;
                last = Instant::now();
            }
        }
    }
    writer.end_slice(now())?;
    drop(writer);
    if let Store::Embedded(store) = &store {
        while store.seal_done()? {}
    }
    let mut out = std::io::stdout().lock();
    // A reader that went away has seen enough.
    let _ = writeln!(out, "{kept} events kept, {refused} lines were no records");
    Ok(ExitCode::SUCCESS)
}

/// A file of lines, plain or compressed; `-` is standard input.
pub fn open(path: &Path) -> Result<BufReader<Box<dyn Read>>> {
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let file = std::fs::File::open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("zst") => Box::new(zstd::Decoder::new(file)?),
            Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
            _ => Box::new(file),
        }
    };
    Ok(BufReader::with_capacity(1 << 20, reader))
}

fn stats(args: &Stats) -> Result<ExitCode> {
    let store = args.place.reader()?;
    let Store::Embedded(store) = &store else {
        bail!("only the embedded store tells what it takes");
    };
    let _ = std::io::stdout().write_all(describe(store, args.verbose).as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// What is kept, a row for each slice.
fn describe(store: &Embedded, verbose: bool) -> String {
    let mebi = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let time = |nanos: Option<i64>| {
        nanos.map_or("-".into(), |nanos| {
            table::local(Timestamp::from_nanos(nanos))
        })
    };
    let mut rows = Vec::new();
    let (mut events, mut bytes_in, mut on_disk) = (0, 0, 0);
    for slice in store.slices() {
        let facts = slice.facts();
        let bytes = slice.disk_bytes();
        events += facts.events;
        bytes_in += facts.bytes_in;
        on_disk += bytes;
        let state = match (facts.is_sealed, facts.is_thinned) {
            (false, _) => "open",
            (true, false) => "sealed",
            (true, true) => "thinned",
        };
        rows.push(vec![
            slice.number.to_string(),
            state.to_owned(),
            facts.events.to_string(),
            mebi(facts.bytes_in),
            mebi(bytes),
            time(facts.min_time),
            time(facts.max_time),
        ]);
    }
    let heading = [
        "SLICE",
        "STATE",
        "EVENTS",
        "MIB IN",
        "MIB ON DISK",
        "FROM",
        "TO",
    ];
    let mut text = table::write(&heading, &rows);
    let ratio = bytes_in as f64 / on_disk.max(1) as f64;
    text.push_str(&format!(
        "{events} events, {} MiB as they came, {} MiB on disk: {ratio:.1} times smaller\n",
        mebi(bytes_in),
        mebi(on_disk)
    ));
    if verbose {
        let usage = store.usage().into_iter();
        let rows: Vec<_> = usage
            .map(|(name, bytes)| vec![bytes.to_string(), name])
            .collect();
        text.push_str(&table::write(&["BYTES", "WHAT"], &rows));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_how_long_ago() {
        let now = Timestamp::new(1_000_000, 0);
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(
                moment(text, now).ok().map(Timestamp::secs),
                expected,
                "{text}"
            );
        };
        check("1h", Some(1_000_000 - 3600));
        check("2d", Some(1_000_000 - 2 * 86_400));
        check("1970-01-01T00:00:05Z", Some(5));
        check("soon", None);
        check("h", None);
        check("", None);
        check("5ä", None);
    }

    #[test]
    fn what_is_imported_is_found_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("eve.json");
        std::fs::write(
            &file,
            "{\"event_type\":\"alert\"}\nnot json\n\n{\"event_type\":\"flow\"}\n",
        )
        .unwrap();
        let place = Place {
            dir: Some(dir.path().join("store")),
            config: None,
        };
        let args = Import {
            files: vec![file],
            place: place.clone(),
        };
        import(&args).unwrap();
        let store = place.reader().unwrap();
        let alerts = query("event_type:alert").unwrap();
        assert_eq!(store.count(&alerts, None, None).unwrap(), 1);
        let Store::Embedded(store) = &store else {
            panic!("another store");
        };
        let text = describe(store, true);
        assert!(text.contains("2 events"), "{text}");
        assert!(text.contains("sealed"), "{text}");
    }
}
