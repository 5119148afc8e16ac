//! Attempts on the wire: requests that two readers read differently, connections that never end, floods of headers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::running::{read, start};

#[test]
fn what_two_readers_would_read_differently_is_refused() {
    let ratel = start();
    let inner = "GET /api/v1/users HTTP/1.1\r\nHost: x\r\n\r\n";
    for head in [
        // Content-Length against Transfer-Encoding, in both orders, and disguised (RFC 9112, 6.3).
        format!("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: +4\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: 4, 5\r\n\r\n0\r\n\r\n{inner}"),
        "Content-Length: -1\r\n\r\n".to_owned(),
        "X: a\r\n b: c\r\n\r\n".to_owned(),
        "X\0: a\r\n\r\n".to_owned(),
        "X: a\0b\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n".to_owned(),
    ] {
        let request = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}"
        );
        let answer = ratel.raw(request.as_bytes());
        assert!(
            (400..500).contains(&answer.status) || answer.status == 0,
            "{head:?}: {answer:?}"
        );
        // Nothing of what was hidden inside is answered with more than a refusal.
        assert!(!answer.body.contains("HTTP/1.1 2"), "{head:?}: {answer:?}");
    }
    assert_eq!(ratel.ask("GET", "/api/v1/version", &[], "").status, 200);
}

#[test]
fn one_request_of_a_connection_lends_the_next_one_nothing() {
    let ratel = start();
    let admin = ratel.admin();
    let mut stream = ratel.connect();
    let with =
        format!("GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin}\r\n\r\n");
    let without = "GET /api/v1/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    // Both at once, before the first is answered.
    stream
        .write_all(format!("{with}{without}").as_bytes())
        .unwrap();
    stream.flush().unwrap();
    let mut told = String::new();
    let _ = stream.read_to_string(&mut told);
    let answers: Vec<&str> = told
        .matches("HTTP/1.1 200")
        .chain(told.matches("HTTP/1.1 401"))
        .collect();
    assert_eq!(answers, ["HTTP/1.1 200", "HTTP/1.1 401"], "{told}");
}

#[test]
fn an_answer_that_comes_before_the_body_leaves_the_connection_whole() {
    let ratel = start();
    let mut stream = ratel.connect();
    for turn in 0..3 {
        // Refused by its head alone.
        let body = vec![b'x'; 100_000];
        let head = format!(
            "POST /api/v1/queries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.flush().unwrap();
        assert_eq!(read(&mut stream).status, 401, "{turn}");
        stream.write_all(&body).unwrap();
        stream.flush().unwrap();
    }
    stream
        .write_all(b"GET /api/v1/version HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(read(&mut stream).status, 200);
}

#[test]
fn methods_that_echo_or_override_do_neither() {
    let ratel = start();
    for method in ["TRACE", "CONNECT", "PROPFIND", "DEBUG", "OPTIONS"] {
        let headers = [("X-Secret", "echoed"), ("X-HTTP-Method", "GET")];
        let answer = ratel.ask(method, "/api/v1/version", &headers, "");
        assert!((400..500).contains(&answer.status), "{method}: {answer:?}");
        assert!(!answer.body.contains("echoed") && !answer.head.contains("echoed"));
    }
}

#[test]
fn a_flood_of_headers_is_refused() {
    let ratel = start();
    let many: String = (0..5_000).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let answer = ratel.raw(format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes());
    assert!((400..500).contains(&answer.status), "{answer:?}");
    let cookies: String = (0..2_000)
        .map(|n| format!("Cookie: a{n}={}\r\n", "b".repeat(40)))
        .collect();
    let answer = ratel.raw(format!("GET / HTTP/1.1\r\nHost: x\r\n{cookies}\r\n").as_bytes());
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

#[test]
fn without_tls_nothing_is_answered() {
    let ratel = start();
    let mut plain = TcpStream::connect(ratel.address).unwrap();
    plain
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    plain
        .write_all(b"GET /api/v1/version HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        .unwrap();
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told);
    assert!(!told.windows(4).any(|part| part == b"HTTP"), "{told:?}");
}

#[test]
fn whoever_a_page_says_that_we_are_nothing_follows_from_it() {
    let ratel = start();
    let request = "GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n";
    let answer = ratel.raw(request.as_bytes());
    assert!(!answer.head.contains("evil.example") && !answer.body.contains("evil.example"));
    // A name of theirs that leads to us: their page's origin is not one of ours.
    let body = r#"{"username":"admin","password":"x"}"#;
    let request = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: ratel.test\r\nOrigin: https://evil.example\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(ratel.raw(request.as_bytes()).status, 403);
}

#[test]
fn one_address_does_not_take_all_places_and_silent_ones_are_closed() {
    let ratel = start();
    // Nobody says a word; some more than one address may hold.
    let held: Vec<TcpStream> = (0..300)
        .map(|_| TcpStream::connect(ratel.address).unwrap())
        .collect();
    let closed = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        matches!((&*stream).read(&mut [0; 1]), Ok(0) | Err(_) if {
            let found = (&*stream).read(&mut [0; 1]);
            !matches!(found, Err(ref error) if error.kind() == std::io::ErrorKind::WouldBlock)
        })
    };
    let end = Instant::now() + Duration::from_secs(20);
    while held.iter().filter(|stream| closed(stream)).count() < 44 {
        assert!(Instant::now() < end, "more than its share");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(held);
    // And the door stands open to whoever comes then.
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if ratel.ask("GET", "/api/v1/version", &[], "").status == 200 {
            break;
        }
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_head_that_trickles_in_does_not_keep_its_place() {
    let ratel = start();
    let mut stream = ratel.connect();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
        .unwrap();
    stream.flush().unwrap();
    let begun = Instant::now();
    // A byte a second, for ever.
    while begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_secs(1));
        if stream
            .write_all(b"a")
            .and_then(|()| stream.flush())
            .is_err()
        {
            break;
        }
        if stream.sock.set_nonblocking(true).is_ok() {
            let mut byte = [0; 1];
            let ended = matches!(stream.sock.peek(&mut byte), Ok(0));
            stream.sock.set_nonblocking(false).unwrap();
            if ended {
                break;
            }
            if stream.sock.set_nonblocking(true).is_ok() {
                let said = matches!(stream.sock.peek(&mut byte), Ok(1));
                stream.sock.set_nonblocking(false).unwrap();
                if said {
                    break;
                }
            }
        }
    }
    assert!(
        begun.elapsed() < Duration::from_secs(45),
        "{:?}",
        begun.elapsed()
    );
    let told = read(&mut stream);
    assert!(told.status == 0 || told.status == 408, "{told:?}");
}
