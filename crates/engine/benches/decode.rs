//! How fast frames become packets: plain ones, tunnelled ones, and a mix of conversations.

#![expect(
    missing_docs,
    reason = "criterion's macro makes a function without one"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use decode::build::{Captured, Conversation, Stack, Tcp};
use decode::packet::{Config, Decoder, LinkType, Packet};
use event::{Direction, Timestamp};
use std::hint::black_box;

/// Frames of one measurement.
const FRAMES: usize = 1000;

fn repeated(stack: &Stack) -> Vec<Captured> {
    let frame = Captured {
        time: Timestamp::new(1_704_067_200, 0),
        data: stack.bytes(),
        link: LinkType::ETHERNET,
    };
    vec![frame; FRAMES]
}

fn tcp() -> Tcp {
    Tcp::new(40_000, 80, decode::packet::Tcp::ACK).at(1, 1)
}

fn conversations() -> Vec<Captured> {
    let mut frames = Vec::new();
    for port in 0..100 {
        let client = format!("10.0.0.1:{}", 20_000 + port);
        let mut web = Conversation::between(&client, "10.0.0.2:80");
        web.handshake()
            .client(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
            .server(&[b'x'; 4000])
            .finish();
        frames.extend(web.into_frames());
        let mut name = Conversation::between(&client, "10.0.0.3:53");
        name.datagram(Direction::ToServer, &[7; 40])
            .datagram(Direction::ToClient, &[7; 120]);
        frames.extend(name.into_frames());
    }
    frames
}

fn decode(c: &mut Criterion) {
    let plain = Stack::ethernet().ipv4("10.0.0.1", "10.0.0.2");
    let inner = |outer: Stack| outer.ipv4("10.1.0.1", "10.1.0.2").tcp(tcp());
    let shapes = [
        (
            "tcp",
            repeated(&plain.clone().tcp(tcp()).payload(&[b'x'; 1000])),
        ),
        (
            "vlan-ipv6-udp",
            repeated(
                &Stack::ethernet()
                    .vlan(7)
                    .ipv6("2001:db8::1", "2001:db8::2")
                    .udp(40_000, 53)
                    .payload(&[b'x'; 100]),
            ),
        ),
        ("gre", repeated(&inner(plain.clone().gre()))),
        ("ip-in-ip", repeated(&inner(plain))),
        ("conversations", conversations()),
    ];
    let mut group = c.benchmark_group("decode");
    for (name, frames) in &shapes {
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(*name, |b| {
            let mut decoder = Decoder::new(Config::default());
            b.iter(|| {
                for (number, captured) in frames.iter().enumerate() {
                    decoder.decode(&captured.frame(number as u64), |packet: &Packet<'_>| {
                        black_box(packet);
                    });
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
