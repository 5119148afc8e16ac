//! The door used as it is meant.

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};

use crate::running::{start, wait_for};

#[test]
fn errors_have_one_form_wherever_they_come_from() {
    let ratel = start();
    let admin = ratel.admin();
    let check = |answer: crate::running::Answer, expected: u16| {
        assert_eq!(answer.status, expected, "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let problem = answer.json();
        assert_eq!(problem["status"], expected);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    };
    check(ratel.get("/api/v1/none", &admin), 404);
    check(ratel.get("/api/none", &admin), 404);
    check(ratel.send("PUT", "/api/v1/status", &admin, &json!({})), 405);
    check(ratel.get("/api/v1/events?limit=x", &admin), 400);
    check(ratel.get("/api/v1/events?limit=0", &admin), 400);
    check(ratel.get("/api/v1/events?q=%28", &admin), 400);
    check(ratel.get("/api/v1/events?since=yesterday", &admin), 400);
    check(ratel.get("/api/v1/events?cursor=!", &admin), 400);
    check(ratel.get("/api/v1/rules/x", &admin), 400);
    check(
        ratel.send("POST", "/api/v1/blocks", &admin, &json!({"target": "x"})),
        400,
    );
    check(
        ratel.send(
            "POST",
            "/api/v1/blocks",
            &admin,
            &json!({"target": "192.0.2.1", "ttl_secs": 0}),
        ),
        400,
    );
    let bearer = format!("Bearer {admin}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    check(ratel.ask("POST", "/api/v1/blocks", &headers, "{"), 400);
    check(
        ratel.ask("POST", "/api/v1/blocks", &headers[..1], "{}"),
        415,
    );
    let wrong = ratel.send("PUT", "/api/v1/status", &admin, &json!({}));
    assert!(
        wrong
            .header("allow")
            .is_some_and(|allow| allow.contains("GET")),
        "{wrong:?}"
    );
}

#[test]
fn an_order_under_one_key_is_given_once() {
    let ratel = start();
    let admin = ratel.admin();
    let bearer = format!("Bearer {admin}");
    let block = |target: &str| {
        let body = json!({"target": target, "ttl_secs": 60}).to_string();
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "k1"),
        ];
        ratel.ask("POST", "/api/v1/blocks", &headers, &body)
    };
    // Nobody carries it out here: it is under way.
    assert_eq!(block("192.0.2.1").status, 202);
    assert_eq!(block("192.0.2.1").status, 202);
    assert_eq!(block("192.0.2.2").status, 422);
    let orders = ratel.orders.lock().unwrap();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].who, "admin");
}

#[test]
fn silences_are_previewed_made_exported_and_ended() {
    let ratel = start();
    let admin = ratel.admin();
    let draft = json!({"query": "alert.signature_id:7 AND src_ip:192.0.2.0/24", "kind": "silence"});
    let preview = ratel.send("POST", "/api/v1/silences/preview", &admin, &draft);
    assert_eq!(preview.status, 200, "{preview:?}");
    assert_eq!(preview.json()["would_hide"], 0);
    let mut new = draft.clone();
    new["expires"] = json!("7d");
    new["reason"] = json!("a test\nof lines");
    let made = ratel.send("POST", "/api/v1/silences", &admin, &new);
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(
        (&made["owner"], &made["active"]),
        (&json!("admin"), &json!(true))
    );
    let text = ratel.get("/api/v1/silences/threshold.config", &admin).body;
    assert!(
        text.contains("\nsuppress gen_id 1, sig_id 7, track by_src, ip 192.0.2.0/24\n"),
        "{text}"
    );
    let path = format!("/api/v1/silences/{}", made["id"].as_str().unwrap());
    assert_eq!(ratel.send("DELETE", &path, &admin, &json!({})).status, 204);
    let list = |query: &str| {
        ratel
            .get(&format!("/api/v1/silences{query}"), &admin)
            .json()
    };
    assert_eq!(list("")["items"], json!([]));
    assert_eq!(list("?expired=true")["items"][0]["ended_by"], "admin");
    for (key, value) in [
        ("query", json!("")),
        ("expires", json!("1h ago")),
        ("reason", json!(" ")),
    ] {
        let mut wrong = new.clone();
        wrong[key] = value;
        assert_eq!(
            ratel
                .send("POST", "/api/v1/silences", &admin, &wrong)
                .status,
            422,
            "{key}"
        );
    }
    let hints = ratel
        .orders
        .lock()
        .unwrap()
        .iter()
        .filter(|order| order.what.name() == "silences_changed")
        .count();
    assert_eq!(hints, 2);
}

#[test]
fn a_capture_is_handed_in_and_read() {
    let ratel = start();
    let admin = ratel.admin();
    let bearer = format!("Bearer {admin}");
    let kind = ("Content-Type", "multipart/form-data; boundary=b");
    let headers = [("Authorization", bearer.as_str()), kind];
    let form = "--b\r\nContent-Disposition: form-data; name=\"capture\"; filename=\"a.pcap\"\r\n\r\nxyz\r\n--b--\r\n";
    let made = ratel.ask("POST", "/api/v1/captures", &headers, form);
    assert_eq!(made.status, 202, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let read = |id: &str| {
        wait_for(|| {
            let told = ratel.get(&format!("/api/v1/captures/{id}"), &admin).json();
            (told["state"] == "done").then_some(told)
        })
    };
    let done = read(&id);
    assert_eq!(
        (&done["alerts"], &done["bytes"], &done["name"]),
        (&json!(1), &json!(3), &json!("a.pcap"))
    );
    assert_eq!(
        (&done["checksums"], &done["wrong_checksums"]),
        (&json!("all"), &json!(1))
    );
    let unchecked = ratel.ask("POST", "/api/v1/captures?checksums=none", &headers, form);
    let unchecked = read(unchecked.json()["id"].as_str().unwrap());
    assert_eq!(
        (&unchecked["checksums"], &unchecked["wrong_checksums"]),
        (&json!("none"), &json!(0))
    );
    let wrong = ratel.ask("POST", "/api/v1/captures?checksums=some", &headers, form);
    assert_eq!(wrong.status, 400);
    let published = ratel.published.lock().unwrap();
    let event: Value = serde_json::from_str(&published[0]).unwrap();
    assert_eq!(event["ratel"]["capture"], id.as_str());
    drop(published);
    let rules =
        "--b\r\nContent-Disposition: form-data; name=\"rules\"\r\n\r\nalert\r\n".to_owned() + form;
    let tested = ratel.ask("POST", "/api/v1/rules/test", &headers, &rules);
    assert_eq!(tested.status, 200, "{tested:?}");
    assert_eq!(tested.json()["alerts"][0]["event_type"], "alert");
    assert_eq!(tested.json()["wrong_checksums"], 1);
    assert_eq!(
        ratel
            .ask("POST", "/api/v1/rules/test", &headers, form)
            .status,
        400
    );
}

#[test]
fn who_follows_is_told_at_once() {
    let ratel = start();
    let admin = ratel.admin();
    let mut stream = ratel.connect();
    let request = format!(
        "GET /api/v1/stream?topics=stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut told = String::new();
    let mut buffer = [0; 4096];
    while !told.contains("event: stats") {
        let read = stream.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(told.contains("content-type: text/event-stream"), "{told}");
    assert!(told.contains("\"inspected\":7"), "{told}");
}

#[test]
fn users_come_change_and_go() {
    let ratel = start();
    let admin = ratel.admin();
    let made = ratel.send(
        "POST",
        "/api/v1/users",
        &admin,
        &json!({"name": "Ann", "role": "analyst"}),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(
        (&made["name"], &made["must_change_password"]),
        (&json!("ann"), &json!(true))
    );
    let password = made["one_time_password"].as_str().unwrap();
    let token = ratel.token("ann", password);
    assert_eq!(
        ratel.get("/api/v1/auth/me", &token).json()["role"],
        "analyst"
    );
    let changed = ratel.send(
        "PATCH",
        "/api/v1/users/ann",
        &admin,
        &json!({"disabled": true}),
    );
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(ratel.get("/api/v1/auth/me", &token).status, 401);
    assert_eq!(ratel.login("ann", password).status, 401);
    assert_eq!(
        ratel
            .send("DELETE", "/api/v1/users/ann", &admin, &json!({}))
            .status,
        204
    );
    let last = ratel.send("DELETE", "/api/v1/users/admin", &admin, &json!({}));
    assert!(matches!(last.status, 409 | 422), "{last:?}");
}

#[test]
fn the_description_is_served() {
    let ratel = start();
    let served = ratel.ask("GET", "/api/openapi.json", &[], "").json();
    assert_eq!(served["openapi"], "3.1.0");
    let page = ratel.ask("GET", "/", &[], "");
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
}

#[test]
fn what_rules_cost_is_told_and_the_dearest_can_come_first() {
    let ratel = crate::running::start_with(|lent| {
        let rule = |sid, msg: &str| console::web::RuleText {
            sid: Some(sid),
            gid: 1,
            rev: 1,
            msg: msg.to_owned(),
            state: console::web::RuleState::Loaded,
            reasons: Vec::new(),
            text: "alert".into(),
            file: "a.rules".into(),
            line: 1,
            classtype: None,
            priority: 1,
        };
        let book = console::web::RuleBook::new(1, vec![rule(1, "cheap"), rule(2, "dear")]);
        let book = std::sync::Arc::new(book);
        lent.rules = std::sync::Arc::new(move || Some(book.clone()));
        let cost = console::web::RuleCost {
            checks: 10,
            matches: 1,
            nanos: 5000,
        };
        lent.rule_costs = std::sync::Arc::new(move || Some([(2, cost)].into()));
    });
    let admin = ratel.admin();
    let told = ratel.get("/api/v1/rules?order=cost", &admin).json();
    assert_eq!(told["items"][0]["msg"], "dear");
    assert_eq!(
        told["items"][0]["cost"],
        json!({"checks": 10, "matches": 1, "nanos": 5000})
    );
    assert_eq!(told["items"][1]["cost"]["checks"], 0);
    assert_eq!(told["cost"]["nanos"], 5000);
}

#[test]
fn how_much_room_there_is_is_told() {
    let ratel = start();
    let admin = ratel.admin();
    let told = ratel.get("/api/v1/health/storage", &admin);
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(
        told.json(),
        json!({"readers": [], "rooms": [], "events": null})
    );
}
