//! What TLS makes of handshakes built by hand.

use super::*;
use crate::app::{Field, LogFor, LogOptions};
use event::json::Writer;
use event::{Buffer, Number, Timestamp};
use proptest::prelude::*;

const TO_SERVER: Direction = Direction::ToServer;
const TO_CLIENT: Direction = Direction::ToClient;

fn context() -> Context {
    Context {
        now: Timestamp::default(),
        client_port: 40_000,
        server_port: 443,
        is_udp: false,
        is_midstream: false,
    }
}

/// `bytes` behind their length in `width` bytes.
fn counted(width: usize, bytes: &[u8]) -> Vec<u8> {
    let len = (bytes.len() as u32).to_be_bytes();
    [&len[4 - width..], bytes].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &counted(2, body)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &counted(3, body)].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &counted(2, data)].concat()
}

fn server_name(name: &[u8]) -> Vec<u8> {
    extension(0, &counted(2, &[&[0][..], &counted(2, name)].concat()))
}

fn client_hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(0..32);
    body.extend(counted(1, &[]));
    body.extend(counted(2, &[0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x2f]));
    body.extend(counted(1, &[0]));
    body.extend(counted(2, &extensions.concat()));
    message(1, &body)
}

fn usual_extensions() -> Vec<Vec<u8>> {
    vec![
        extension(0x1a1a, &[]),
        server_name(b"www.example.com"),
        extension(10, &counted(2, &[0x0a, 0x0a, 0, 29, 0, 23])),
        extension(11, &counted(1, &[0])),
        extension(16, &counted(2, b"\x02h2\x08http/1.1")),
        extension(13, &counted(2, &[4, 3, 8, 4])),
    ]
}

fn server_hello(version: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(100..132);
    body.extend(counted(1, &[]));
    body.extend([0xc0, 0x2f, 0]);
    body.extend(counted(2, &extensions.concat()));
    message(2, &body)
}

fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    match body.len() {
        len @ 0..0x80 => [&[tag, len as u8][..], body].concat(),
        len @ 0x80..0x100 => [&[tag, 0x81, len as u8][..], body].concat(),
        _ => [&[tag, 0x82][..], &counted(2, body)].concat(),
    }
}

fn name(country: &str, common: &str) -> Vec<u8> {
    let part = |arc: u8, text: &str| {
        let pair = [der(6, &[0x55, 4, arc]), der(0x0c, text.as_bytes())].concat();
        der(0x31, &der(0x30, &pair))
    };
    der(0x30, &[part(6, country), part(3, common)].concat())
}

/// A certificate that nobody signed.
fn certificate() -> Vec<u8> {
    let rsa = der(
        0x30,
        &[
            der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]),
            der(5, &[]),
        ]
        .concat(),
    );
    let validity = [der(0x17, b"691231000000Z"), der(0x17, b"381231001003Z")].concat();
    let key = [rsa.clone(), der(3, &[0, 1, 2, 3])].concat();
    let names = der(
        0x30,
        &[der(0x82, b"a.example"), der(0x82, b"b.example")].concat(),
    );
    let alt_names = [der(6, &[0x55, 0x1d, 17]), der(4, &names)].concat();
    let body = [
        der(0xa0, &der(2, &[2])),
        der(2, &[0, 0xaa, 1]),
        rsa.clone(),
        name("US", "Issuer"),
        der(0x30, &validity),
        name("FR", "Subject"),
        der(0x30, &key),
        der(0xa3, &der(0x30, &der(0x30, &alt_names))),
    ];
    der(
        0x30,
        &[der(0x30, &body.concat()), rsa, der(3, &[0, 9])].concat(),
    )
}

fn certificates(list: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = list.iter().flat_map(|der| counted(3, der)).collect();
    message(11, &counted(3, &list))
}

/// The server's part of a handshake of TLS 1.2.
fn server_flight() -> Vec<u8> {
    let messages = [
        server_hello(0x303, &[extension(16, &counted(2, b"\x02h2"))]),
        certificates(&[certificate(), b"second".to_vec()]),
        message(14, &[]),
    ];
    record(22, &messages.concat())
}

fn settings() -> Settings {
    Settings {
        ja3: true,
        ..Settings::default()
    }
}

fn parser() -> TlsParser {
    TlsParser::new(settings())
}

fn log(parser: &TlsParser, purpose: LogFor<'_>) -> String {
    let mut out = Writer::new();
    out.begin();
    parser.session.log(purpose, &mut out);
    out.end();
    String::from_utf8(out.into_bytes()).unwrap()
}

fn feed(parser: &mut TlsParser, direction: Direction, data: &[u8]) -> Outcome {
    parser.on_data(&context(), direction, data)
}

fn text(parser: &TlsParser, buffer: Buffer, direction: Direction, index: usize) -> String {
    match parser.session.field(buffer, direction, index) {
        Field::Whole(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

fn events(parser: &TlsParser) -> Vec<&'static str> {
    parser
        .session
        .events()
        .iter()
        .map(|(event, _)| *event)
        .collect()
}

#[test]
fn records_a_handshake_with_its_certificate() {
    let mut parser = parser();
    feed(
        &mut parser,
        TO_SERVER,
        &record(22, &client_hello(&usual_extensions())),
    );
    assert!(!parser.session.is_loggable());
    assert_eq!(
        feed(&mut parser, TO_CLIENT, &server_flight()),
        Outcome::Taken
    );
    assert!(parser.session.is_loggable());
    let expected = concat!(
        r#"{"tls":{"subject":"C=FR, CN=Subject","issuerdn":"C=US, CN=Issuer","#,
        r#""subjectaltname":["a.example","b.example"],"serial":"00:AA:01","fingerprint":"FINGERPRINT","#,
        r#""sni":"www.example.com","version":"TLS 1.2","notbefore":"1969-12-31T00:00:00","#,
        r#""notafter":"2038-12-31T00:10:03","#,
        r#""ja3":{"hash":"HASH","string":"771,4865-49199,0-10-11-16-13,29-23,0"},"#,
        r#""ja3s":{"hash":"HASH","string":"771,49199,16"},"#,
        r#""ja4":"t12d0205h2_HASH","client_alpns":["h2","http/1.1"],"server_alpns":["h2"]}}"#,
    );
    let leaf = parser.session.sides[1]
        .chain
        .as_ref()
        .unwrap()
        .leaf
        .clone()
        .unwrap();
    let [client, server] =
        [0, 1].map(|n| parser.session.sides[n].ja3.as_ref().unwrap().hash.clone());
    let expected = expected
        .replace("FINGERPRINT", &leaf.fingerprint)
        .replacen("HASH", &client, 1)
        .replacen("HASH", &server, 1)
        .replace("HASH", &parser.session.sides[0].ja4.as_ref().unwrap()[11..]);
    assert_eq!(
        log(&parser, LogFor::Record(&LogOptions::default())),
        expected
    );
    assert_eq!(parser.session.record_type(), Some("tls"));
    assert_eq!(leaf.fingerprint.len(), 59);
}

#[test]
fn answers_what_rules_ask() {
    let mut parser = parser();
    let session = &parser.session;
    assert_eq!(session.field(Buffer::TlsSni, TO_SERVER, 0), Field::Pending);
    feed(
        &mut parser,
        TO_SERVER,
        &record(22, &client_hello(&usual_extensions())),
    );
    assert_eq!(
        parser.session.holds("ssl_state", "client_hello", TO_SERVER),
        Some(true)
    );
    feed(&mut parser, TO_CLIENT, &server_flight());
    let check = |buffer, direction, index, expected: &str| {
        assert_eq!(text(&parser, buffer, direction, index), expected);
    };
    check(Buffer::TlsSni, TO_SERVER, 0, "www.example.com");
    check(Buffer::TlsSni, TO_SERVER, 1, "Absent");
    check(Buffer::TlsAlpn, TO_SERVER, 1, "http/1.1");
    check(Buffer::TlsAlpn, TO_CLIENT, 0, "h2");
    check(Buffer::TlsCertSubject, TO_CLIENT, 0, "C=FR, CN=Subject");
    check(Buffer::TlsCertSerial, TO_CLIENT, 0, "00:AA:01");
    check(Buffer::TlsSubjectAltName, TO_CLIENT, 1, "b.example");
    check(Buffer::TlsCerts, TO_CLIENT, 1, "second");
    check(Buffer::TlsCerts, TO_CLIENT, 2, "Absent");
    check(Buffer::TlsRandomTime, TO_SERVER, 0, "\0\u{1}\u{2}\u{3}");
    let number = |number, direction| parser.session.number(number, direction, 0);
    assert_eq!(number(Number::TlsCertChainLen, TO_CLIENT), Some(2));
    assert_eq!(number(Number::TlsVersion, TO_CLIENT), Some(0x303));
    assert_eq!(number(Number::TlsNotAfter, TO_CLIENT), Some(2_177_367_003));
    let version = |argument| {
        parser
            .session
            .holds("ssl_version", argument, TO_CLIENT)
            .unwrap()
    };
    assert!(version("tls1.2") && version("tls1.0,tls1.2") && version("!sslv3"));
    assert!(version("!tls1.3,tls1.0"));
    assert!(!version("tls1.0") && !version("!tls1.2"));
    assert_eq!(
        parser.session.holds("tls.version", "1.2", TO_CLIENT),
        Some(true)
    );
    assert_eq!(
        parser.session.holds("ssl_state", "server_hello", TO_CLIENT),
        Some(true)
    );
    assert_eq!(
        parser
            .session
            .holds("ssl_state", "!server_hello", TO_CLIENT),
        Some(false)
    );
}

#[test]
fn makes_the_fingerprint_of_the_specification() {
    // The example of FoxIO's JA4 specification, "JA4: TLS Client Fingerprinting".
    let hello = Hello {
        version: Version::TLS13,
        ciphers: vec![
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ],
        extensions: vec![
            0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
            0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
        ],
        signature_algorithms: vec![
            0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
        ],
        protocols: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        ..Hello::default()
    };
    assert_eq!(
        ja4(Carrier::Tcp, &hello),
        "t13d1516h2_8daaf6152771_e5627efa2ab1"
    );
    let check = |protocol: &[u8], expected: &str| {
        let hello = Hello {
            protocols: vec![protocol.to_vec()],
            ..Hello::default()
        };
        assert_eq!(&ja4(Carrier::Quic, &hello)[..10], expected);
    };
    check(b"b", "q00i0000bb");
    check(&[0x30, 0x31, 0xab, 0xcd], "q00i00003d");
    check(&[0x2a, 0x2a], "q00i000000");
}

#[test]
fn hides_certificates_from_version_1_3_on() {
    let versions = extension(43, &counted(1, &[0x0a, 0x0a, 3, 4, 3, 3]));
    let mut parser = parser();
    feed(
        &mut parser,
        TO_SERVER,
        &record(22, &client_hello(&[versions])),
    );
    feed(
        &mut parser,
        TO_CLIENT,
        &record(22, &server_hello(0x303, &[extension(43, &[3, 4])])),
    );
    assert!(parser.session.hides_certificate);
    assert_eq!(
        feed(&mut parser, TO_CLIENT, &record(20, &[1])),
        Outcome::Taken
    );
    assert_eq!(
        feed(&mut parser, TO_CLIENT, &record(23, &[7; 50])),
        Outcome::Taken
    );
    assert!(!parser.session.is_loggable());
    assert_eq!(
        feed(&mut parser, TO_SERVER, &record(23, &[7; 50])),
        Outcome::Encrypted
    );
    assert!(parser.session.is_loggable());
    assert_eq!(parser.session.record_type(), Some("tls"));
    assert!(log(&parser, LogFor::Alert).contains(r#""version":"TLS 1.3""#));
    assert_eq!(
        text(&parser, Buffer::TlsCertSubject, TO_CLIENT, 0),
        "Absent"
    );
}

#[test]
fn names_the_drafts() {
    let check = |version: u16, expected: &str| assert_eq!(Version(version).to_string(), expected);
    check(0, "UNDETERMINED");
    check(0x300, "SSLv3");
    check(0x301, "TLSv1");
    check(0x302, "TLS 1.1");
    check(0x304, "TLS 1.3");
    check(0x7f12, "TLS 1.3 draft-18");
    check(0x7f01, "TLS 1.3 draft-<16");
    check(0xfb17, "TLS 1.3 draft-23-fb");
    check(0x1234, "0x1234");
}

#[test]
fn notes_a_resumed_session() {
    let hello = |kind: u8, id: &[u8], rest: &[u8]| {
        let body = [&[3, 3][..], &[5; 32], &counted(1, id), rest].concat();
        record(22, &message(kind, &body))
    };
    let mut parser = parser();
    feed(
        &mut parser,
        TO_SERVER,
        &hello(1, &[9; 32], &[0, 2, 0xc0, 0x2f, 1, 0, 0, 0]),
    );
    let options = LogOptions::default();
    assert_eq!(parser.session.record_count(&options), 0);
    feed(
        &mut parser,
        TO_CLIENT,
        &hello(2, &[9; 32], &[0xc0, 0x2f, 0, 0, 0]),
    );
    assert_eq!(parser.session.record_count(&options), 1);
    assert!(log(&parser, LogFor::Record(&options)).contains(r#""session_resumed":true"#));
}

#[test]
fn takes_the_hello_of_ssl_2() {
    let body = [1, 3, 1, 0, 3, 0, 0, 0, 16, 1, 0, 0x80];
    let mut parser = parser();
    let hello = [&[0x80, body.len() as u8][..], &body].concat();
    assert_eq!(feed(&mut parser, TO_SERVER, &hello), Outcome::Taken);
    assert_eq!(parser.session.sides[0].version, Version::TLS10);
    assert_eq!(
        parser.session.holds("ssl_state", "client_hello", TO_SERVER),
        Some(true)
    );
    assert_eq!(
        feed(&mut parser, TO_CLIENT, &server_flight()),
        Outcome::Taken
    );
}

#[test]
fn names_what_is_odd() {
    let check = |direction, data: &[u8], expected: &[&str]| {
        let mut parser = parser();
        feed(&mut parser, direction, data);
        assert_eq!(events(&parser), expected);
    };
    let hello = |extensions: &[Vec<u8>]| record(22, &client_hello(extensions));
    check(TO_SERVER, &hello(&usual_extensions()), &[]);
    check(
        TO_SERVER,
        &hello(&[server_name(b"a"), server_name(b"b")]),
        &["multiple_sni_extensions"],
    );
    check(
        TO_SERVER,
        &hello(&[server_name(b"")]),
        &["invalid_sni_length"],
    );
    check(
        TO_SERVER,
        &hello(&[extension(0, &[0, 3, 1, 0, 0])]),
        &["invalid_sni_type"],
    );
    check(
        TO_SERVER,
        &hello(&[extension(10, &[9, 9])]),
        &["handshake_invalid_length"],
    );
    check(
        TO_SERVER,
        &record(22, &message(1, &[3])),
        &["handshake_invalid_length"],
    );
    check(
        TO_SERVER,
        &record(22, &message(99, &[3])),
        &["invalid_handshake_message"],
    );
    check(TO_SERVER, &record(22, &[1, 2]), &["invalid_ssl_record"]);
    check(TO_SERVER, &[30, 3, 3, 0, 1, 0], &["invalid_record_type"]);
    check(TO_SERVER, &[22, 9, 9, 0, 1, 0], &["invalid_record_version"]);
    check(TO_SERVER, &[22, 3, 3, 0, 0], &["invalid_record_length"]);
    check(
        TO_SERVER,
        &[0x80, 0, 0],
        &["invalid_sslv2_header", "invalid_ssl_record"],
    );
    check(TO_SERVER, &record(21, &[1]), &["invalid_alert_message"]);
    check(
        TO_SERVER,
        &record(24, &[1, 0, 200, 0]),
        &["overflow_heartbeat_message"],
    );
    check(
        TO_SERVER,
        &record(24, &[1, 0, 1, 0]),
        &["invalid_heartbeat_message"],
    );
    check(
        TO_SERVER,
        &record(24, &[7, 0, 1, 0]),
        &["invalid_heartbeat_message"],
    );
    let broken = |der: &[u8]| record(22, &certificates(&[der.to_vec()]));
    let whole = certificate();
    check(
        TO_CLIENT,
        &broken(&whole[..whole.len() - 9]),
        &["invalid_certificate", "invalid_handshake_message"],
    );
    check(
        TO_CLIENT,
        &broken(&whole[..2]),
        &["certificate_invalid_length", "invalid_handshake_message"],
    );
}

#[test]
fn finds_a_heart_that_bleeds_through_encryption() {
    let mut parser = parser();
    feed(&mut parser, TO_SERVER, &record(20, &[1]));
    feed(&mut parser, TO_CLIENT, &record(20, &[1]));
    feed(&mut parser, TO_SERVER, &record(24, &[9; 40]));
    assert!(events(&parser).is_empty());
    assert_eq!(
        feed(&mut parser, TO_CLIENT, &record(24, &[9; 400])),
        Outcome::Failed
    );
    assert_eq!(events(&parser), ["dataleak_heartbeat_mismatch"]);
}

#[test]
fn ends_with_a_fatal_alert() {
    let mut parser = parser();
    feed(&mut parser, TO_CLIENT, &record(21, &[2, 40]));
    assert!(parser.session.is_complete(TO_SERVER) && parser.session.is_complete(TO_CLIENT));
}

#[test]
fn puts_a_message_together_from_many_records() {
    let message = certificates(&[certificate()]);
    let mut parser = parser();
    for part in message.chunks(50) {
        assert!(!parser.session.sides[1].has_leaf());
        feed(&mut parser, TO_CLIENT, &record(22, part));
    }
    assert!(parser.session.sides[1].has_leaf());
}

#[test]
fn recognises_hellos_on_any_port() {
    let check = |data: &[u8], direction, port: u16, expected: Probe| {
        let input = ProbeInput {
            direction,
            data,
            client_port: 40_000,
            server_port: port,
            is_udp: false,
            is_midstream: false,
            other: event::AppProtocol::Unknown,
        };
        assert_eq!(probe(&input, &Config::default()), expected, "{data:?}");
    };
    check(&record(22, &client_hello(&[])), TO_SERVER, 9, Probe::Yes);
    check(&[22, 3], TO_SERVER, 9, Probe::Undecided);
    check(&[23, 3, 3], TO_CLIENT, 9, Probe::Yes);
    check(&[23, 3, 3], TO_SERVER, 9, Probe::No);
    check(&[0x80, 0x2e, 1, 0, 2], TO_SERVER, 9, Probe::Yes);
    check(&[0x80, 0x2e, 1, 9, 9], TO_SERVER, 443, Probe::Yes);
    check(&[0x80, 0x2e, 1, 9, 9], TO_SERVER, 9, Probe::No);
    check(b"GET /", TO_SERVER, 443, Probe::No);
}

/// All that is told of two streams cut at `cuts`.
fn told(streams: &[Vec<u8>; 2], cuts: &[usize]) -> (String, Vec<&'static str>, bool) {
    let mut parser = parser();
    for (direction, stream) in Direction::BOTH.into_iter().zip(streams) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.push(stream.len());
        cuts.sort_unstable();
        let mut start = 0;
        for cut in cuts {
            if start < cut && feed(&mut parser, direction, &stream[start..cut]) == Outcome::Failed {
                break;
            }
            start = cut;
        }
    }
    (
        log(&parser, LogFor::Alert),
        events(&parser),
        parser.session.is_loggable(),
    )
}

fn spoilt(stream: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    (proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4)).prop_map(move |changes| {
        let mut stream = stream.clone();
        for (at, byte) in changes {
            let at = at % stream.len();
            stream[at] = byte;
        }
        stream
    })
}

proptest! {
    #[test]
    fn any_split_tells_the_same(
        client in spoilt([record(22, &client_hello(&usual_extensions())), record(20, &[1]), record(23, &[1; 40])].concat()),
        server in spoilt([server_flight(), record(20, &[1]), record(23, &[1; 40])].concat()),
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let streams = [client, server];
        prop_assert_eq!(told(&streams, &cuts), told(&streams, &[]));
    }

    #[test]
    fn no_bytes_make_it_panic(
        data in proptest::collection::vec(any::<u8>(), 0..200),
        kind in 20u8..25,
        message_kind in 0u8..25,
    ) {
        let stream = record(kind, &message(message_kind, &data));
        told(&[data.clone(), stream.clone()], &[3]);
        told(&[stream, data], &[4]);
    }
}
