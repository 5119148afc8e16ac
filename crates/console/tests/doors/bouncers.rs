//! The bouncer API: the requests that bouncers send, replayed, and what they need to hear.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use event::action::State;
use serde_json::Value;

use crate::running::{KEY, Running, action, start};

/// The head that cs-firewall-bouncer (go-cs-bouncer) sends.
fn go(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\nUser-Agent: crowdsec-firewall-bouncer/v0.0.31-debian\nX-Api-Key: {KEY}\n\
         Accept-Encoding: gzip\n\n"
    )
}

/// The head that lua-cs-bouncer (nginx, OpenResty) sends.
fn lua(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\nUser-Agent: crowdsec-nginx-bouncer/v1.0.8\nX-Api-Key: {KEY}\nConnection: close\n\n"
    )
}

fn pull(running: &Running, request: &str) -> (Vec<String>, Vec<String>) {
    let (status, head, body) = running.ask(request);
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let told: Value = serde_json::from_str(&body).unwrap();
    let values = |name: &str| match &told[name] {
        Value::Null => Vec::new(),
        list => {
            let mut values: Vec<String> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|d| {
                    format!(
                        "{} {}",
                        d["value"].as_str().unwrap(),
                        d["duration"].as_str().unwrap()
                    )
                })
                .collect();
            values.sort();
            values
        }
    };
    (values("new"), values("deleted"))
}

fn undone() -> State {
    State::Undone {
        cause: "root".into(),
    }
}

#[test]
fn a_firewall_bouncer_follows_the_stream() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.1", State::Executed);
    running.block(2, "2001:db8::/64", State::Executed);
    let check = |startup: bool, new: &[&str], deleted: &[&str]| {
        let path = if startup {
            "/v1/decisions/stream?startup=true"
        } else {
            "/v1/decisions/stream?"
        };
        let told = pull(&running, &go(path));
        assert_eq!((told.0, told.1), (to_owned(new), to_owned(deleted)));
    };
    let all = ["192.0.2.1 1h0m0s", "2001:db8::/64 1h0m0s"];
    check(true, &all, &[]);
    check(false, &[], &[]);
    running.clock.store(1010, Ordering::SeqCst);
    running.block(3, "198.51.100.7", State::Executed);
    running.block(1, "192.0.2.1", undone());
    check(false, &["198.51.100.7 1h0m0s"], &["192.0.2.1 0s"]);
    check(false, &[], &[]);
    running.clock.store(1000 + 3600, Ordering::SeqCst);
    check(false, &[], &["2001:db8::/64 0s"]);
    running.clock.store(1010 + 3600 + 5, Ordering::SeqCst);
    check(false, &[], &["198.51.100.7 -5s"]);
    // It was started again: everything that holds, and for a firewall nothing to delete.
    running.block(4, "192.0.2.4", State::Executed);
    check(true, &["192.0.2.4 1h0m0s"], &[]);
}

fn to_owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_bouncer_that_we_do_not_remember_is_told_everything() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.1", State::Executed);
    running.block(2, "192.0.2.2", State::Executed);
    running.clock.store(1001, Ordering::SeqCst);
    running.block(2, "192.0.2.2", undone());
    let told = pull(&running, &lua("/v1/decisions/stream?startup=false"));
    assert_eq!(
        told,
        (to_owned(&["192.0.2.1 59m59s"]), to_owned(&["192.0.2.2 0s"]))
    );
}

#[test]
fn looking_whether_we_are_there_loses_nothing() {
    let running = start(|_, _| Ok(()));
    pull(&running, &go("/v1/decisions/stream?startup=true"));
    running.block(1, "192.0.2.1", State::Executed);
    let head = go("/v1/decisions/stream").replacen("GET", "HEAD", 1);
    let (status, _, body) = running.ask(&head);
    assert_eq!((status, body.as_str()), (200, ""));
    assert_eq!(pull(&running, &go("/v1/decisions/stream")).0.len(), 1);
}

#[test]
fn a_web_server_asks_address_by_address() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.0/24", State::Executed);
    // nginx compares the text: no list, no blank, no line feed.
    let (status, _, body) = running.ask(&lua("/v1/decisions?ip=198.51.100.1"));
    assert_eq!((status, body.as_str()), (200, "null"));
    let (_, _, body) = running.ask(&lua("/v1/decisions?ip=192.0.2.99"));
    let told: Value = serde_json::from_str(&body).unwrap();
    let one = &told[0];
    assert_eq!(one["value"], "192.0.2.0/24");
    assert_eq!(one["type"], "ban");
    assert_eq!(one["scope"], "Range");
    assert_eq!(one["origin"], "ratel");
    assert_eq!(one["scenario"], "ratel/scanners");
    assert_eq!(one["simulated"], false);
    assert!(one["id"].as_u64().is_some_and(|id| id > 0));
    assert_eq!(one["uuid"].as_str().unwrap().len(), 36);
    // Traefik's plugin sends a parameter of its own.
    let (_, _, body) = running.ask(&lua("/v1/decisions?ip=192.0.2.99&banned=true"));
    assert_ne!(body, "null");
    let (status, _, body) = running.ask(&lua("/v1/decisions?ip=pear"));
    assert_eq!(status, 400);
    assert!(body.contains("\"message\""), "{body}");
    let head = lua("/v1/decisions").replacen("GET", "HEAD", 1);
    assert_eq!(running.ask(&head).0, 200);
}

#[test]
fn scopes_origins_and_scenarios_narrow_what_is_told() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.1", State::Executed);
    running.block(2, "198.51.100.0/24", State::Executed);
    let mut listed = action(3, "203.0.113.0/24", 1000, State::Executed);
    listed.why.playbook = None;
    listed.why.feed = Some("drop".into());
    (running.act)(listed);
    // As cs-firewall-bouncer, the nginx and the HAProxy bouncer write it.
    let check = |query: &str, new: &[&str]| {
        let path = format!("/v1/decisions/stream?startup=true{query}");
        let told = pull(&running, &go(&path)).0;
        let values: Vec<_> = told.iter().filter_map(|d| d.split(' ').next()).collect();
        assert_eq!(values, new, "{query}");
    };
    let all = ["192.0.2.1", "198.51.100.0/24", "203.0.113.0/24"];
    check("", &all);
    check("&scopes=ip,range", &all);
    check("&scopes=Ip%2CRange", &all);
    check("&scopes=ip", &all[..1]);
    check("&scopes=country,as", &[]);
    check("&origins=ratel", &all[..2]);
    check("&origins=lists", &all[2..]);
    check("&origins=ratel,lists&scopes=range", &all[1..]);
    check("&origins=crowdsec,cscli", &[]);
    check("&scenarios_containing=scan", &all[..2]);
    check("&scenarios_not_containing=scan", &all[2..]);
    let (_, _, body) = running.ask(&lua("/v1/decisions?ip=203.0.113.9&origins=lists"));
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&told[0]["origin"], &told[0]["scenario"]),
        (&"lists".into(), &"drop".into())
    );
}

#[test]
fn who_shows_no_key_hears_nothing() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.1", State::Executed);
    for (path, method) in [
        ("/v1/decisions", "GET"),
        ("/v1/decisions/stream?startup=true", "GET"),
        ("/v1/heartbeat", "GET"),
        ("/v1/usage-metrics", "POST"),
    ] {
        for key in [
            "",
            "X-Api-Key: wrong\n",
            "X-Api-Key:\n",
            "Authorization: Bearer a-key-long-enough\n",
        ] {
            let (status, _, body) = running.ask(&format!("{method} {path} HTTP/1.1\n{key}\n"));
            assert_eq!(
                (status, body.as_str()),
                (403, r#"{"message":"access forbidden"}"#),
                "{path}"
            );
        }
    }
    assert_eq!(
        running.ask("GET /health HTTP/1.1\n\n").2,
        r#"{"status":"up"}"#
    );
    // What people may do is not at this door.
    for path in ["/v1/actions", "/v1/orders", "/v1/status", "/metrics"] {
        assert_eq!(running.ask(&go(path)).0, 404, "{path}");
    }
}

#[test]
fn what_bouncers_report_is_taken() {
    let running = start(|_, _| Ok(()));
    let report = |body: &str| {
        running.ask(&format!(
            "POST /v1/usage-metrics HTTP/1.1\nUser-Agent: crowdsec-firewall-bouncer/v0.0.31\nX-Api-Key: {KEY}\n\n{body}"
        ))
    };
    let body = r#"{"remediation_components":[{"type":"crowdsec-firewall-bouncer","version":"v0.0.31",
        "os":{"name":"debian","version":"12"},"feature_flags":[],"utc_startup_timestamp":1000,
        "metrics":[{"items":[{"name":"dropped","unit":"packet","value":7}],
        "meta":{"window_size_seconds":900,"utc_now_timestamp":1900}}]}],"log_processors":null}"#;
    let (status, _, answer) = report(body);
    assert_eq!((status, answer.as_str()), (201, ""));
    assert_eq!(report("{}").0, 400);
    assert_eq!(report("pear").0, 400);
    let status: console::api::status::Status =
        console::client::get(&running.socket, "/v1/status").unwrap();
    let bouncer = &status.bouncers[0];
    assert_eq!(
        (bouncer.name.as_str(), bouncer.address.as_str()),
        ("fw", "127.0.0.1")
    );
    assert_eq!(bouncer.agent, "crowdsec-firewall-bouncer/v0.0.31");
}

#[test]
fn a_bouncer_that_keeps_its_connection_is_answered_each_time() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.1", State::Executed);
    let mut stream = TcpStream::connect(running.bouncers).unwrap();
    let request =
        format!("GET /v1/decisions?ip=192.0.2.9 HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n\r\n");
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"null") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
    }
}
