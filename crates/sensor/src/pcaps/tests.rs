//! Packets of flows: remembered, kept, written, found again, deleted.

use super::ring::Ring;
use super::writer::Files;
use super::*;
use decode::build::Conversation;
use decode::capture::Reader;
use decode::packet::Frame;
use engine::output::Fate;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn head(flow: u64, secs: i64) -> Head {
    Head {
        flow,
        time: Timestamp::new(secs, 7),
        wire_len: 1500,
        link: LinkType::ETHERNET,
    }
}

fn fate(flow: u64, is_flow_alerted: bool) -> Fate {
    Fate {
        flow: Some(flow),
        is_flow_alerted,
        ..Fate::default()
    }
}

fn frame(data: &[u8], secs: i64) -> Frame<'_> {
    Frame {
        time: Timestamp::new(secs, 0),
        number: 0,
        data,
        wire_len: data.len() as u32,
        link: LinkType::ETHERNET,
    }
}

/// Packets of a flow in the folder: seconds and bytes of each.
fn found(folder: &Path, flow: u64, secs: i64) -> Vec<(i64, Vec<u8>)> {
    let Some(file) = find(folder, flow, secs).expect("the folder can be read") else {
        return Vec::new();
    };
    let mut reader = Reader::new(file).expect("it is a capture");
    let mut packets = Vec::new();
    while let Some(frame) = reader.next().expect("it is whole") {
        packets.push((frame.time.secs(), frame.data.to_vec()));
    }
    packets
}

fn start(folder: &Path, flow_max: usize) -> (Writer, Tap) {
    let writer = Writer::start(folder, (64 << 10, flow_max, 1 << 20)).expect("it starts");
    let tap = writer.tap();
    (writer, tap)
}

#[test]
fn a_flow_that_alerts_is_kept_from_before_until_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (writer, mut tap) = start(folder.path(), 10_000);
    tap.packet(&frame(b"other", 100), &fate(1, false));
    tap.packet(&frame(b"first", 100), &fate(2, false));
    tap.packet(&frame(b"more of the other", 101), &fate(1, false));
    tap.alerted(2);
    tap.packet(&frame(b"this one", 102), &fate(2, true));
    tap.packet(&frame(b"more of the other", 103), &fate(1, false));
    tap.packet(&frame(b"and after", 103), &fate(2, true));
    tap.flow_end(2);
    tap.flush();
    drop(tap);
    let counts = writer.stop();
    assert_eq!((counts.flows, counts.packets), (1, 3));
    let packets = found(folder.path(), 2, 102);
    let expected = [
        (100, b"first".to_vec()),
        (102, b"this one".to_vec()),
        (103, b"and after".to_vec()),
    ];
    assert_eq!(packets, expected);
    assert_eq!(found(folder.path(), 1, 102), []);
    // Long before its first packet there was nothing of it.
    assert_eq!(found(folder.path(), 2, 50), []);
}

#[test]
fn a_flow_that_alerts_at_its_end_is_kept_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (writer, mut tap) = start(folder.path(), 10_000);
    tap.packet(&frame(b"only", 100), &fate(2, false));
    tap.alerted(2);
    tap.flow_end(2);
    tap.flush();
    drop(tap);
    writer.stop();
    assert_eq!(found(folder.path(), 2, 100).len(), 1);
}

#[test]
fn one_flow_fills_no_more_than_its_share() {
    let folder = tempfile::tempdir().expect("a folder");
    let (writer, mut tap) = start(folder.path(), 5_000);
    for secs in 0..10 {
        tap.packet(&frame(&[1; 1000], secs), &fate(2, false));
    }
    tap.alerted(2);
    for secs in 10..20 {
        tap.packet(&frame(&[2; 1000], secs), &fate(2, true));
    }
    tap.flush();
    drop(tap);
    writer.stop();
    let packets = found(folder.path(), 2, 19);
    let seconds: Vec<i64> = packets.iter().map(|(secs, _)| *secs).collect();
    // Half of it from before: the alert's own packet is the latest of these.
    assert_eq!(seconds, [9, 10, 11, 12, 13]);
}

#[test]
fn files_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("pcap");
    let mut files = Files::open(&root, 1 << 20, Arc::default()).expect("it opens");
    let mut batch = Batch::default();
    batch.push(head(0x1_0003, 5), b"x");
    files.take(&batch);
    let mode = |path: &Path| {
        let about = std::fs::metadata(path).expect("it is there");
        about.permissions().mode() & 0o777
    };
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("03")), 0o700);
    assert_eq!(mode(&root.join("03/65539-5.pcap")), 0o600);
}

#[test]
fn the_oldest_files_make_room_for_others_also_after_a_new_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let tally = Arc::new(Tally::default());
    let mut files = Files::open(folder.path(), 40_960, tally.clone()).expect("it opens");
    let write = |files: &mut Files, flow: u64| {
        let mut batch = Batch::default();
        batch.push(head(flow, flow as i64), &[0; 5000]);
        files.take(&batch);
        // Files are told apart by when they were written.
        std::thread::sleep(Duration::from_millis(5));
    };
    (0..20).for_each(|flow| write(&mut files, flow));
    let left: Vec<u64> = (0..20)
        .filter(|flow| !found(folder.path(), *flow, *flow as i64).is_empty())
        .collect();
    assert_eq!(left, [15, 16, 17, 18, 19]);
    assert_eq!(tally.read().deleted_files, 15);
    drop(files);
    let mut files = Files::open(folder.path(), 40_960, tally).expect("it opens");
    (20..22).for_each(|flow| write(&mut files, flow));
    let is_there = |flow: u64| !found(folder.path(), flow, flow as i64).is_empty();
    assert_eq!([15, 16, 17, 21].map(is_there), [false, false, true, true]);
}

#[test]
fn a_flow_that_comes_back_has_a_file_for_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    for secs in [1_000, 9_000] {
        let mut files = Files::open(folder.path(), 1 << 20, Arc::default()).expect("it opens");
        let mut batch = Batch::default();
        batch.push(head(7, secs), b"x");
        batch.push(head(7, secs + 1), b"y");
        files.take(&batch);
    }
    assert_eq!(found(folder.path(), 7, 1_001)[0].0, 1_000);
    assert_eq!(found(folder.path(), 7, 9_001)[0].0, 9_000);
}

#[test]
fn what_the_engine_alerts_on_is_found_by_its_flow_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let (writer, tap) = start(folder.path(), 100_000);
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80");
    talk.handshake()
        .client(b"GET /attack HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .finish();
    let rules = "alert http any any -> any any (http.uri; content:\"/attack\"; sid:1;)";
    let mut set = rules::RuleSet::default();
    let context = rules::Context::default();
    set.add(rules::parse_file("t", rules.as_bytes(), &context));
    let built = engine::detect::Ruleset::build(set.into_loaded().collect(), Default::default());
    let (ruleset, _) = built.expect("it builds");
    let detector = engine::detect::Detector::new(Arc::new(ruleset), Default::default());
    let eve = engine::records::EveConfig {
        alert: Some(Default::default()),
        ..Default::default()
    };
    let recorder = engine::records::Recorder::new(vec![eve], Default::default());
    let mut engine = engine::pipeline::Engine::new(Default::default(), detector, recorder);
    let (tell, told) = std::sync::mpsc::channel();
    let sink = crate::sink::FnSink::new(move |_, _, line: &[u8]| {
        tell.send(String::from_utf8_lossy(line).into_owned())
            .is_ok()
    });
    let mut out = crate::worker::Counting::new(Box::new(sink), Some(tap));
    for frame in talk.frames() {
        engine.on_frame(&frame.frame(0), &mut out);
    }
    engine.finish(&mut out);
    out.flush();
    drop(out);
    writer.stop();
    let record: serde_json::Value =
        serde_json::from_str(&told.recv().expect("it alerts")).expect("it is JSON");
    let flow = record["flow_id"].as_u64().expect("it has a flow");
    let secs = talk.frames()[0].time.secs();
    let packets = found(folder.path(), flow, secs);
    let sent: Vec<Vec<u8>> = talk.frames().iter().map(|f| f.data.clone()).collect();
    let kept: Vec<Vec<u8>> = packets.into_iter().map(|(_, data)| data).collect();
    assert_eq!(kept, sent);
}

proptest! {
    #[test]
    fn the_ring_remembers_the_latest_packets_whole(
        packets in proptest::collection::vec((0u64..4, 0usize..900), 1..300),
    ) {
        let mut ring = Ring::new(4096);
        let mut sent: Vec<Vec<(i64, Vec<u8>)>> = vec![Vec::new(); 4];
        for (at, (flow, len)) in packets.iter().enumerate() {
            let data = vec![at as u8; *len];
            ring.push(head(*flow, at as i64), &data);
            sent[*flow as usize].push((at as i64, data));
        }
        let last = packets.len() as i64 - 1;
        for flow in 0..4_u64 {
            let kept: Vec<(i64, Vec<u8>)> = ring
                .of(flow, usize::MAX)
                .into_iter()
                .map(|(head, data)| (head.time.secs(), data.to_vec()))
                .collect();
            let of = &sent[flow as usize];
            prop_assert!(of.ends_with(&kept));
            // A lap holds at least these, however their lengths fall.
            if let Some(latest) = of.last().filter(|(at, _)| *at > last - 3) {
                prop_assert_eq!(kept.last(), Some(latest));
            }
        }
        prop_assert!(ring.of(9, usize::MAX).is_empty());
    }
}
