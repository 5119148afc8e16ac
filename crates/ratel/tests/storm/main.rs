//! `ratel up` in a storm, as it really runs: packets over a cable, its own sandbox, receivers that fail, real
//! Alertmanagers; killed in between. Everything stands in network namespaces of the test.
#![allow(clippy::print_stderr)] // Tells why it is skipped, and what it measured.

#[path = "../../../alert/tests/notify/account.rs"]
mod account;
mod cable;
mod kill;
#[path = "../../../alert/tests/notify/manager.rs"]
mod manager;
mod names;
#[path = "../../../respond/tests/shared/namespaces.rs"]
#[allow(dead_code)] // Of other tests as well.
mod namespaces;
#[path = "../../../alert/tests/notify/server.rs"]
#[allow(dead_code)] // Of other tests as well.
mod server;
#[path = "../../../alert/tests/notify/services.rs"]
mod services;
mod silences;
#[path = "../../../alert/tests/notify/site.rs"]
#[allow(dead_code)] // Of other tests as well.
mod site;
#[path = "../../../alert/tests/notify/smtp.rs"]
mod smtp;
mod storm;
mod tls;

/// One after the other: each of them fills the machine.
fn turn() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
