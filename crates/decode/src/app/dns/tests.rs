//! What DNS makes of messages, datagrams and streams.

use super::*;
use crate::app::{Config, Context, Field, LogFor, LogOptions, Outcome, Parser, Probe, ProbeInput};
use event::json::Writer;
use event::{Buffer, Direction, Number, Timestamp};
use proptest::prelude::*;

/// A message under construction.
struct Build(Vec<u8>);

impl Build {
    fn new(flags: u16, counts: [u16; 4]) -> Self {
        let mut bytes = Vec::new();
        for word in [0x1234, flags].into_iter().chain(counts) {
            bytes.extend_from_slice(&u16::to_be_bytes(word));
        }
        Build(bytes)
    }

    fn name(mut self, name: &str) -> Self {
        for label in name.split('.').filter(|label| !label.is_empty()) {
            self.0.push(u8::try_from(label.len()).unwrap());
            self.0.extend_from_slice(label.as_bytes());
        }
        self.0.push(0);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn words<const N: usize>(mut self, words: [u16; N]) -> Self {
        words
            .iter()
            .for_each(|word| self.0.extend_from_slice(&word.to_be_bytes()));
        self
    }

    fn query(self, name: &str, rrtype: u16) -> Self {
        self.name(name).words([rrtype, 1])
    }

    /// A record for the name that the first question stands for.
    fn record(self, rrtype: u16, data: &[u8]) -> Self {
        let len = u16::try_from(data.len()).unwrap();
        self.raw(&[0xc0, 12])
            .words([rrtype, 1, 0, 60, len])
            .raw(data)
    }
}

fn request() -> Vec<u8> {
    Build::new(0x0100, [1, 0, 0, 0])
        .query("www.example.com", 1)
        .0
}

fn response() -> Vec<u8> {
    Build::new(0x8180, [1, 3, 1, 1])
        .query("www.example.com", 1)
        .record(5, &[1, b'x', 0xc0, 16])
        .record(1, &[192, 0, 2, 7])
        .record(16, b"\x02hi\x03you")
        .record(
            6,
            &[&[0xc0, 16, 0xc0, 12][..], &[0, 0, 0, 9].repeat(5)].concat(),
        )
        .raw(&[0])
        .words([41, 4096, 0, 0, 6, 10, 2, 0xabcd])
        .0
}

fn context(is_udp: bool) -> Context {
    Context {
        now: Timestamp::default(),
        client_port: 40_000,
        server_port: 53,
        is_udp,
        is_midstream: false,
    }
}

fn parser() -> Box<dyn Parser> {
    (DNS.create)(&Config::default())
}

fn record(parser: &dyn Parser, id: u64) -> String {
    record_with(parser, id, &LogOptions::default())
}

fn record_with(parser: &dyn Parser, id: u64, options: &LogOptions) -> String {
    let tx = parser.tx(id).unwrap();
    let mut out = Writer::new();
    out.begin();
    tx.log(LogFor::Record(options), &mut out);
    out.end();
    String::from_utf8(out.into_bytes()).unwrap()
}

fn names(parser: &dyn Parser, id: u64, buffer: Buffer, direction: Direction) -> Vec<String> {
    let tx = parser.tx(id).unwrap();
    let mut names = Vec::new();
    while let Field::Whole(name) = tx.field(buffer, direction, names.len()) {
        names.push(String::from_utf8_lossy(&name).into_owned());
    }
    names
}

/// Everything that is told of a stream cut at `cuts`.
fn told(stream: &[u8], direction: Direction, cuts: &[usize]) -> Vec<String> {
    let mut parser = parser();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.push(stream.len());
    cuts.sort_unstable();
    let mut start = 0;
    for cut in cuts {
        if parser.on_data(&context(false), direction, &stream[start..cut]) != Outcome::Taken {
            break;
        }
        start = cut;
    }
    parser
        .tx_range()
        .map(|id| {
            format!(
                "{} {:?}",
                record(&*parser, id),
                parser.tx(id).unwrap().events()
            )
        })
        .collect()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [
        &u16::try_from(message.len()).unwrap().to_be_bytes(),
        message,
    ]
    .concat()
}

#[test]
fn records_a_request() {
    let mut parser = parser();
    parser.on_data(&context(true), Direction::ToServer, &request());
    assert_eq!(
        record(&*parser, 0),
        r#"{"dns":{"version":3,"type":"request","tx_id":0,"id":4660,"flags":"100","rd":true,"opcode":0,"rcode":"NOERROR","queries":[{"rrname":"www.example.com","rrtype":"A"}]}}"#
    );
    let tx = parser.tx(0).unwrap();
    assert_eq!(
        tx.record_direction(&LogOptions::default()),
        Some(Direction::ToServer)
    );
    assert_eq!(
        tx.number(Number::DnsRrtype, Direction::ToServer, 0),
        Some(1)
    );
    assert!(!tx.inspects(Direction::ToClient));
}

#[test]
fn records_a_response_with_all_of_its_sections() {
    let mut parser = parser();
    parser.on_data(&context(true), Direction::ToClient, &response());
    let soa = r#"{"mname":"example.com","rname":"www.example.com","serial":9,"refresh":9,"retry":9,"expire":9,"minimum":9}"#;
    let owner =
        |rrtype: &str| format!(r#""rrname":"www.example.com","rrtype":"{rrtype}","ttl":60"#);
    let expected = [
        r#"{"dns":{"version":3,"type":"response","tx_id":0,"id":4660,"flags":"8180","qr":true,"rd":true,"ra":true,"opcode":0,"rcode":"NOERROR","queries":[{"rrname":"www.example.com","rrtype":"A"}],"answers":[{"#,
        &owner("CNAME"),
        r#","rdata":"x.example.com"},{"#,
        &owner("A"),
        r#","rdata":"192.0.2.7"},{"#,
        &owner("TXT"),
        r#","rdata":"hi"},{"#,
        &owner("TXT"),
        r#","rdata":"you"}],"grouped":{"A":["192.0.2.7"],"CNAME":["x.example.com"],"TXT":["hi","you"]},"authorities":[{"#,
        &owner("SOA"),
        r#","soa":"#,
        soa,
        r#"}],"additionals":[{"rrname":"","rrtype":"OPT","ttl":0,"opt":[{"code":10,"data":"abcd"}]}]}}"#,
    ]
    .concat();
    assert_eq!(record(&*parser, 0), expected);
    assert_eq!(
        names(&*parser, 0, Buffer::DnsResponseRrname, Direction::ToClient),
        [
            "www.example.com",
            "www.example.com",
            "x.example.com",
            "www.example.com",
            "www.example.com",
            "www.example.com",
            "example.com"
        ]
    );
    assert_eq!(
        names(&*parser, 0, Buffer::DnsQueryName, Direction::ToClient),
        ["www.example.com"]
    );
    assert!(names(&*parser, 0, Buffer::DnsQuery, Direction::ToClient).is_empty());
}

#[test]
fn writes_the_old_records_where_asked_to() {
    let mut options = LogOptions::default();
    options.dns.version = Version::V2;
    let mut parser = parser();
    parser.on_data(&context(true), Direction::ToServer, &request());
    assert_eq!(
        record_with(&*parser, 0, &options),
        r#"{"dns":{"version":2,"type":"query","id":4660,"rrname":"www.example.com","rrtype":"A","tx_id":0,"opcode":0}}"#
    );
    let tx = parser.tx(0).unwrap();
    assert_eq!(
        (tx.record_direction(&options), tx.record_count(&options)),
        (None, 1)
    );
    let two = Build::new(0, [2, 0, 0, 0]).query("a", 1).query("b", 28).0;
    parser.on_data(&context(true), Direction::ToServer, &two);
    let tx = parser.tx(1).unwrap();
    assert_eq!(tx.record_count(&options), 2);
    let mut out = Writer::new();
    out.begin();
    tx.log_record(1, &options, &mut out);
    out.end();
    assert_eq!(
        String::from_utf8_lossy(out.as_bytes()),
        r#"{"dns":{"version":2,"type":"query","id":4660,"rrname":"b","rrtype":"AAAA","tx_id":1,"opcode":0}}"#
    );
}

#[test]
fn records_only_what_the_configuration_asks_for() {
    let check = |types: &[&str], requests: bool, expected: usize| {
        let mut options = LogOptions::default();
        let mut set = TypeSet::default();
        assert!(types.iter().all(|name| set.insert(name)));
        options.dns.types = (!types.is_empty()).then_some(set);
        options.dns.requests = requests;
        let mut parser = parser();
        parser.on_data(&context(true), Direction::ToServer, &request());
        assert_eq!(
            parser.tx(0).unwrap().record_count(&options),
            expected,
            "{types:?} {requests}"
        );
    };
    check(&[], true, 1);
    check(&[], false, 0);
    check(&["a", "mx"], true, 1);
    check(&["mx"], true, 0);
}

#[test]
fn names_what_is_odd() {
    let check = |message: Vec<u8>, expected: &[&str]| {
        let mut parser = parser();
        parser.on_data(&context(true), Direction::ToClient, &message);
        let tx = parser.tx(0).unwrap();
        let events: Vec<_> = tx.events().iter().map(|(event, _)| *event).collect();
        assert_eq!(events, expected);
    };
    let long = "a123456789012345678901234567890123456789012345678901234567890.".repeat(20);
    let one = [1, 0, 0, 0];
    check(Build::new(0x8000, one).query("a", 1).0, &[]);
    check(Build::new(0x0000, one).query("a", 1).0, &["not_response"]);
    check(Build::new(0x8040, one).query("a", 1).0, &["z_flag_set"]);
    check(Build::new(0xc800, one).query("a", 1).0, &["invalid_opcode"]);
    check(
        Build::new(0x8000, one).query(&long, 1).0,
        &["name_too_long"],
    );
    check(
        Build::new(0x8000, [1, 0, 1, 0]).query("a", 1).0,
        &["invalid_authorities"],
    );
    check(
        Build::new(0x8000, [1, 0, 0, 1]).query("a", 1).0,
        &["invalid_additionals"],
    );
    // A name that points at a pointer to itself.
    let looped = Build::new(0x8000, [2, 0, 0, 0])
        .raw(&[0xc0, 18])
        .words([1, 1])
        .raw(&[0xc0, 18])
        .words([1, 1]);
    let mut parser = parser();
    parser.on_data(&context(true), Direction::ToClient, &looped.0);
    assert!(parser.tx(0).is_none(), "the second name stands on itself");
    // Two pointers at each other have no end.
    let circle = Build::new(0x8000, [1, 0, 0, 0])
        .raw(&[0xc0, 18])
        .words([1, 1])
        .raw(&[0xc0, 12])
        .0;
    check(circle, &["name_too_long", "too_many_labels"]);
}

#[test]
fn notes_an_answer_from_the_client_at_the_message_before() {
    let mut parser = parser();
    parser.on_data(&context(true), Direction::ToServer, &request());
    assert_eq!(
        parser.on_data(&context(true), Direction::ToServer, &response()),
        Outcome::Taken
    );
    assert_eq!(parser.tx_range(), 0..1);
    assert_eq!(
        parser.tx(0).unwrap().events(),
        [("not_request", Direction::ToServer)]
    );
}

#[test]
fn cuts_a_name_at_its_limit_and_says_so() {
    let long = "a123456789012345678901234567890123456789012345678901234567890.".repeat(20);
    let mut parser = parser();
    let message = Build::new(0, [1, 0, 0, 0]).query(&long, 1).0;
    parser.on_data(&context(true), Direction::ToServer, &message);
    let names = names(&*parser, 0, Buffer::DnsQuery, Direction::ToServer);
    assert_eq!(names[0].len(), 1025);
    assert!(record(&*parser, 0).contains(r#""rrname_truncated":true"#));
}

#[test]
fn finds_the_next_message_behind_a_gap() {
    let mut parser = parser();
    let stream = framed(&request());
    parser.on_data(&context(false), Direction::ToServer, &stream[..9]);
    parser.on_gap(&context(false), Direction::ToServer, 1000);
    let noise = [0xffu8; 40];
    assert_eq!(
        parser.on_data(&context(false), Direction::ToServer, &noise),
        Outcome::Taken
    );
    parser.on_data(&context(false), Direction::ToServer, &stream[..5]);
    parser.on_data(&context(false), Direction::ToServer, &stream[5..]);
    assert_eq!(parser.tx_range(), 0..1);
}

#[test]
fn recognises_messages_on_their_ports() {
    let check = |data: &[u8], is_udp: bool, port: u16, direction: Direction, expected: Probe| {
        let input = ProbeInput {
            direction,
            data,
            client_port: 40_000,
            server_port: port,
            is_udp,
            is_midstream: false,
            other: event::AppProtocol::Unknown,
        };
        assert_eq!((DNS.probe.unwrap())(&input, &Config::default()), expected);
    };
    let (to_server, to_client) = (Direction::ToServer, Direction::ToClient);
    check(&request(), true, 53, to_server, Probe::Yes);
    check(&request(), true, 53, to_client, Probe::Reversed);
    check(&response(), true, 53, to_server, Probe::Reversed);
    check(&request(), true, 54, to_server, Probe::No);
    check(b"\xff\xff", true, 53, to_server, Probe::Undecided);
    check(
        &framed(&request())[..13],
        false,
        53,
        to_server,
        Probe::Undecided,
    );
    check(&framed(&request())[..20], false, 53, to_server, Probe::Yes);
    check(&framed(&response()), false, 53, to_client, Probe::Yes);
    check(
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        false,
        53,
        to_server,
        Probe::No,
    );
}

#[test]
fn an_answer_that_nobody_asked_for_is_looked_at_in_the_middle_of_a_flow_only() {
    let check = |is_midstream: bool, expected: Probe| {
        let input = ProbeInput {
            direction: Direction::ToServer,
            data: &response(),
            client_port: 53,
            server_port: 40_000,
            is_udp: true,
            is_midstream,
            other: event::AppProtocol::Unknown,
        };
        assert_eq!((DNS.probe.unwrap())(&input, &Config::default()), expected);
    };
    check(false, Probe::No);
    check(true, Probe::Reversed);
}

#[test]
fn records_multicast_in_its_own_words() {
    let mut parser = (MDNS.create)(&Config::default());
    let message = Build::new(0x8400, [0, 2, 0, 0])
        .name("a.local")
        .words([16, 0x8001, 0, 60, 4])
        .raw(b"\x03k=v")
        .name("_x._tcp.local")
        .words([12, 1, 0, 60, 2])
        .raw(&[0xc0, 12])
        .0;
    parser.on_data(&context(true), Direction::ToServer, &message);
    assert_eq!(
        record(&*parser, 0),
        r#"{"mdns":{"type":"response","id":4660,"flags":["aa"],"opcode":0,"rcode":0,"answers":[{"rrname":"a.local","txt":["k=v"]},{"rrname":"_x._tcp.local","ptr":"a.local"}]}}"#
    );
    assert_eq!(
        names(&*parser, 0, Buffer::MdnsResponseRrname, Direction::ToServer),
        ["a.local", "_x._tcp.local", "a.local"]
    );
}

fn some_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(request()),
        Just(response()),
        (proptest::collection::vec(any::<u8>(), 0..80), 0usize..120).prop_map(|(noise, at)| {
            let mut message = response();
            let at = at % message.len();
            let end = (at + noise.len()).min(message.len());
            message[at..end].copy_from_slice(&noise[..end - at]);
            message
        }),
    ]
}

proptest! {
    #[test]
    fn any_split_tells_the_same(
        messages in proptest::collection::vec(some_message(), 1..5),
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        prop_assert_eq!(
            told(&stream, Direction::ToClient, &cuts),
            told(&stream, Direction::ToClient, &[])
        );
    }

    #[test]
    fn no_bytes_make_it_panic(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (entry, is_udp) in [(&DNS, true), (&DNS, false), (&MDNS, true)] {
            for direction in Direction::BOTH {
                let mut parser = (entry.create)(&Config::default());
                parser.on_data(&context(is_udp), direction, &data);
                for id in parser.tx_range() {
                    record(&*parser, id);
                }
            }
        }
    }

    #[test]
    fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let message = Build::new(0x8000, [1, 2, 1, 1]).raw(&body).0;
        let mut parser = parser();
        parser.on_data(&context(true), Direction::ToClient, &message);
        for id in parser.tx_range() {
            record(&*parser, id);
            names(&*parser, id, Buffer::DnsResponseRrname, Direction::ToClient);
        }
    }
}
