//! The demo, as a user runs it: every attack is seen, blocked, proved and undone.

use std::process::Command;

fn runs(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .output()
        .is_ok_and(|done| done.status.success())
}

#[test]
fn every_attack_is_seen_blocked_proved_and_undone() {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || !runs("ip", "-V") || !runs("nft", "-v") {
        eprintln!("skipped: the demo needs root, iproute2 and nftables");
        return;
    }
    let done = Command::new(env!("CARGO_BIN_EXE_ratel"))
        .arg("demo")
        .output()
        .expect("ratel starts");
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    if err.contains("network namespaces") {
        eprintln!("skipped: no network namespaces can be made here: {err}");
        return;
    }
    assert!(done.status.success(), "{out}{err}");
    assert_eq!(out.matches("\n  proved").count(), 6, "{out}");
    assert!(out.contains("every address is answered again"), "{out}");
    assert!(out.contains("byte for byte"), "{out}");
}
