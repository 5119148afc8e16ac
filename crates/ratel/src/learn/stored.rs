//! Flows of the store, page by page, as `ratel search` gets them.

use crate::Usage;
use crate::control::now;
use crate::events::{Place, moment, query};
use ::learn::read::{Alerted, Format, Options, Reader, Report};
use ::learn::table::{MAX_ROWS, Table};
use anyhow::Result;
use clap::Args;
use event::Timestamp;
use std::path::PathBuf;
use std::time::Duration;
use store::Store;
use store::query::{Predicate, Query, Value};
use store::search::Request;

/// Records that are held at once; one of a flow with features has some 3 KB.
const PAGE: usize = 5_000;
/// How long before the time that is asked for alerts count too: what they are about may still have gone on.
const ALERTS_BEFORE: Duration = Duration::from_secs(24 * 3600);
/// And how long after it: within its hour.
const ALERTS_AFTER: Duration = Duration::from_secs(3600);

/// Which flows of the store.
#[derive(Debug, Args)]
pub struct Stored {
    /// Flows with features that the store holds, also beside a running Ratel.
    #[arg(long)]
    store: bool,
    /// From this time on: a moment (RFC 3339 or EVE's form) or how long ago, `15m`, `1h`, `7d`.
    #[arg(long, value_name = "TIME", requires = "store")]
    since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME", requires = "store")]
    until: Option<String>,
    /// Which flows, as `ratel search` takes it; without it all.
    #[arg(long, value_name = "QUERY", requires = "store")]
    query: Option<String>,
    /// At most so many flows, the newest ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, requires = "store",
        value_parser = limit)]
    limit: usize,
    /// The folder of the store. Default: that of the configuration.
    #[arg(long, value_name = "DIR", requires = "store")]
    dir: Option<PathBuf>,
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE", requires = "store")]
    config: Option<PathBuf>,
}

fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok();
    let limit = limit.filter(|limit| (1..=MAX_ROWS).contains(limit));
    limit.ok_or_else(|| format!("a number from 1 to {MAX_ROWS}"))
}

impl Stored {
    /// Whether the command line names the store.
    pub const fn is_asked_for(&self) -> bool {
        self.store
    }

    /// Reads its flows, and of its alerts what says which flows must not teach what is normal.
    pub fn read(&self, options: &Options) -> Result<(Table, Report)> {
        let now = now();
        let time =
            |text: &Option<String>| text.as_deref().map(|text| moment(text, now)).transpose();
        let (since, until) = (time(&self.since)?, time(&self.until)?);
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(Usage(format!("--since {since} is not before --until {until}")).into());
        }
        let wanted = query(self.query.as_deref().unwrap_or_default())?;
        let place = Place::new(self.dir.clone(), self.config.clone());
        let store = place.reader()?;
        let name = name(&place.name()?, since, until);
        let options = Options {
            format: Some(Format::Eve),
            mapping: None,
            is_newest_first: true,
            ..options.clone()
        };
        let mut reader = Reader::new(&name, &options);
        if options.alerted != Alerted::Keep {
            let alerts = Request {
                since: since.map(|since| since - ALERTS_BEFORE),
                until: until.map(|until| until + ALERTS_AFTER),
                ..Request::of(of_kind("alert"))
            };
            each(&store, alerts, usize::MAX, &mut reader)?;
        }
        let flows = Request {
            since,
            until,
            ..Request::of(Query::and(vec![of_kind("flow"), wanted]))
        };
        if let Some(last) = each(&store, flows, self.limit, &mut reader)? {
            crate::complain(&format!(
                "{name}: more than {} flows; those before {last} were not read (--limit)",
                self.limit
            ));
        }
        Ok(reader.finish()?)
    }
}

fn name(store: &str, since: Option<Timestamp>, until: Option<Timestamp>) -> String {
    let since = since.map(|since| format!(", from {since}"));
    let until = until.map(|until| format!(", until {until}"));
    [Some(store.to_owned()), since, until]
        .into_iter()
        .flatten()
        .collect()
}

fn of_kind(kind: &str) -> Query {
    Query::field("event_type", Predicate::Is(Value::Word(kind.to_owned())))
}

/// Hands the newest `limit` records to the reader, newest first; where there are more, the time of the last one.
fn each(
    store: &Store,
    mut request: Request,
    limit: usize,
    reader: &mut Reader,
) -> Result<Option<Timestamp>> {
    request.exact_total = false;
    let mut left = limit;
    let mut line = Vec::new();
    loop {
        request.limit = left.min(PAGE);
        let answer = store.search(&request)?;
        for hit in &answer.hits {
            line.clear();
            line.extend_from_slice(hit.event.as_bytes());
            line.push(b'\n');
            reader.line(&line)?;
        }
        left = left.saturating_sub(answer.hits.len());
        let Some(next) = answer.next else {
            return Ok(None);
        };
        if left == 0 || answer.hits.is_empty() {
            return Ok(Some(next.time));
        }
        // Slices that are newer need not be looked through again; those of the same moment must.
        request.until = Some(next.time + Duration::from_nanos(1));
        request.after = Some(next);
    }
}
