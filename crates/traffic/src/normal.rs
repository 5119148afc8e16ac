//! What people and machines do on an ordinary day.

use crate::content::{self, BROWSER, Client, MAIL, SYSTEM, answer, question};
use crate::office::{
    self, BACKUP, CALLS, CHAT, CLOUD, FILES, MONITOR, PRINTER, RESOLVER, SHELL, TELEMETRY, UPDATES,
    WEB,
};
use crate::random::Random;
use crate::talk::{Knock, Talk, knock, open};
use crate::{HOUR, Plan, later};
use event::Timestamp;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Letters of ordinary names.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
/// Seconds of an hour.
const SECS: u64 = 3600;

/// All conversations that begin in an hour, the `number`-th since the start.
pub(crate) fn hour(plan: &Plan, begin: Timestamp, number: u64, random: &mut Random) -> Vec<Talk> {
    let mut day = Day {
        talks: Vec::new(),
        begin,
    };
    for n in 0..plan.people {
        // Each has habits of their own, the same all days.
        let mut habits = Random::new(plan.seed ^ 0x5eed ^ u64::from(n));
        day.person(office::person(n), &mut habits, random);
    }
    day.machines(plan.people, number, random);
    day.talks
}

struct Day {
    talks: Vec<Talk>,
    begin: Timestamp,
}

impl Day {
    fn at(&self, random: &mut Random) -> Timestamp {
        let millis = random.within(0, SECS * 1000 - 1);
        later(self.begin, Duration::from_millis(millis))
    }

    fn person(&mut self, host: Ipv4Addr, habits: &mut Random, random: &mut Random) {
        let sessions = random.within(0, habits.within(1, 5));
        for _ in 0..sessions {
            let at = self.at(random);
            self.browse(host, at, random);
        }
        self.mail(host, habits.within(120, 600), random);
        self.telemetry(host, habits.within(200, 1200), random);
        self.clock(host, 1 << habits.within(8, 10), random);
        if habits.one_in(2) {
            self.chat(host, random);
        }
        if habits.one_in(3) && random.one_in(2) {
            self.shell(host, random);
        }
        if random.one_in(3) {
            self.print(host, random);
        }
        if random.one_in(2) {
            self.files(host, random);
        }
        if random.one_in(4) {
            self.update(host, random);
        }
        if random.one_in(4) {
            self.upload(host, random);
        }
        if random.one_in(3) {
            self.call(host, random);
        }
        if random.one_in(2) {
            self.mistake(host, random);
        }
    }

    /// Looks up a name; when the answer is there.
    fn lookup(
        &mut self,
        host: Ipv4Addr,
        name: &str,
        at: Timestamp,
        random: &mut Random,
    ) -> Timestamp {
        let mut done = at;
        for kind in [1, 28] {
            if kind == 28 && random.one_in(3) {
                continue;
            }
            let asked = question(random.next() as u16, name, kind);
            let records = if kind == 28 && random.one_in(2) {
                0
            } else {
                random.within(1, 4) as u16
            };
            let told = answer(&asked, kind, records, 0, random);
            let mut talk = open(host, (RESOLVER, 53), at, random);
            talk.ask(&asked).pause(0.006, random).tell(&told);
            done = talk.now();
            self.talks.push(talk.ended());
        }
        done
    }

    /// A session of looking at pages: some sites, for each some connections.
    fn browse(&mut self, host: Ipv4Addr, mut at: Timestamp, random: &mut Random) {
        for _ in 0..random.within(1, 7) {
            let (server, name) = office::site(random);
            at = self.lookup(host, &name, at, random);
            for _ in 0..random.within(1, 5) {
                let begin = later(at, Duration::from_millis(random.within(0, 400)));
                let mut talk = open(host, (server, 443), begin, random);
                talk.greet(&BROWSER, &name, random);
                for _ in 0..random.within(1, 12) {
                    let (up, down) = (random.length(420.0, 4_000), random.length(9_000.0, 260_000));
                    talk.exchange(up, down, random).pause(0.4, random);
                }
                if random.one_in(3) {
                    talk.pause(15.0, random);
                }
                self.talks.push(talk.done(random));
            }
            // Some pages still come without TLS.
            if random.one_in(12) {
                let mut talk = open(host, (server, 80), at, random);
                let page = format!(
                    "HTTP/1.1 301 Moved Permanently\r\nLocation: https://{name}/\r\nContent-Length: 0\r\n\r\n"
                );
                let asked = format!(
                    "GET / HTTP/1.1\r\nHost: {name}\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n"
                );
                talk.handshake()
                    .client(asked.as_bytes())
                    .server(page.as_bytes());
                self.talks.push(talk.done(random));
            }
            at = later(at, Duration::from_secs_f64(random.around(25.0).min(300.0)));
        }
    }

    /// Looks for mail every so many seconds, as the program is set.
    fn mail(&mut self, host: Ipv4Addr, every: u64, random: &mut Random) {
        let mut second = random.within(0, every);
        while second < SECS {
            let at = self.second(second, random);
            let mut talk = open(host, (office::MAIL, 993), at, random);
            talk.greet(&MAIL, "imap.example.org", random);
            for _ in 0..random.within(3, 6) {
                let (up, down) = (random.length(60.0, 400), random.length(180.0, 2_000));
                talk.exchange(up, down, random);
            }
            if random.one_in(5) {
                let down = random.length(30_000.0, 400_000);
                talk.exchange(80, down, random);
            }
            self.talks.push(talk.done(random));
            if random.one_in(15) {
                let mut talk = open(host, (office::MAIL, 465), at, random);
                talk.greet(&MAIL, "smtp.example.org", random);
                let up = random.length(12_000.0, 600_000);
                talk.exchange(200, 300, random).exchange(up, 120, random);
                self.talks.push(talk.done(random));
            }
            second += every + random.within(0, every / 10 + 1);
        }
    }

    /// What programs tell their makers, about every so many seconds.
    fn telemetry(&mut self, host: Ipv4Addr, every: u64, random: &mut Random) {
        let mut second = random.within(0, every);
        while second < SECS {
            let at = self.second(second, random);
            let at = self.lookup(host, "telemetry.example.com", at, random);
            let mut talk = open(host, (TELEMETRY, 443), at, random);
            talk.greet(&SYSTEM, "telemetry.example.com", random);
            let up = random.length(1_800.0, 20_000);
            talk.exchange(up, 240, random);
            self.talks.push(talk.done(random));
            second += every / 2 + random.within(0, every);
        }
    }

    fn clock(&mut self, host: Ipv4Addr, every: u64, random: &mut Random) {
        let mut second = random.within(0, every);
        while second < SECS {
            let at = self.second(second, random);
            let mut talk = open(host, (RESOLVER, 123), at, random);
            let (asked, told) = (random.bytes(48), random.bytes(48));
            talk.ask(&asked).pause(0.001, random).tell(&told);
            self.talks.push(talk.ended());
            second += every + random.within(0, 8);
        }
    }

    /// One connection that stays, with little on it.
    fn chat(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let mut talk = open(host, (CHAT, 443), at, random);
        talk.greet(&BROWSER, "chat.example.net", random);
        for _ in 0..random.within(5, 60) {
            let (up, down) = (random.length(140.0, 3_000), random.length(200.0, 8_000));
            talk.exchange(up, down, random).pause(20.0, random);
        }
        self.talks.push(talk.done(random));
    }

    /// Works on another machine: keystrokes and their echo.
    fn shell(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let mut talk = open(host, (SHELL, 22), at, random);
        ssh_greeting(&mut talk, random);
        // The key is taken at once.
        talk.exchange_plain(420, 60, random);
        for _ in 0..random.within(20, 150) {
            talk.exchange_plain(36, random.length(80.0, 2_000), random)
                .pause(0.9, random);
        }
        self.talks.push(talk.done(random));
    }

    fn print(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let mut talk = open(host, (PRINTER, 9100), at, random);
        let len = random.length(60_000.0, 500_000);
        let page = random.bytes(len);
        talk.handshake().client(&page).pause(2.0, random);
        self.talks.push(talk.done(random));
    }

    fn files(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let mut talk = open(host, (FILES, 445), at, random);
        talk.handshake();
        for _ in 0..random.within(6, 40) {
            talk.exchange_plain(
                random.length(180.0, 60_000),
                random.length(400.0, 60_000),
                random,
            )
            .pause(0.8, random);
        }
        self.talks.push(talk.done(random));
    }

    fn update(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let at = self.lookup(host, "updates.example.com", at, random);
        let mut talk = open(host, (UPDATES, 443), at, random);
        talk.greet(&SYSTEM, "updates.example.com", random);
        talk.exchange(500, 1_500, random);
        for _ in 0..random.within(0, 3) {
            let down = random.length(300_000.0, 1_500_000);
            talk.exchange(300, down, random);
        }
        self.talks.push(talk.done(random));
    }

    /// Keeps files in the cloud that the office pays for.
    fn upload(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let at = self.lookup(host, "files.cloud.example.net", at, random);
        let mut talk = open(host, (CLOUD, 443), at, random);
        talk.greet(&BROWSER, "files.cloud.example.net", random);
        for _ in 0..random.within(1, 6) {
            let up = random.length(40_000.0, 500_000);
            talk.exchange(up, 400, random).pause(0.5, random);
        }
        self.talks.push(talk.done(random));
    }

    /// Some minutes of a call: sound in both directions, fifty packets a second, of which some are told.
    fn call(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let mut talk = open(host, (CALLS, 3478), at, random);
        for _ in 0..random.within(200, 900) {
            let (up, down) = (random.within(90, 170), random.within(90, 170));
            let (up, down) = (random.bytes(up as usize), random.bytes(down as usize));
            talk.ask(&up).tell(&down).wait(Duration::from_millis(180));
        }
        self.talks.push(talk.ended());
    }

    /// A name that does not exist, a server that is away: once a name with a mistake in it, once a port that is shut.
    fn mistake(&mut self, host: Ipv4Addr, random: &mut Random) {
        let at = self.at(random);
        let name = format!("{}.example.org", random.word(LETTERS, 9));
        let asked = question(random.next() as u16, &name, 1);
        let told = answer(&asked, 1, 0, 0, random);
        let mut talk = open(host, (RESOLVER, 53), at, random);
        talk.ask(&asked).pause(0.03, random).tell(&told);
        self.talks.push(talk.ended());
        let (server, _) = office::site(random);
        let answer = if random.one_in(2) {
            Knock::Refused
        } else {
            Knock::Silence
        };
        self.talks
            .push(knock(host, (server, 443), at, (answer, 3), random));
    }

    /// What no person does: looking whether all is well, copies at night, visitors of the office's pages.
    fn machines(&mut self, people: u8, number: u64, random: &mut Random) {
        let mut hosts: Vec<(Ipv4Addr, u16)> = vec![
            (FILES, 445),
            (BACKUP, 22),
            (SHELL, 22),
            (WEB, 443),
            (PRINTER, 9100),
            (RESOLVER, 53),
        ];
        hosts.extend((0..people).map(|n| (office::person(n), 9100)));
        for round in 0..12 {
            for (host, port) in &hosts {
                let at = self.second(round * 300 + random.within(0, 20), random);
                let mut talk = open(MONITOR, (*host, *port), at, random);
                talk.handshake().pause(0.01, random);
                self.talks.push(talk.done(random));
            }
        }
        // One of the servers is saved each hour, as their turns come.
        let from = [FILES, SHELL, WEB]
            .get(number as usize % 3)
            .copied()
            .unwrap_or(FILES);
        let at = self.at(random);
        let mut talk = open(from, (BACKUP, 22), at, random);
        ssh_greeting(&mut talk, random);
        talk.exchange_plain(420, 60, random);
        for _ in 0..random.within(2, 8) {
            talk.exchange_plain(random.length(300_000.0, 900_000), 400, random);
        }
        self.talks.push(talk.done(random));
        for _ in 0..random.within(20, 60) {
            let (visitor, at) = (office::visitor(random), self.at(random));
            let mut talk = open(visitor, (WEB, 443), at, random);
            talk.greet(&BROWSER, "www.office.example", random);
            for _ in 0..random.within(1, 6) {
                let (up, down) = (
                    random.length(420.0, 3_000),
                    random.length(12_000.0, 200_000),
                );
                talk.exchange(up, down, random).pause(0.6, random);
            }
            self.talks.push(talk.done(random));
        }
    }

    fn second(&self, second: u64, random: &mut Random) -> Timestamp {
        let within = Duration::from_secs(second).min(HOUR);
        later(
            self.begin,
            within + Duration::from_micros(random.within(0, 999_999)),
        )
    }
}

/// Versions and keys, as both sides tell them.
pub(crate) fn ssh_greeting(talk: &mut crate::talk::Talking, random: &mut Random) {
    talk.handshake()
        .client(b"SSH-2.0-OpenSSH_9.6\r\n")
        .server(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
    talk.exchange_plain(1_500, 1_080, random)
        .exchange_plain(1_200, 1_500, random);
    talk.exchange_plain(80, 60, random);
}

/// Which program a client is, for attacks that look like one.
pub(crate) fn disguise(random: &mut Random) -> Client {
    match random.within(0, 2) {
        0 => content::IMPLANT,
        1 => content::SYSTEM,
        _ => content::BROWSER,
    }
}
