//! TCP sessions under any segments: what reaches the application is what was sent, place by place.

use crate::input::Input;
use decode::build::{Stack, Tcp};
use decode::packet::{Decoder, Frame, LinkType, Tcp as Header, Transport};
use engine::tcp::{Chunk, Config, Counters, OsPolicy, Session, UrgentPolicy};
use event::address::AddressRange;
use event::{Direction, Timestamp};

const CLIENT: u32 = 0xffff_ff00;
const SERVER: u32 = 5_000;

/// The most segments of one input.
const SEGMENTS_MAX: usize = 200;

const SYSTEMS: [OsPolicy; 8] = [
    OsPolicy::Bsd,
    OsPolicy::OldLinux,
    OsPolicy::Linux,
    OsPolicy::Solaris,
    OsPolicy::Windows,
    OsPolicy::Hpux11,
    OsPolicy::First,
    OsPolicy::Last,
];

/// The byte of a side at a place, as an honest sender sends it.
fn truth(place: u64) -> u8 {
    (place ^ place >> 8).wrapping_mul(167) as u8
}

struct Lab {
    config: Config,
    counters: Counters,
    slot: Option<Box<Session>>,
    is_honest: bool,
    /// Bytes that the application got or was told are missing, by direction.
    progress: [u64; 2],
}

/// TCP: two bytes of settings, then for each segment a byte of control (direction, honest length,
/// options), flags, sequence and acknowledgement as distances, window, and what a liar sends.
pub fn stream(data: &[u8]) {
    let mut input = Input(data);
    let (kind, system) = (input.byte(), input.byte());
    let is_honest = kind & 0x80 == 0;
    let config = Config {
        inline: kind & 1 != 0,
        midstream: kind & 2 != 0,
        async_oneside: kind & 4 != 0,
        check_overlap: kind & 8 != 0,
        urgent: match (is_honest, kind >> 4 & 3) {
            (true, _) | (_, 0) => UrgentPolicy::Inline,
            (_, 1) => UrgentPolicy::OutOfBand,
            (_, 2) => UrgentPolicy::Gap,
            _ => UrgentPolicy::Drop,
        },
        depth: if kind & 0x40 == 0 { 0 } else { 2_000 },
        reassembly_memcap: 200_000,
        max_regions: 8,
        host_os: AddressRange::parse("0.0.0.0/0")
            .map(|range| (range, SYSTEMS[usize::from(system) % SYSTEMS.len()]))
            .into_iter()
            .collect(),
        ..Config::default()
    };
    let mut lab = Lab {
        config,
        counters: Counters::default(),
        slot: None,
        is_honest,
        progress: [0; 2],
    };
    if is_honest || kind & 2 == 0 {
        lab.send(Direction::ToServer, Tcp::syn(1024, 80, CLIENT), &[]);
        let answer = Tcp::new(80, 1024, Header::SYN | Header::ACK);
        lab.send(
            Direction::ToClient,
            answer.at(SERVER, CLIENT.wrapping_add(1)),
            &[],
        );
        let ack = Tcp::new(1024, 80, Header::ACK);
        lab.send(
            Direction::ToServer,
            ack.at(CLIENT.wrapping_add(1), SERVER + 1),
            &[],
        );
    }
    for _ in 0..SEGMENTS_MAX {
        if input.is_empty() {
            break;
        }
        lab.segment(&mut input);
    }
    lab.finish();
}

impl Lab {
    fn segment(&mut self, input: &mut Input<'_>) {
        let control = input.byte();
        let flags = input.byte();
        let (seq, ack) = (input.word(), input.word());
        let window = input.word();
        let len = usize::from(input.byte()) << (control >> 6);
        let way = if control & 1 == 0 {
            Direction::ToServer
        } else {
            Direction::ToClient
        };
        let (own, other, ports) = match way {
            Direction::ToServer => (CLIENT, SERVER, (1024, 80)),
            Direction::ToClient => (SERVER, CLIENT, (80, 1024)),
        };
        // An honest end begins once, and sends at a place what belongs there.
        let flags = if self.is_honest {
            flags & !(Header::SYN | Header::URG) | Header::ACK
        } else {
            flags
        };
        let place = u64::from(seq);
        let body: Vec<u8> = if self.is_honest {
            (place..place + len as u64).map(truth).collect()
        } else {
            vec![input.byte(); len]
        };
        let mut tcp = Tcp::new(ports.0, ports.1, flags).at(
            own.wrapping_add(1).wrapping_add(u32::from(seq)),
            other.wrapping_add(1).wrapping_add(u32::from(ack)),
        );
        tcp.window = window;
        if !self.is_honest {
            tcp.urgent = window & 0xff;
            if control & 2 != 0 {
                tcp.options = [&[1, 1, 8, 10][..], input.take(8)].concat();
            }
        }
        self.send(way, tcp, &body);
    }

    fn send(&mut self, way: Direction, tcp: Tcp, body: &[u8]) {
        let (source, destination) = match way {
            Direction::ToServer => ("192.0.2.1", "192.0.2.2"),
            Direction::ToClient => ("192.0.2.2", "192.0.2.1"),
        };
        let bytes = Stack::raw()
            .ipv4(source, destination)
            .tcp(tcp)
            .payload(body)
            .bytes();
        let frame = Frame {
            time: Timestamp::new(1_700_000_000, 0),
            number: 1,
            data: &bytes,
            wire_len: bytes.len() as u32,
            link: LinkType::RAW,
        };
        let Lab {
            config,
            counters,
            slot,
            ..
        } = self;
        let mut outcome = None;
        Decoder::new(decode::packet::Config::default()).decode(&frame, |packet| {
            if let Transport::Tcp(header) = packet.transport {
                outcome = Some(Session::on_packet(
                    slot, config, counters, packet, &header, way,
                ));
            }
        });
        let Some(outcome) = outcome else { return };
        if outcome.needs_swap {
            self.progress.swap(0, 1);
        }
        for way in outcome.updates.iter() {
            self.serve(way);
        }
        self.look(way);
        assert!(
            self.counters.reassembly_memuse <= self.config.reassembly_memcap,
            "{} bytes are held",
            self.counters.reassembly_memuse
        );
    }

    /// The application takes what there is.
    fn serve(&mut self, way: Direction) {
        let Some(session) = &mut self.slot else {
            return;
        };
        let progress = &mut self.progress[usize::from(way)];
        loop {
            let len = match session.app_chunk(&self.config, way) {
                Chunk::Data(data) => {
                    assert!(!data.is_empty(), "bytes that are none");
                    let is_right = (*progress..).zip(data).all(|(at, byte)| *byte == truth(at));
                    assert!(
                        !self.is_honest || is_right,
                        "not what was sent at {progress}"
                    );
                    let len = data.len() as u64;
                    session.consume_app(way, len);
                    len
                }
                Chunk::Gap(len) => {
                    assert!(len > 0, "a gap of nothing");
                    session.skip_gap(way, len, &mut self.counters);
                    len
                }
                Chunk::None => break,
            };
            *progress += len;
            assert_eq!(session.app_progress(way), *progress);
        }
    }

    /// Stream signatures look, and what nobody needs is forgotten.
    fn look(&mut self, way: Direction) {
        let Some(session) = &mut self.slot else {
            return;
        };
        let view = session.raw(&self.config, way, None, true);
        let mut end = 0;
        for piece in &view.pieces {
            assert!(piece.offset >= end, "pieces overlap");
            end = piece.offset + piece.data.len() as u64;
            let is_right = (piece.offset..)
                .zip(piece.data)
                .all(|(at, byte)| *byte == truth(at));
            assert!(
                !self.is_honest || is_right,
                "not what was sent at {}",
                piece.offset
            );
        }
        let progress = view.progress;
        drop(view);
        session.advance_raw(way, progress);
        let _ = session.payload_window(&self.config, way);
        let _ = (
            session.stream_size(way),
            session.has_unseen(&self.config, way),
        );
        session.prune(&self.config, &mut self.counters, way);
    }

    fn finish(&mut self) {
        for way in Direction::BOTH {
            if let Some(session) = &mut self.slot {
                session.finish(way);
            }
            self.serve(way);
            self.look(way);
        }
        if let Some(mut session) = self.slot.take() {
            session.release(&mut self.counters);
        }
        let Counters {
            memuse,
            reassembly_memuse,
            active_sessions,
            ..
        } = self.counters;
        assert_eq!(
            (memuse, reassembly_memuse, active_sessions),
            (0, 0, 0),
            "memory is not given back"
        );
    }
}
