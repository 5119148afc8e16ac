//! The monitor: what scrapers and supervisors read.

use console::api::status::Health;
use console::exposition::faults;

use crate::running::{METRICS, start};
use event::action::State;

#[test]
fn a_scraper_reads_the_process_and_its_parts() {
    let running = start(|_, _| Ok(()));
    running.block(1, "192.0.2.1", State::Executed);
    let (status, head, text) = running.ask_monitor("GET /metrics HTTP/1.1\n\n");
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
    assert!(
        text.contains("ratel_actions{state=\"executed\"} 1\n"),
        "{text}"
    );
    assert!(text.ends_with(METRICS), "{text}");
    assert!(!text.contains("192.0.2.1"), "{text}");
    // The control socket tells the same.
    assert_eq!(running.ask_control("GET /metrics HTTP/1.1\n\n").2, text);
}

#[test]
fn readiness_follows_the_roles() {
    let running = start(|_, _| Ok(()));
    let check = |health, expected: (u16, &str)| {
        *running.health.lock().unwrap() = health;
        for (status, _, body) in [
            running.ask_monitor("GET /readyz HTTP/1.1\n\n"),
            running.ask_control("GET /readyz HTTP/1.1\n\n"),
        ] {
            assert_eq!((status, body.as_str()), expected);
        }
        let (status, _, body) = running.ask_monitor("GET /livez HTTP/1.1\n\n");
        assert_eq!((status, body.as_str()), (200, "ok\n"));
    };
    check(Health::Starting, (503, "sensor is starting\n"));
    check(Health::Running, (200, "ok\n"));
    check(Health::Degraded, (200, "ok\n"));
    check(Health::Failed, (503, "sensor is failed\n"));
}

#[test]
fn nobody_gives_orders_or_reads_addresses_at_the_monitor() {
    let running = start(|_, _| Ok(()));
    for path in ["/v1/actions", "/v1/status", "/v1/decisions", "/"] {
        let (status, ..) = running.ask_monitor(&format!("GET {path} HTTP/1.1\n\n"));
        assert_eq!(status, 404, "{path}");
    }
    let order = "POST /v1/orders HTTP/1.1\n\n{\"order\":\"undo_all\"}";
    assert_eq!(running.ask_monitor(order).0, 404);
    assert_eq!(running.ask_monitor("POST /metrics HTTP/1.1\n\n").0, 405);
    assert!(running.orders.lock().unwrap().is_empty());
}
