//! The bus on disk, through its interface: groups, new starts, limits, damage.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bus::{Bus, Clock, Config, Error, GapReason, Record, Start, Subscription, WhenFull};
use event::{Timestamp, Topic};

const NOW: Duration = Duration::ZERO;
/// Long enough for any machine; nothing waits so long where it works.
const SOON: Duration = Duration::from_secs(20);

fn config(dir: &Path) -> Config {
    Config {
        dir: dir.to_owned(),
        segment_bytes: 64 << 10,
        publish_wait_ms: 50,
        ..Config::default()
    }
}

/// A bus whose events take 256 KiB in four segments.
fn small(dir: &Path) -> Config {
    let mut config = config(dir);
    config.topics.events.max_bytes = 256 << 10;
    config
}

/// All that is there now, as text.
fn drain(subscription: &mut Subscription) -> Vec<String> {
    let mut values = Vec::new();
    while let Some(batch) = subscription.next(NOW).unwrap() {
        values.extend(
            batch
                .iter()
                .map(|d| String::from_utf8_lossy(d.value).into_owned()),
        );
    }
    values
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

fn publish(bus: &Bus, range: std::ops::Range<u32>) {
    let publisher = bus.publisher(Topic::Events);
    for n in range {
        publisher.publish(b"key", n.to_string().as_bytes()).unwrap();
    }
}

#[test]
fn a_group_goes_on_where_it_committed_after_a_new_start() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    publish(&bus, 0..5);
    let batch = reader.next(SOON).unwrap().unwrap();
    let third = batch.iter().nth(2).unwrap();
    assert_eq!(
        (third.key, third.value, third.offset),
        (&b"key"[..], &b"2"[..], 2)
    );
    reader.commit_through(&third).unwrap();
    drop((reader, bus));

    let bus = Bus::open(&config(dir.path())).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    publish(&bus, 5..7);
    assert_eq!(drain(&mut reader), numbers(3..7));
    let mut other = bus.subscribe("other", &[Topic::Events]).unwrap();
    assert_eq!(
        drain(&mut other),
        numbers(0..7),
        "a new group begins with the oldest"
    );
    let mut late = bus
        .subscribe_from("late", &[Topic::Events], Start::Newest)
        .unwrap();
    assert_eq!(drain(&mut late), numbers(0..0));
    publish(&bus, 7..8);
    assert_eq!(drain(&mut late), numbers(7..8));
}

#[test]
fn a_reader_that_keeps_nothing_reads_everything_again() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    publish(&bus, 0..5);
    for last in 5..8 {
        let mut again = bus
            .subscribe_from("view", &[Topic::Events], Start::Again)
            .unwrap();
        let batch = again.next(SOON).unwrap().unwrap();
        assert_eq!(batch.len(), last as usize);
        again.commit(&batch).unwrap();
        publish(&bus, last..last + 1);
    }
}

#[test]
fn a_commit_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    publish(&bus, 0..3);
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let batch = reader.next(SOON).unwrap().unwrap();
    reader.commit(&batch).unwrap();
    reader
        .commit_through(&batch.iter().next().unwrap())
        .unwrap();
    assert_eq!(reader.committed(Topic::Events, 0), Some(3));
}

#[test]
fn a_second_process_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let _bus = Bus::open(&config(dir.path())).unwrap();
    let told = Bus::open(&config(dir.path())).unwrap_err().to_string();
    assert!(
        told.contains("is in use by another process (process "),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1);
}

#[test]
fn a_reader_is_woken_by_what_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events, Topic::Orders]).unwrap();
    let thread = std::thread::spawn(move || reader.next(SOON).unwrap().unwrap().len());
    bus.publisher(Topic::Orders).publish(b"", b"x").unwrap();
    assert_eq!(thread.join().unwrap(), 1);
}

#[test]
fn an_awaiting_reader_is_woken_too() {
    struct Flag(std::sync::Mutex<bool>, std::sync::Condvar);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let flag = Arc::new(Flag(false.into(), std::sync::Condvar::new()));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    let mut receive = Box::pin(reader.recv());
    assert!(receive.as_mut().poll(&mut context).is_pending());
    publish(&bus, 0..1);
    let woken = flag.0.lock().unwrap();
    let (woken, _) = flag
        .1
        .wait_timeout_while(woken, SOON, |woken| !*woken)
        .unwrap();
    assert!(*woken);
    drop(woken);
    let Poll::Ready(batch) = receive.as_mut().poll(&mut context) else {
        panic!("woken for nothing");
    };
    assert_eq!(batch.unwrap().len(), 1);
}

#[test]
fn members_of_a_group_share_partitions_and_take_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.topics.events.partitions = 4;
    let bus = Bus::open(&config).unwrap();
    let publisher = bus.publisher(Topic::Events);
    let mut first = bus.subscribe("g", &[Topic::Events]).unwrap();
    assert!(first.next(NOW).unwrap().is_none(), "takes all four");
    let mut second = bus.subscribe("g", &[Topic::Events]).unwrap();
    assert!(
        second.next(NOW).unwrap().is_none(),
        "the first has not let go yet"
    );
    assert!(first.next(NOW).unwrap().is_none(), "lets go");
    for n in 0..100u32 {
        publisher
            .publish(&n.to_le_bytes(), n.to_string().as_bytes())
            .unwrap();
    }
    let of = |reader: &mut Subscription| {
        let mut parts = BTreeSet::new();
        let mut count = 0;
        while let Some(batch) = reader.next(NOW).unwrap() {
            count += batch.len();
            parts.extend(batch.iter().map(|d| d.partition));
        }
        (parts.len(), count)
    };
    let (parts, of_second) = of(&mut second);
    assert_eq!(parts, 2);
    let (parts, of_first) = of(&mut first);
    assert_eq!((parts, of_first + of_second), (2, 100));
    // What the second had was never committed: the first gets it, and it alone.
    drop(second);
    assert_eq!(of(&mut first), (2, of_second));
}

#[test]
fn a_batch_keeps_the_order_of_each_key_and_tells_each_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.topics.events.partitions = 3;
    let bus = Bus::open(&config).unwrap();
    let texts = numbers(0..30_000);
    let records: Vec<Record<'_>> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| Record {
            id: None,
            key: &text.as_bytes()[..1 + n % 2 * (text.len() - 1)],
            value: text.as_bytes(),
        })
        .collect();
    let places = bus
        .publisher(Topic::Events)
        .publish_batch(&records)
        .unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let mut count = 0;
    while let Some(batch) = reader.next(NOW).unwrap() {
        for delivery in batch.iter() {
            let number: usize = String::from_utf8_lossy(delivery.value).parse().unwrap();
            assert_eq!(places[number].offset, delivery.offset);
            assert_eq!(places[number].partition, delivery.partition);
            assert_eq!(places[number].id, delivery.id);
            assert_eq!(records[number].key, delivery.key);
            count += 1;
        }
    }
    assert_eq!(count, texts.len());
    for pair in places
        .windows(3)
        .filter(|w| w[0].partition == w[2].partition)
    {
        assert!(pair[0].offset < pair[2].offset);
    }
}

#[test]
fn what_is_too_large_is_refused_and_the_largest_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.segment_bytes = 64 << 20;
    let bus = Bus::open(&config).unwrap();
    let publisher = bus.publisher(Topic::Events);
    let largest = vec![7; bus::MAX_VALUE];
    publisher.publish(&[1; bus::MAX_KEY], &largest).unwrap();
    publisher.publish(b"", b"after").unwrap();
    let too_large = publisher.publish(b"", &[&largest[..], b"x"].concat());
    assert!(matches!(too_large, Err(Error::TooLarge { .. })));
    assert!(publisher.publish(&[1; bus::MAX_KEY + 1], b"").is_err());
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let batch = reader.next(NOW).unwrap().unwrap();
    assert!(batch.iter().next().unwrap().value == largest);
    assert_eq!(drain(&mut reader), ["after"]);
}

#[test]
fn a_full_topic_makes_publishers_wait_for_a_running_reader() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&small(dir.path())).unwrap();
    let mut reader = bus.subscribe("slow", &[Topic::Events]).unwrap();
    let publisher = bus.publisher(Topic::Events);
    let value = [b'x'; 1000];
    let mut taken = 0;
    let error = loop {
        match publisher.publish(b"", &value) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_back_pressure());
    assert!(error.to_string().contains("group slow is"), "{error}");
    assert!((200..256).contains(&taken), "{taken}");
    let mut seen = 0;
    while let Some(batch) = reader.next(NOW).unwrap() {
        assert!(batch.gaps().is_empty());
        seen += batch.len();
        reader.commit(&batch).unwrap();
    }
    assert_eq!(seen, taken);
    publisher.publish(b"", &value).unwrap();
}

#[test]
fn who_is_away_longer_than_a_topic_is_kept_is_told_the_gap() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&small(dir.path())).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    publish(&bus, 0..1);
    let batch = reader.next(SOON).unwrap().unwrap();
    reader.commit(&batch).unwrap();
    drop(reader);
    let publisher = bus.publisher(Topic::Events);
    for _ in 0..1000 {
        publisher.publish(b"", &[b'x'; 1000]).unwrap();
    }
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let batch = reader.next(NOW).unwrap().unwrap();
    let [gap] = batch.gaps() else {
        panic!("{:?}", batch.gaps());
    };
    assert_eq!((gap.offsets.start, gap.why), (1, GapReason::Retention));
    assert_eq!(batch.iter().next().unwrap().offset, gap.offsets.end);
    let kept = fs::read_dir(dir.path().join("events/0")).unwrap();
    let bytes: u64 = kept.map(|f| f.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= 256 << 10, "{bytes}");
}

#[test]
fn a_running_reader_that_is_too_slow_is_told_too_where_the_oldest_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = small(dir.path());
    config.when_full = WhenFull::DropOldest;
    let bus = Bus::open(&config).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let publisher = bus.publisher(Topic::Events);
    for _ in 0..1000 {
        publisher.publish(b"", &[b'x'; 1000]).unwrap();
    }
    let batch = reader.next(NOW).unwrap().unwrap();
    assert_eq!(batch.gaps()[0].why, GapReason::Retention);
}

#[test]
fn records_are_dropped_when_they_are_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.topics.events.max_age_secs = 100;
    config.fsync_interval_ms = 10;
    let now = Arc::new(AtomicI64::new(1_000));
    let told = now.clone();
    let clock = Clock::new(move || Timestamp::new(told.load(Ordering::SeqCst), 0));
    let bus = Bus::open_with(&config, clock).unwrap();
    publish(&bus, 0..1);
    now.store(1_050, Ordering::SeqCst);
    publish(&bus, 1..2);
    let start_of = |name: &str| {
        let mut reader = bus.subscribe(name, &[Topic::Events]).unwrap();
        let batch = reader.next(NOW).unwrap();
        batch.and_then(|b| b.iter().next().map(|d| d.offset))
    };
    assert_eq!(start_of("before"), Some(0));
    // The first file was closed at 1050 at the latest and is too old at 1151.
    now.store(1_151, Ordering::SeqCst);
    let deadline = std::time::Instant::now() + SOON;
    let mut tries = 0;
    while start_of(&format!("g{tries}")).is_some() {
        assert!(std::time::Instant::now() < deadline, "still there");
        std::thread::sleep(Duration::from_millis(100));
        tries += 1;
    }
    publish(&bus, 2..3);
    assert_eq!(start_of("after"), Some(2));
}

/// Changes one byte of the only file of events.
fn damage(dir: &Path, place: usize) {
    let path = dir.join("events/0/00000000000000000000.log");
    let mut bytes = fs::read(&path).unwrap();
    bytes[place] ^= 0xff;
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_damaged_record_is_told_and_no_other_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    publish(&bus, 0..10);
    drop(bus);
    // 64 bytes of head; a record of one digit takes 48 + 3 + 1: this is in the third.
    damage(dir.path(), 64 + 2 * 52 + 20);
    let bus = Bus::open(&config(dir.path())).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let batch = reader.next(NOW).unwrap().unwrap();
    assert_eq!(batch.len(), 9);
    assert_eq!(batch.gaps()[0].offsets, 2..3);
    assert_eq!(batch.gaps()[0].why, GapReason::Damaged);
    publish(&bus, 10..11);
    assert_eq!(drain(&mut reader), ["10"]);
}

#[test]
fn a_damaged_header_costs_nothing_and_two_of_an_only_file_put_it_aside() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    publish(&bus, 0..10);
    drop(bus);
    damage(dir.path(), 3);
    let bus = Bus::open(&config(dir.path())).unwrap();
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    assert_eq!(drain(&mut reader), numbers(0..10));
    drop((reader, bus));
    damage(dir.path(), 40);
    let bus = Bus::open(&config(dir.path())).unwrap();
    let place = bus.publisher(Topic::Events).publish(b"", b"x").unwrap();
    assert!(place.offset >= 10, "no offset is given twice");
    assert!(
        dir.path()
            .join("events/0/00000000000000000000.damaged")
            .exists()
    );
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let batch = reader.next(NOW).unwrap().unwrap();
    assert_eq!(batch.gaps().len(), 1);
    assert_eq!(batch.len(), 1);
}

#[test]
fn a_group_that_had_read_what_a_power_loss_took_misses_nothing_that_comes_after() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    publish(&bus, 0..10);
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    let batch = reader.next(NOW).unwrap().unwrap();
    reader.commit(&batch).unwrap();
    drop((reader, bus));
    let path = dir.path().join("events/0/00000000000000000000.log");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(64 + 3 * 52).unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    publish(&bus, 3..5);
    let mut reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    assert_eq!(drain(&mut reader), numbers(3..5));
}

#[test]
fn a_group_needs_a_name_that_is_a_file_name() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    for name in ["", "../g", ".g", "a b", &"x".repeat(65)] {
        let refused = bus.subscribe(name, &[Topic::Events]);
        assert!(matches!(refused, Err(Error::GroupName(_))), "{name}");
    }
}

#[test]
fn lag_is_told_for_each_group() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&config(dir.path())).unwrap();
    let reader = bus.subscribe("g", &[Topic::Events]).unwrap();
    publish(&bus, 0..3);
    drop(reader);
    let lags = bus.lags();
    assert_eq!(lags.len(), 1);
    assert_eq!((lags[0].group.as_str(), lags[0].records), ("g", 3));
}
