//! The bus over a real Kafka. `RATEL_TEST_KAFKA=host:port` names a broker (without TLS and
//! password); each run makes topics of its own there.
#![cfg(feature = "kafka")]
#![allow(clippy::print_stdout)] // Tells its figures, or why it is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bus::{Bus, Config, Kind, Record, Seen, Subscription};
use event::Topic;

/// A first member gets its partitions within seconds; what hangs longer does not work.
const SOON: Duration = Duration::from_secs(60);

/// A configuration with topics of its own; `None` where no broker is named.
fn config(name: &str) -> Option<Config> {
    let Ok(broker) = std::env::var("RATEL_TEST_KAFKA") else {
        println!("skipped: {name} needs a broker in RATEL_TEST_KAFKA=host:port");
        return None;
    };
    let mut config = Config {
        kind: Kind::Kafka,
        ..Config::default()
    };
    let unique = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    config.kafka.brokers = vec![broker];
    config.kafka.prefix = format!("ratel-test-{name}-{unique}.");
    config.kafka.partitions = 3;
    Some(config)
}

/// Reads `count` records; the values of each key in the order they came.
fn read(
    reader: &mut Subscription,
    count: usize,
    is_committed: bool,
) -> BTreeMap<Vec<u8>, Vec<u32>> {
    let mut values: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    let deadline = Instant::now() + SOON;
    let mut read = 0;
    while read < count {
        assert!(Instant::now() < deadline, "{read} of {count}");
        let Some(batch) = reader.next(Duration::from_millis(500)).unwrap() else {
            continue;
        };
        assert!(batch.gaps().is_empty(), "{:?}", batch.gaps());
        for delivery in batch.iter() {
            let number = u32::from_le_bytes(delivery.value.try_into().unwrap());
            values
                .entry(delivery.key.to_vec())
                .or_default()
                .push(number);
        }
        read += batch.len();
        if is_committed {
            reader.commit(&batch).unwrap();
        }
    }
    values
}

fn publish(bus: &Bus, numbers: std::ops::Range<u32>) {
    let values: Vec<[u8; 4]> = numbers.map(u32::to_le_bytes).collect();
    let keys: Vec<Vec<u8>> = values.iter().map(|v| vec![v[0] % 7]).collect();
    let records: Vec<Record<'_>> = keys
        .iter()
        .zip(&values)
        .map(|(key, value)| Record {
            id: None,
            key,
            value,
        })
        .collect();
    let taken = bus
        .publisher(Topic::Events)
        .publish_batch(&records)
        .unwrap();
    assert_eq!(taken.len(), values.len());
    let partitions: BTreeSet<u32> = taken.iter().map(|taken| taken.partition).collect();
    assert!(
        partitions.len() > 1 && partitions.iter().all(|p| *p < 3),
        "{partitions:?}"
    );
}

#[test]
fn records_of_a_key_come_in_order_and_a_group_goes_on_where_it_committed() {
    let Some(config) = config("order") else {
        return;
    };
    let bus = Bus::open(&config).unwrap();
    publish(&bus, 0..2000);
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let first = read(&mut reader, 2000, true);
    assert_eq!(first.values().map(Vec::len).sum::<usize>(), 2000);
    for numbers in first.values() {
        assert!(numbers.is_sorted());
    }
    drop((reader, bus));

    let bus = Bus::open(&config).unwrap();
    publish(&bus, 2000..2500);
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let second = read(&mut reader, 500, true);
    for numbers in second.values() {
        assert!(numbers.is_sorted() && numbers[0] >= 2000, "{numbers:?}");
    }
}

#[test]
fn members_share_partitions_and_nothing_is_lost_when_one_goes() {
    let Some(config) = config("members") else {
        return;
    };
    let bus = Bus::open(&config).unwrap();
    let mut first = bus.subscribe("g", &[Topic::Events]).unwrap();
    let mut second = bus.subscribe("g", &[Topic::Events]).unwrap();
    let mut numbers = BTreeSet::new();
    let mut parts = [BTreeSet::new(), BTreeSet::new()];
    let deadline = Instant::now() + SOON;
    let mut published = 0;
    // Until both have read something.
    while parts.iter().any(BTreeSet::is_empty) || numbers.len() < published as usize {
        assert!(Instant::now() < deadline, "{parts:?}");
        if parts.iter().any(BTreeSet::is_empty) {
            publish(&bus, published..published + 50);
            published += 50;
        }
        for (place, reader) in [&mut first, &mut second].into_iter().enumerate() {
            while let Some(batch) = reader.next(Duration::from_millis(50)).unwrap() {
                for delivery in batch.iter() {
                    numbers.insert(u32::from_le_bytes(delivery.value.try_into().unwrap()));
                    parts[place].insert(delivery.partition);
                }
                reader.commit(&batch).unwrap();
            }
        }
    }
    drop(second);
    publish(&bus, published..published + 500);
    while numbers.len() < published as usize + 500 {
        assert!(
            Instant::now() < deadline,
            "{} of {}",
            numbers.len(),
            published + 500
        );
        if let Some(batch) = first.next(Duration::from_millis(200)).unwrap() {
            numbers.extend(
                batch
                    .iter()
                    .map(|d| u32::from_le_bytes(d.value.try_into().unwrap())),
            );
            first.commit(&batch).unwrap();
        }
    }
}

#[test]
fn a_record_published_again_under_its_id_is_known_as_a_repeat() {
    let Some(config) = config("repeat") else {
        return;
    };
    let bus = Bus::open(&config).unwrap();
    let publisher = bus.publisher(Topic::Orders);
    let id = publisher.new_id();
    publisher.publish_as(id, b"k", b"first").unwrap();
    let again = publisher.publish_as(id, b"k", b"first").unwrap();
    assert_eq!((again.partition, again.offset, again.id), (0, 1, id));
    let mut reader = bus.subscribe("g", &[Topic::Orders]).unwrap();
    let mut seen = Seen::new(10);
    let mut outcomes = Vec::new();
    let deadline = Instant::now() + SOON;
    while outcomes.len() < 2 {
        assert!(Instant::now() < deadline);
        if let Some(batch) = reader.next(Duration::from_secs(1)).unwrap() {
            outcomes.extend(batch.iter().map(|d| seen.first(d.id)));
        }
    }
    assert_eq!(outcomes, [true, false]);
}

#[test]
fn brokers_that_are_not_there_are_told_in_one_line() {
    let mut config = Config {
        kind: Kind::Kafka,
        ..Config::default()
    };
    config.kafka.brokers = vec!["127.0.0.1:1".into()];
    config.kafka.timeout_ms = 300;
    let told = Bus::open(&config).unwrap_err().to_string();
    assert!(
        told.starts_with("bus: Kafka: cannot reach 127.0.0.1:1: "),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1);
}

#[test]
fn a_reader_that_keeps_its_state_in_memory_reads_everything_again() {
    let Some(config) = config("again") else {
        return;
    };
    let bus = Bus::open(&config).unwrap();
    publish(&bus, 0..300);
    for _ in 0..2 {
        let mut reader = bus
            .subscribe_from("g", &[Topic::Events], bus::Start::Again)
            .unwrap();
        let numbers = read(&mut reader, 300, true);
        assert_eq!(numbers.values().map(Vec::len).sum::<usize>(), 300);
    }
}
