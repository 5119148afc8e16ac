//! Any history of publishing, reading, committing, new starts and torn tails: what was acknowledged
//! is read in order, each group from where it committed.
#![allow(clippy::print_stdout)] // Tells its figures, or why it is skipped.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use bus::{Bus, Config, Record, Subscription};
use event::Topic;
use proptest::prelude::*;

const GROUPS: [&str; 2] = ["a", "b"];
const PARTITIONS: u32 = 2;

#[derive(Clone, Debug)]
enum Step {
    Publish {
        key: u8,
        len: usize,
    },
    PublishMany {
        key: u8,
        count: usize,
    },
    /// Reads one batch and commits it.
    Read {
        group: usize,
        is_committed: bool,
    },
    /// Another member comes, or the second goes.
    Join {
        group: usize,
    },
    Restart,
    /// The process dies in the middle of a write: a start of a frame, or anything, stands at the end.
    RestartTorn {
        partition: u32,
        tail: Vec<u8>,
        of_frame: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), 0usize..3000).prop_map(|(key, len)| Step::Publish { key, len }),
        2 => (any::<u8>(), 0usize..300).prop_map(|(key, count)| Step::PublishMany { key, count }),
        4 => (0..GROUPS.len(), any::<bool>())
            .prop_map(|(group, is_committed)| Step::Read { group, is_committed }),
        1 => (0..GROUPS.len()).prop_map(|group| Step::Join { group }),
        1 => Just(Step::Restart),
        1 => (0..PARTITIONS, prop::collection::vec(any::<u8>(), 0..100), 0usize..200)
            .prop_map(|(partition, tail, of_frame)| Step::RestartTorn { partition, tail, of_frame }),
    ]
}

fn open(dir: &Path) -> Bus {
    let mut config = Config {
        dir: dir.to_owned(),
        segment_bytes: 64 << 10,
        fsync: bus::Fsync::Never,
        ..Config::default()
    };
    config.topics.events.partitions = PARTITIONS;
    Bus::open(&config).unwrap()
}

/// What should be.
#[derive(Default)]
struct Model {
    /// Values of each partition by offset.
    values: HashMap<u32, Vec<String>>,
    /// For each group and partition: committed, and read by the present owner.
    committed: HashMap<(usize, u32), u64>,
    read: HashMap<(usize, u32), u64>,
}

impl Model {
    fn publish(&mut self, bus: &Bus, records: &[(Vec<u8>, String)]) {
        let batch: Vec<Record<'_>> = records
            .iter()
            .map(|(key, value)| Record {
                id: None,
                key,
                value: value.as_bytes(),
            })
            .collect();
        for (taken, (_, value)) in bus
            .publisher(Topic::Events)
            .publish_batch(&batch)
            .unwrap()
            .iter()
            .zip(records)
        {
            let values = self.values.entry(taken.partition).or_default();
            assert_eq!(taken.offset, values.len() as u64);
            values.push(value.clone());
        }
    }

    /// One batch; whether there was one.
    fn read(&mut self, group: usize, reader: &mut Subscription, is_committed: bool) -> bool {
        let Some(batch) = reader.next(Duration::ZERO).unwrap() else {
            return false;
        };
        assert!(batch.gaps().is_empty(), "{:?}", batch.gaps());
        for delivery in batch.iter() {
            let part = (group, delivery.partition);
            let committed = self.committed.get(&part).copied().unwrap_or(0);
            let next = self.read.get(&part).copied().unwrap_or(committed);
            // After a change of members the committed place is where it goes on.
            assert!(delivery.offset == next || delivery.offset == committed);
            self.read.insert(part, delivery.offset + 1);
            let expected = &self.values[&delivery.partition][delivery.offset as usize];
            assert_eq!(String::from_utf8_lossy(delivery.value), expected.as_str());
            if is_committed {
                let known = self.committed.entry(part).or_default();
                *known = (*known).max(delivery.offset + 1);
            }
        }
        if is_committed {
            reader.commit(&batch).unwrap();
        }
        true
    }
}

fn tear(dir: &Path, partition: u32, tail: &[u8], of_frame: usize) {
    let folder = dir.join(format!("events/{partition}"));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let last = files.last().unwrap();
    // The first frame again, by its start: the best imitation of a frame that was not finished.
    let bytes = std::fs::read(last).unwrap();
    let start = &bytes[64..bytes.len().min(64 + of_frame.min(47))];
    let mut file = OpenOptions::new().append(true).open(last).unwrap();
    file.write_all(start).unwrap();
    file.write_all(tail).unwrap();
}

fn restart(bus: &mut Option<Bus>, readers: &mut [Vec<Subscription>], model: &mut Model) {
    for members in readers.iter_mut() {
        members.clear();
    }
    *bus = None;
    model.read.clear();
}

fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let mut bus = Some(open(dir.path()));
    let mut readers: Vec<Vec<Subscription>> = GROUPS.iter().map(|_| Vec::new()).collect();
    let mut number = 0;
    for step in steps {
        let open_bus = bus.get_or_insert_with(|| open(dir.path()));
        for (group, members) in readers.iter_mut().enumerate() {
            if members.is_empty() {
                members.push(open_bus.subscribe(GROUPS[group], &[Topic::Events]).unwrap());
            }
        }
        match step {
            Step::Publish { key, len } => {
                number += 1;
                let value = format!("{number} {}", "x".repeat(len));
                model.publish(open_bus, &[(vec![key], value)]);
            }
            Step::PublishMany { key, count } => {
                let records: Vec<_> = (0..count)
                    .map(|i| {
                        number += 1;
                        (
                            vec![key, i as u8 % 3],
                            format!("{number} {}", "y".repeat(i)),
                        )
                    })
                    .collect();
                model.publish(open_bus, &records);
            }
            Step::Read {
                group,
                is_committed,
            } => {
                for reader in &mut readers[group] {
                    model.read(group, reader, is_committed);
                }
            }
            Step::Join { group } => {
                if readers[group].len() > 1 {
                    readers[group].pop();
                } else {
                    let another = open_bus.subscribe(GROUPS[group], &[Topic::Events]).unwrap();
                    readers[group].push(another);
                }
            }
            Step::Restart => restart(&mut bus, &mut readers, &mut model),
            Step::RestartTorn {
                partition,
                tail,
                of_frame,
            } => {
                restart(&mut bus, &mut readers, &mut model);
                tear(dir.path(), partition, &tail, of_frame);
            }
        }
    }
    restart(&mut bus, &mut readers, &mut model);
    let bus = open(dir.path());
    for (group, name) in GROUPS.iter().enumerate() {
        let mut reader = bus.subscribe(name, &[Topic::Events]).unwrap();
        while model.read(group, &mut reader, true) {}
        for (partition, values) in &model.values {
            assert_eq!(model.committed[&(group, *partition)], values.len() as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_was_acknowledged_is_read_in_order_after_any_history(steps in prop::collection::vec(step(), 1..60)) {
        run(steps);
    }
}
