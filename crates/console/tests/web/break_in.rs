//! Attempts at getting in without a right to: each is refused, and nothing happens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::running::{Running, read, start};

const BLOCK: &str = r#"{"target":"192.0.2.1","ttl_secs":60}"#;

/// Refused with this status, as a problem (RFC 9457), and nothing was ordered.
#[track_caller]
fn refused(ratel: &Running, answer: &crate::running::Answer, expected: u16) {
    assert_eq!(answer.status, expected, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    assert_eq!(answer.json()["status"], expected);
    assert!(ratel.orders.lock().unwrap().is_empty());
}

#[test]
fn nobody_gets_in_with_nothing_or_with_what_is_no_token() {
    let ratel = start();
    let attempts: &[&[(&str, &str)]] = &[
        &[],
        &[("Authorization", "")],
        &[("Authorization", "Bearer")],
        &[("Authorization", "Bearer ")],
        &[("Authorization", "Bearer null")],
        &[("Authorization", "Bearer ../../etc/passwd")],
        &[("Authorization", "Basic YWRtaW46YWRtaW4=")],
        &[("Authorization", "Bearer a.b.c")],
        &[("X-Api-Key", "")],
        &[("X-Api-Key", "ratel_0123456789abcdef_0123456789abcdef")],
        &[("X-Api-Key", "' OR '1'='1")],
        &[("Cookie", "ratel_refresh=x:y")],
        &[("X-Forwarded-User", "admin"), ("X-Remote-User", "admin")],
        &[
            ("X-Original-URL", "/api/v1/version"),
            ("X-HTTP-Method-Override", "GET"),
        ],
    ];
    for headers in attempts {
        for (method, path) in [
            ("GET", "/api/v1/status"),
            ("GET", "/api/v1/events?token=admin&access_token=admin"),
            ("POST", "/api/v1/blocks"),
            ("GET", "/api/v1/users"),
            ("POST", "/api/v1/captures"),
            ("GET", "/api/v1/stream"),
        ] {
            let mut all = headers.to_vec();
            all.push(("Content-Type", "application/json"));
            let answer = ratel.ask(method, path, &all, BLOCK);
            // An address that tries too often is told to wait: refused as well.
            if answer.status == 429 {
                continue;
            }
            refused(&ratel, &answer, 401);
            assert!(answer.header("www-authenticate").is_some());
        }
    }
}

#[test]
fn a_token_that_was_tampered_with_opens_nothing() {
    let ratel = start();
    let token = ratel.admin();
    assert_eq!(ratel.get("/api/v1/users", &token).status, 200);
    let parts: Vec<&str> = token.split('.').collect();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let none = encode(br#"{"alg":"none","typ":"JWT"}"#);
    let hmac = encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = String::from_utf8(decode(parts[1])).unwrap();
    let later = encode(claims.replace("\"exp\":1", "\"exp\":9").as_bytes());
    let mut signature = decode(parts[2]);
    signature[0] ^= 1;
    let attempts = [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{hmac}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], encode(&signature)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{later}.{}", parts[0], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.{token}"),
        "x".repeat(8000),
    ];
    for attempt in attempts {
        let answer = ratel.get("/api/v1/users", &attempt);
        if answer.status != 429 {
            refused(&ratel, &answer, 401);
        }
    }
    // What was good is good no longer when its time is over.
    ratel.clock.fetch_add(3601, Ordering::SeqCst);
    refused(&ratel, &ratel.get("/api/v1/users", &token), 401);
}

#[test]
fn each_role_gets_as_far_as_it_may() {
    let ratel = start();
    let admin = ratel.admin();
    let block = json!({"target": "192.0.2.1", "ttl_secs": 60});
    let note = json!({"text": "x"});
    let user = json!({"name": "eve", "role": "admin"});
    // Role, and whether it may: read, note, block, make users.
    for (role, may) in [
        ("ingest", [false, false, false, false]),
        ("viewer", [true, false, false, false]),
        ("analyst", [true, true, false, false]),
        ("responder", [true, true, true, false]),
    ] {
        let token = ratel.program(&admin, role);
        let answers = [
            ratel.get("/api/v1/status", &token),
            ratel.send("POST", "/api/v1/incidents/i0/notes", &token, &note),
            ratel.send("POST", "/api/v1/blocks", &token, &block),
            ratel.send("POST", "/api/v1/users", &token, &user),
        ];
        for (answer, may) in answers.iter().zip(may) {
            assert_eq!(answer.status != 403, may, "{role}: {answer:?}");
            assert_ne!(answer.status, 401, "{role}: {answer:?}");
        }
        // Nobody makes a token that may more than they may.
        let more = json!({"name": "more", "role": "admin"});
        let answer = ratel.send("POST", "/api/v1/tokens", &token, &more);
        assert!(matches!(answer.status, 403 | 422), "{role}: {answer:?}");
        // Nor sees what is others'.
        assert_eq!(ratel.get("/api/v1/tokens?all=true", &token).status, 403);
    }
    assert_eq!(ratel.orders.lock().unwrap().len(), 1);
}

#[test]
fn who_must_choose_a_password_does_nothing_else() {
    let ratel = start();
    let token = ratel.token("admin", ratel.one_time_password());
    refused(&ratel, &ratel.get("/api/v1/users", &token), 403);
    assert_eq!(ratel.get("/api/v1/auth/me", &token).status, 200);
    let weak = json!({"old": ratel.one_time_password(), "new": "aaaaaaaaaaaaaaaa"});
    let answer = ratel.send("POST", "/api/v1/auth/password", &token, &weak);
    assert_eq!(answer.status, 422, "{answer:?}");
}

#[test]
fn a_page_of_somebody_else_sends_nothing_in_our_name() {
    let ratel = start();
    let login = json!({"username": "admin", "password": ratel.one_time_password()}).to_string();
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        let headers = [("Content-Type", "application/json"), (name, value)];
        let answer = ratel.ask("POST", "/api/v1/auth/login", &headers, &login);
        assert!(matches!(answer.status, 401 | 403), "{answer:?}");
        let answer = ratel.ask("POST", "/api/v1/auth/refresh", &headers[1..], "");
        assert!(matches!(answer.status, 401 | 403), "{answer:?}");
    }
    // A form can't send JSON; a text that looks like it is none.
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = ratel.ask(
            "POST",
            "/api/v1/auth/login",
            &[("Content-Type", kind)],
            &login,
        );
        refused(&ratel, &answer, 415);
    }
    let answer = ratel.login("admin", ratel.one_time_password());
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/api/v1/auth"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    // Nobody else's page may read an answer.
    let asked = ratel.ask(
        "OPTIONS",
        "/api/v1/status",
        &[("Origin", "https://evil.example")],
        "",
    );
    assert_eq!(asked.header("access-control-allow-origin"), None);
}

#[test]
fn a_path_leads_nowhere_but_to_our_files() {
    let ratel = start();
    for path in [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../Cargo.toml",
        "/assets/..%5c..%5cCargo.toml",
        "//etc/passwd",
        "/etc/passwd%00.html",
        "/.git/config",
        "/api/../../etc/passwd",
    ] {
        let answer = ratel.ask("GET", path, &[], "");
        assert!(
            matches!(answer.status, 200 | 400 | 404),
            "{path}: {answer:?}"
        );
        assert!(!answer.body.contains("root:"), "{path}");
        assert!(!answer.body.contains("[package]"), "{path}");
    }
    let admin = ratel.admin();
    for path in [
        "/api/v1/captures/..%2f..%2fetc%2fpasswd",
        "/api/v1/events/..%2fx",
        "/api/v1/incidents/..%2f..%2fx",
    ] {
        let answer = ratel.get(path, &admin);
        refused(&ratel, &answer, 404);
    }
}

#[test]
fn what_looks_like_sql_is_a_text() {
    let ratel = start();
    let admin = ratel.admin();
    for text in [
        "%27%20OR%201%3D1--",
        "%27%3B%20DROP%20TABLE%20users%3B--",
        "%25%27%20UNION%20SELECT%201--",
    ] {
        let answer = ratel.get(&format!("/api/v1/incidents?q={text}"), &admin);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["items"], json!([]));
        let answer = ratel.get(&format!("/api/v1/incidents/{text}"), &admin);
        refused(&ratel, &answer, 404);
        let answer = ratel.get(&format!("/api/v1/incidents?cursor={text}"), &admin);
        refused(&ratel, &answer, 400);
        let answer = ratel.get(&format!("/api/v1/events?q={text}"), &admin);
        assert!(matches!(answer.status, 200 | 400), "{answer:?}");
    }
    let answer = ratel.login("admin' --", "x");
    refused(&ratel, &answer, 401);
    assert_eq!(
        ratel.get("/api/v1/users", &admin).json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_body_has_a_limit_in_size_and_in_time() {
    let ratel = start();
    let huge = format!(r#"{{"username":"{}","password":"x"}}"#, "x".repeat(2 << 20));
    let json = [("Content-Type", "application/json")];
    refused(
        &ratel,
        &ratel.ask("POST", "/api/v1/auth/login", &json, &huge),
        413,
    );
    // Said to be larger than it ever becomes: refused without waiting for it.
    let claimed = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{";
    let begun = Instant::now();
    let answer = ratel.raw(claimed);
    assert!(matches!(answer.status, 408 | 413), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    // One byte, and then nothing.
    let mut slow = ratel.connect();
    let head = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    slow.write_all(head).unwrap();
    slow.write_all(b"{").unwrap();
    slow.flush().unwrap();
    assert_eq!(read(&mut slow).status, 408);
    // Nested a thousand times.
    let deep = format!(
        r#"{{"limit":0,"aggs":{}1{}}}"#,
        "{\"a\":".repeat(1000),
        "}".repeat(1000)
    );
    let admin = ratel.admin();
    let bearer = format!("Bearer {admin}");
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", &bearer),
    ];
    let answer = ratel.ask("POST", "/api/v1/events/search", &headers, &deep);
    assert!(matches!(answer.status, 400 | 422), "{answer:?}");
}

#[test]
fn what_is_no_http_gets_no_answer_that_helps() {
    let ratel = start();
    for request in [
        "GET /api/v1/status HTTP/1.1\r\n\r\n".to_owned(),
        "POST /api/v1/blocks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "POST /api/v1/blocks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345".to_owned(),
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer x\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000)),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(100_000)),
        "BREW /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "\0\0\0\0".to_owned(),
    ] {
        let answer = ratel.raw(request.as_bytes());
        assert!(!(200..400).contains(&answer.status), "{request:.60}: {answer:?}");
    }
    assert!(ratel.orders.lock().unwrap().is_empty());
    // And the door still stands.
    assert_eq!(ratel.ask("GET", "/api/v1/version", &[], "").status, 200);
}

#[test]
fn wrong_passwords_are_throttled_and_nobody_is_locked_out_for_good() {
    let ratel = start();
    let mut told = std::collections::BTreeMap::<u16, u32>::new();
    for attempt in 0..60 {
        let answer = ratel.login("admin", &format!("wrong {attempt}"));
        *told.entry(answer.status).or_default() += 1;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
        }
    }
    assert!(!told.contains_key(&200), "{told:?}");
    let throttled = told.get(&429).copied().unwrap_or_default();
    assert!(throttled > 30, "{told:?}");
    // Not even the right one gets in meanwhile, so that guessing learns nothing.
    assert_eq!(ratel.login("admin", ratel.one_time_password()).status, 429);
    ratel.clock.fetch_add(24 * 3600, Ordering::SeqCst);
    assert_eq!(ratel.login("admin", ratel.one_time_password()).status, 200);
}

#[test]
fn every_answer_says_what_browsers_must_not_do() {
    let ratel = start();
    for path in [
        "/",
        "/api/v1/version",
        "/api/v1/status",
        "/api/v1/none",
        "/assets/none.js",
    ] {
        let answer = ratel.ask("GET", path, &[], "");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("strict-transport-security").is_some());
        assert!(answer.header("x-request-id").is_some());
        if path.starts_with("/api") {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}
