//! Conversations: who talks to whom, packet by packet.

use crate::attack::Attack;
use crate::content::{self, Client};
use crate::random::Random;
use decode::build::{Captured, Conversation, Stack, Tcp};
use decode::packet::{LinkType, Tcp as Flags};
use event::{Direction, Timestamp};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Bytes of a full segment.
const SEGMENT: usize = 1_400;

/// The two ends of a conversation: the source is who began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    /// Who began.
    pub source: Ipv4Addr,
    /// Its port.
    pub source_port: u16,
    /// With whom.
    pub destination: Ipv4Addr,
    /// Its port.
    pub destination_port: u16,
}

/// A conversation, done.
pub(crate) struct Talk {
    pub ends: Ends,
    pub attack: Option<Attack>,
    pub frames: Vec<Captured>,
}

/// A conversation that is being had.
pub(crate) struct Talking {
    ends: Ends,
    inner: Conversation,
}

/// Opens conversations of one host.
pub(crate) fn open(
    source: Ipv4Addr,
    to: (Ipv4Addr, u16),
    at: Timestamp,
    random: &mut Random,
) -> Talking {
    let ends = Ends {
        source,
        source_port: random.within(32_768, 60_999) as u16,
        destination: to.0,
        destination_port: to.1,
    };
    let is_inside = to.0.octets()[0] == 10;
    // Half a round trip: a switch, or some networks on the way.
    let middle = if is_inside { 250.0 } else { 9_000.0 };
    let step = Duration::from_micros(random.around(middle).clamp(60.0, 120_000.0) as u64);
    let (client, server) = (
        format!("{}:{}", ends.source, ends.source_port),
        format!("{}:{}", ends.destination, ends.destination_port),
    );
    let inner = Conversation::between(&client, &server)
        .starting(at)
        .every(step)
        .segments_of(SEGMENT)
        .numbered_from(random.next() as u32, random.next() as u32);
    Talking { ends, inner }
}

impl Talking {
    pub(crate) fn handshake(&mut self) -> &mut Self {
        self.inner.handshake();
        self
    }

    pub(crate) fn client(&mut self, data: &[u8]) -> &mut Self {
        self.inner.client(data);
        self
    }

    pub(crate) fn server(&mut self, data: &[u8]) -> &mut Self {
        self.inner.server(data);
        self
    }

    pub(crate) fn ask(&mut self, data: &[u8]) -> &mut Self {
        self.inner.datagram(Direction::ToServer, data);
        self
    }

    pub(crate) fn tell(&mut self, data: &[u8]) -> &mut Self {
        self.inner.datagram(Direction::ToClient, data);
        self
    }

    /// Nobody says anything for about so many seconds.
    pub(crate) fn pause(&mut self, seconds: f64, random: &mut Random) -> &mut Self {
        let seconds = random.around(seconds).clamp(0.0005, seconds * 6.0);
        self.inner.wait(Duration::from_secs_f64(seconds));
        self
    }

    /// Exactly so long.
    pub(crate) fn wait(&mut self, time: Duration) -> &mut Self {
        self.inner.wait(time);
        self
    }

    /// Both sides greet each other in TLS.
    pub(crate) fn greet(&mut self, client: &Client, host: &str, random: &mut Random) -> &mut Self {
        let hello = content::client_hello(client, host, random);
        let answer = content::server_hello(random);
        self.handshake().client(&hello).server(&answer);
        self.client(&content::encrypted(74, random))
    }

    /// Something is asked and answered, encrypted.
    pub(crate) fn exchange(&mut self, up: usize, down: usize, random: &mut Random) -> &mut Self {
        let (up, down) = (
            content::encrypted(up, random),
            content::encrypted(down, random),
        );
        self.client(&up);
        self.inner
            .wait(Duration::from_micros(random.around(12_000.0) as u64));
        self.server(&down)
    }

    /// The same with a protocol that encrypts by itself, as SSH.
    pub(crate) fn exchange_plain(
        &mut self,
        up: usize,
        down: usize,
        random: &mut Random,
    ) -> &mut Self {
        let (up, down) = (random.bytes(up), random.bytes(down));
        self.client(&up);
        self.inner
            .wait(Duration::from_micros(random.around(4_000.0) as u64));
        self.server(&down)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.now()
    }

    /// The end, as most conversations have it.
    pub(crate) fn done(mut self, random: &mut Random) -> Talk {
        if random.one_in(12) {
            self.inner.reset(Direction::ToServer);
        } else {
            self.inner.finish();
        }
        self.ended()
    }

    /// It ends as it stands.
    pub(crate) fn ended(self) -> Talk {
        Talk {
            ends: self.ends,
            attack: None,
            frames: self.inner.into_frames(),
        }
    }
}

/// What becomes of a SYN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knock {
    /// Nobody listens there.
    Refused,
    /// Nobody answers at all.
    Silence,
}

/// Knocks at a port that is closed. Programs try again once a second has passed.
pub(crate) fn knock(
    source: Ipv4Addr,
    to: (Ipv4Addr, u16),
    at: Timestamp,
    (answer, tries): (Knock, u32),
    random: &mut Random,
) -> Talk {
    let ends = Ends {
        source,
        source_port: random.within(32_768, 60_999) as u16,
        destination: to.0,
        destination_port: to.1,
    };
    let sequence = random.next() as u32;
    let mut frames = Vec::new();
    let mut frame = |time: Timestamp, from: Ipv4Addr, to: Ipv4Addr, tcp: Tcp| {
        let stack = Stack::ethernet().ip(from.into(), to.into()).tcp(tcp);
        frames.push(Captured {
            time,
            data: stack.bytes(),
            link: LinkType::ETHERNET,
        });
    };
    let mut time = at;
    for n in 0..tries.max(1) {
        let syn = Tcp::syn(ends.source_port, to.1, sequence);
        frame(time, source, to.0, syn);
        if answer == Knock::Refused {
            let reset = Tcp::new(to.1, ends.source_port, Flags::RST | Flags::ACK)
                .at(0, sequence.wrapping_add(1));
            frame(
                time + Duration::from_micros(random.within(80, 9_000)),
                to.0,
                source,
                reset,
            );
            break;
        }
        time = time + Duration::from_secs(1 << n.min(4));
    }
    Talk {
        ends,
        attack: None,
        frames,
    }
}
