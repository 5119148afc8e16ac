//! How fast TCP is tracked and put in order: in order, out of order, sent twice, in small segments.

#![expect(
    missing_docs,
    reason = "criterion's macro makes a function without one"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use decode::build::{Captured, Conversation};
use decode::packet::{Decoder, Packet, Transport};
use engine::tcp::{Chunk, Config, Counters, Session};
use event::Direction;

/// Bytes that the server sends.
const BODY: usize = 512 * 1024;
/// Packets of the handshake, which stay in their place.
const HANDSHAKE: usize = 3;
/// Segments between two acknowledgements.
const BURST: usize = 8;

fn download(segment: usize) -> Vec<Captured> {
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80").segments_of(segment);
    talk.handshake().client(b"GET / HTTP/1.0\r\n\r\n");
    for part in vec![b'x'; BODY].chunks(segment * BURST) {
        talk.server(part);
    }
    talk.finish();
    talk.into_frames()
}

/// The same frames with each burst of the server turned around, so that acknowledgements still
/// come last.
fn disordered(mut frames: Vec<Captured>) -> Vec<Captured> {
    let body = frames.get_mut(HANDSHAKE + 2..).unwrap_or_default();
    for burst in body.chunks_exact_mut(BURST + 1) {
        burst[..BURST].reverse();
    }
    frames
}

fn doubled(frames: Vec<Captured>) -> Vec<Captured> {
    frames
        .into_iter()
        .flat_map(|frame| [frame.clone(), frame])
        .collect()
}

/// Follows a conversation to its end; gives the bytes that an application would have seen.
fn follow(frames: &[Captured], decoder: &mut Decoder, config: &Config) -> u64 {
    let (mut slot, mut counters, mut seen) = (None, Counters::default(), 0);
    for (number, captured) in frames.iter().enumerate() {
        decoder.decode(&captured.frame(number as u64), |packet: &Packet<'_>| {
            let Transport::Tcp(tcp) = packet.transport else {
                return;
            };
            let way = if tcp.destination_port == 80 {
                Direction::ToServer
            } else {
                Direction::ToClient
            };
            let outcome = Session::on_packet(&mut slot, config, &mut counters, packet, &tcp, way);
            let Some(session) = slot.as_deref_mut() else {
                return;
            };
            for side in outcome.updates.iter() {
                while let Chunk::Data(data) = session.app_chunk(config, side) {
                    let len = data.len() as u64;
                    seen += len;
                    session.consume_app(side, len);
                }
            }
            session.prune(config, &mut counters, way);
        });
    }
    seen
}

fn stream(c: &mut Criterion) {
    let shapes = [
        ("in-order", download(1460)),
        ("out-of-order", disordered(download(1460))),
        ("sent-twice", doubled(download(1460))),
        ("small-segments", download(64)),
    ];
    let mut group = c.benchmark_group("stream");
    let config = Config::default();
    for (name, frames) in &shapes {
        group.throughput(Throughput::Bytes(BODY as u64));
        group.bench_function(*name, |b| {
            let mut decoder = Decoder::new(decode::packet::Config::default());
            b.iter(|| follow(frames, &mut decoder, &config));
        });
    }
    group.finish();
}

criterion_group!(benches, stream);
criterion_main!(benches);
