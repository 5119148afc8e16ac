//! How fast traffic is inspected: literals alone, and whole engines with and without rules.

#![expect(
    missing_docs,
    reason = "criterion's macro makes a function without one"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use decode::build::{Captured, Conversation};
use engine::config::Config;
use engine::detect::{Detector, Options, Ruleset, Settings};
use engine::output::Collected;
use engine::pipeline::Engine;
use engine::records::{Recorder, Source};
use matcher::{Literal, LiteralSet, Scratch};
use std::hint::black_box;
use std::sync::Arc;

/// Requests of one measurement.
const REQUESTS: u32 = 200;

/// Text as servers send it, with no repetition that a search could gain from.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"etaoin shrdlu</>=\".0123456789ABCDEF"[(state >> 16) as usize % 35]
    };
    (0..len).map(|_| next()).collect()
}

fn literals(c: &mut Criterion) {
    let data = text(64 * 1024);
    let mut group = c.benchmark_group("literals");
    group.throughput(Throughput::Bytes(data.len() as u64));
    for count in [10, 1000, 10_000] {
        let texts: Vec<String> = (0..count).map(|n| format!("/needle{n}.php")).collect();
        let literals: Vec<Literal<'_>> = (0..)
            .zip(&texts)
            .map(|(id, text)| Literal {
                bytes: text.as_bytes(),
                is_nocase: id % 2 == 0,
                id,
            })
            .collect();
        let set = LiteralSet::compile(&literals).expect("the literals are well-formed");
        let mut scratch = Scratch::new();
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                set.scan(&data, &mut scratch, |id, end| {
                    black_box((id, end));
                    true
                })
            });
        });
    }
    group.finish();
}

/// `count` rules, half on the request's URI, half on the response's body.
fn rules(count: usize) -> Arc<Ruleset> {
    let text: String = (1..=count)
        .map(|sid| {
            let sought = if sid % 2 == 0 {
                format!("flow:to_server; http.uri; content:\"/needle{sid}.php\"; nocase;")
            } else {
                format!("flow:to_client; file.data; content:\"needle{sid}\"; pcre:\"/x{sid}$/\";")
            };
            format!("alert http any any -> any any (msg:\"{sid}\"; {sought} sid:{sid};)\n")
        })
        .collect();
    let mut set = rules::RuleSet::default();
    set.add(rules::parse_file(
        "bench",
        text.as_bytes(),
        &rules::Context::default(),
    ));
    let (set, refused) = Ruleset::build(set.into_loaded().collect(), Options::default())
        .expect("the literals are well-formed");
    assert!(refused.is_empty(), "{refused:?}");
    Arc::new(set)
}

fn web(body: &[u8]) -> Vec<Captured> {
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80");
    talk.handshake();
    for n in 0..REQUESTS {
        let request =
            format!("GET /page/{n}?a=b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: bench\r\n\r\n");
        let mut response =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        response.extend_from_slice(body);
        talk.client(request.as_bytes()).server(&response);
    }
    talk.finish();
    talk.into_frames()
}

fn engines(c: &mut Criterion) {
    let frames = web(&text(4000));
    let bytes: usize = frames.iter().map(|frame| frame.data.len()).sum();
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Bytes(bytes as u64));
    for count in [0, 100, 5000] {
        let set = rules(count);
        group.bench_function(BenchmarkId::new("rules", count), |b| {
            b.iter(|| {
                let detector = Detector::new(set.clone(), Settings::default());
                let recorder = Recorder::new(Vec::new(), Source::default());
                let mut engine = Engine::new(Config::default(), detector, recorder);
                let mut to = Collected::default();
                for (number, captured) in (1..).zip(&frames) {
                    engine.on_frame(&captured.frame(number), &mut to);
                }
                engine.finish(&mut to);
                to.records.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, literals, engines);
criterion_main!(benches);
