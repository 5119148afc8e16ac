//! What is done to the office: slowly, quietly and without anything that a signature could know.

use crate::content::{IMPLANT, answer, question};
use crate::normal::{disguise, ssh_greeting};
use crate::office::{self, RESOLVER, SHELL, WEB};
use crate::random::Random;
use crate::talk::{Knock, Talk, knock, open};
use crate::{Plan, later};
use event::Timestamp;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Letters and digits of base 32, which fits into names.
const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attack {
    /// Looks for open ports, one every some seconds.
    SlowScan,
    /// Guesses passwords, one every half minute.
    PasswordGuessing,
    /// Carries data in the names of DNS.
    DnsTunnel,
    /// A program inside asks for orders, again and again.
    Beaconing,
    /// Carries data out over TLS.
    DataTheft,
}

impl Attack {
    /// All of them.
    pub const ALL: [Attack; 5] = [
        Attack::SlowScan,
        Attack::PasswordGuessing,
        Attack::DnsTunnel,
        Attack::Beaconing,
        Attack::DataTheft,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Attack::SlowScan => "slow scan",
            Attack::PasswordGuessing => "password guessing",
            Attack::DnsTunnel => "DNS tunnel",
            Attack::Beaconing => "beaconing",
            Attack::DataTheft => "data theft",
        }
    }

    pub(crate) fn talks(self, plan: &Plan, at: Timestamp, random: &mut Random) -> Vec<Talk> {
        let victim = office::person(random.within(0, u64::from(plan.people.max(1) - 1)) as u8);
        let mut talks = match self {
            Attack::SlowScan => scan(plan, at, random),
            Attack::PasswordGuessing => guess(at, random),
            Attack::DnsTunnel => tunnel(victim, at, random),
            Attack::Beaconing => beacon(victim, at, random),
            Attack::DataTheft => theft(victim, at, random),
        };
        for talk in &mut talks {
            talk.attack = Some(self);
        }
        talks
    }
}

fn outsider(random: &mut Random) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, random.within(1, 254) as u8)
}

/// One port after the other, of one host or of many, from inside or from outside.
fn scan(plan: &Plan, mut at: Timestamp, random: &mut Random) -> Vec<Talk> {
    let from = match random.one_in(2) {
        true => outsider(random),
        false => office::person(random.within(0, u64::from(plan.people.max(1) - 1)) as u8),
    };
    let pause = random.within(3, 25) as f64;
    let is_sweep = random.one_in(2);
    let ports = [
        22, 23, 80, 135, 139, 443, 445, 1433, 3306, 3389, 5432, 5900, 6379, 8080, 9200,
    ];
    let mut talks = Vec::new();
    for n in 0..random.within(30, 80) {
        let to = match is_sweep {
            true => Ipv4Addr::new(10, 20, 1, 10 + (n % 200) as u8),
            false => WEB,
        };
        let port = match is_sweep {
            true => *random.pick(&ports).unwrap_or(&445),
            false => random.within(1, 10_000) as u16,
        };
        let answer = if random.one_in(3) {
            Knock::Silence
        } else {
            Knock::Refused
        };
        if random.one_in(15) {
            let mut talk = open(from, (to, port), at, random);
            talk.handshake();
            talks.push(talk.done(random));
        } else {
            talks.push(knock(from, (to, port), at, (answer, 1), random));
        }
        at = later(at, Duration::from_secs_f64(random.around(pause).min(90.0)));
    }
    talks
}

/// A connection for each password or three; the server says no and the connection ends.
fn guess(mut at: Timestamp, random: &mut Random) -> Vec<Talk> {
    let from = outsider(random);
    let pause = random.within(15, 60) as f64;
    let mut talks = Vec::new();
    for _ in 0..random.within(25, 60) {
        let mut talk = open(from, (SHELL, 22), at, random);
        ssh_greeting(&mut talk, random);
        for _ in 0..random.within(1, 3) {
            talk.exchange_plain(random.within(84, 148) as usize, 52, random)
                .pause(1.8, random);
        }
        talks.push(talk.done(random));
        at = later(at, Duration::from_secs_f64(random.around(pause).min(180.0)));
    }
    talks
}

/// Questions whose names are the data; the answers carry what goes the other way.
fn tunnel(from: Ipv4Addr, mut at: Timestamp, random: &mut Random) -> Vec<Talk> {
    let domain = format!("{}.example", random.word(BASE32, 6));
    let kind = *random.pick(&[16_u16, 16, 10, 5]).unwrap_or(&16);
    let pause = random.within(1, 8) as f64 * 0.5;
    let is_one_port = random.one_in(3);
    let mut talks = Vec::new();
    let count = random.within(120, 300);
    let name = |random: &mut Random| {
        let count = random.within(1, 3);
        let mut name = String::new();
        for _ in 0..count {
            name.push_str(&random.word_within(BASE32, (30, 60)));
            name.push('.');
        }
        name + &domain
    };
    if is_one_port {
        let mut talk = open(from, (RESOLVER, 53), at, random);
        for _ in 0..count {
            let asked = question(random.next() as u16, &name(random), kind);
            let told = answer(&asked, kind, 1, random.within(40, 200) as usize, random);
            talk.ask(&asked)
                .pause(0.03, random)
                .tell(&told)
                .pause(pause, random);
        }
        return vec![talk.ended()];
    }
    for _ in 0..count {
        let asked = question(random.next() as u16, &name(random), kind);
        let told = answer(&asked, kind, 1, random.within(40, 200) as usize, random);
        let mut talk = open(from, (RESOLVER, 53), at, random);
        talk.ask(&asked).pause(0.03, random).tell(&told);
        talks.push(talk.ended());
        at = later(at, Duration::from_secs_f64(random.around(pause).min(20.0)));
    }
    talks
}

/// Asks for orders and gets none: always as long, about as often.
fn beacon(from: Ipv4Addr, mut at: Timestamp, random: &mut Random) -> Vec<Talk> {
    let to = outsider(random);
    let every = random.within(20, 90) as f64;
    let jitter = random.part() * 0.15;
    let (up, down) = (
        random.within(120, 400) as usize,
        random.within(60, 300) as usize,
    );
    let name = match random.one_in(2) {
        true => String::new(),
        false => format!("{}.example", random.word_within(BASE32, (8, 14))),
    };
    let mut talks = Vec::new();
    for _ in 0..random.within(30, 60) {
        let mut talk = open(from, (to, 443), at, random);
        talk.greet(&IMPLANT, &name, random)
            .exchange(up, down, random);
        talks.push(talk.done(random));
        let seconds = every * (1.0 + jitter * (random.part() * 2.0 - 1.0));
        at = later(at, Duration::from_secs_f64(seconds));
    }
    talks
}

/// Much goes out and little comes in, to where nobody goes.
fn theft(from: Ipv4Addr, mut at: Timestamp, random: &mut Random) -> Vec<Talk> {
    let to = outsider(random);
    let client = disguise(random);
    let name = format!("{}.example", random.word_within(BASE32, (6, 12)));
    let mut talks = Vec::new();
    for _ in 0..random.within(2, 6) {
        let mut talk = open(from, (to, 443), at, random);
        talk.greet(&client, &name, random);
        for _ in 0..random.within(4, 12) {
            let up = random.length(250_000.0, 700_000);
            talk.exchange(up, 90, random).pause(0.3, random);
        }
        talks.push(talk.done(random));
        at = later(at, Duration::from_secs_f64(random.around(60.0).min(400.0)));
    }
    talks
}
