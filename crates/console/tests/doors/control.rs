//! The control API: what people see, order and hear.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};

use console::api::actions::Listing;
use console::api::orders::Answer;
use console::api::status::Status;
use console::client::{self, Error};
use event::action::{Action, ActionId, Evidence, State};
use event::order::What;

use crate::running::{METRICS, action, start};

fn effective() -> State {
    State::Effective {
        evidence: Evidence::default(),
    }
}

fn block() -> What {
    What::Block {
        target: "192.0.2.1".parse().unwrap(),
        ttl_secs: 60,
        why: "it scans".into(),
    }
}

#[test]
fn a_block_is_ordered_once_however_often_it_is_asked_for() {
    let ids = AtomicU64::new(1);
    let running = start(move |_, act| {
        act(action(
            ids.fetch_add(1, Ordering::SeqCst),
            "192.0.2.1",
            1000,
            effective(),
        ));
        Ok(())
    });
    for _ in 0..3 {
        let answer: Answer =
            client::post(&running.socket, "/v1/orders", "key-1", &block()).unwrap();
        assert!(answer.settled);
        assert_eq!(answer.order.id, "key-1");
        assert_eq!(answer.actions.len(), 1);
        assert_eq!(answer.actions[0].id, ActionId(1));
    }
    let orders = running.orders.lock().unwrap().clone();
    assert_eq!(orders.len(), 1);
    assert!(!orders[0].who.is_empty() && orders[0].who != "unknown");
    let other = client::post::<Answer>(&running.socket, "/v1/orders", "key-1", &What::UndoAll);
    assert!(matches!(other, Err(Error::Refused(problem)) if problem.status == 422));
}

#[test]
fn an_order_without_an_answer_is_told_to_be_under_way() {
    let running = start(|_, _| Ok(()));
    let answer: Answer = client::post(&running.socket, "/v1/orders?wait=0", "k", &block()).unwrap();
    assert!(!answer.settled && answer.actions.is_empty());
    let (status, _, _) = running.ask_control(
        "POST /v1/orders?wait=0 HTTP/1.1\n\n{\"order\":\"block\",\"target\":\"192.0.2.1\",\"ttl_secs\":60}",
    );
    assert_eq!(status, 202);
}

#[test]
fn an_order_that_cannot_be_published_may_be_given_again() {
    let tries = AtomicU64::new(0);
    let running = start(move |_, act| {
        if tries.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err("the disk is full".into());
        }
        act(action(1, "192.0.2.1", 1000, effective()));
        Ok(())
    });
    let first = client::post::<Answer>(&running.socket, "/v1/orders", "k", &block());
    assert_eq!(first.unwrap_err().to_string(), "the disk is full");
    let second: Answer = client::post(&running.socket, "/v1/orders", "k", &block()).unwrap();
    assert!(second.settled);
}

#[test]
fn orders_about_actions_are_held_against_what_is_known() {
    let running = start(|order, act| {
        if let What::Undo { action: id } = order.what {
            let cause = order.who.clone();
            act(action(id.0, "192.0.2.1", 1001, State::Undone { cause }));
        }
        Ok(())
    });
    running.block(1, "192.0.2.1", effective());
    let order = |what: What| {
        client::post::<Answer>(
            &running.socket,
            "/v1/orders",
            &what.to_string().replace(' ', "-"),
            &what,
        )
    };
    let approve = order(What::Approve {
        action: ActionId(1),
    })
    .unwrap_err();
    assert_eq!(approve.to_string(), "action a1 is effective");
    let unknown = order(What::Undo {
        action: ActionId(9),
    })
    .unwrap_err();
    assert_eq!(unknown.to_string(), "there is no action a9");
    let undone = order(What::Undo {
        action: ActionId(1),
    })
    .unwrap();
    assert!(undone.settled);
    assert_eq!(undone.actions[0].state.name(), "undone");
    let reloaded = order(What::ReloadRules).unwrap();
    assert_eq!(
        (reloaded.settled, reloaded.note.as_deref()),
        (true, Some("12 rules"))
    );
    assert!(
        running
            .orders
            .lock()
            .unwrap()
            .iter()
            .all(|o| o.what != What::ReloadRules)
    );
}

#[test]
fn actions_are_listed_and_shown() {
    let running = start(|_, _| Ok(()));
    for id in 1..=5 {
        running.block(id, &format!("192.0.2.{id}"), effective());
    }
    let listing: Listing =
        client::get(&running.socket, "/v1/actions?limit=2&state=in_force").unwrap();
    assert_eq!(
        listing.actions.iter().map(|a| a.id.0).collect::<Vec<_>>(),
        [5, 4]
    );
    assert_eq!(listing.next.as_deref(), Some("a4"));
    let one: Action = client::get(&running.socket, "/v1/actions/a3").unwrap();
    assert_eq!(one.what.target().to_string(), "192.0.2.3");
    let refused = client::get::<Action>(&running.socket, "/v1/actions/a99").unwrap_err();
    assert_eq!(refused.to_string(), "there is no action a99");
}

#[test]
fn status_probes_and_metrics_are_told() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.1", effective());
    let status: Status = client::get(&running.socket, "/v1/status").unwrap();
    assert!(status.ready);
    assert_eq!(status.roles[0].role, "sensor");
    assert_eq!(status.actions.get("effective"), Some(&1));
    assert_eq!(status.counters.get("packets"), Some(&7));
    for (path, expected) in [
        ("/livez", "ok\n"),
        ("/readyz", "ok\n"),
        ("/metrics", METRICS),
    ] {
        let (status, head, body) = running.ask_control(&format!("GET {path} HTTP/1.1\n\n"));
        assert_eq!(status, 200);
        assert!(body.ends_with(expected), "{body}");
        assert!(head.contains("cache-control: no-store"), "{head}");
    }
}

#[test]
fn what_is_wrong_is_told_as_a_problem() {
    let running = start(|_, _| Ok(()));
    let check = |request: &str, expected: u16, detail: &str| {
        let (status, head, body) = running.ask_control(request);
        assert_eq!(status, expected, "{request}: {body}");
        assert!(
            head.contains("content-type: application/problem+json"),
            "{head}"
        );
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["status"], expected);
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{body}"
        );
    };
    check("GET /v1/nowhere HTTP/1.1\n\n", 404, "no such place");
    check("DELETE /v1/actions HTTP/1.1\n\n", 405, "other methods");
    check("GET /v1/actions?state=x HTTP/1.1\n\n", 400, "state");
    check("GET /v1/actions/pear HTTP/1.1\n\n", 400, "pear");
    check("POST /v1/orders HTTP/1.1\n\n{}", 400, "no order");
    check("POST /v1/orders?wait=999 HTTP/1.1\n\n{}", 400, "wait");
    check(
        "POST /v1/orders HTTP/1.1\nidempotency-key: a b\n\n{}",
        400,
        "Idempotency-Key",
    );
    let large = format!("POST /v1/orders HTTP/1.1\n\n{}", "x".repeat(70_000));
    check(&large, 413, "at most 65536");
}

#[test]
fn one_connection_too_many_is_closed_and_the_others_go_on() {
    let running = start(|_, _| Ok(()));
    let held: Vec<UnixStream> = (0..64)
        .map(|_| UnixStream::connect(&running.socket).unwrap())
        .collect();
    // Whether the places are all taken is seen at the first that is refused.
    let mut refused = false;
    for _ in 0..200 {
        let (status, _, _) = running.ask_control("GET /livez HTTP/1.1\n\n");
        if status == 0 {
            refused = true;
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(refused);
    drop(held);
    for _ in 0..500 {
        if running.ask_control("GET /livez HTTP/1.1\n\n").0 == 200 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the door stays shut");
}

#[test]
fn where_no_ratel_runs_the_client_says_so_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratel.sock");
    let check = || {
        let told = client::get::<Status>(&path, "/v1/status")
            .unwrap_err()
            .to_string();
        assert_eq!(
            told,
            format!("no Ratel runs here: nobody listens at {}", path.display())
        );
    };
    check();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    check();
}

#[test]
fn hostile_requests_do_not_end_the_console() {
    let running = start(|_, _| Ok(()));
    for request in [
        "\u{0}\u{1}\u{2}",
        "GET /v1/actions HTTP/9.9\n\n",
        "GET /v1/actions?target=%ff%00&cursor=a99999999999999999999 HTTP/1.1\n\n",
        &format!("GET /{} HTTP/1.1\n\n", "a".repeat(100_000)),
        &format!("GET / HTTP/1.1\n{}\n\n", "x: y\n".repeat(10_000)),
        &format!("POST /v1/orders HTTP/1.1\n\n{}", "[".repeat(60_000)),
    ] {
        running.ask_control(request);
    }
    assert_eq!(running.ask_control("GET /livez HTTP/1.1\n\n").0, 200);
}
