//! Golden captures: packets made here go in, and the records that come out are reviewed as diffs.

#[path = "../../decode/examples/example-capture/messages.rs"]
#[allow(dead_code)] // the example capture needs more of them
mod messages;
#[path = "golden/run.rs"]
mod run;
#[path = "../../decode/examples/example-capture/story.rs"]
mod story;

use decode::build::{Captured, Conversation, Stack, Tcp};
use decode::defrag::Policy;
use decode::packet::{LinkType, Tcp as Header};
use engine::config::Config;
use engine::tcp::OsPolicy;
use event::Direction::{ToClient, ToServer};
use event::address::AddressRange;
use event::{IpProtocol, Timestamp};
use run::{field, records, show};
use std::fmt::Write;

const RULES: &str = include_str!("../../../examples/example.rules");

#[test]
fn the_example_capture_is_told_as_reviewed() {
    let records = records(&story::frames(), RULES, Config::default());
    let mut kinds: Vec<&str> = records.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        insta::assert_snapshot!(format!("example_{kind}"), show(&records, kind));
    }
}

#[test]
fn every_rule_of_the_example_alerts() {
    let records = records(&story::frames(), RULES, Config::default());
    let rules = RULES.lines().filter(|line| line.starts_with("alert"));
    for rule in rules {
        let sid = rule
            .split("sid:")
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        let sid = sid.expect("a rule has a sid");
        let has_alert = records
            .iter()
            .any(|record| field(record, "alert.signature_id") == sid);
        assert!(has_alert, "nothing alerts: {rule}");
    }
}

fn moment(ms: u64) -> Timestamp {
    Timestamp::new(1_740_988_800, 0) + std::time::Duration::from_millis(ms)
}

fn ethernet(stack: &Stack, at: u64) -> Captured {
    Captured {
        time: moment(at),
        data: stack.bytes(),
        link: LinkType::ETHERNET,
    }
}

const CLIENT: &str = "192.0.2.10";
const SERVER: &str = "192.0.2.80";

/// A request whose middle is sent twice with other bytes, once starting before and once with it.
fn contested_request() -> Vec<Captured> {
    let up = |seq: u32, ack: u32, flags: u8, data: &[u8], at: u64| {
        let tcp =
            Tcp::new(40_000, 80, flags).at(1_000 + seq, if ack == 0 { 0 } else { 5_000 + ack });
        ethernet(
            &Stack::ethernet()
                .ipv4(CLIENT, SERVER)
                .tcp(tcp)
                .payload(data),
            at,
        )
    };
    let down = |seq: u32, ack: u32, flags: u8, data: &[u8], at: u64| {
        let tcp = Tcp::new(80, 40_000, flags).at(5_000 + seq, 1_000 + ack);
        ethernet(
            &Stack::ethernet()
                .ipv4(SERVER, CLIENT)
                .tcp(tcp)
                .payload(data),
            at,
        )
    };
    const DATA: u8 = Header::PSH | Header::ACK;
    vec![
        up(0, 0, Header::SYN, b"", 0),
        down(0, 1, Header::SYN | Header::ACK, b"", 1),
        up(1, 1, Header::ACK, b"", 2),
        // The line ends after `GET /`, 8 contested bytes and the protocol; its start comes last.
        up(8, 1, DATA, b"bbbb", 3),
        up(6, 1, DATA, b"ccccc", 4),
        up(8, 1, DATA, b"dddddd", 5),
        up(7, 1, DATA, b"eeeeeee", 6),
        up(14, 1, DATA, b" HTTP/1.1\r\nHost: a.example\r\n\r\n", 7),
        up(1, 1, DATA, b"GET /", 8),
        down(1, 44, DATA, b"HTTP/1.1 204 No Content\r\n\r\n", 9),
        up(44, 28, Header::ACK, b"", 10),
    ]
}

#[test]
fn overlapping_segments_are_read_as_the_receiver_reads_them() {
    let systems = [
        OsPolicy::Bsd,
        OsPolicy::OldLinux,
        OsPolicy::Linux,
        OsPolicy::Solaris,
        OsPolicy::Hpux10,
        OsPolicy::Hpux11,
        OsPolicy::Irix,
        OsPolicy::Macos,
        OsPolicy::Windows,
        OsPolicy::Vista,
        OsPolicy::Windows2k3,
        OsPolicy::First,
        OsPolicy::Last,
    ];
    let mut out = String::new();
    for system in systems {
        let mut config = Config::default();
        let all = AddressRange::parse("0.0.0.0/0").expect("a range");
        config.tcp.host_os = vec![(all, system)];
        for record in records(&contested_request(), "", config) {
            if record.0 == "http" {
                let _ = writeln!(out, "{system:?}: {}", field(&record, "http.url"));
            }
        }
    }
    insta::assert_snapshot!("overlapping_segments", out);
}

#[test]
fn overlapping_fragments_are_read_as_the_receiver_reads_them() {
    let whole = {
        let query = messages::dns_query(7, "aaaaaaaa.bbbbbbbbbbbbbbb.ccccccccccccccc.example", 1);
        let stack = Stack::ethernet().ipv4(CLIENT, "192.0.2.53");
        stack.udp(40_000, 53).payload(&query).bytes()[34..].to_vec()
    };
    let part = |from: usize, to: usize, letter: Option<u8>, at: u64| {
        let mut body = whole[from..to].to_vec();
        for byte in body.iter_mut().filter(|byte| byte.is_ascii_lowercase()) {
            *byte = letter.unwrap_or(*byte);
        }
        let stack = Stack::ethernet()
            .ipv4(CLIENT, "192.0.2.53")
            .id(9)
            .protocol(IpProtocol::UDP);
        ethernet(
            &stack.fragment(from as u16, to < whole.len()).payload(&body),
            at,
        )
    };
    let frames = [
        part(32, 40, Some(b'1'), 0),
        part(24, 48, Some(b'2'), 1),
        part(32, 56, Some(b'3'), 2),
        part(56, whole.len(), None, 3),
        part(40, 64, Some(b'4'), 4),
        part(0, 24, None, 5),
    ];
    let mut out = String::new();
    for policy in [
        Policy::Bsd,
        Policy::BsdRight,
        Policy::Linux,
        Policy::First,
        Policy::Last,
        Policy::Windows,
        Policy::Solaris,
    ] {
        let mut config = Config::default();
        config.decoder.defrag.policy = policy;
        for record in records(&frames, "", config) {
            match record.0 {
                "dns" => {
                    let queries = field(&record, "dns.queries");
                    let _ = writeln!(out, "{policy:?}: {queries}");
                }
                "anomaly" => {
                    let _ = writeln!(out, "{policy:?}: {}", field(&record, "anomaly.event"));
                }
                _ => {}
            }
        }
    }
    insta::assert_snapshot!("overlapping_fragments", out);
}

#[test]
fn a_gap_cuts_the_file_and_nothing_else() {
    let mut talk = Conversation::between("192.0.2.10:40000", "192.0.2.80:80").segments_of(100);
    talk.handshake()
        .client(b"GET /big.txt HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server(
            &[
                &b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n"[..],
                &[b'x'; 400],
            ]
            .concat(),
        )
        .client(b"GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        .finish();
    let mut frames = talk.into_frames();
    // The third segment of the answer is lost on the way to us, but not to the client.
    frames.remove(3 + 2 + 2);
    let rules = "alert http any any -> any any (msg:\"x\"; file.data; content:\"xxxx\"; sid:1;)";
    let records = records(&frames, rules, Config::default());
    let shown = ["http", "fileinfo", "anomaly", "alert"].map(|kind| show(&records, kind));
    insta::assert_snapshot!("gap", shown.concat());
}

#[test]
fn pipelined_requests_keep_their_answers() {
    let mut talk = Conversation::between("[2001:db8::10]:40000", "[2001:db8::80]:8080");
    let requests: String = (1..=3)
        .map(|n| format!("GET /{n} HTTP/1.1\r\nHost: h{n}.example\r\n\r\n"))
        .collect();
    talk.handshake()
        .client(requests.as_bytes())
        .server(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 404 Not Found\r\n")
        .server(
            b"Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 500 No\r\n\r\nthree",
        )
        .finish();
    let rules = "alert http any any -> any any (msg:\"second\"; http.uri; content:\"/2\"; sid:1;)\n\
        alert http any any -> any any (msg:\"two\"; file.data; content:\"two\"; sid:2;)\n\
        alert http any any -> any any (msg:\"three\"; http.stat_code; content:\"500\"; sid:3;)";
    let records = records(talk.frames(), rules, Config::default());
    let shown = ["http", "fileinfo", "alert"].map(|kind| show(&records, kind));
    insta::assert_snapshot!("pipelined", shown.concat());
}

#[test]
fn what_tunnels_carry_is_inspected() {
    let query = |id: u16, name: &str| messages::dns_query(id, name, 1);
    let v4 = || Stack::ethernet().ipv4(CLIENT, SERVER);
    let v6 = || Stack::ethernet().ipv6("2001:db8::10", "2001:db8::80");
    let dns = |stack: Stack, name: &str| {
        let stack = stack.ipv4("198.51.100.1", "198.51.100.53");
        stack.udp(40_000, 53).payload(&query(1, name))
    };
    let dns_v6 = |stack: Stack, name: &str| {
        let stack = stack.ipv6("2001:db8:1::1", "2001:db8:1::53");
        stack.udp(40_000, 53).payload(&query(1, name))
    };
    let teredo = dns_v6(Stack::raw(), "teredo.example").bytes();
    let stacks = [
        dns(v4(), "ip-in-ip.example"),
        dns_v6(v4(), "six-in-four.example"),
        dns(v6(), "four-in-six.example"),
        dns(v4().gre(), "gre.example"),
        dns(v4().erspan(5).inner_ethernet(), "erspan.example"),
        dns(v4().vxlan(77).inner_ethernet(), "vxlan.example"),
        dns(v6().geneve(78).inner_ethernet(), "geneve.example"),
        v4().udp(3544, 3544).payload(&teredo),
        dns(Stack::ethernet().provider_vlan(2).vlan(3), "qinq.example"),
        dns(
            Stack::ethernet().mpls(16, false).mpls(17, true),
            "mpls.example",
        ),
        dns(Stack::ethernet().pppoe(), "pppoe.example"),
        dns(v4().gre().ipv4(SERVER, CLIENT), "three-deep.example"),
    ];
    let frames: Vec<Captured> = (0..)
        .zip(&stacks)
        .map(|(at, stack)| ethernet(stack, at))
        .collect();
    let rules =
        "alert dns any any -> any any (msg:\"any name\"; dns.query; content:\".example\"; sid:1;)";
    let records = records(&frames, rules, Config::default());
    let mut out = String::new();
    for record in &records {
        if record.0 == "alert" {
            let name = field(record, "dns.queries");
            let source = field(record, "pkt_src");
            let (vlan, tunnel) = (field(record, "vlan"), field(record, "tunnel"));
            let _ = writeln!(out, "{name}\n  {source} vlan {vlan} tunnel {tunnel}");
        }
    }
    insta::assert_snapshot!("tunnels", out + &show(&records, "anomaly"));
}

#[test]
fn a_connection_that_breaks_off_is_told_to_its_end() {
    let mut talk = Conversation::between("192.0.2.10:40000", "192.0.2.80:25");
    talk.handshake()
        .server(b"220 mx.example\r\n")
        .client(b"HELO a\r\nMAIL FROM:<a@b.example>\r\n")
        .reset(ToClient)
        .datagram(ToServer, b"late");
    let records = records(talk.frames(), "", Config::default());
    let shown = ["smtp", "anomaly", "flow"].map(|kind| show(&records, kind));
    insta::assert_snapshot!("reset", shown.concat());
}
