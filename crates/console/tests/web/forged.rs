//! Attempts at being somebody else: forged tokens, stolen cookies, others' things, guessed names.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::running::{Answer, PASSWORD, Running, read, start, start_set};
use std::io::Write as _;

fn with_cookie(ratel: &Running, path: &str, cookie: &str) -> Answer {
    ratel.ask("POST", path, &[("Cookie", cookie)], "")
}

#[test]
fn no_header_of_a_token_chooses_the_key_that_verifies_it() {
    let ratel = start();
    let token = ratel.admin();
    let (_, rest) = token.split_once('.').unwrap();
    for header in [
        r#"{"alg":"EdDSA","typ":"JWT","kid":"../../dev/null"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"' UNION SELECT 'k"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","jku":"https://evil.example/keys"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","x5u":"https://evil.example/c.pem"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA"}}"#,
        r#"{"alg":"EdDSA","typ":"JWT","crit":["exp"],"exp":1}"#,
        r#"{"alg":["EdDSA"],"typ":"JWT"}"#,
    ] {
        let forged = format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header));
        assert_eq!(ratel.get("/api/v1/users", &forged).status, 401, "{header}");
    }
    // The same in other clothes.
    for forged in [
        format!("{token}="),
        format!(" {token} {token}"),
        token.replace('.', ".."),
        token.to_uppercase(),
    ] {
        assert_eq!(ratel.get("/api/v1/users", &forged).status, 401, "{forged}");
    }
    assert_eq!(ratel.get("/api/v1/users", &token).status, 200);
}

#[test]
fn a_cookie_that_is_used_twice_ends_the_session_for_the_thief_too() {
    let ratel = start();
    ratel.admin();
    let login = ratel.login("admin", PASSWORD);
    let first = login.cookie();
    let second = with_cookie(&ratel, "/api/v1/auth/refresh", &first);
    assert_eq!(second.status, 200, "{second:?}");
    ratel.clock.fetch_add(11, Ordering::SeqCst);
    assert_eq!(
        with_cookie(&ratel, "/api/v1/auth/refresh", &first).status,
        401
    );
    let third = with_cookie(&ratel, "/api/v1/auth/refresh", &second.cookie());
    assert_eq!(third.status, 401);
    let access = second.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(ratel.get("/api/v1/users", &access).status, 401);
}

#[test]
fn a_session_that_somebody_chose_beforehand_is_not_taken_over() {
    let ratel = start();
    ratel.admin();
    let planted = format!("ratel_refresh={}.{}", "0".repeat(32), "A".repeat(43));
    let body = json!({"username": "admin", "password": PASSWORD}).to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("Cookie", planted.as_str()),
    ];
    let login = ratel.ask("POST", "/api/v1/auth/login", &headers, &body);
    assert_eq!(login.status, 200, "{login:?}");
    assert_ne!(login.cookie(), planted);
    assert_eq!(
        with_cookie(&ratel, "/api/v1/auth/refresh", &planted).status,
        401
    );
    // Of two cookies of one name one was planted.
    let both = format!("{planted}; {}", login.cookie());
    assert_eq!(
        with_cookie(&ratel, "/api/v1/auth/refresh", &both).status,
        401
    );
    // A cookie is no token, and a token is no cookie.
    let as_bearer = login.cookie().replace("ratel_refresh=", "");
    assert_eq!(ratel.get("/api/v1/users", &as_bearer).status, 401);
    let access = login.json()["access_token"].as_str().unwrap().to_owned();
    let as_cookie = format!("ratel_refresh={access}");
    assert_eq!(
        with_cookie(&ratel, "/api/v1/auth/refresh", &as_cookie).status,
        401
    );
}

#[test]
fn what_was_logged_out_is_over_at_once() {
    let ratel = start();
    ratel.admin();
    let login = ratel.login("admin", PASSWORD);
    let access = login.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        with_cookie(&ratel, "/api/v1/auth/logout", &login.cookie()).status,
        204
    );
    assert_eq!(ratel.get("/api/v1/users", &access).status, 401);
    let again = with_cookie(&ratel, "/api/v1/auth/refresh", &login.cookie());
    assert_eq!(again.status, 401);
}

#[test]
fn nobody_gives_themselves_a_role() {
    let ratel = start();
    let admin = ratel.admin();
    let ann = ratel.person(&admin, "ann", "analyst");
    let change = json!({"old": PASSWORD, "new": "another correct battery 7", "role": "admin"});
    let asks: [(&str, &str, Value); 6] = [
        ("POST", "/api/v1/auth/password", change),
        ("PATCH", "/api/v1/users/ann", json!({"role": "admin"})),
        (
            "POST",
            "/api/v1/users",
            json!({"name": "eve", "role": "admin"}),
        ),
        (
            "POST",
            "/api/v1/tokens",
            json!({"name": "x", "role": "admin"}),
        ),
        (
            "POST",
            "/api/v1/tokens",
            json!({"name": "x", "role": "viewer", "owner": "admin"}),
        ),
        (
            "POST",
            "/api/v1/queries",
            json!({"name": "x", "query": "", "owner": "admin"}),
        ),
    ];
    for (method, path, body) in asks {
        let answer = ratel.send(method, path, &ann, &body);
        assert!(
            matches!(answer.status, 400 | 403 | 404),
            "{path}: {answer:?}"
        );
    }
    let login = json!({"username": "ann", "password": PASSWORD, "role": "admin"}).to_string();
    let json = [("Content-Type", "application/json")];
    assert_eq!(
        ratel
            .ask("POST", "/api/v1/auth/login", &json, &login)
            .status,
        400
    );
    assert_eq!(ratel.get("/api/v1/auth/me", &ann).json()["role"], "analyst");
}

#[test]
fn what_is_others_is_neither_seen_nor_removed() {
    let ratel = start();
    let admin = ratel.admin();
    let ann = ratel.person(&admin, "ann", "analyst");
    let bob = ratel.person(&admin, "bob", "analyst");
    let token = json!({"name": "bob's", "role": "viewer"});
    let token = ratel.send("POST", "/api/v1/tokens", &bob, &token).json();
    let query = json!({"name": "bob's", "query": "event_type:alert"});
    let query = ratel.send("POST", "/api/v1/queries", &bob, &query).json();
    let shared = json!({"name": "all", "query": "", "shared": true});
    let shared = ratel.send("POST", "/api/v1/queries", &bob, &shared).json();
    let path =
        |noun: &str, made: &Value| format!("/api/v1/{noun}/{}", made["id"].as_str().unwrap());
    for (path, expected) in [
        (path("tokens", &token), 404),
        (path("queries", &query), 404),
        (path("queries", &shared), 403),
    ] {
        assert_eq!(
            ratel.send("DELETE", &path, &ann, &json!({})).status,
            expected,
            "{path}"
        );
    }
    let listed = |path: &str| {
        ratel.get(path, &ann).json()["items"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (listed("/api/v1/tokens"), listed("/api/v1/queries")),
        (0, 1)
    );
    assert_eq!(ratel.get("/api/v1/tokens?all=true", &ann).status, 403);
    let secret = token["secret"].as_str().unwrap();
    assert_eq!(ratel.get("/api/v1/auth/me", secret).status, 200);
}

#[test]
fn a_key_of_somebody_elses_order_orders_nothing_and_hides_nothing() {
    let ratel = start();
    let admin = ratel.admin();
    let ann = ratel.person(&admin, "ann", "responder");
    let block = |token: &str, target: &str| {
        let body = json!({"target": target, "ttl_secs": 60}).to_string();
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "k1"),
        ];
        ratel.ask("POST", "/api/v1/blocks", &headers, &body)
    };
    assert_eq!(block(&admin, "192.0.2.1").status, 202);
    // The same key of another is another key: neither is the order told to them nor theirs swallowed.
    let other = block(&ann, "192.0.2.2");
    assert_eq!(other.status, 202, "{other:?}");
    assert_eq!(other.json()["who"], "ann");
    let orders = ratel.orders.lock().unwrap();
    assert_eq!(orders.len(), 2);
}

#[test]
fn other_letters_and_other_headers_win_no_more_guesses() {
    let ratel = start();
    let names = [
        "admin",
        "ADMIN",
        "Admin",
        " admin",
        "admin ",
        "\u{ff41}dmin",
        "admin\u{0}",
    ];
    let mut told = std::collections::BTreeMap::<u16, u32>::new();
    for (n, name) in names.iter().cycle().take(70).enumerate() {
        let body = json!({"username": name, "password": format!("wrong {n}")}).to_string();
        let (v4, v6) = (format!("198.51.100.{n}"), format!("for=[2001:db8:{n}::1]"));
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Forwarded-For", v4.as_str()),
            ("X-Real-IP", v4.as_str()),
            ("Forwarded", v6.as_str()),
            ("CF-Connecting-IP", v4.as_str()),
        ];
        let answer = ratel.ask("POST", "/api/v1/auth/login", &headers, &body);
        *told.entry(answer.status).or_default() += 1;
    }
    // A name that can't be one is refused as such, or as any other.
    let throttled = told.get(&429).copied().unwrap_or_default();
    assert!(throttled >= 60 && !told.contains_key(&200), "{told:?}");
}

#[test]
fn behind_a_proxy_that_was_named_each_client_has_their_own_guesses() {
    let ratel = start_set(|config| {
        config.web.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    });
    let guess = |way: &str| {
        let body = json!({"username": "nobody", "password": "wrong"}).to_string();
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Forwarded-For", way),
        ];
        ratel
            .ask("POST", "/api/v1/auth/login", &headers, &body)
            .status
    };
    for _ in 0..6 {
        assert_eq!(guess("198.51.100.1"), 401);
    }
    assert_eq!(guess("198.51.100.1"), 429);
    // What a client writes in front of the proxy's own word changes nothing.
    assert_eq!(guess("203.0.113.9, 198.51.100.1"), 429);
    assert_eq!(guess("198.51.100.2"), 401);
}

#[test]
fn who_is_not_there_is_refused_letter_by_letter_like_who_is() {
    let ratel = start();
    ratel.admin();
    let there = ratel.login("admin", "wrong password");
    let not = ratel.login("nobody", "wrong password");
    assert_eq!((there.status, not.status), (401, 401));
    assert_eq!(there.body, not.body);
}

#[test]
fn who_must_choose_a_password_finds_no_other_way_in() {
    let ratel = start();
    let token = ratel.token("admin", ratel.one_time_password());
    for path in [
        "/api/v1/receivers/auth/test",
        "/api/v1/users/auth/",
        "/es/auth/_search",
        "/es/auth/_count",
        "/api/v1/auth/../users",
        "/api/v1/auth/%2e%2e/users",
        "/api/v1//auth/me",
    ] {
        for method in ["GET", "POST"] {
            let answer = ratel.send(method, path, &token, &json!({}));
            assert!(
                matches!(answer.status, 403..=405),
                "{method} {path}: {answer:?}"
            );
        }
    }
}

#[test]
fn a_login_elsewhere_that_nobody_began_leads_nowhere() {
    let ratel = start();
    for query in [
        "code=x&state=y",
        "code=x&state=y&redirect=https://evil.example",
        "code=x&state=y&next=//evil.example&return_to=https://evil.example",
        "error=%0d%0aLocation:%20https://evil.example",
        "",
    ] {
        let path = format!("/api/v1/auth/oidc/callback?{query}");
        let answer = ratel.ask("GET", &path, &[], "");
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(answer.header("location"), None);
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[test]
fn a_stream_ends_when_its_token_is_taken_back() {
    let ratel = start();
    let admin = ratel.admin();
    let body = json!({"name": "tail", "role": "viewer"});
    let made = ratel.send("POST", "/api/v1/tokens", &admin, &body).json();
    let mut stream = ratel.connect();
    let head = format!(
        "GET /api/v1/stream?topics=stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-Key: {}\r\n\r\n",
        made["secret"].as_str().unwrap()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.flush().unwrap();
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(ratel.send("DELETE", &path, &admin, &json!({})).status, 204);
    // Read to its end: well before it would end by itself.
    let begun = std::time::Instant::now();
    let told = read(&mut stream);
    assert_eq!(told.status, 200, "{told:?}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    let again = ratel.raw(head.as_bytes());
    assert_eq!(again.status, 401);
}
