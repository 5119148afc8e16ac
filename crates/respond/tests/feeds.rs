//! Feeds fetched from an HTTP server on loopback: what the server is asked, and what becomes of each
//! way in which it may answer.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use event::Timestamp;
use respond::feeds::config::{Column, Deed, Format, Login};
use respond::feeds::{Feed, Feeds, Standing};

/// Answers each request with the next of its answers; the last is given again and again.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(answers: impl IntoIterator<Item = Vec<u8>>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = asked.clone();
    let mut answers: VecDeque<Vec<u8>> = answers.into_iter().collect();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while lines.read_line(&mut head).unwrap() > 2 {}
            heard.lock().unwrap().push(head.to_lowercase());
            let answer = match answers.len() {
                0 => return,
                1 => answers[0].clone(),
                _ => answers.pop_front().unwrap(),
            };
            // Who has read enough closes.
            let _ = stream.write_all(&answer);
        }
    });
    Server { address, asked }
}

impl Server {
    fn url(&self) -> String {
        format!("http://{}/list.txt", self.address)
    }

    fn asked(&self, number: usize) -> String {
        self.asked.lock().unwrap()[number].clone()
    }
}

fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    [head.as_bytes(), body].concat()
}

fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", &[], body.as_bytes())
}

fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn feed(server: &Server) -> Feed {
    Feed {
        name: "drop".into(),
        url: server.url(),
        refresh_secs: 60,
        ..Feed::default()
    }
}

/// Fetches the feed at second 0, 100, 200, …; how it stands after each.
fn fetched(feed: Feed, times: i64) -> Vec<Standing> {
    let feeds = Feeds::open(vec![feed], None, at(0)).unwrap();
    let fetch = |n: i64| {
        assert_eq!(feeds.fetch_due(|| at(100 * n), || false), 1);
        feeds.standings(at(100 * n)).remove(0)
    };
    (0..times).map(fetch).collect()
}

/// What one fetch fails with.
fn failure(feed: Feed) -> String {
    fetched(feed, 1).remove(0).error.unwrap()
}

#[test]
fn what_the_server_said_of_a_version_is_said_to_it_again() {
    let server = serve([
        answer(
            "200 OK",
            &[
                "etag: \"v1\"",
                "last-modified: Wed, 21 Oct 2015 07:28:00 GMT",
            ],
            b"192.0.2.1\n",
        ),
        answer("304 Not Modified", &[], b""),
        answer("200 OK", &["etag: \"v2\""], b"192.0.2.1\n192.0.2.2\n"),
        answer("304 Not Modified", &[], b""),
    ]);
    let told = fetched(feed(&server), 4);
    assert_eq!(
        told.iter().map(|s| s.entries).collect::<Vec<_>>(),
        [1, 1, 2, 2]
    );
    assert_eq!(
        told.iter().map(|s| s.changed).collect::<Vec<_>>(),
        [Some(at(0)), Some(at(0)), Some(at(200)), Some(at(200))]
    );
    assert!(
        told.iter()
            .all(|s| s.error.is_none() && s.age_secs == Some(0))
    );
    assert!(!server.asked(0).contains("if-"));
    for header in [
        "if-none-match: \"v1\"\r\n",
        "if-modified-since: wed, 21 oct 2015 07:28:00 gmt\r\n",
    ] {
        assert!(server.asked(1).contains(header), "{}", server.asked(1));
        // A server that said "the same" said nothing new of it.
        assert!(server.asked(2).contains(header), "{}", server.asked(2));
    }
    assert!(server.asked(3).contains("if-none-match: \"v2\"\r\n"));
    assert!(!server.asked(3).contains("if-modified-since"));
}

#[test]
fn a_fetch_that_fails_keeps_the_old_set_and_is_told() {
    let good = || ok("192.0.2.1\n192.0.2.2\n");
    let check = |bad: Vec<u8>, expected: &str| {
        let server = serve([good(), bad, good()]);
        let told = fetched(feed(&server), 3);
        let error = told[1].error.as_deref().unwrap();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!((told[1].entries, told[1].age_secs), (2, Some(100)));
        assert_eq!((told[2].error.as_deref(), told[2].failures), (None, 1));
    };
    check(
        answer("500 Internal Server Error", &[], b"192.0.2.3\n"),
        "the server answered 500",
    );
    check(answer("404 Not Found", &[], b""), "the server answered 404");
    check(ok(""), "it is empty");
    check(
        ok("<html>\n<body>Blocked\n192.0.2.3\n"),
        "of 3 entries 2 cannot be read; the first: line 1: \"<html>\"",
    );
    check(
        answer("200 OK", &[], b"192.0.2.3\n\xff\xfe\n"),
        "line 2: it is not text in UTF-8",
    );
    // Cut off in the middle.
    let mut cut = ok(&"192.0.2.3\n".repeat(1000));
    cut.truncate(3000);
    check(cut, "");
    check(b"rubbish\r\n\r\n".to_vec(), "");
}

#[test]
fn a_line_that_cannot_be_read_is_told_with_its_number_and_spoils_no_other() {
    let server = serve([ok("192.0.2.1\n192.0.2.2\n192.0.2.999\n")]);
    let told = fetched(feed(&server), 1).remove(0);
    assert_eq!((told.entries, told.refused), (2, 1));
    assert_eq!(
        told.refusals,
        ["line 3: \"192.0.2.999\" is no address, prefix or range"]
    );
}

#[test]
fn more_bytes_than_allowed_are_not_read_packed_or_not() {
    let small = |server: &Server| Feed {
        max_bytes: 1000,
        ..feed(server)
    };
    let server = serve([ok(&"192.0.2.1\n".repeat(101))]);
    assert_eq!(
        failure(small(&server)),
        "it has more than 1000 bytes (max_bytes)"
    );
    let server = serve([ok(&"192.0.2.1\n".repeat(100))]);
    assert_eq!(fetched(small(&server), 1)[0].entries, 1);
    // A bomb: 64 MiB of zeros in 64 KiB.
    let mut bomb = Vec::new();
    let mut packer = flate2::read::GzEncoder::new(std::io::repeat(0), flate2::Compression::best());
    packer
        .by_ref()
        .take(64 << 10)
        .read_to_end(&mut bomb)
        .unwrap();
    let server = serve([answer("200 OK", &["content-encoding: gzip"], &bomb)]);
    assert_eq!(
        failure(small(&server)),
        "it has more than 1000 bytes (max_bytes)"
    );
    let mut packed = Vec::new();
    let text: &[u8] = b"192.0.2.1\n192.0.2.2\n";
    let mut packer = flate2::read::GzEncoder::new(text, flate2::Compression::best());
    packer.read_to_end(&mut packed).unwrap();
    let server = serve([answer("200 OK", &["content-encoding: gzip"], &packed)]);
    assert_eq!(fetched(small(&server), 1)[0].entries, 2);
}

#[test]
fn a_secret_is_shown_to_its_server_and_to_nobody_it_sends_us_to() {
    let login = Login {
        user: Some("me".into()),
        secret: Some("hush".into()),
        ..Login::default()
    };
    let other = serve([ok("192.0.2.1\n")]);
    let moved = format!("location: {}", other.url());
    let redirect = || answer("302 Found", &[moved.as_str()], b"");
    let server = serve([redirect()]);
    let told = failure(Feed {
        login: Some(login),
        ..feed(&server)
    });
    assert!(told.starts_with("the server answered 302"), "{told}");
    assert!(
        server
            .asked(0)
            .contains("authorization: basic bwu6ahvzaa==\r\n")
    );
    assert!(other.asked.lock().unwrap().is_empty());
    // Without one it is followed.
    let server = serve([redirect()]);
    assert_eq!(fetched(feed(&server), 1)[0].entries, 1);
    // From a file, in a header of the server's own.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "k-17\nmore\n").unwrap();
    let header = |path: &std::path::Path| Login {
        header: Some("X-OTX-API-KEY".into()),
        secret_file: Some(path.to_owned()),
        ..Login::default()
    };
    let server = serve([ok("192.0.2.1\n")]);
    fetched(
        Feed {
            login: Some(header(&path)),
            ..feed(&server)
        },
        1,
    );
    assert!(server.asked(0).contains("x-otx-api-key: k-17\r\n"));
    let told = failure(Feed {
        login: Some(header(&folder.path().join("none"))),
        ..feed(&server)
    });
    assert!(told.contains("none: No such file"), "{told}");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let told = failure(Feed {
        name: "drop".into(),
        url,
        ..Feed::default()
    });
    assert!(told.to_lowercase().contains("refused"), "{told}");
}

#[test]
fn columns_and_bundles_come_over_http_too() {
    let server = serve([ok("#x\nfirst,dst_ip\n1,192.0.2.1\n2,192.0.2.2\n")]);
    let csv = Feed {
        format: Format::Csv,
        column: Some(Column::Name("dst_ip".into())),
        ..feed(&server)
    };
    assert_eq!(fetched(csv, 1)[0].entries, 2);
    let bundle = r#"{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator",
        "id":"indicator--1","pattern_type":"stix","pattern":"[ipv4-addr:value = '192.0.2.1']"}]}"#;
    let server = serve([ok(bundle)]);
    let stix = Feed {
        format: Format::Stix,
        action: Deed::Block,
        ..feed(&server)
    };
    assert_eq!(fetched(stix, 1)[0].entries, 1);
}

fn page(more: bool, next: Option<&str>, addresses: &[&str], headers: &[&str]) -> Vec<u8> {
    let objects: Vec<serde_json::Value> = addresses
        .iter()
        .map(|address| {
            serde_json::json!({"type": "indicator", "id": format!("indicator--{address}"),
                "pattern_type": "stix", "pattern": format!("[ipv4-addr:value = '{address}']")})
        })
        .collect();
    let mut body = serde_json::json!({"more": more, "objects": objects});
    if let Some(next) = next {
        body["next"] = next.into();
    }
    let kind = ["content-type: application/taxii+json;version=2.1"];
    answer(
        "200 OK",
        &[&kind, headers].concat(),
        body.to_string().as_bytes(),
    )
}

fn taxii(server: &Server) -> Feed {
    Feed {
        url: format!("http://{}/api/collections/c1/", server.address),
        format: Format::Taxii,
        ..feed(server)
    }
}

#[test]
fn a_collection_is_read_page_by_page() {
    let server = serve([
        page(true, Some("p/2"), &["192.0.2.1", "192.0.2.2"], &[]),
        page(true, Some("p/3"), &["192.0.2.3"], &[]),
        page(false, None, &["192.0.2.4"], &[]),
    ]);
    let told = fetched(taxii(&server), 1).remove(0);
    assert_eq!((told.entries, told.error), (4, None));
    let first = server.asked(0);
    assert!(
        first.starts_with("get /api/collections/c1/objects/?match%5btype%5d=indicator&limit="),
        "{first}"
    );
    assert!(first.contains("accept: application/taxii+json;version=2.1\r\n"));
    assert!(server.asked(1).contains("&next=p%2f2 "));
    assert!(server.asked(2).contains("&next=p%2f3 "));
    // One that goes on by date.
    let date = ["x-taxii-date-added-last: 2026-01-01T00:00:00.5Z"];
    let server = serve([
        page(true, None, &["192.0.2.1"], &date),
        page(false, None, &["192.0.2.2"], &[]),
    ]);
    assert_eq!(fetched(taxii(&server), 1)[0].entries, 2);
    assert!(
        server
            .asked(1)
            .contains("&added_after=2026-01-01t00%3a00%3a00.5z ")
    );
    // An empty one is an answer.
    let server = serve([answer("200 OK", &[], b"{}")]);
    let told = fetched(taxii(&server), 1).remove(0);
    assert_eq!((told.entries, told.error), (0, None));
}

#[test]
fn a_collection_that_never_ends_or_grows_beyond_its_limit_fails() {
    let lost = "the server says that there is more, and does not give it";
    let server = serve([page(true, Some("same"), &["192.0.2.1"], &[])]);
    assert_eq!(failure(taxii(&server)), lost);
    let server = serve([page(true, None, &["192.0.2.1"], &[])]);
    assert_eq!(failure(taxii(&server)), lost);
    let server = serve([
        page(true, Some("2"), &["192.0.2.1"], &[]),
        page(false, None, &["192.0.2.2"], &[]),
    ]);
    let told = failure(Feed {
        max_bytes: 250,
        ..taxii(&server)
    });
    assert_eq!(told, "it has more than 250 bytes (max_bytes)");
    let server = serve([answer("406 Not Acceptable", &[], b"")]);
    assert!(failure(taxii(&server)).starts_with("the server answered 406"));
}
