//! Roles on other machines: they come in with a certificate of ours, renew it, and are refused with one that was
//! taken back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use console::tls::authority::{Issued, serial_of};
use console::tls::{Authority, client, is_due, renew};
use event::Timestamp;
use rustls::pki_types::ServerName;
use serde_json::json;
use state::Role;

use crate::running::{Running, start_at};

const DAY: i64 = 86_400;

/// What verifies certificates asks the clock of this machine.
fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    since.as_secs() as i64
}

/// Status and body of what is answered to a machine with this certificate.
fn ask(ratel: &Running, authority: &Authority, shown: &Issued, request: &str) -> (u16, String) {
    let key = shown.key.as_deref().unwrap();
    let config = client(authority.pem(), &shown.certificate, key).unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(ratel.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let head = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.flush().unwrap();
    let mut told = String::new();
    let _ = stream.read_to_string(&mut told);
    let status = told.split_whitespace().nth(1).unwrap_or_default();
    (status.parse().unwrap_or(0), told)
}

#[test]
fn a_machine_renews_its_certificate_and_the_old_one_ends_when_the_new_one_is_shown() {
    let ratel = start_at(now());
    let admin = ratel.admin();
    let authority = Authority::open(&ratel.own_folder(), Timestamp::new(now(), 0)).unwrap();
    let first = authority
        .issue(
            "sensor-1",
            Role::Ingest,
            Timestamp::new(now() - 21 * DAY, 0),
        )
        .unwrap();
    assert!(is_due(&first.certificate, Timestamp::new(now(), 0)).unwrap());
    let me = "GET /api/v1/auth/me";
    let (status, told) = ask(&ratel, &authority, &first, me);
    assert_eq!(status, 200, "{told}");
    assert!(told.contains("\"name\":\"sensor-1\"") && told.contains("\"via\":\"certificate\""));
    // It may no more than its role.
    assert_eq!(ask(&ratel, &authority, &first, "GET /api/v1/users").0, 403);
    let place = ratel.address.to_string();
    let second = renew(
        &place,
        authority.pem(),
        &first.certificate,
        first.key.as_deref().unwrap(),
    );
    let second = second.unwrap();
    assert!(!is_due(&second.certificate, Timestamp::new(now(), 0)).unwrap());
    assert_ne!(first.key, second.key);
    // An answer that was lost locks nobody out: the old one holds until the new one is shown.
    assert_eq!(ask(&ratel, &authority, &first, me).0, 200);
    assert_eq!(ask(&ratel, &authority, &second, me).0, 200);
    assert_eq!(ask(&ratel, &authority, &first, me).0, 401);
    // An admin takes a certificate back at once.
    let serial = serial_of(&second.certificate).unwrap();
    let path = format!("/api/v1/certificates/{serial}");
    assert_eq!(ratel.send("DELETE", &path, &admin, &json!({})).status, 204);
    assert_eq!(ask(&ratel, &authority, &second, me).0, 401);
    let refused = renew(
        &place,
        authority.pem(),
        &second.certificate,
        second.key.as_deref().unwrap(),
    );
    assert!(refused.unwrap_err().to_string().contains("taken back"));
}

#[test]
fn only_a_machine_renews_a_certificate() {
    let ratel = start_at(now());
    let admin = ratel.admin();
    let body = json!({"request": "x"});
    let answer = ratel.send("POST", "/api/v1/certificates", &admin, &body);
    assert_eq!(answer.status, 403, "{answer:?}");
    let answer = ratel.ask("POST", "/api/v1/certificates", &[], "{}");
    assert_eq!(answer.status, 401, "{answer:?}");
    // One of another authority is not even shaken hands with.
    let other = tempfile::tempdir().unwrap();
    let stranger = Authority::open(other.path(), Timestamp::new(now(), 0)).unwrap();
    let ours = Authority::open(&ratel.own_folder(), Timestamp::new(now(), 0)).unwrap();
    let forged = stranger
        .issue("sensor-1", Role::Admin, Timestamp::new(now(), 0))
        .unwrap();
    assert_eq!(ask(&ratel, &ours, &forged, "GET /api/v1/users").0, 0);
}
