//! Measures the embedded store: events a second, bytes on disk, times of queries. `bench/store.sh` runs it.
//!
//! Arguments: a folder for the store, then files of EVE lines, plain or `.zst`; `-` reads standard input. A folder
//! that holds events already is asked without importing when no file is given. `MEASURE_ONLY=TEXT` asks the questions
//! alone that hold the text.
#![allow(clippy::print_stdout)]

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use event::RecordIds;
use serde_json::{Value, json};
use store::index::{Embedded, Taken};
use store::ingest::system_now;
use store::query::Query;
use store::search::Request;
use store::{Config, Store};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("usage: measure FOLDER [FILES]")?;
    let files: Vec<String> = args.collect();
    let mut config = Config {
        dir: dir.into(),
        ..Config::default()
    };
    config.retention.max_bytes = 0;
    config.watermarks = store::config::Watermarks {
        thin_percent: 0.0,
        degrade_percent: 0.0,
        alerts_only_percent: 0.0,
        stop_percent: 0.0,
    };
    let store = Store::open(&config)?;
    let Store::Embedded(embedded) = &store else {
        return Err("the embedded store alone is measured".into());
    };
    if !files.is_empty() {
        import(embedded, &files)?;
    }
    sizes(embedded);
    drop(store);
    ask(&config)?;
    println!("memory, most: {}", memory("VmHWM"));
    Ok(())
}

/// Fills the store as the role does: commits by time, slices sealed beside it.
fn import(store: &Arc<Embedded>, files: &[String]) -> Result<()> {
    let began = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let keeper = {
        let (store, stop) = (store.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Err(error) = store.care(system_now()) {
                    println!("care: {error}");
                }
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        })
    };
    let mut ids = RecordIds::new(42);
    let mut writer = store.writer(system_now())?;
    let (mut count, mut bytes, mut refused) = (0_u64, 0_u64, 0_u64);
    let mut last = Instant::now();
    for file in files {
        let reader: Box<dyn Read> = match file.as_str() {
            "-" => Box::new(std::io::stdin()),
            path if path.ends_with(".zst") => {
                Box::new(zstd::Decoder::new(std::fs::File::open(path)?)?)
            }
            path => Box::new(std::fs::File::open(path)?),
        };
        let mut reader = BufReader::with_capacity(1 << 20, reader);
        let mut line = Vec::new();
        while {
            line.clear();
            reader.read_until(b'\n', &mut line)? > 0
        } {
            bytes += line.len() as u64;
            let record = line.strip_suffix(b"\n").unwrap_or(&line);
            let now = system_now();
            match writer.push(ids.next(now), now, record)? {
                Taken::Kept { .. } => count += 1,
                Taken::Refused(_) | Taken::LeftOut(_) => refused += 1,
            }
            if last.elapsed().as_millis() >= 500 {
                writer.commit(now)?;
                last = Instant::now();
            }
        }
    }
    writer.commit(system_now())?;
    let secs = began.elapsed().as_secs_f64();
    println!(
        "{count} events, {refused} refused, {:.1} MB in {secs:.1} s: {:.0} events/s, {:.1} MB/s",
        bytes as f64 / 1e6,
        count as f64 / secs,
        bytes as f64 / 1e6 / secs
    );
    writer.end_slice(system_now())?;
    drop(writer);
    stop.store(true, Ordering::Relaxed);
    keeper.join().map_err(|_| "care panicked")?;
    while store.care(system_now())? {}
    println!(
        "all slices sealed after {:.1} s, memory {}",
        began.elapsed().as_secs_f64(),
        memory("VmRSS")
    );
    Ok(())
}

fn sizes(store: &Embedded) {
    let (mut bytes_in, mut on_disk, mut records, mut events) = (0, 0, 0, 0);
    for slice in store.slices() {
        let facts = slice.facts();
        bytes_in += facts.bytes_in;
        on_disk += slice.disk_bytes();
        records += facts.records_len;
        events += facts.events;
    }
    let ratio = bytes_in as f64 / on_disk.max(1) as f64;
    println!(
        "{events} events: {:.1} MB of EVE, {:.1} MB on disk ({:.1} MB records, {:.1} MB index): {ratio:.2} x smaller, {:.1} bytes an event",
        bytes_in as f64 / 1e6,
        on_disk as f64 / 1e6,
        records as f64 / 1e6,
        (on_disk - records) as f64 / 1e6,
        on_disk as f64 / events.max(1) as f64,
    );
    for (name, bytes) in store
        .usage()
        .into_iter()
        .filter(|(_, bytes)| *bytes >= 100_000)
    {
        println!("  {bytes:>12} {name}");
    }
}

/// What people and dashboards ask: query, hits, aggregations.
fn questions() -> Vec<(&'static str, usize, Value)> {
    let over_time =
        json!({"t": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m"}}});
    let top = |field: &str| json!({"t": {"terms": {"field": field, "size": 10}}});
    vec![
        ("*", 100, Value::Null),
        ("event_type:alert", 100, Value::Null),
        ("event_type:alert AND alert.severity:1", 100, Value::Null),
        ("src_ip:10.0.0.0/8", 100, Value::Null),
        (
            "event_type:dns AND dest_ip:192.168.0.0/16",
            100,
            Value::Null,
        ),
        ("dns.queries.rrname:google", 100, Value::Null),
        ("alert.signature:\"ET MALWARE\"", 100, Value::Null),
        ("*.php", 50, Value::Null),
        ("http.url:*.php", 100, Value::Null),
        ("flow.bytes_toclient:>100000", 100, Value::Null),
        ("dest_port:443 AND NOT event_type:flow", 100, Value::Null),
        (
            "tls.sni:* AND NOT tls.version:\"TLS 1.2\"",
            100,
            Value::Null,
        ),
        ("flow_id:1504282662708398", 100, Value::Null),
        ("nothinglikethis", 100, Value::Null),
        ("*", 0, over_time.clone()),
        ("*", 0, top("event_type")),
        ("event_type:alert", 0, top("alert.signature")),
        ("*", 0, top("src_ip")),
        (
            "event_type:alert",
            0,
            json!({"t": {"date_histogram": {"field": "@timestamp", "fixed_interval": "5m"}, "aggs": {"s": {"terms": {"field": "alert.severity"}}}}}),
        ),
        (
            "event_type:flow",
            0,
            json!({"c": {"cardinality": {"field": "dest_ip"}}, "b": {"sum": {"field": "flow.bytes_toclient"}}}),
        ),
    ]
}

/// Rounds of all questions.
const ROUNDS: usize = 5;

/// Asks in rounds. Each round opens the store anew and touches each slice, so that a question that is asked first finds
/// nothing of itself in memory but what the kernel keeps of the files; then it is asked again at once.
fn ask(config: &Config) -> Result<()> {
    let only = std::env::var("MEASURE_ONLY").unwrap_or_default();
    let questions: Vec<_> = questions()
        .into_iter()
        .filter(|(text, _, aggregations)| format!("{text} {aggregations}").contains(&only))
        .collect();
    let mut first: Vec<Vec<f64>> = vec![Vec::new(); questions.len()];
    let mut again = first.clone();
    let mut totals = vec![0; questions.len()];
    for _ in 0..ROUNDS {
        let store = Store::open(config)?;
        store.search(&Request {
            limit: 1,
            ..Request::of(Query::All)
        })?;
        for (number, (text, limit, aggregations)) in questions.iter().enumerate() {
            let query = Query::parse(text).map_err(|error| error.to_string())?;
            let request = Request {
                limit: *limit,
                aggregations: aggregations.clone(),
                ..Request::of(query)
            };
            for times in [&mut first, &mut again] {
                let began = Instant::now();
                totals[number] = store.search(&request)?.total;
                times[number].push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    println!("   first    worst    again");
    for (number, (text, limit, aggregations)) in questions.iter().enumerate() {
        let what = if aggregations.is_null() {
            format!("{limit} hits")
        } else {
            aggregations.to_string().chars().take(70).collect()
        };
        println!(
            "{:8.1} {:8.1} {:8.1} ms  {:>8}  {text}  {what}",
            at(&first[number], 0.5),
            at(&first[number], 1.0),
            at(&again[number], 0.5),
            totals[number],
        );
    }
    for (name, times) in [("first", first.concat()), ("again", again.concat())] {
        println!(
            "asked {name}: p50 {:.1} ms, p95 {:.1} ms, worst {:.1} ms",
            at(&times, 0.5),
            at(&times, 0.95),
            at(&times, 1.0)
        );
    }
    Ok(())
}

/// The time that this share of times does not exceed.
fn at(times: &[f64], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let place = (times.len() as f64 * share) as usize;
    let last = times.len().saturating_sub(1);
    times.get(place.min(last)).copied().unwrap_or_default()
}

fn memory(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or("unknown").trim().to_owned()
}
