//! Kills a process that uses the bus at random moments, again and again: nothing that was
//! acknowledged is lost, order is kept, and what comes twice is known as a repeat.
//!
//! The process is this test itself, started as a child. It tells over a pipe what was acknowledged
//! and what its reader got. `RATEL_BUS_KILLS` says how many times it is killed.
#![allow(clippy::print_stdout)] // Tells its figures, or why it is skipped.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bus::{Bus, Config, Seen, WhenFull};
use event::{RecordId, Topic};

const CHILD_DIR: &str = "RATEL_BUS_KILL_DIR";
const CHILD_FROM: &str = "RATEL_BUS_KILL_FROM";
/// Without a parameter: enough to meet each kind of moment once in a while, little enough for every run.
const KILLS: u32 = 10;
/// Publishers of the child: two share a topic that keeps everything, one has a topic that drops.
const TOPICS: [Topic; 3] = [Topic::Events, Topic::Events, Topic::Actions];
/// Longer than any of these steps takes on any machine.
const SOON: Duration = Duration::from_secs(60);

fn config(dir: &Path) -> Config {
    let mut config = Config {
        dir: dir.to_owned(),
        segment_bytes: 256 << 10,
        when_full: WhenFull::DropOldest,
        publish_wait_ms: 10_000,
        ..Config::default()
    };
    config.topics.events.max_bytes = 64 << 30;
    config.topics.actions.max_bytes = 1 << 20;
    config
}

/// The same record has the same id whichever process publishes it.
fn id(publisher: usize, number: u64) -> RecordId {
    let mut bytes = [0; 16];
    bytes[0] = publisher as u8;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    RecordId::from_bytes(bytes)
}

/// Its length changes from record to record, from almost nothing to some pages.
fn value(publisher: usize, number: u64) -> Vec<u8> {
    let len = (number.wrapping_mul(2_654_435_761) >> 7) % 900
        + u64::from(number.is_multiple_of(97)) * 20_000;
    let mut value = format!("{publisher} {number} ").into_bytes();
    value.resize(value.len() + len as usize, b'.');
    value
}

fn numbers(value: &[u8]) -> (usize, u64) {
    let text = String::from_utf8_lossy(value);
    let mut words = text.split(' ');
    let mut next = || words.next().unwrap().parse::<u64>().unwrap();
    (next() as usize, next())
}

/// What is told over the pipe, in one write, so that no line is told by half.
fn tell(line: &str) {
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
    let _ = std::io::stdout().lock().flush();
}

/// The child: publishes and reads until it is killed.
#[test]
fn child() {
    let (Some(dir), Ok(from)) = (std::env::var_os(CHILD_DIR), std::env::var(CHILD_FROM)) else {
        return;
    };
    let bus = Bus::open(&config(&PathBuf::from(dir))).unwrap();
    tell("\nready\n");
    for (publisher, from) in from.split(',').enumerate() {
        let number: u64 = from.parse().unwrap();
        let bus = bus.clone();
        std::thread::spawn(move || {
            let topic = bus.publisher(TOPICS[publisher]);
            for number in number.. {
                let key = [publisher as u8];
                let taken =
                    topic.publish_as(id(publisher, number), &key, &value(publisher, number));
                tell(&format!(
                    "acknowledged {publisher} {number} {}\n",
                    taken.unwrap().offset
                ));
            }
        });
    }
    let mut reader = bus.subscribe("reader", &[Topic::Events]).unwrap();
    loop {
        let Some(batch) = reader.next(SOON).unwrap() else {
            continue;
        };
        let first = batch.iter().next().unwrap().offset;
        let last = batch.iter().last().unwrap().offset;
        assert_eq!(last - first + 1, batch.len() as u64);
        tell(&format!("read {first} {last}\n"));
        reader.commit(&batch).unwrap();
        tell(&format!("committed {last}\n"));
    }
}

/// What the parent knows.
#[derive(Default)]
struct Told {
    /// For each publisher, the offset of each number.
    acknowledged: [HashMap<u64, u64>; 3],
    next: [u64; 3],
    /// The reader: the end of what it read and committed.
    read: Option<u64>,
    committed: Option<u64>,
    is_restarted: bool,
}

impl Told {
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |place: usize| words[place].parse::<u64>().unwrap();
        match words[0] {
            "acknowledged" => {
                let publisher = number(1) as usize;
                self.acknowledged[publisher].insert(number(2), number(3));
                self.next[publisher] = number(2) + 1;
            }
            "read" => {
                let (first, last) = (number(1), number(2));
                let expected = self.read.map_or(0, |read| read + 1);
                if self.is_restarted {
                    let committed = self.committed.map_or(0, |committed| committed + 1);
                    // It may have committed what it could no longer tell.
                    assert!(
                        (committed..=expected).contains(&first),
                        "{committed} {first} {expected}"
                    );
                    self.is_restarted = false;
                } else {
                    assert_eq!(first, expected, "the reader skips");
                }
                self.read = Some(last);
            }
            "committed" => self.committed = Some(number(1)),
            _ => {}
        }
    }
}

/// A small generator of moments: xorshift, seeded by the time, told when the test begins.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn run_and_kill(dir: &Path, told: &Arc<Mutex<Told>>, random: &mut Random) {
    let from = told.lock().unwrap().next.map(|n| n.to_string()).join(",");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FROM, from)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    let (ready, is_ready) = mpsc::channel();
    let sink = told.clone();
    let listener = std::thread::spawn(move || {
        for line in lines {
            let line = String::from_utf8(line.unwrap()).unwrap();
            if line == "ready" {
                let _ = ready.send(());
            }
            sink.lock().unwrap().line(&line);
        }
    });
    // One in eight dies while it starts.
    if random.below(8) > 0 {
        is_ready.recv_timeout(SOON).unwrap();
    }
    std::thread::sleep(Duration::from_micros(random.below(60_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    listener.join().unwrap();
    told.lock().unwrap().is_restarted = true;
}

/// Reads the whole topic: every record of each publisher in order, repeats apart.
fn check_events(bus: &Bus, told: &Told) -> (u64, u64) {
    let mut reader = bus.subscribe("check", &[Topic::Events]).unwrap();
    // A repeat comes as late as its publisher does, behind whatever others publish meanwhile.
    let mut seen = Seen::new(1 << 16);
    let mut next = [0u64; 2];
    let mut repeats = 0;
    let mut records = 0;
    while let Some(batch) = reader.next(Duration::ZERO).unwrap() {
        assert!(batch.gaps().is_empty(), "{:?}", batch.gaps());
        for delivery in batch.iter() {
            let (publisher, number) = numbers(delivery.value);
            assert_eq!(delivery.offset, records, "an offset is missing");
            records += 1;
            assert_eq!(delivery.value, value(publisher, number));
            assert_eq!(delivery.id, id(publisher, number));
            if let Some(offset) = told.acknowledged[publisher].get(&number) {
                assert!(*offset >= delivery.offset);
            }
            if !seen.first(delivery.id) {
                repeats += 1;
                assert_eq!(
                    number + 1,
                    next[publisher],
                    "only the last in doubt comes twice"
                );
                continue;
            }
            assert_eq!(number, next[publisher], "out of order or lost");
            next[publisher] += 1;
        }
    }
    for (publisher, next) in next.iter().enumerate() {
        assert!(
            *next >= told.next[publisher],
            "what was acknowledged last is lost"
        );
    }
    (records, repeats)
}

/// The topic that drops its oldest holds an unbroken row up to what was acknowledged last.
fn check_actions(bus: &Bus, told: &Told) {
    let mut reader = bus.subscribe("check", &[Topic::Actions]).unwrap();
    let mut last: Option<(u64, u64)> = None;
    while let Some(batch) = reader.next(Duration::ZERO).unwrap() {
        for delivery in batch.iter() {
            let (_, number) = numbers(delivery.value);
            if let Some((offset, before)) = last {
                assert_eq!(delivery.offset, offset + 1);
                assert!(number == before + 1 || number == before);
            }
            last = Some((delivery.offset, number));
        }
    }
    assert!(last.map_or(0, |(_, number)| number + 1) >= told.next[2]);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    if std::env::var_os(CHILD_DIR).is_some() {
        return;
    }
    let kills = std::env::var("RATEL_BUS_KILLS");
    let kills = kills.map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
        | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Told::default()));
    let began = Instant::now();
    for _ in 0..kills {
        run_and_kill(dir.path(), &told, &mut random);
    }
    let killed_secs = began.elapsed().as_secs_f64();
    let bus = Bus::open(&config(dir.path())).unwrap();
    let told = told.lock().unwrap();
    let (records, repeats) = check_events(&bus, &told);
    check_actions(&bus, &told);
    println!(
        "{kills} kills in {killed_secs:.1} s: {} acknowledged, {records} records of events in order, {repeats} repeats, all known; \
         reader at {:?}",
        told.next.iter().sum::<u64>(),
        told.read,
    );
}
