//! Measures a server as the store: events a second, bytes on its disk, times of queries; beside `measure`, which asks the
//! embedded store the same.
//!
//! Arguments: the server's address, then how many events, then files of EVE lines, plain or `.zst`. The data streams it
//! makes are named ratel-measure-… and stay.
#![allow(clippy::print_stdout)]

use std::io::{BufRead, BufReader, Read};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use event::{RecordId, RecordIds, Timestamp};
use serde_json::{Value, json};
use store::elastic::{Config, Elastic};
use store::query::Query;
use store::search::Request;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Records of one writing, as a reader of the bus hands them over.
const BATCH: usize = 5_000;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: measure_server URL EVENTS FILES";
    let url = args.next().ok_or(usage)?;
    let most: u64 = args.next().ok_or(usage)?.parse()?;
    let config = Config {
        urls: vec![url.clone()],
        index_prefix: "ratel-measure".into(),
        ..Config::default()
    };
    let elastic = Elastic::open(&config)?;
    let files: Vec<String> = args.collect();
    if !files.is_empty() {
        import(&elastic, most, &files)?;
        elastic.refresh()?;
    }
    let stats = format!("{url}/{}-*/_stats/store,docs", config.index_prefix);
    let stats: Value = serde_json::from_reader(ureq::get(stats).call()?.into_body().into_reader())?;
    let at = |pointer: &str| stats.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    println!(
        "{} events, {:.1} MB on disk",
        at("/_all/primaries/docs/count"),
        at("/_all/primaries/store/size_in_bytes") as f64 / 1e6
    );
    ask(&elastic)
}

fn import(elastic: &Elastic, most: u64, files: &[String]) -> Result<()> {
    let began = Instant::now();
    let mut ids = RecordIds::new(42);
    let (mut count, mut bytes) = (0, 0);
    let mut batch: Vec<(RecordId, String)> = Vec::new();
    for file in files {
        let reader: Box<dyn Read> = match file.as_str() {
            path if path.ends_with(".zst") => {
                Box::new(zstd::Decoder::new(std::fs::File::open(path)?)?)
            }
            path => Box::new(std::fs::File::open(path)?),
        };
        for line in BufReader::with_capacity(1 << 20, reader).lines() {
            if count >= most {
                break;
            }
            let line = line?;
            count += 1;
            bytes += line.len() + 1;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let now = Timestamp::new(i64::try_from(now.as_secs())?, now.subsec_nanos());
            batch.push((ids.next(now), line));
            if batch.len() >= BATCH {
                elastic.write(batch.iter().map(|(id, line)| (*id, line.as_str())))?;
                batch.clear();
            }
        }
    }
    elastic.write(batch.iter().map(|(id, line)| (*id, line.as_str())))?;
    let secs = began.elapsed().as_secs_f64();
    println!(
        "{count} events, {:.1} MB in {secs:.1} s: {:.0} events/s",
        bytes as f64 / 1e6,
        count as f64 / secs
    );
    Ok(())
}

/// The questions of `measure`.
fn questions() -> Vec<(&'static str, usize, Value)> {
    let over_time =
        json!({"t": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m"}}});
    let top = |field: &str| json!({"t": {"terms": {"field": field, "size": 10}}});
    let hits = |text: &'static str| (text, 100, Value::Null);
    vec![
        hits("*"),
        hits("event_type:alert"),
        hits("event_type:alert AND alert.severity:1"),
        hits("src_ip:10.0.0.0/8"),
        hits("event_type:dns AND dest_ip:192.168.0.0/16"),
        hits("dns.queries.rrname:google"),
        hits("alert.signature:\"ET MALWARE\""),
        hits("*.php"),
        hits("http.url:*.php"),
        hits("flow.bytes_toclient:>100000"),
        hits("dest_port:443 AND NOT event_type:flow"),
        hits("tls.sni:* AND NOT tls.version:\"TLS 1.2\""),
        hits("flow_id:1504282662708398"),
        hits("nothinglikethis"),
        ("*", 0, over_time),
        ("*", 0, top("event_type")),
        ("event_type:alert", 0, top("alert.signature")),
        ("*", 0, top("src_ip")),
        (
            "event_type:alert",
            0,
            json!({"t": {"date_histogram": {"field": "@timestamp", "fixed_interval": "5m"},
                "aggs": {"s": {"terms": {"field": "alert.severity"}}}}}),
        ),
        (
            "event_type:flow",
            0,
            json!({"c": {"cardinality": {"field": "dest_ip"}}, "b": {"sum": {"field": "flow.bytes_toclient"}}}),
        ),
    ]
}

fn ask(elastic: &Elastic) -> Result<()> {
    let mut all = Vec::new();
    for (text, limit, aggregations) in questions() {
        let request = Request {
            limit,
            aggregations,
            ..Request::of(Query::parse(text)?)
        };
        let mut times = Vec::new();
        let mut total = 0;
        for _ in 0..5 {
            let began = Instant::now();
            total = elastic.search(&request)?.total;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        all.extend_from_slice(&times);
        times.sort_by(f64::total_cmp);
        let middle = times.get(2).copied().unwrap_or_default();
        println!(
            "{middle:8.1} ms  {total:>8}  {text}  {}",
            request.aggregations
        );
    }
    all.sort_by(f64::total_cmp);
    let at = |share: f64| {
        all.get((all.len() as f64 * share) as usize)
            .copied()
            .unwrap_or_default()
    };
    println!("queries: p50 {:.1} ms, p95 {:.1} ms", at(0.5), at(0.95));
    Ok(())
}
