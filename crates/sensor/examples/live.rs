//! A sensor on one interface whose records are counted and thrown away: `live INTERFACE RULES [CACHE]`.
//! Reads orders from standard input, a word a line: `reload` (the rules are read and built anew, and their
//! generation printed), `show` (counters so far), `stop` (counters at the end).

use engine::config::RulesLoaded;
use engine::detect::{Options, Ruleset};
use engine::records::EveConfig;
use engine::records::config::AlertConfig;
use event::Timestamp;
use rules::{Context, RuleSet, parse_file};
use sensor::config::Interface;
use sensor::metrics::Snapshot;
use sensor::{Config, FnSink, Rules, Service, Setup};
use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(interface), Some(file)) = (args.next(), args.next()) else {
        return Err("live INTERFACE RULES [CACHE]".into());
    };
    let cache = args.next().map(PathBuf::from);
    let begun = Instant::now();
    let rules = load(&file, cache.clone())?;
    say(&format!(
        "loaded rules={} took_ms={}",
        rules.ruleset.len(),
        begun.elapsed().as_millis()
    ))?;
    let config = Config {
        interfaces: vec![Interface::named(&interface)],
        workers: number("WORKERS", 1),
        ring: sensor::config::Ring {
            size_mib: number("RING_MIB", 64) as u32,
            ..sensor::config::Ring::default()
        },
        stop_secs: 60,
        ..Config::default()
    };
    let eve = EveConfig {
        alert: Some(AlertConfig::default()),
        flow: true,
        transactions: ["http", "dns", "tls", "ssh", "smtp", "ftp"]
            .map(str::to_owned)
            .into(),
        ..EveConfig::default()
    };
    let mut engine = engine::config::Config::default();
    // As much as a sensor of one host would be given: none of what is measured is to be the table's.
    engine.flow.memcap = 256 << 20;
    engine.tcp.memcap = 256 << 20;
    engine.tcp.reassembly_memcap = 512 << 20;
    let service = Service::start(
        &config,
        Setup {
            engine,
            detection: engine::detect::Settings::default(),
            eves: vec![eve],
            writes_fast: false,
            rules,
            packets_dir: None,
            clock: now,
            sinks: &mut |_| Ok(Box::new(FnSink::new(|_, _, _: &[u8]| true))),
        },
    )?;
    let handle = service.handle();
    for line in stdin().lock().lines() {
        match line?.trim() {
            "reload" => {
                let (file, cache) = (file.clone(), cache.clone());
                let begun = Instant::now();
                let reload = handle.reload(move || load(&file, cache))?;
                let generation = reload.join().map_err(|_| "the reload panicked")??;
                let took = begun.elapsed().as_millis();
                say(&format!("reloaded generation={generation} took_ms={took}"))?;
            }
            "show" => show("so far", &handle.snapshot())?,
            "stop" => break,
            other => say(&format!("unknown order {other:?}"))?,
        }
    }
    Ok(show("stopped", &service.stop())?)
}

fn load(file: &str, cache: Option<PathBuf>) -> Result<Rules, String> {
    let text = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let context = Context {
        protocols: decode::app::PROTOCOLS.iter().map(|p| p.protocol).collect(),
        ..Context::default()
    };
    let mut set = RuleSet::default();
    set.add(parse_file(file, &text, &context));
    let summary = set.summary();
    let options = Options {
        cache_folder: cache,
        ..Options::default()
    };
    let (ruleset, _) =
        Ruleset::build(set.into_loaded().collect(), options).map_err(|error| error.to_string())?;
    Ok(Rules {
        ruleset: Arc::new(ruleset),
        loaded: RulesLoaded {
            loaded: summary.loaded + summary.degraded,
            failed: summary.refused,
            skipped: summary.skipped,
        },
        app: None,
    })
}

fn show(when: &str, snapshot: &Snapshot) -> std::io::Result<()> {
    let t = snapshot.total();
    say(&format!(
        "{when} in={} inspected={} ring_drops={} filtered={} invalid={} failed={} left_behind={} waiting={} \
         freezes={} alerts={} records={} generation={}",
        t.ring_packets,
        t.inspected,
        t.ring_drops,
        t.filtered,
        t.invalid,
        t.failed,
        t.left_behind,
        t.waiting(),
        t.ring_freezes,
        t.alerts,
        t.records,
        snapshot.generation,
    ))
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(stdout().lock(), "{line}")
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_nanos(since.map_or(0, |s| s.as_nanos() as i64))
}
