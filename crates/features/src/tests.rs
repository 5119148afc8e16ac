//! Conversations in, flows out.

use crate::columns::Value;
use crate::{Definition, End, Flow, Meter, Seen, Settings};
use decode::build::{Captured, Conversation};
use decode::packet::{Config, Decoder};
use event::Direction;
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

type Row = HashMap<&'static str, Value>;

fn measure(frames: &[Captured], settings: Settings) -> Vec<(Row, End)> {
    let mut decoder = Decoder::new(Config::default());
    let mut meter = Meter::new(settings);
    let mut rows = Vec::new();
    let mut tell = |flow: &Flow, end| {
        let mut row = Row::new();
        flow.columns(&mut |name, value| {
            row.insert(name, value);
        });
        rows.push((row, end));
    };
    for (at, frame) in frames.iter().enumerate() {
        decoder.decode(&frame.frame(at as u64 + 1), |packet| {
            if let Some(seen) = Seen::of(packet, settings.definition) {
                meter.add(&seen, &mut tell);
            }
        });
    }
    meter.finish(&mut tell);
    rows
}

fn flows(frames: &[Captured], definition: Definition) -> Vec<Row> {
    let settings = Settings {
        definition,
        ..Settings::default()
    };
    measure(frames, settings)
        .into_iter()
        .map(|(row, _)| row)
        .collect()
}

fn number(row: &Row, name: &str) -> f64 {
    match row.get(name) {
        Some(Value::Whole(number)) => *number as f64,
        Some(Value::Real(number)) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

/// Handshake, 300 bytes up, 5000 down in segments of 1000, and the end.
fn download() -> Vec<Captured> {
    let mut talk = Conversation::between("192.0.2.1:40000", "198.51.100.2:80")
        .every(Duration::from_millis(10))
        .segments_of(1000)
        .without_acknowledgements();
    talk.handshake()
        .client(&[b'a'; 300])
        .server(&[b'b'; 5000])
        .finish();
    talk.into_frames()
}

#[test]
fn a_connection_is_one_flow_until_both_sides_have_closed_it() {
    let rows = flows(&download(), Definition::Corrected);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(number(row, "Total Length of Fwd Packet"), 300.0);
    assert_eq!(number(row, "Total Length of Bwd Packet"), 5000.0);
    assert_eq!(number(row, "Bwd Packet Length Max"), 1000.0);
    assert_eq!(number(row, "FIN Flag Count"), 2.0);
    assert_eq!(number(row, "SYN Flag Count"), 2.0);
    assert_eq!(number(row, "Total TCP Retrans. Count"), 0.0);
    assert_eq!(number(row, "Flow IAT Mean"), 10_000.0);
}

#[test]
fn five_segments_in_a_row_are_a_bulk() {
    let rows = flows(&download(), Definition::Corrected);
    assert_eq!(number(&rows[0], "Bwd Bytes/Bulk Avg"), 5000.0);
    assert_eq!(number(&rows[0], "Bwd Packet/Bulk Avg"), 5.0);
    assert_eq!(number(&rows[0], "Bwd Bulk Rate Avg"), 125_000.0);
    assert_eq!(number(&rows[0], "Fwd Bytes/Bulk Avg"), 0.0);
}

#[test]
fn the_original_splits_a_connection_at_the_first_fin_of_the_answering_side() {
    let mut talk = Conversation::between("192.0.2.1:40000", "198.51.100.2:80");
    talk.handshake().client(b"GET").server(b"200");
    talk.segment(Direction::ToClient, 0x11, b"")
        .segment(Direction::ToServer, 0x11, b"");
    talk.segment(Direction::ToClient, 0x10, b"");
    let frames = talk.into_frames();
    assert_eq!(flows(&frames, Definition::Corrected).len(), 1);
    assert_eq!(flows(&frames, Definition::Engelen).len(), 1);
    assert_eq!(flows(&frames, Definition::Cicflowmeter).len(), 2);
}

#[test]
fn the_original_leaves_out_flows_of_one_packet() {
    let mut talk = Conversation::between("192.0.2.1:40000", "198.51.100.2:53");
    talk.datagram(Direction::ToServer, b"question");
    let frames = talk.into_frames();
    assert_eq!(flows(&frames, Definition::Corrected).len(), 1);
    assert_eq!(flows(&frames, Definition::Cicflowmeter).len(), 0);
}

#[test]
fn a_segment_that_is_sent_again_counts_as_such() {
    let mut talk =
        Conversation::between("192.0.2.1:40000", "198.51.100.2:80").without_acknowledgements();
    talk.handshake().client(b"hello");
    let mut frames = talk.into_frames();
    let again = frames.last().cloned().expect("frames");
    frames.push(again);
    let rows = flows(&frames, Definition::Corrected);
    assert_eq!(number(&rows[0], "Total TCP Retrans. Count"), 1.0);
}

#[test]
fn a_flow_ends_after_the_time_it_may_last_and_goes_on_as_another() {
    let mut talk = Conversation::between("192.0.2.1:40000", "198.51.100.2:80");
    talk.handshake();
    for _ in 0..3 {
        talk.client(b"beat").wait(Duration::from_secs(50));
    }
    talk.client(b"beat");
    let rows = flows(&talk.into_frames(), Definition::Corrected);
    assert_eq!(rows.len(), 2);
    assert!(number(&rows[1], "Total Connection Flow Time") > 140e6);
    assert!((50e6..51e6).contains(&number(&rows[0], "Idle Max")));
}

#[test]
fn ipv6_has_flows_of_its_own_in_the_corrected_definition_alone() {
    let mut talk = Conversation::between("[2001:db8::1]:40000", "[2001:db8::2]:80");
    talk.handshake();
    let frames = talk.into_frames();
    assert_eq!(flows(&frames, Definition::Corrected).len(), 1);
    assert_eq!(flows(&frames, Definition::Engelen).len(), 0);
}

#[test]
fn the_table_never_has_more_flows_than_it_may_and_loses_none() {
    let mut frames = Vec::new();
    for port in 1000..1100 {
        let mut talk = Conversation::between(&format!("192.0.2.1:{port}"), "198.51.100.2:53");
        talk.datagram(Direction::ToServer, b"question");
        frames.extend(talk.into_frames());
    }
    let settings = Settings {
        flows_max: 32,
        ..Settings::default()
    };
    let rows = measure(&frames, settings);
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().any(|(_, end)| *end == End::Evicted));
}

#[test]
fn there_are_84_columns_and_94() {
    assert_eq!(
        crate::columns::names(Definition::Cicflowmeter, false).len(),
        84
    );
    assert_eq!(crate::columns::names(Definition::Engelen, false).len(), 94);
    assert_eq!(
        crate::columns::names(Definition::Corrected, false).len(),
        94
    );
}

proptest! {
    /// Whatever packets come: every flow is told once, with numbers that are numbers.
    #[test]
    fn any_packets_give_finite_features(
        packets in proptest::collection::vec(
            (0i64..400_000_000, 0u8..4, 0u16..3, any::<u8>(), 0u32..1500, any::<u32>(), any::<bool>()),
            0..200,
        ),
    ) {
        for definition in [Definition::Corrected, Definition::Engelen, Definition::Cicflowmeter] {
            let mut meter = Meter::new(Settings { definition, flows_max: 4, ..Settings::default() });
            let mut counted = 0;
            let mut tell = |flow: &Flow, _| {
                counted += flow.packets();
                flow.columns(&mut |name, value| {
                    if let (Value::Real(number), Definition::Corrected) = (value, definition) {
                        assert!(number.is_finite(), "{name}");
                    }
                });
            };
            for (time, host, port, flags, payload, sequence, is_tcp) in &packets {
                let seen = Seen {
                    time: *time,
                    source: [192, 0, 2, *host].into(),
                    destination: [192, 0, 2, 3 - *host].into(),
                    source_port: *port,
                    destination_port: 2 - *port,
                    protocol: if *is_tcp { 6 } else { 17 },
                    flags: if *is_tcp { *flags } else { 0 },
                    payload: *payload,
                    header: 20,
                    window: 1,
                    numbers: (*sequence, 0),
                    icmp: None,
                    content: &[],
                };
                meter.add(&seen, &mut tell);
                prop_assert!(meter.open() <= 4);
            }
            meter.finish(&mut tell);
            if definition != Definition::Cicflowmeter {
                prop_assert_eq!(counted, packets.len() as u64);
            }
        }
    }
}
