//! Kills the responder at random moments of a storm of actions, again and again: what has run out
//! goes, nothing else is lost, the audit chain holds, and in the end the firewall is as it was.
//!
//! The storm is this test itself, started as a child inside the lab. It tells by its output what it
//! was told. `RATEL_RESPOND_KILLS` says how many times it is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use event::action::{ActionId, Connection, Mode, Transport, What, Why};
use event::{Prefix, Timestamp};
use respond::Config;

use crate::lab::{Lab, Live, nft, now, ruleset};

const FOLDER: &str = "RATEL_RESPOND_STORM";
/// Without a parameter: some seconds.
const KILLS: u32 = 10;
/// The promise; held against the run that is asked for by the number of kills. A machine that does
/// much else at the same time may take longer, and what is wrong does not mend itself by then.
const GONE_WITHIN: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// A storm ends by itself where its parent has ended.
const LONGEST: Duration = Duration::from_secs(20);

struct Random(u64);

impl Random {
    fn seeded() -> Self {
        Random(now().nanos() as u64 | 1)
    }

    /// xorshift64* (Marsaglia; Vigna).
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn config(folder: PathBuf) -> Config {
    Config {
        mode: Mode::Enforce,
        folder: Some(folder),
        max_per_minute: u32::MAX,
        ..Config::default()
    }
}

fn deed(random: &mut Random) -> What {
    let host = random.below(250) + 1;
    let four = format!("198.51.100.{host}");
    let target: Prefix = match random.below(4) {
        0 => format!("2001:db8:77:{host}::/64").parse().unwrap(),
        1 => format!("203.0.{host}.0/24").parse().unwrap(),
        _ => four.parse().unwrap(),
    };
    match random.below(8) {
        0 => What::RateLimit {
            target,
            packets_per_second: 10,
            burst: 20,
        },
        1 => What::Quarantine { target },
        2 => What::Redirect {
            target: four.parse().unwrap(),
            to: "192.0.2.9".parse().unwrap(),
            port: host.is_multiple_of(2).then_some(2222),
        },
        3 => What::DropConnection {
            connection: Connection {
                proto: Transport::Tcp,
                peer: format!("{four}:4000").parse().unwrap(),
                local: "192.0.2.1:22".parse().unwrap(),
            },
        },
        _ => What::Block { target },
    }
}

/// The child: acts until it is killed.
#[test]
#[ignore = "only as the child of the test that kills it"]
fn storm() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut random = Random::seeded();
    let mut live = Lab::open(config(folder.into()));
    let began = Instant::now();
    println!("\nready");
    while began.elapsed() < LONGEST {
        match random.below(10) {
            0..=6 => {
                let secs = [1, 2, 3, 30, 600][random.below(5) as usize];
                let what = deed(&mut random);
                let done = live.order(what, Duration::from_secs(secs), Why::default(), now());
                for action in done {
                    if action.is_in_force() && action.executed.is_some() {
                        println!("done {} {}", action.id, action.ends.nanos());
                    }
                }
            }
            7 | 8 => {
                let open: Vec<ActionId> = live
                    .list()
                    .filter(|action| action.is_in_force())
                    .map(|action| action.id)
                    .collect();
                if !open.is_empty() {
                    let id = open[random.below(open.len() as u64) as usize];
                    println!("undoing {id}");
                    live.undo(id, "storm", now()).unwrap();
                    println!("undone {id}");
                }
            }
            _ => {
                live.tick(now());
            }
        }
    }
}

/// What the storms said.
#[derive(Default)]
struct Told {
    /// Carried out, and when each ends.
    done: BTreeMap<ActionId, Timestamp>,
    /// To be undone, whether it came to that or not.
    undoing: BTreeSet<ActionId>,
    undone: BTreeSet<ActionId>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        // A last line that the kill has cut says nothing.
        let id = |at: usize| words.get(at).and_then(|word| word.parse().ok());
        match (words[0], id(1), words.get(2)) {
            ("done", Some(id), Some(ends)) => {
                if let Ok(nanos) = ends.parse() {
                    self.done.insert(id, Timestamp::from_nanos(nanos));
                }
            }
            ("undoing", Some(id), None) => {
                self.undoing.insert(id);
            }
            ("undone", Some(id), None) => {
                self.undone.insert(id);
            }
            _ => {}
        }
    }
}

fn run_and_kill(lab: &Lab, told: &mut Told, random: &mut Random) {
    let mut child = Command::new("ip")
        .args(["netns", "exec", &format!("{}-h", lab.name)])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "kill::storm", "--ignored", "--nocapture"])
        .env(FOLDER, lab.folder.path().join("state"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line.trim_end() != "ready" {
        line.clear();
        assert!(
            lines.read_line(&mut line).unwrap() > 0,
            "the storm did not begin"
        );
    }
    thread::sleep(Duration::from_micros(random.below(400_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = Vec::new();
    lines.read_to_end(&mut rest).unwrap();
    // The line that was being written when the kill came has no end.
    let whole = rest.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    for line in String::from_utf8_lossy(&rest[..whole]).lines() {
        told.hear(line);
    }
}

/// The ids in the comments of our elements.
fn held() -> BTreeSet<ActionId> {
    let text = ruleset();
    let ids = text.split("comment \"ratel a").skip(1);
    ids.filter_map(|rest| rest.split('"').next()?.parse().ok())
        .collect()
}

/// After a restart: what is over is not in the firewall, what was told as done and is not over is.
fn check(lab: &Lab, told: &Told) -> Live {
    let restarted = Instant::now();
    let mut live = Lab::open(config(lab.folder.path().join("state")));
    // A command that the dead process had started may come to its end only now; the verification
    // finds what that has changed.
    let mut verdict = Err(String::new());
    while verdict.is_err() && restarted.elapsed() < PATIENCE {
        live.tick(now());
        verdict = agrees(&live, told);
        thread::sleep(Duration::from_millis(10));
    }
    if let Err(words) = verdict {
        panic!("{words}\n{}", ruleset());
    }
    live
}

fn agrees(live: &Live, told: &Told) -> Result<(), String> {
    let (held, now) = (held(), now());
    for id in &held {
        let action = live.get(*id).ok_or(format!("{id} is held and not known"))?;
        if !action.is_in_force() || action.ends <= now {
            return Err(format!("{id} is over and held: {action:?}"));
        }
    }
    for (id, ends) in told.done.iter().filter(|(_, ends)| **ends > now) {
        let action = live.get(*id).ok_or(format!("{id} is lost"))?;
        // The journal keeps microseconds.
        if action.ends.nanos() / 1000 != ends.nanos() / 1000 {
            return Err(format!("{id} ends at another time"));
        }
        match (told.undoing.contains(id), told.undone.contains(id)) {
            (_, true) if !action.is_over() => return Err(format!("{id} is undone no more")),
            (false, false) if !action.is_in_force() => return Err(format!("{action:?} is lost")),
            _ => {}
        }
    }
    // Of several actions that want the same, the firewall holds the one that ends last.
    for action in live.list().filter(|a| a.is_in_force() && a.ends > now) {
        let rivals = live.list().filter(|other| {
            other.is_in_force()
                && other.what.step() == action.what.step()
                && other.what.target() == action.what.target()
        });
        let last = rivals.max_by_key(|other| (other.ends, other.id)).unwrap();
        if last.id == action.id && !held.contains(&action.id) {
            return Err(format!("{action:?} is not in the firewall"));
        }
    }
    Ok(())
}

#[test]
fn a_killed_responder_loses_nothing_and_leaves_nothing() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let asked = std::env::var("RATEL_RESPOND_KILLS").ok();
    let is_asked = asked.is_some();
    let kills = asked.map_or(KILLS, |kills| kills.parse().unwrap());
    let audit = lab.folder.path().join("state/audit.jsonl");
    let mut random = Random::seeded();
    let mut told = Told::default();
    println!("seed {}", random.0);
    lab.host(|| nft("add table ip other { chain c { type filter hook input priority 0; }; }"));
    let before = lab.host(ruleset);
    let mut slowest = Duration::ZERO;
    for kill in 1..=kills {
        run_and_kill(&lab, &mut told, &mut random);
        if random.below(3) == 0 {
            // Some of it runs out while nobody is there.
            thread::sleep(Duration::from_millis(random.below(1500)));
        }
        lab.host(|| {
            let began = Instant::now();
            let mut live = check(&lab, &told);
            slowest = slowest.max(began.elapsed());
            let report = respond::audit::verify(&audit).unwrap();
            assert_eq!(report.flaws, [], "after kill {kill}");
            if kill == kills || random.below(5) == 0 {
                live.undo_all("test", now()).unwrap();
                assert_eq!(ruleset(), before, "after kill {kill}");
                told.undone.extend(told.done.keys());
            }
        });
    }
    let report = respond::audit::verify(&audit).unwrap();
    println!(
        "{kills} kills: {} actions carried out, {} undone in the storm, {} lines of audit, agreed after {} ms at the latest",
        told.done.len(),
        told.undoing.len(),
        report.lines,
        slowest.as_millis()
    );
    assert!(!is_asked || slowest < GONE_WITHIN);
}
