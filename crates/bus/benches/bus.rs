//! How many records a second the bus takes and gives, and how long one is on its way to a reader.
//!
//! `cargo bench -p bus`, and with `--features kafka` and `RATEL_TEST_KAFKA=host:port` for Kafka as well.

use std::time::{Duration, Instant};

use bus::{Bus, Config, Fsync, Kind, Record};
use event::Topic;

/// Bytes of a value: an alert or a flow record is about so long.
const VALUE: usize = 500;
const WAIT: Duration = Duration::from_secs(30);

/// What carries topics in one row, and how many records it is measured with one by one.
struct Row {
    name: &'static str,
    config: Config,
    records: usize,
}

fn main() {
    // `cargo test --benches` starts this too; only `cargo bench` is to measure.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let dir = std::env::var_os("RATEL_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let mut rows = Vec::new();
    for (name, fsync, records) in [
        ("disk, fsync never", Fsync::Never, 400_000),
        ("disk, fsync interval", Fsync::Interval, 400_000),
        ("disk, fsync always", Fsync::Always, 4_000),
    ] {
        rows.push(Row {
            name,
            config: Config {
                dir: dir.join(format!("ratel-bench-bus-{}", std::process::id())),
                fsync,
                ..Config::default()
            },
            records,
        });
    }
    if let Ok(broker) = std::env::var("RATEL_TEST_KAFKA") {
        let mut config = Config {
            kind: Kind::Kafka,
            ..Config::default()
        };
        config.kafka.brokers = vec![broker];
        config.kafka.prefix = format!("ratel-bench-{}.", std::process::id());
        rows.push(Row {
            name: "Kafka",
            config,
            records: 4_000,
        });
    }
    println_row(&[
        "", "1 by 1", "4 by 1", "1 by 64", "4 by 64", "read", "p50 us", "p99 us",
    ]);
    for row in &rows {
        measure(row);
    }
}

#[allow(clippy::print_stdout)]
fn println_row(cells: &[&str]) {
    let mut line = format!("{:<22}", cells.first().unwrap_or(&""));
    for cell in cells.iter().skip(1) {
        line.push_str(&format!("{cell:>11}"));
    }
    println!("{line}");
}

fn measure(row: &Row) {
    let mut cells = vec![row.name.to_owned()];
    let mut total = 0;
    for (producers, batch) in [(1, 1), (4, 1), (1, 64), (4, 64)] {
        let bus = Bus::open(&row.config).expect("the bus opens");
        let records = row.records
            * if batch > 1 && row.records < 100_000 {
                16
            } else {
                1
            };
        let each = records / producers / batch * batch;
        total += each * producers;
        let secs = publish(&bus, producers, each, batch);
        cells.push(format!("{:.0}/s", (each * producers) as f64 / secs));
    }
    let bus = Bus::open(&row.config).expect("the bus opens");
    cells.push(format!("{:.0}/s", total as f64 / read(&bus, total)));
    let (p50, p99) = latency(&bus);
    cells.extend([p50, p99].map(|time| format!("{}", time.as_micros())));
    println_row(&cells.iter().map(String::as_str).collect::<Vec<_>>());
    drop(bus);
    if row.config.kind == Kind::Disk {
        let _ = std::fs::remove_dir_all(&row.config.dir);
    }
}

/// Seconds in which so many threads publish `each` records, `batch` at once.
fn publish(bus: &Bus, producers: usize, each: usize, batch: usize) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for producer in 0..producers {
            let publisher = bus.publisher(Topic::Events);
            scope.spawn(move || {
                let value = [b'x'; VALUE];
                let key = [producer as u8];
                let record = Record {
                    id: None,
                    key: &key,
                    value: &value,
                };
                let records = vec![record; batch];
                for _ in 0..each / batch {
                    if batch == 1 {
                        publisher.publish(&key, &value).expect("published");
                    } else {
                        publisher.publish_batch(&records).expect("published");
                    }
                }
            });
        }
    });
    began.elapsed().as_secs_f64()
}

fn read(bus: &Bus, total: usize) -> f64 {
    let mut reader = bus
        .subscribe("bench", &[Topic::Events])
        .expect("subscribed");
    let mut seen = 0;
    let mut began = None;
    while seen < total {
        let batch = reader.next(WAIT).expect("read").expect("more to read");
        began.get_or_insert_with(Instant::now);
        seen += batch.iter().filter(|d| d.value.len() == VALUE).count();
        reader.commit(&batch).expect("committed");
    }
    began.map_or(1.0, |began| began.elapsed().as_secs_f64())
}

/// From before the call of publish to when the reader has the record, one at a time.
fn latency(bus: &Bus) -> (Duration, Duration) {
    const ROUNDS: usize = 3_000;
    let mut reader = bus
        .subscribe("latency", &[Topic::Orders])
        .expect("subscribed");
    let publisher = bus.publisher(Topic::Orders);
    let start = Instant::now();
    let stamped = |publisher: &bus::Publisher| {
        let mut value = [b'x'; VALUE];
        value[..8].copy_from_slice(&(start.elapsed().as_nanos() as u64).to_le_bytes());
        publisher.publish(b"", &value).expect("published");
    };
    stamped(&publisher);
    drop(reader.next(WAIT).expect("read").expect("the first"));
    let reading = std::thread::spawn(move || {
        let mut times = Vec::with_capacity(ROUNDS);
        while times.len() < ROUNDS {
            let batch = reader.next(WAIT).expect("read").expect("the next");
            let now = start.elapsed();
            for delivery in batch.iter() {
                let sent = delivery
                    .value
                    .first_chunk()
                    .map_or(0, |b| u64::from_le_bytes(*b));
                times.push(now.saturating_sub(Duration::from_nanos(sent)));
            }
        }
        times.sort();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    });
    for _ in 0..ROUNDS {
        stamped(&publisher);
        std::thread::sleep(Duration::from_micros(300));
    }
    reading.join().expect("the reader ends")
}
