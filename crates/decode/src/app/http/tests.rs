//! Whole conversations.

use super::*;
use crate::app::LogOptions;

fn context() -> Context {
    Context {
        now: event::Timestamp::default(),
        client_port: 40_000,
        server_port: 80,
        is_udp: false,
        is_midstream: false,
    }
}

/// Feeds `parts` in order and then ends both directions.
fn converse(parts: &[(Direction, &[u8])], step: usize) -> Http {
    let mut http = Http::new(&AppConfig::default());
    for (direction, data) in parts {
        for part in data.chunks(step.max(1)) {
            http.on_data(&context(), *direction, part);
        }
    }
    http
}

fn text(field: &Field<'_>) -> String {
    match field {
        Field::Whole(text) => String::from_utf8_lossy(text).into_owned(),
        Field::Body { data, .. } => format!("body:{}", String::from_utf8_lossy(data)),
        Field::Pending => "pending".to_owned(),
        Field::Absent => "absent".to_owned(),
    }
}

fn get(http: &Http, id: u64, buffer: Buffer, direction: Direction) -> String {
    http.tx(id).map_or_else(
        || "gone".to_owned(),
        |tx| text(&tx.field(buffer, direction, 0)),
    )
}

fn event_names(http: &Http, id: u64) -> Vec<&'static str> {
    http.tx(id)
        .map(|tx| tx.events().iter().map(|event| event.0).collect())
        .unwrap_or_default()
}

fn json(http: &Http, id: u64) -> String {
    let mut out = Writer::new();
    out.begin();
    if let Some(tx) = http.tx(id) {
        tx.log(LogFor::Record(&LogOptions::default()), &mut out);
    }
    out.end();
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

const GET: &[u8] = b"GET /a/../b%20c?x=%41 HTTP/1.1\r\nHost: WWW.Example.com:8080\r\n\
    User-Agent: curl\r\nCookie: a=b\r\nAccept: */*\r\nAccept: text/html\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK fine\r\nServer: x\r\nSet-Cookie: c=d\r\n\
    Content-Type: text/html; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn offers_every_field_of_an_exchange_however_it_is_cut() {
    for step in [1, 2, 3, 7, 1000] {
        let http = converse(&[(ToServer, GET), (ToClient, OK)], step);
        let check = |buffer, direction, expected: &str| {
            assert_eq!(
                get(&http, 0, buffer, direction),
                expected,
                "{buffer:?} by {step}"
            );
        };
        check(Buffer::HttpMethod, ToServer, "GET");
        check(Buffer::HttpUri, ToServer, "/b c?x=A");
        check(Buffer::HttpUriRaw, ToServer, "/a/../b%20c?x=%41");
        check(
            Buffer::HttpRequestLine,
            ToServer,
            "GET /a/../b%20c?x=%41 HTTP/1.1",
        );
        check(Buffer::HttpResponseLine, ToClient, "HTTP/1.1 200 OK fine");
        check(Buffer::HttpProtocol, ToServer, "HTTP/1.1");
        check(Buffer::HttpProtocol, ToClient, "HTTP/1.1");
        check(Buffer::HttpHost, ToServer, "www.example.com");
        check(Buffer::HttpHostRaw, ToServer, "WWW.Example.com:8080");
        check(Buffer::HttpUserAgent, ToServer, "curl");
        check(Buffer::HttpCookie, ToServer, "a=b");
        check(Buffer::HttpCookie, ToClient, "c=d");
        check(Buffer::HttpAccept, ToServer, "*/*, text/html");
        check(
            Buffer::HttpHeader,
            ToServer,
            "Host: WWW.Example.com:8080\r\nUser-Agent: curl\r\nAccept: */*, text/html\r\n",
        );
        check(
            Buffer::HttpHeaderNames,
            ToServer,
            "\r\nHost\r\nUser-Agent\r\nCookie\r\nAccept\r\n\r\n",
        );
        check(
            Buffer::HttpRequestHeader,
            ToServer,
            "Host: WWW.Example.com:8080",
        );
        check(Buffer::HttpStatCode, ToClient, "200");
        check(Buffer::HttpStatMsg, ToClient, "OK fine");
        check(
            Buffer::HttpContentType,
            ToClient,
            "text/html; charset=utf-8",
        );
        check(Buffer::HttpContentLen, ToClient, "5");
        check(Buffer::HttpServer, ToClient, "x");
        check(Buffer::HttpServer, ToServer, "absent");
        check(Buffer::HttpResponseBody, ToClient, "body:hello");
        check(Buffer::FileData, ToClient, "body:hello");
        check(Buffer::FileName, ToClient, "/b c");
        check(Buffer::HttpRequestBody, ToServer, "absent");
        assert_eq!(event_names(&http, 0), ["request_header_repetition"]);
        assert!(http.tx(0).is_some_and(|tx| tx.is_loggable()));
        assert_eq!(
            json(&http, 0),
            r#"{"http":{"hostname":"www.example.com","http_port":8080,"url":"/a/../b%20c?x=%41","http_user_agent":"curl","http_content_type":"text/html","http_method":"GET","protocol":"HTTP/1.1","status":200,"length":5}}"#
        );
    }
}

#[test]
fn keeps_raw_headers_as_they_were() {
    let http = converse(&[(ToServer, b"GET / HTTP/1.0\r\nA:   b\r\n\r\n")], 5);
    assert_eq!(
        get(&http, 0, Buffer::HttpHeaderRaw, ToServer),
        "A:   b\r\n\r\n"
    );
    assert_eq!(
        get(&http, 0, Buffer::HttpStart, ToServer),
        "GET / HTTP/1.0\r\nA: b\r\n\r\n"
    );
}

#[test]
fn follows_pipelined_exchanges() {
    let requests = [
        GET,
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    ]
    .concat();
    let responses = [OK, b"HTTP/1.1 304 Not Modified\r\n\r\n"].concat();
    for step in [1, 11, 1000] {
        let http = converse(&[(ToServer, &requests), (ToClient, &responses)], step);
        assert_eq!(http.tx_range(), 0..2);
        assert_eq!(get(&http, 1, Buffer::HttpRequestBody, ToServer), "body:abc");
        assert_eq!(get(&http, 1, Buffer::HttpStatCode, ToClient), "304");
        assert!(http.tx(1).is_some_and(|tx| tx.is_loggable()));
    }
}

#[test]
fn takes_chunks_and_trailers_apart() {
    let response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n";
    for step in [1, 4, 1000] {
        let http = converse(&[(ToServer, GET), (ToClient, response)], step);
        assert_eq!(
            get(&http, 0, Buffer::HttpResponseBody, ToClient),
            "body:hello world"
        );
        let header = get(&http, 0, Buffer::HttpHeader, ToClient);
        assert_eq!(header, "Transfer-Encoding: chunked\r\nTrailer: t\r\n");
        assert!(event_names(&http, 0).contains(&"response_chunk_extension"));
    }
}

#[test]
fn a_response_without_request_has_a_stand_in() {
    let http = converse(&[(ToClient, OK)], 1000);
    assert_eq!(
        event_names(&http, 0),
        ["unable_to_match_response_to_request"]
    );
    assert!(json(&http, 0).contains(r#""url":"/libhtp::request_uri_not_seen""#));
    assert!(http.tx(0).is_some_and(|tx| tx.is_loggable()));
}

#[test]
fn a_body_without_length_lasts_until_the_end() {
    let response = b"HTTP/1.0 200 OK\r\n\r\nsome body";
    let mut http = converse(&[(ToServer, GET), (ToClient, response)], 1000);
    assert_eq!(get(&http, 0, Buffer::HttpResponseBody, ToClient), "pending");
    http.on_end(&context(), ToClient);
    assert_eq!(
        get(&http, 0, Buffer::HttpResponseBody, ToClient),
        "body:some body"
    );
    let file = http
        .tx(0)
        .and_then(|tx| tx.files(ToClient))
        .and_then(|files| files.files.front());
    assert_eq!(
        file.map(|file| (file.size, file.state.as_str())),
        Some((9, "CLOSED"))
    );
}

#[test]
fn a_gap_in_a_body_truncates_its_file() {
    let mut http = converse(&[(ToServer, GET)], 1000);
    let (head, _) = OK.split_at(OK.len() - 5);
    http.on_data(&context(), ToClient, head);
    http.on_data(&context(), ToClient, b"he");
    assert_eq!(http.on_gap(&context(), ToClient, 3), Outcome::Taken);
    http.on_data(&context(), ToClient, OK);
    let file = http
        .tx(0)
        .and_then(|tx| tx.files(ToClient))
        .and_then(|files| files.files.front());
    let seen = file.map(|file| (file.size, file.state.as_str(), file.has_gaps));
    assert_eq!(seen, Some((5, "TRUNCATED", true)));
    assert_eq!(get(&http, 1, Buffer::HttpStatCode, ToClient), "200");
}

#[test]
fn short_requests_are_09_unless_headers_follow() {
    let http = converse(&[(ToServer, b"GET /x\r\n"), (ToClient, b"<html>")], 1000);
    assert_eq!(get(&http, 0, Buffer::HttpUri, ToServer), "/x");
    assert!(!event_names(&http, 0).contains(&"request_line_missing_protocol"));
    let http = converse(&[(ToServer, b"GET /x\r\nUser-Agent: y\r\n\r\n")], 1000);
    assert_eq!(event_names(&http, 0), ["request_line_missing_protocol"]);
    assert_eq!(get(&http, 0, Buffer::HttpUserAgent, ToServer), "y");
}

#[test]
fn hands_over_to_the_protocol_that_follows() {
    let mut http = Http::new(&AppConfig::default());
    http.on_data(
        &context(),
        ToServer,
        b"CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n",
    );
    let reply = b"HTTP/1.1 200 Connection established\r\n\r\n";
    let upgrade = Outcome::Upgrade {
        consumed: reply.len(),
        to: None,
    };
    assert_eq!(http.on_data(&context(), ToClient, reply), upgrade);
    assert_eq!(get(&http, 0, Buffer::HttpHost, ToServer), "a.b");
    assert!(http.tx(0).is_some_and(|tx| tx.is_loggable()));

    let mut http = converse(&[(ToServer, GET)], 1000);
    let reply = b"HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\n\r\n\x81\x00";
    let upgrade = Outcome::Upgrade {
        consumed: reply.len() - 2,
        to: Some(AppProtocol::Websocket),
    };
    assert_eq!(http.on_data(&context(), ToClient, reply), upgrade);
}

#[test]
fn an_interim_answer_is_passed_over() {
    let replies = [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        OK,
    ]
    .concat();
    let http = converse(&[(ToServer, GET), (ToClient, &replies)], 1000);
    assert_eq!(get(&http, 0, Buffer::HttpStatCode, ToClient), "200");
    assert!(event_names(&http, 0).contains(&"100_continue_already_seen"));
}

#[test]
fn a_head_has_no_body() {
    let head = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
    let http = converse(
        &[(ToServer, head), (ToClient, length), (ToServer, GET)],
        1000,
    );
    assert!(http.tx(0).is_some_and(|tx| tx.is_loggable()));
}

#[test]
fn an_upload_is_a_file() {
    let put = b"PUT /up/name.bin HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndata";
    let http = converse(&[(ToServer, put)], 3);
    assert_eq!(get(&http, 0, Buffer::FileName, ToServer), "/up/name.bin");
    assert_eq!(get(&http, 0, Buffer::FileData, ToServer), "body:data");
}

#[test]
fn a_download_is_named_by_its_disposition() {
    let response = b"HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"e.txt\"\r\n\
        Content-Range: bytes 2-4/9\r\nContent-Length: 3\r\n\r\nabc";
    let http = converse(&[(ToServer, GET), (ToClient, response)], 1000);
    assert_eq!(get(&http, 0, Buffer::FileName, ToClient), "e.txt");
    let file = http
        .tx(0)
        .and_then(|tx| tx.files(ToClient))
        .and_then(|files| files.files.front());
    assert_eq!(file.and_then(|file| file.range), Some((2, 4)));
}

#[test]
fn notes_bad_hosts_and_missing_ones() {
    let check = |request: &[u8], expected: &str| {
        let http = converse(&[(ToServer, request)], 1000);
        assert!(event_names(&http, 0).contains(&expected), "{expected}");
    };
    check(b"GET / HTTP/1.1\r\n\r\n", "missing_host_header");
    check(
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "request_header_host_invalid",
    );
    check(
        b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        "host_header_ambiguous",
    );
    check(
        b"GET / HTTP/1.1\r\nAuthorization: What x\r\nHost: a\r\n\r\n",
        "request_auth_unrecognized",
    );
    check(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "invalid_content_length_field_in_request",
    );
    check(
        b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "method_delim_non_compliant",
    );
    check(
        b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
        "request_field_missing_colon",
    );
}

#[test]
fn an_endless_line_is_given_up() {
    let mut http = Http::new(&AppConfig::default());
    let line = [b"GET /", vec![b'a'; 20_000].as_slice()].concat();
    assert_eq!(http.on_data(&context(), ToServer, &line), Outcome::Failed);
    assert_eq!(event_names(&http, 0), ["request_field_too_long"]);
}

mod any_bytes {
    use super::*;
    use proptest::prelude::*;

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            Just(&b"GET / HTTP/1.1\r\n"[..]),
            Just(&b"POST /x HTTP/1.1\r\n"[..]),
            Just(&b"CONNECT a:1 HTTP/1.1\r\n"[..]),
            Just(&b"HTTP/1.1 200 OK\r\n"[..]),
            Just(&b"HTTP/1.1 100 C\r\n"[..]),
            Just(&b"Content-Length: 5\r\n"[..]),
            Just(&b"Transfer-Encoding: chunked\r\n"[..]),
            Just(&b"Content-Encoding: gzip, deflate\r\n"[..]),
            Just(&b"Content-Type: multipart/form-data; boundary=b\r\n"[..]),
            Just(&b"--b\r\nContent-Disposition: x; filename=y\r\n\r\n"[..]),
            Just(&b"--b--\r\n"[..]),
            Just(&b"Host: a\r\n"[..]),
            Just(&b"\r\n"[..]),
            Just(&b"\n"[..]),
            Just(&b"\r"[..]),
            Just(&b" "[..]),
            Just(&b"5\r\nhello\r\n"[..]),
            Just(&b"0\r\n"[..]),
            Just(&b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00"[..]),
        ];
        let noise = proptest::collection::vec(any::<u8>(), 0..12);
        let piece = prop_oneof![4 => word.prop_map(<[u8]>::to_vec), 1 => noise];
        proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn never_panic(
            turns in proptest::collection::vec((any::<bool>(), message(), 1usize..40, 0u64..9), 0..6),
        ) {
            let mut http = Http::new(&AppConfig::default());
            for (is_request, data, step, gap) in turns {
                let direction = if is_request { ToServer } else { ToClient };
                for part in data.chunks(step) {
                    http.on_data(&context(), direction, part);
                }
                if gap > 6 {
                    http.on_gap(&context(), direction, gap);
                }
                for id in http.tx_range() {
                    for buffer in Buffer::ALL {
                        for direction in Direction::BOTH {
                            get(&http, id, *buffer, direction);
                        }
                    }
                    json(&http, id);
                }
            }
            http.on_end(&context(), ToServer);
            http.on_end(&context(), ToClient);
            for id in http.tx_range() {
                prop_assert!(http.tx(id).is_none_or(|tx| tx.is_loggable()));
            }
        }

        #[test]
        fn the_cut_does_not_matter_to_plain_exchanges(
            names in proptest::collection::vec("[A-Za-z-]{1,8}", 0..5),
            values in proptest::collection::vec("[ -~]{0,12}", 5),
            body in proptest::collection::vec(any::<u8>(), 1..60),
            step in 1usize..50,
        ) {
            let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
            for (name, value) in names.iter().zip(&values) {
                head.extend_from_slice(format!("X-{name}: v{value}\r\n").as_bytes());
            }
            head.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            head.extend_from_slice(&body);
            let whole = converse(&[(ToServer, GET), (ToClient, &head)], usize::MAX);
            let cut = converse(&[(ToServer, GET), (ToClient, &head)], step);
            for buffer in [Buffer::HttpHeader, Buffer::HttpHeaderRaw, Buffer::HttpResponseBody] {
                prop_assert_eq!(get(&whole, 0, buffer, ToClient), get(&cut, 0, buffer, ToClient));
            }
        }
    }
}
