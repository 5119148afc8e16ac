//! Attempts with what a request carries: bombs, searches that never end, scripts, names of files, addresses to be
//! asked in our name.

use serde_json::json;
use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::running::{Running, start, wait_for};

/// A form with one file.
fn form(ratel: &Running, token: &str, filename: &str, content: &[u8]) -> crate::running::Answer {
    let mut body = format!(
        "--B\r\nContent-Disposition: form-data; name=\"capture\"; filename=\"{filename}\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--B--\r\n");
    let mut request = format!(
        "POST /api/v1/captures HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    ratel.raw(&request)
}

#[test]
fn a_search_that_is_made_to_hurt_is_answered_or_refused_in_time() {
    let ratel = start();
    let admin = ratel.admin();
    let encode = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };
    let wild = format!("http.url:{}", "*a".repeat(400));
    for query in [
        "(".repeat(2000),
        format!("{}a{}", "(".repeat(1000), ")".repeat(1000)),
        "NOT ".repeat(1500) + "a",
        "a OR ".repeat(1400) + "a",
        wild,
        "*".repeat(4000),
        "event_type:/(a+)+$/".to_owned(),
        "src_ip:[* TO *] AND \"".to_owned() + &"a ".repeat(2000) + "\"",
        "\u{202e}\u{0}\u{feff}".to_owned(),
        "flow_id:99999999999999999999999999999999".to_owned(),
        "@timestamp:[9999-99-99 TO now]".to_owned(),
    ] {
        let begun = Instant::now();
        let answer = ratel.get(&format!("/api/v1/events?q={}", encode(&query)), &admin);
        assert!(
            matches!(answer.status, 200 | 400 | 414 | 431),
            "{query:.40}: {answer:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(20), "{query:.40}");
    }
    let nested = (0..200).fold(
        json!({"terms": {"field": "event_type"}}),
        |inner, _| json!({"terms": {"field": "event_type"}, "aggs": {"a": inner}}),
    );
    let body = json!({"limit": 0, "aggs": {"a": nested}});
    let answer = ratel.send("POST", "/api/v1/events/search", &admin, &body);
    assert!(matches!(answer.status, 200 | 400 | 422), "{answer:?}");
    let wide = json!({"limit": 0, "aggs": {"a": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1ms"}},
        "b": {"terms": {"field": "flow_id", "size": 2_000_000_000}}}});
    let answer = ratel.send("POST", "/api/v1/events/search", &admin, &wide);
    assert!(matches!(answer.status, 200 | 400 | 422), "{answer:?}");
}

#[test]
fn a_packed_body_is_not_unpacked_beyond_a_limit() {
    let ratel = start();
    let admin = ratel.admin();
    let bearer = format!("Bearer {admin}");
    // The API takes no packed bodies: what comes is no JSON.
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
    ];
    let answer = ratel.ask("POST", "/api/v1/events/search", &headers, "\x1f\u{8b}");
    assert!(matches!(answer.status, 400 | 415), "{answer:?}");
    // 128 MiB of zeros where packed bodies are taken.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..128 {
        bomb.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let mut request = format!(
        "POST /es/_bulk HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {bearer}\r\n\
         Content-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    )
    .into_bytes();
    request.extend_from_slice(&bomb);
    assert_eq!(ratel.raw(&request).status, 413);
    assert!(ratel.published.lock().unwrap().is_empty());
}

#[test]
fn a_name_of_a_file_is_a_text_and_leads_nowhere() {
    let ratel = start();
    let admin = ratel.admin();
    for name in [
        "../../../../etc/cron.d/x",
        "..\\..\\x.pcap",
        "/etc/passwd",
        "=cmd|' /C calc'!A0.pcap",
        "<img src=x onerror=alert(1)>.pcap",
        "x.pcap%0d%0aSet-Cookie: a=b",
        "\u{202e}pacp.exe",
    ] {
        let answer = form(&ratel, &admin, name, b"\xd4\xc3\xb2\xa1");
        assert!(
            matches!(answer.status, 202 | 400 | 429),
            "{name}: {answer:?}"
        );
        assert!(
            !answer.head.to_lowercase().contains("set-cookie"),
            "{answer:?}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("content-type").unwrap().contains("json"));
        if answer.status == 202 {
            // The name of ours is the one that counts.
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let path = format!("/api/v1/captures/{id}");
            wait_for(|| (ratel.get(&path, &admin).json()["state"] == "done").then_some(()));
        }
    }
}

#[test]
fn a_script_comes_back_as_a_text_that_no_browser_runs() {
    let ratel = start();
    let admin = ratel.admin();
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        format!("/api/v1/{script}"),
        format!("/api/v1/incidents/{script}"),
        format!("/api/v1/events?q=%28{script}"),
        format!("/api/v1/hosts/{script}"),
        format!("/api/v1/receivers/{script}/test"),
    ] {
        let answer = ratel.get(&path, &admin);
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"));
    }
    // The page of the dashboard has nothing of a path in it.
    let page = ratel.ask("GET", &format!("/incidents/{script}"), &[], "");
    assert!(!page.body.contains("alert(1)"));
}

#[test]
fn nobody_is_asked_in_our_name() {
    let ratel = start();
    let admin = ratel.admin();
    let inner = "http://169.254.169.254/latest/meta-data/";
    let analyst = ratel.person(&admin, "ann", "analyst");
    for (token, expected) in [(&admin, 404), (&analyst, 403)] {
        // Receivers are named in the configuration: what a request says of an address is read by nobody.
        let body = json!({"url": inner});
        let answer = ratel.send("POST", "/api/v1/receivers/x/test", token, &body);
        assert!([expected, 404].contains(&answer.status), "{answer:?}");
        let path = "/api/v1/receivers/http:%2F%2F169.254.169.254%2F/test";
        let answer = ratel.send("POST", path, token, &json!({}));
        assert!([expected, 404].contains(&answer.status), "{answer:?}");
    }
    let capture = json!({"url": inner});
    let answer = ratel.send("POST", "/api/v1/captures", &admin, &capture);
    assert!(matches!(answer.status, 400 | 415), "{answer:?}");
    let absolute =
        format!("GET {inner} HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n");
    let answer = ratel.raw(absolute.as_bytes());
    assert!(!answer.body.contains("ami-id"), "{answer:?}");
}

#[test]
fn a_shipper_of_logs_reads_nothing_and_writes_only_events() {
    let ratel = start();
    let admin = ratel.admin();
    let shipper = ratel.program(&admin, "ingest");
    let key = format!("Bearer {shipper}");
    let headers = [
        ("Authorization", key.as_str()),
        ("Content-Type", "application/x-ndjson"),
    ];
    for path in [
        "/es/_search",
        "/es/_count",
        "/es/events/_search",
        "/es/_msearch",
    ] {
        let answer = ratel.ask("POST", path, &headers, "{}\n{}\n");
        assert!(matches!(answer.status, 400 | 403), "{path}: {answer:?}");
    }
    for path in [
        "/api/v1/events",
        "/api/v1/stream",
        "/api/v1/users",
        "/api/v1/tokens",
    ] {
        assert_eq!(ratel.get(path, &shipper).status, 403, "{path}");
    }
    let viewer = ratel.program(&admin, "viewer");
    let key = format!("Bearer {viewer}");
    let headers = [
        ("Authorization", key.as_str()),
        ("Content-Type", "application/x-ndjson"),
    ];
    let answer = ratel.ask(
        "POST",
        "/es/_bulk",
        &headers,
        "{\"create\":{}}\n{\"a\":1}\n",
    );
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(ratel.published.lock().unwrap().is_empty());
}

#[test]
fn a_change_that_is_meant_for_another_version_is_refused() {
    let ratel = start();
    let admin = ratel.admin();
    let bearer = format!("Bearer {admin}");
    for tag in [
        "W/\"v1\"",
        "\"v1\", \"v2\"",
        "\"1\"",
        "v1",
        "\"v-1\"",
        "\"v99999999999999999999\"",
    ] {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("If-Match", tag),
        ];
        let answer = ratel.ask(
            "PATCH",
            "/api/v1/incidents/i1",
            &headers,
            r#"{"status":"closed"}"#,
        );
        assert_eq!(answer.status, 412, "{tag}: {answer:?}");
    }
}
